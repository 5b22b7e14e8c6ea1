import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

import { PlatformError, toProblem } from '../../system/errors';
import type { DeploymentResult, ResourceChange } from '../changes';
import { EventCollector } from './collector';
import { pulumiArguments, type PulumiCommand, pulumiEnvironment, type PulumiSurroundings } from './command';
import { parseEvent } from './eventTypes';
import { interrupted, pendingFailure, pulumiFailure } from './failure';
import { endLeftovers } from './leftovers';

export interface PulumiRunOptions extends PulumiCommand, PulumiSurroundings {
  /** The folder that holds Pulumi.yaml. */
  projectRoot: string;
  /** Where the stack's lock files are, when the backend is a folder of this machine: a lock is then explained. */
  lockDirectory?: string;
  onChange?: (change: ResourceChange) => void;
  onMessage?: (severity: 'info' | 'warning' | 'error', message: string, urn: string) => void;
  /**
   * Aborting asks Pulumi to finish the step under way and to stop. Without it the signals that end this process do so; with it
   * they are left to the caller, since Pulumi takes a second request as an order to stop at once.
   */
  abort?: AbortSignal;
}

export interface PulumiRun {
  result: DeploymentResult;
  /** What went wrong, the first first; empty: nothing. */
  failures: PlatformError[];
}

/**
 * Runs Pulumi's CLI once and reports what it did in the terms of both engines. Never throws for what went wrong in it: see
 * `failures`. The CLI itself is started, not the Automation API, which runs it too but four times for one `up`.
 */
export async function runPulumi(options: PulumiRunOptions): Promise<PulumiRun> {
  const started = performance.now();
  const collector = new EventCollector({
    operation: options.dryRun === true && options.operation === 'up' ? 'preview' : options.operation,
    onChange: options.onChange ?? (() => undefined),
    onMessage: options.onMessage ?? (() => undefined),
  });
  const end = await runCommand(options, (event) => collector.accept(event, performance.now()));
  const result = collector.result(Math.round(performance.now() - started));
  const failures = failuresOf(end, collector, options);
  return { result: { ...result, problems: failures.map(toProblem) }, failures };
}

function failuresOf(end: CommandEnd, collector: EventCollector, options: PulumiRunOptions): PlatformError[] {
  if (end.exitCode === 0) return [];
  if (end.startError !== undefined) return [end.startError];
  if (end.isInterrupted || collector.outcome === 'canceled') return [interrupted(), ...collector.failures()];
  const pending = collector.pending.length > 0 ? [pendingFailure([...new Set(collector.pending)])] : [];
  const failures = collector.failures();
  if (collector.outcome !== undefined && failures.length > 0) return [...pending, ...failures];
  const { exitCode, signal, stderr } = end;
  const failure = pulumiFailure({ exitCode, signal, stderr, lockDirectory: options.lockDirectory });
  return [...pending, failure, ...failures];
}

interface CommandEnd {
  exitCode: number | undefined;
  signal: NodeJS.Signals | undefined;
  stderr: string;
  startError?: PlatformError;
  isInterrupted: boolean;
}

type OnEvent = (event: NonNullable<ReturnType<typeof parseEvent>>) => void;

function runCommand(options: PulumiRunOptions, onEvent: OnEvent): Promise<CommandEnd> {
  const child = spawn(options.program, pulumiArguments(options), {
    cwd: options.projectRoot,
    env: pulumiEnvironment(options),
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own: an interrupt on the terminal reaches it once, through this process, since a second one kills it.
    detached: process.platform !== 'win32',
  });
  let stderr = '';
  let isInterrupted = false;
  const interrupt = (): void => {
    isInterrupted = true;
    child.kill('SIGINT');
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  if (options.abort === undefined) for (const signal of signals) process.on(signal, interrupt);
  else if (options.abort.aborted) interrupt();
  else options.abort.addEventListener('abort', interrupt, { once: true });
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
  createInterface({ input: child.stdout }).on('line', (line) => {
    const event = parseEvent(line);
    if (event !== undefined) onEvent(event);
  });
  return new Promise<CommandEnd>((resolve) => {
    child.once('error', (error) =>
      resolve({
        exitCode: undefined,
        signal: undefined,
        stderr,
        startError: startError(options.program, error),
        isInterrupted,
      }),
    );
    // Plugins that outlive a killed Pulumi hold its output open, so `close` would not come before they are ended.
    child.once('exit', (_code, signal) => {
      if (signal !== null && child.pid !== undefined) endLeftovers(child.pid);
    });
    child.once('close', (code, signal) =>
      resolve({ exitCode: code ?? undefined, signal: signal ?? undefined, stderr, isInterrupted }),
    );
  }).finally(() => {
    for (const signal of signals) process.removeListener(signal, interrupt);
    options.abort?.removeEventListener('abort', interrupt);
  });
}

function startError(program: string, cause: Error): PlatformError {
  return new PlatformError(
    'pulumi-missing',
    `Pulumi could not be started: ${program}: ${cause.message}.`,
    'Install it with `npm run coachdb -- engine install`, or use `--engine embedded`.',
    { kind: 'usage', object: program, cause },
  );
}
