import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, closeSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { codeOf, PlatformError } from '../../system/errors';
import type { Account } from './account';
import type { Binaries } from './binaries';
import { type LogMark, markLog, START_LOG } from './log';
import { childEnvironment, identity } from './run';
import { startFailure } from './startFailure';
import { orphans, readPidFile, serverState } from './state';

export { type ServerState, serverState } from './state';

/** Everything that starting takes; stopping needs the directories alone. */
export interface ServerProcess {
  binaries: Binaries;
  dataDirectory: string;
  logDirectory: string;
  account: Account;
  /** PATH of the server: its archive and restore commands are looked up there. */
  pathVariable: string;
}

type Directories = Pick<ServerProcess, 'dataDirectory' | 'logDirectory'>;

/** Recovery from a crash takes as long as there is WAL since the last checkpoint. */
const START_TIMEOUT_MS = 300_000;
const STOP_TIMEOUT_MS = 60_000;
const POLL_MS = 5;
/** How long the processes of a killed server may take to notice it by themselves. */
const ORPHANS_MS = 1000;

/**
 * Starts the server and waits until it accepts connections; a running one is left alone, of two starts at once both return. Throws
 * `server-start-failed` and the like with the log's last lines.
 */
export async function startServer(server: ServerProcess, timeoutMs = START_TIMEOUT_MS): Promise<void> {
  const { dataDirectory, logDirectory } = server;
  const deadline = Date.now() + timeoutMs;
  if (serverState(dataDirectory).status === 'stopping') await gone(server, deadline - Date.now());
  if (serverState(dataDirectory).status === 'stopped') {
    await clearRemains(dataDirectory);
    const mark = markLog(logDirectory);
    await ready(server, mark, deadline, spawnServer(server));
    return;
  }
  await ready(server, markLog(logDirectory), deadline);
}

/** Detached, so that neither the caller's end nor its terminal's Ctrl-C reaches it. */
function spawnServer(server: ServerProcess): ChildProcess {
  const path = join(server.logDirectory, START_LOG);
  rmSync(path, { force: true });
  const log = openSync(path, 'a', 0o640);
  try {
    if (server.account.switchUser) chownSync(path, server.account.uid, server.account.gid);
    const child = spawn(join(server.binaries.directory, 'postgres'), ['-D', server.dataDirectory], {
      ...identity(server.account),
      cwd: '/',
      env: childEnvironment(server.pathVariable),
      stdio: ['ignore', log, log],
      detached: true,
    });
    child.on('error', () => undefined);
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

async function ready(
  server: ServerProcess,
  mark: LogMark | undefined,
  deadline: number,
  child?: ChildProcess,
): Promise<void> {
  for (;;) {
    const state = serverState(server.dataDirectory);
    if (state.status === 'running') return;
    // Our own may have ended because another start was faster: then that one is waited for.
    const ended =
      child === undefined || child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
    if (ended && (state.status === 'stopped' || state.status === 'absent')) throw await startFailure(server, mark);
    if (Date.now() >= deadline) throw stillStarting(server);
    await pause();
  }
}

/** Ends and removes what a killed server left behind and PostgreSQL would not start over: nothing where one runs. */
export async function clearRemains(dataDirectory: string): Promise<void> {
  const text = readPidFile(dataDirectory);
  if (text === undefined || serverState(dataDirectory).status !== 'stopped') return;
  refuseSingleUser(text, dataDirectory);
  const began = Date.now();
  for (let left = orphans(dataDirectory); left.length > 0; left = orphans(dataDirectory)) {
    // Another start was faster: what runs now is its server.
    if (serverState(dataDirectory).status !== 'stopped') return;
    const waited = Date.now() - began;
    // Without their postmaster they can do no harm and no good; SIGQUIT is how it would end them.
    if (waited > ORPHANS_MS)
      for (const pid of left) signal(pid, waited > 3 * ORPHANS_MS ? 'SIGKILL' : 'SIGQUIT', dataDirectory);
    if (waited > 10 * ORPHANS_MS) break;
    await pause();
  }
  // PostgreSQL takes any process of that id for its own, also one that got the number since.
  if (readPidFile(dataDirectory) === text && serverState(dataDirectory).status === 'stopped') {
    rmSync(join(dataDirectory, 'postmaster.pid'), { force: true });
  }
}

/** A server in single-user mode writes its process id negative. */
function refuseSingleUser(pidFile: string, dataDirectory: string): void {
  const pid = -Number.parseInt(pidFile, 10);
  if (pid <= 0 || !orphans(dataDirectory).includes(pid)) return;
  throw new PlatformError(
    'server-single-user',
    `A single-user PostgreSQL (process ${pid}) is at work in ${dataDirectory}.`,
    'Wait for it to end, or end it, and run the command again.',
    { kind: 'locked', object: dataDirectory },
  );
}

/**
 * Stops the server; one that does not run is fine. `fast` disconnects clients and shuts down cleanly; `immediate` needs recovery at
 * the next start.
 */
export async function stopServer(
  server: Directories,
  mode: 'fast' | 'immediate' = 'fast',
  timeoutMs = STOP_TIMEOUT_MS,
): Promise<void> {
  const state = serverState(server.dataDirectory);
  if (state.status === 'stopped' || state.status === 'absent') return;
  signal(state.pid, mode === 'fast' ? 'SIGINT' : 'SIGQUIT', server.dataDirectory);
  await gone(server, timeoutMs);
}

async function gone({ dataDirectory, logDirectory }: Directories, timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline) {
    const { status } = serverState(dataDirectory);
    if (status === 'stopped' || status === 'absent') return;
    await pause();
  }
  const state = serverState(dataDirectory);
  throw new PlatformError(
    'server-stop-timeout',
    `PostgreSQL in ${dataDirectory} (process ${'pid' in state ? state.pid : '?'}) has not stopped after ${Math.round(timeoutMs / 1000)} s.`,
    `See what it waits for in ${logDirectory}. \`kill -QUIT\` to that process ends it at once, with recovery at the next start.`,
    { object: dataDirectory },
  );
}

function signal(pid: number, name: NodeJS.Signals, dataDirectory: string): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return;
    throw new PlatformError(
      'server-foreign',
      `PostgreSQL in ${dataDirectory} (process ${pid}) runs as another user and does not take signals from this one.`,
      'Run the command as the user who started the server, or as root.',
      { kind: 'refused', object: dataDirectory, cause: error },
    );
  }
}

function stillStarting({ dataDirectory, logDirectory }: Directories): PlatformError {
  return new PlatformError(
    'server-start-timeout',
    `PostgreSQL in ${dataDirectory} still does not accept connections; after a crash it may be recovering.`,
    `Follow its log (\`npm run coachdb -- logs\`, ${logDirectory}) and run the command again when it says that it is ready.`,
    { kind: 'locked', object: dataDirectory },
  );
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, POLL_MS));
