import { dirname, join } from 'node:path';

import { type PlatformError, toProblem } from '../../system/errors';
import { countOperations, type DeploymentResult, type ResourceChange } from '../changes';
import type { Monitor, Severity } from '../protocol/monitor';
import { serveMonitor } from '../protocol/monitor';
import { programError, ProgramFailed, type ProgramOptions, startProgram } from '../protocol/program';
import type { ResourceState } from '../state/resource';
import { Deployment, type DeploymentOptions } from './deployment';
import { show } from './difference';
import { startDynamicProvider } from './dynamic';
import { errorShown } from './goal';
import { reasonsOf } from './inputsRefused';
import type { GivenPackages, Properties } from './provider';
import { createPostgresqlProvider } from './providers/postgresql';
import { createRandomProvider } from './providers/random';
import { refreshResources } from './refresh';
import { ProviderRegistry } from './registry';
import { removeResources } from './removal';

export type ProgramSource = Omit<ProgramOptions, 'monitorAddress' | 'onOutput' | 'dryRun'>;

export interface RunOptions extends Omit<DeploymentOptions, 'registry' | 'folder' | 'project' | 'stack' | 'olds'> {
  program: ProgramSource;
  /** Awaited while the program starts, since decrypting a state takes as long. */
  olds: Promise<readonly ResourceState[]>;
}

export interface RunResult {
  result: DeploymentResult;
  /** What went wrong, as it was thrown (a logged error of the program as a problem); empty: nothing. */
  failures: unknown[];
  resources: ResourceState[];
  /** The state differs from the one the run began with (in a dry run: would). */
  hasChanged: boolean;
}

/** Runs the program and applies (or, with `dryRun`, plans) what it declares. Never throws for what went wrong in it: see `problems`. */
export async function runDeployment(options: RunOptions): Promise<RunResult> {
  const started = performance.now();
  return withProviders(options, async (registry, serve) => {
    const { project, stack } = options.program;
    const folder = folderOf(options.program);
    const logged: PlatformError[] = [];
    const ready = options.olds.then((olds) => new Deployment({ ...options, olds, project, stack, folder, registry }));
    ready.catch(() => undefined);
    const address = serve({
      register: async (registration) => (await ready).register(registration),
      registerOutputs: async (urn, outputs) => (await ready).registerOutputs(urn, outputs),
      read: async (request) => (await ready).read(request),
      invoke: async (token, args) => (await ready).invoke(token, args),
      log: (severity, message, urn) => {
        if (severity === 'error') logged.push(programError(message, urn));
        else options.onLog(severity, message, urn);
      },
    });
    const program = startProgram({
      ...options.program,
      dryRun: options.dryRun,
      monitorAddress: address,
      onOutput: (line) => options.onLog('info', line, ''),
    });
    let deployment: Deployment;
    try {
      deployment = await ready;
    } catch (error) {
      program.kill();
      throw error;
    }
    const failures = await outcomeOf(program.finished, deployment, logged);
    return {
      result: {
        operation: options.dryRun ? 'preview' : 'up',
        changes: deployment.changes,
        counts: countOperations(deployment.changes),
        outputs: Object.fromEntries(Object.entries(deployment.stackOutputs).map(([key, value]) => [key, show(value)])),
        durationMs: Math.round(performance.now() - started),
        problems: failures.map(toProblem),
      },
      failures,
      resources: deployment.resources(),
      hasChanged: deployment.hasChanged,
    };
  });
}

/** What went wrong: the step's own error rather than the program's repetition of it. */
async function outcomeOf(
  finished: Promise<void>,
  deployment: Deployment,
  logged: readonly PlatformError[],
): Promise<unknown[]> {
  try {
    await finished;
    await deployment.finish();
    return distinct(deployment.refusals);
  } catch (error) {
    if (deployment.failure !== undefined) return distinct([...deployment.refusals, ...reasonsOf(deployment.failure)]);
    await deployment.stop(error);
    if (error instanceof ProgramFailed) return logged.length > 0 ? [...logged] : [error];
    return [...logged, error];
  }
}

/** The same reason may stand in the way of several resources. */
function distinct(failures: readonly unknown[]): unknown[] {
  return [...new Map(failures.map((failure) => [errorShown(failure), failure])).values()];
}

