import { dirname, join } from 'node:path';

import { errorFromText, PlatformError } from '../../system/errors';
import { startSdk } from './sdkProcess';

export interface ProgramOptions {
  /** Folder that holds Pulumi.yaml. */
  projectRoot: string;
  /** The compiled entry, relative to the project root: `dist/infra/index.js`. */
  main: string;
  project: string;
  stack: string;
  /** Full keys (`coach:server`), values as Pulumi passes them: structured ones as JSON text. */
  config: Record<string, string>;
  secretKeys: string[];
  dryRun: boolean;
  monitorAddress: string;
  /** Modules the dynamic-provider process loads while the program starts, rather than with the first call. */
  preload?: readonly string[];
  /** The environment the program sees; credentials do not belong in a graph run's. */
  environment: NodeJS.ProcessEnv;
  onOutput: (line: string) => void;
}

/** Exit code of the SDK's launcher when the program's error was already logged through the engine. */
const ALREADY_LOGGED = 32;

export interface RunningProgram {
  /** Resolves when the program ended well; rejects with a PlatformError naming why it did not. */
  finished: Promise<void>;
  kill(): void;
}

/** Starts the unmodified compiled program with the SDK's own launcher, as Pulumi's language host does. */
export function startProgram(options: ProgramOptions): RunningProgram {
  const entry = join(options.projectRoot, options.main);
  const args = [
    `--monitor=${options.monitorAddress}`,
    `--engine=${options.monitorAddress}`,
    `--organization=organization`,
    `--project=${options.project}`,
    `--root-directory=${options.projectRoot}`,
    `--stack=${options.stack}`,
    `--pwd=${dirname(entry)}`,
    '--parallel=4',
    ...(options.dryRun ? ['--dry-run'] : []),
    entry,
  ];
  // The program's module only defines what the launcher calls, so it can be loaded before there is anything to run it with.
  const child = startSdk('run', [entry], {
    cwd: dirname(entry),
    args,
    environment: {
      ...options.environment,
      PULUMI_CONFIG: JSON.stringify(options.config),
      PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(options.secretKeys),
      PULUMI_NODEJS_TYPESCRIPT: 'false',
    },
  });
  const lines: string[] = [];
  const collect = (chunk: Buffer): void => {
    for (const line of chunk.toString('utf8').split('\n')) {
      if (line.trim() === '') continue;
      lines.push(line);
      options.onOutput(line);
    }
  };
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  const finished = new Promise<void>((resolve, reject) => {
    child.once('error', (error) => reject(didNotEnd(entry, error.message, error)));
    child.once('close', (code, signal) => {
      if (code === 0) resolve();
      else if (code === ALREADY_LOGGED) reject(new ProgramFailed());
      else reject(didNotEnd(entry, `${signal ?? `exit code ${String(code)}`}\n${lines.slice(-20).join('\n')}`));
    });
  });
  finished.catch(() => undefined);
  return { finished, kill: () => child.kill('SIGKILL') };
}

/** The program failed and has said why through the engine's log already. */
export class ProgramFailed extends Error {
  constructor() {
    super('The program ended with an error.');
  }
}

/** What the program said through the engine's log as an error: one of ours with its code and remedy, else its words. */
export function programError(message: string, object = ''): PlatformError {
  const remedy = 'The message names the setting or file at fault; mend it and run again.';
  return errorFromText(message, { object }) ?? new PlatformError('program-error', message, remedy, { object });
}

function didNotEnd(entry: string, why: string, cause?: unknown): PlatformError {
  return new PlatformError(
    'program-failed',
    `The program ${entry} did not run to its end: ${why}`,
    'Run `npm run build`; if it still fails, the lines above name the file at fault.',
    { object: entry, cause },
  );
}
