import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { join } from 'node:path';

import { withoutCredentials } from './credentials';

/*
 * Node processes that run a launcher of Pulumi's SDK. Loading the SDK takes longer than everything else before the first resource, so a
 * command can have them started while it is still loading itself; this file imports next to nothing for that reason.
 */

/** `run`: the program; `dynamic-provider`: the handlers of our own resource types. */
export type SdkLauncher = 'run' | 'dynamic-provider';

/** What a waiting process is told. */
export interface SdkStart {
  cwd: string;
  args: string[];
  environment: NodeJS.ProcessEnv;
}

/** Where the child begins: it loads the SDK and the given modules, then waits for its `SdkStart`. */
const ENTRY = join(__dirname, 'sdkMain.js');
const LAZY_MODULES = join(__dirname, 'lazyModules.js');

/** Set to anything: no process is started early, and the SDK is loaded as it is. For whoever suspects the shortcuts. */
export const PLAIN_SDK = 'COACHDB_PLAIN_SDK';
export const isPlain = (): boolean => process.env[PLAIN_SDK] !== undefined;

const waiting = new Map<string, ChildProcess>();

/**
 * Starts a process that will be wanted soon. `modules`: absolute paths, loaded ahead; the same have to be asked for later. Unused ones
 * end with this process.
 */
export function prepareSdk(launcher: SdkLauncher, modules: readonly string[]): void {
  const key = keyOf(launcher, modules);
  if (isPlain() || waiting.has(key)) return;
  const child = launch(launcher, modules);
  holding(child, 'unref');
  child.once('exit', () => {
    if (waiting.get(key) === child) waiting.delete(key);
  });
  waiting.set(key, child);
}

/** The launcher with its arguments, in a process that was prepared or else a new one. Its streams are pipes. */
export function startSdk(launcher: SdkLauncher, modules: readonly string[], start: SdkStart): ChildProcess {
  const key = keyOf(launcher, modules);
  const child = waiting.get(key) ?? launch(launcher, modules);
  waiting.delete(key);
  holding(child, 'ref');
  // A process that ended already says so by its exit; a write to it has nothing to add.
  child.send(start, () => undefined);
  return child;
}

const keyOf = (launcher: SdkLauncher, modules: readonly string[]): string => [launcher, ...modules].join('\0');

/** Whether this process stays for the sake of that one. */
function holding(child: ChildProcess, change: 'ref' | 'unref'): void {
  child[change]();
  child.channel?.[change]();
  for (const stream of [child.stdin, child.stdout, child.stderr]) if (stream instanceof Socket) stream[change]();
}

function launch(launcher: SdkLauncher, modules: readonly string[]): ChildProcess {
  const shortcuts = isPlain() ? [] : ['--require', LAZY_MODULES];
  return spawn(process.execPath, [...shortcuts, ENTRY, launcher, ...modules], {
    stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
    // A group of its own: an interrupt on the terminal reaches the engine alone, which ends the current step first.
    detached: true,
    // The rest comes with its start. What the SDK reads while it loads (PULUMI_DEBUG_PROMISE_LEAKS) has to be there now.
    env: withoutCredentials(process.env),
  });
}