export interface StateRunOptions {
  program: ProgramSource;
  olds: readonly ResourceState[];
  /** Packages beyond the closed list. */
  given?: GivenPackages;
  save: (resources: ResourceState[]) => Promise<void>;
  onChange: (change: ResourceChange) => void;
  onLog: (severity: Severity, message: string, urn: string) => void;
  /** Aborted: the step under way is finished, no other one begun. */
  signal?: AbortSignal;
}

/** Reads every resource of the state as it really is; does not run the program. */
export function runRefresh(options: StateRunOptions): Promise<RunResult> {
  return runOnState(options, 'refresh', (registry, record) =>
    refreshResources(options.olds, registry, record, options.save, options.signal),
  );
}

/**
 * Deletes every resource of the state, what is protected too where `ignoresProtect` says so: the local stack's removal asks for names instead.
 * What is `deletedWith` the server is only forgotten.
 */
export function runDestroy(options: StateRunOptions & { ignoresProtect: boolean }): Promise<RunResult> {
  return runOnState(options, 'destroy', async (registry, record) => {
    const left = [...options.olds];
    const doomed = options.ignoresProtect ? left.map((state) => ({ ...state, protect: false })) : [...left];
    await removeResources(doomed, {
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      dryRun: false,
      all: true,
      registry,
      approve: () => Promise.resolve(true),
      lookup: (urn) => left.find((state) => state.urn === urn),
      record,
      changes: [],
      removed: async (state) => {
        left.splice(
          left.findIndex((other) => other.urn === state.urn),
          1,
        );
        await options.save(left);
      },
    });
    return left;
  });
}

async function runOnState(
  options: StateRunOptions,
  operation: 'refresh' | 'destroy',
  work: (registry: ProviderRegistry, record: (change: ResourceChange) => void) => Promise<ResourceState[]>,
): Promise<RunResult> {
  const started = performance.now();
  return withProviders(options, async (registry, serve) => {
    serve(SILENT);
    const changes: ResourceChange[] = [];
    const failures: unknown[] = [];
    let resources: ResourceState[] = [...options.olds];
    try {
      resources = await work(registry, (change) => {
        changes.push(change);
        options.onChange(change);
      });
    } catch (error) {
      failures.push(error);
    }
    const counts = countOperations(changes);
    const durationMs = Math.round(performance.now() - started);
    return {
      result: { operation, changes, counts, outputs: {}, durationMs, problems: failures.map(toProblem) },
      failures,
      resources,
      hasChanged: changes.some((change) => change.operation !== 'same'),
    };
  });
}

const refuse = (): Promise<never> => Promise.reject(new Error('No program runs in this operation.'));
const SILENT: Monitor = {
  register: refuse,
  registerOutputs: refuse,
  read: refuse,
  invoke: refuse,
  log: () => undefined,
};

/** Opens the engine's service and the providers, closes both whatever happens. */
async function withProviders<T>(
  { program, onLog, given }: Pick<StateRunOptions, 'program' | 'onLog' | 'given'>,
  work: (registry: ProviderRegistry, serve: (monitor: Monitor) => string) => Promise<T>,
): Promise<T> {
  let current: Monitor = SILENT;
  const monitor = await serveMonitor({
    register: (registration) => current.register(registration),
    registerOutputs: (urn, outputs) => current.registerOutputs(urn, outputs),
    read: (request) => current.read(request),
    invoke: (token, args) => current.invoke(token, args),
    log: (severity, message, urn) => current.log(severity, message, urn),
  });
  const folder = folderOf(program);
  const factories = {
    dynamic: startDynamicProvider({
      folder,
      engineAddress: monitor.address,
      preload: program.preload ?? [],
      environment: program.environment,
      onOutput: (line) => onLog('info', line, ''),
    }),
    random: () => createRandomProvider(),
    postgresql: (config: Properties) => createPostgresqlProvider(config, folder),
  };
  const registry = new ProviderRegistry(factories, given);
  try {
    return await work(registry, (next) => {
      current = next;
      return monitor.address;
    });
  } finally {
    await registry.close();
    monitor.close();
  }
}

/** Where the program runs. */
const folderOf = (program: ProgramSource): string => dirname(join(program.projectRoot, program.main));
