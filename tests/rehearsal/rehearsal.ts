import { readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { parse } from 'yaml';

import type { GivenPackages } from '../../engine/apply/provider';
import type * as Apply from '../../engine/apply/run';
import type { ResourceChange } from '../../engine/changes';
import type { ResourceState } from '../../engine/state/resource';
import type * as Stacks from '../../scripts/stack';
import { commandContext } from '../support/commandContext';
import { TestProject } from '../support/project';
import { ACCOUNT, type Clients, clientsOf } from './clients';
import { standIn } from './core';
import { type Emulator, startEmulator } from './emulators';
import { AWS_KINDS, RANDOM_KINDS } from './services';

const REGION = 'eu-west-1';

/** The compiled program of stack prod in a copy of the project, through the embedded engine, against emulators of its own. */
export class Rehearsal {
  readonly project = new TestProject('coach-rehearsal-');
  state: ResourceState[] = [];
  /** Faults of the emulators that were met: `TYPE PATH`. */
  readonly faults = new Set<string>();
  private readonly load = createRequire(__filename);

  private constructor(
    private readonly emulators: { main: Emulator; lacking?: Emulator },
    private readonly masterPassword: string,
  ) {}

  /**
   * `environment`: more for ministack, and for functions that run there. `lacking`: with moto beside it. `masterPassword`: of the administrator of the
   * server that the instance stands for.
   */
  static async start(
    options: { environment?: NodeJS.ProcessEnv; lacking?: boolean; masterPassword?: string } = {},
  ): Promise<Rehearsal> {
    const main = await startEmulator('ministack', options.environment);
    const lacking = options.lacking === true ? { lacking: await startEmulator('moto') } : {};
    return new Rehearsal({ main, ...lacking }, options.masterPassword ?? 'of nobody');
  }

  async stop(): Promise<void> {
    await this.emulators.main.stop();
    await this.emulators.lacking?.stop();
    // Nothing of the local stack was ever brought up there.
    rmSync(this.project.root, { recursive: true, force: true });
  }

  clients(region = REGION): Clients {
    return clientsOf(region, this.emulators.main.endpoint, this.emulators.lacking?.endpoint);
  }

  /** Changes a `coach:` setting of prod. */
  set(key: string, value: unknown): void {
    this.project.set(key, value, 'prod');
  }

  /** A `coach:` setting as the file has it. */
  setting(key: string): Record<string, unknown> {
    const file = parse(readFileSync(this.project.path('Pulumi.prod.yaml'), 'utf8')) as {
      config: Record<string, Record<string, unknown>>;
    };
    return file.config[`coach:${key}`] ?? {};
  }

  /** A resource as the state has it; `type` where several have the name. */
  resource(name: string, type?: string): ResourceState {
    const custom = this.state.filter((one) => one.custom && one.urn.endsWith(`::${name}`));
    const found = custom.find((one) => type === undefined || one.type === type);
    if (found === undefined) throw new Error(`The state has no resource ${name}.`);
    return found;
  }

  id(name: string, type?: string): string {
    return this.resource(name, type).id ?? '';
  }

  preview(): Promise<Outcome> {
    return this.deploy(true);
  }

  up(): Promise<Outcome> {
    return this.deploy(false);
  }

  async refresh(): Promise<Outcome> {
    return new Outcome(await this.engine.runRefresh(this.onState()));
  }

  async destroy(): Promise<Outcome> {
    return new Outcome(await this.engine.runDestroy({ ...this.onState(), ignoresProtect: false }));
  }

  private get engine(): typeof Apply {
    return this.load(this.project.path('dist', 'engine', 'apply', 'run.js')) as typeof Apply;
  }

  private async deploy(dryRun: boolean): Promise<Outcome> {
    const run = await this.engine.runDeployment({
      ...this.onState(),
      olds: Promise.resolve(this.state),
      dryRun,
      refreshes: () => true,
      replace: new Set(),
      approve: () => Promise.resolve(true),
      now: () => new Date(),
    });
    return new Outcome(run);
  }

  private onState(): Apply.StateRunOptions {
    const { openStack } = this.load(this.project.path('dist', 'scripts', 'stack.js')) as typeof Stacks;
    const { program } = openStack(
      commandContext({
        root: this.project.root,
        stack: 'prod',
        engine: 'embedded',
        environment: { PATH: process.env['PATH'] },
      }),
    );
    return {
      program,
      olds: this.state,
      given: this.packages(dirname(join(program.projectRoot, program.main))),
      // What a run that fails has done is in the state, as on disk.
      save: (resources) => {
        this.state = resources;
        return Promise.resolve();
      },
      onChange: () => undefined,
      onLog: () => undefined,
      signal: new AbortController().signal,
    };
  }

  packages(folder = this.project.path('dist', 'infra')): GivenPackages {
    const options = {
      clients: (region: string) => this.clients(region),
      accountId: ACCOUNT,
      folder,
      masterPassword: this.masterPassword,
      onFault: (type: string, path: string) => void this.faults.add(`${type} ${path}`),
    };
    return {
      aws: standIn({ ...options, kinds: AWS_KINDS }),
      random: standIn({ ...options, kinds: RANDOM_KINDS }),
    };
  }
}

/** What a run did, for tests to compare. */
export class Outcome {
  readonly changes: readonly ResourceChange[];
  /** Messages of what went wrong. */
  readonly problems: string[];

  constructor({ result }: Apply.RunResult) {
    this.changes = result.changes;
    this.problems = result.problems.map(({ message }) => message);
  }

  /** `OPERATION NAME` of every resource that is not the same, sorted. Components are their children's business. */
  get steps(): string[] {
    return this.changes
      .filter(({ operation, type }) => operation !== 'same' && !/^(coach|pulumi):/.test(type))
      .map(({ operation, name }) => `${operation} ${name}`)
      .sort();
  }

  /** Paths that changed, by name of the resource. */
  get paths(): Record<string, string[]> {
    const different = this.changes.filter(({ operation }) => operation !== 'same');
    return Object.fromEntries(different.map(({ name, changed }) => [name, changed.map(({ path }) => path)]));
  }

  names(operation: ResourceChange['operation']): string[] {
    return this.changes.filter((change) => change.operation === operation).map(({ name }) => name);
  }
}
