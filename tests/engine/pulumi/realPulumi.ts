import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { it } from 'vitest';

import { pulumiEnvironment } from '../../../engine/pulumi/command';
import { prepareLocalState } from '../../../engine/pulumi/localState';
import { type PulumiRun, type PulumiRunOptions, runPulumi } from '../../../engine/pulumi/run';
import { type BackendPaths, backendPaths } from '../../../engine/state/backend';
import { type CheckpointFile, readCheckpoint } from '../../../engine/state/checkpoint';
import { Crypter } from '../../../engine/state/passphrase';
import { compiled, ROOT } from '../../support/compiled';
import { missingPulumi, PULUMI } from '../../support/pulumi';

const run = promisify(execFile);
export const PROJECT = 'sample';
export const STACK = 'local';
export const PASSPHRASE = 'open sesame';
const TEST_TIMEOUT_MS = 120_000;

/** A test that runs Pulumi's own program, skipped with the reason where it is not installed. */
export function withPulumi(name: string, plugins: readonly string[], work: () => Promise<void>): void {
  it(
    name,
    async (context) => {
      const missing = missingPulumi(plugins);
      if (missing !== undefined) context.skip(missing);
      await work();
    },
    TEST_TIMEOUT_MS,
  );
}

/** A project in a folder of its own (with a space in its name), its state below it, on this checkout's packages. */
export class SampleProject {
  readonly root = join(mkdtempSync(join(tmpdir(), 'coach-real-')), 'a project');
  readonly stateDirectory = join(this.root, '.coachdb/state');
  readonly paths: BackendPaths = backendPaths(this.stateDirectory, PROJECT, STACK);
  readonly settingsFile = join(this.root, `Pulumi.${STACK}.yaml`);
  readonly passphraseFile = join(this.root, '.coachdb/passphrase');
  private readonly preload = join(this.root, 'preload.js');

  constructor(source: string, settings: Record<string, string> = {}) {
    mkdirSync(this.stateDirectory, { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(this.root, 'node_modules'));
    this.write('package.json', '{"name":"sample"}');
    this.write(
      'Pulumi.yaml',
      `name: ${PROJECT}\nruntime:\n  name: nodejs\n  options:\n    typescript: false\nmain: index.js\n` +
        `backend:\n  url: file://./.coachdb/state\n`,
    );
    this.write('index.js', source);
    this.settings(settings);
    writeFileSync(this.passphraseFile, `${PASSPHRASE}\n`);
    writeFileSync(this.preload, compiled('engine/protocol/lazyModules.ts'));
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.root, name), text);
  }

  settings(values: Record<string, string>): void {
    const lines = Object.entries(values).map(([key, value]) => `  ${PROJECT}:${key}: ${JSON.stringify(value)}\n`);
    writeFileSync(this.settingsFile, `# settings\nconfig:\n  ${PROJECT}:given: "1" # for people\n${lines.join('')}`);
  }

  /** As the command line does it. */
  run(operation: PulumiRunOptions['operation'], options: Partial<PulumiRunOptions> = {}): Promise<PulumiRun> {
    const { root: projectRoot, stateDirectory } = this;
    const prepared = prepareLocalState({ projectRoot, stateDirectory, project: PROJECT, stack: STACK, operation });
    return this.runBare(operation, { ...prepared, ...options });
  }

  /** Without looking at the state first. */
  runBare(operation: PulumiRunOptions['operation'], options: Partial<PulumiRunOptions> = {}): Promise<PulumiRun> {
    return runPulumi({
      operation,
      stack: STACK,
      projectRoot: this.root,
      program: PULUMI ?? '',
      environment: this.environment,
      passphraseFile: this.passphraseFile,
      lockDirectory: this.paths.lockDirectory,
      preload: this.preload,
      ...options,
    });
  }

  /** Pulumi's program as a user types it, in the project's folder. */
  async type(...args: string[]): Promise<string> {
    const { environment, passphraseFile } = this;
    const env = pulumiEnvironment({ program: PULUMI ?? '', environment, passphraseFile });
    return (await run(PULUMI ?? '', args, { cwd: this.root, env })).stdout;
  }

  get environment(): NodeJS.ProcessEnv {
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith('PULUMI_CONFIG_PASSPHRASE'));
    return Object.fromEntries(own);
  }

  checkpoint(): CheckpointFile {
    const file = readCheckpoint(this.paths.checkpoint);
    if (file === undefined) throw new Error(`${this.paths.checkpoint} does not exist.`);
    return file;
  }

  crypter(): Promise<Crypter> {
    return Crypter.open(PASSPHRASE, this.checkpoint().checkpoint.latest?.secrets_providers?.state?.salt ?? '', 'test');
  }

  remove(): void {
    rmSync(join(this.root, '..'), { recursive: true, force: true });
  }
}
