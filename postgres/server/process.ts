import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';

import { PlatformError } from '../errors';
import type { Account } from './account';
import type { Binaries } from './binaries';

/** What is known of a server process from its data directory. */
export type ServerState = { status: 'stopped' } | { status: 'running'; pid: number; port: number; startedAt: Date };

/** Everything that starting and stopping needs. */
export interface ServerProcess {
  binaries: Binaries;
  dataDirectory: string;
  logFile: string;
  account: Account;
}

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 60_000;

/** From postmaster.pid: cheap, and not deceived by one that a killed server left behind or a process id used anew. */
export function serverState(dataDirectory: string): ServerState {
  let text: string;
  try {
    text = readFileSync(join(dataDirectory, 'postmaster.pid'), 'utf8');
  } catch {
    return { status: 'stopped' };
  }
  const [pidLine = '', folder = '', startLine = '', portLine = ''] = text.split('\n');
  const pid = Number(pidLine);
  if (!Number.isInteger(pid) || pid <= 0 || !sameFolder(folder, dataDirectory) || !isPostgres(pid, dataDirectory)) {
    return { status: 'stopped' };
  }
  return { status: 'running', pid, port: Number(portLine), startedAt: new Date(Number(startLine) * 1000) };
}

function sameFolder(a: string, b: string): boolean {
  try {
    const [first, second] = [statSync(a), statSync(b)];
    return first.ino === second.ino && first.dev === second.dev;
  } catch {
    return a === b;
  }
}

/** The process lives and, where the system tells, works in that data directory. */
function isPostgres(pid: number, dataDirectory: string): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  try {
    return sameFolder(readlinkSync(`/proc/${pid}/cwd`), dataDirectory);
  } catch {
    try {
      return readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('postgres');
    } catch {
      return !existsSync('/proc');
    }
  }
}

/** Starts the server and waits until it answers. A running one is left alone. */
export async function startServer(server: ServerProcess): Promise<void> {
  if (serverState(server.dataDirectory).status === 'running') return;
  const logStart = sizeOf(server.logFile);
  const result = await control(server, ['-l', server.logFile, '-t', String(START_TIMEOUT_MS / 1000), '-w', 'start']);
  if (result.code !== 0) throw startFailure(server, logStart, result.output);
}

/** `fast` disconnects clients and shuts down cleanly; `immediate` needs recovery at the next start. */
export async function stopServer(server: ServerProcess, mode: 'fast' | 'immediate' = 'fast'): Promise<void> {
  if (serverState(server.dataDirectory).status === 'stopped') return;
  const result = await control(server, ['-m', mode, '-t', String(STOP_TIMEOUT_MS / 1000), '-w', 'stop']);
  if (result.code === 0) return;
  throw new PlatformError(
    'server-stop-failed',
    `PostgreSQL in ${server.dataDirectory} did not stop: ${result.output}`,
    `Look at its log ${server.logFile}; \`pg_ctl -D ${server.dataDirectory} -m immediate stop\` ends it at once, with recovery at the next start.`,
    { object: server.dataDirectory },
  );
}

/** SIGHUP: the server reads its configuration again. */
export async function reloadServer(server: ServerProcess): Promise<void> {
  const result = await control(server, ['reload']);
  if (result.code !== 0) {
    throw new PlatformError(
      'server-reload-failed',
      `PostgreSQL did not reload: ${result.output}`,
      `Look at its log ${server.logFile}.`,
    );
  }
}

function control(server: ServerProcess, args: string[]): Promise<{ code: number; output: string }> {
  return runAs(server.account, join(server.binaries.directory, 'pg_ctl'), ['-D', server.dataDirectory, ...args]);
}

/** Runs a program as the server's account, with a minimal environment, and gives its exit code and everything it printed. */
export function runAs(account: Account, program: string, args: string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      ...(account.drop ? { uid: account.uid, gid: account.gid } : {}),
      cwd: '/',
      env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const collect = (chunk: Buffer): void => {
      output = (output + chunk.toString('utf8')).slice(-20_000);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.once('error', reject);
    // Not `close`: the server inherits the pipes and keeps them open.
    child.once('exit', (code) => {
      child.stdout.destroy();
      child.stderr.destroy();
      resolve({ code: code ?? 1, output: output.trim() });
    });
  });
}

function startFailure(server: ServerProcess, logStart: number, output: string): PlatformError {
  const log = tailOf(server.logFile, logStart);
  const cause = log.split('\n').find((line) => /FATAL|PANIC|could not/.test(line)) ?? output;
  const parameter = /parameter "([^"]+)"/.exec(log)?.[1];
  const remedy = /No space left/i.test(log)
    ? `Free space on the disk of ${server.dataDirectory} and run \`npm start\` again; nothing was lost.`
    : parameter !== undefined
      ? `Change coach:parameters.${parameter} in the stack's settings and run \`npm start\` again.`
      : `The whole log is ${server.logFile} (\`npm run coachdb -- logs\`).`;
  return new PlatformError(
    'server-start-failed',
    `PostgreSQL did not start in ${server.dataDirectory}: ${cause}\n${log.split('\n').slice(-8).join('\n')}`,
    remedy,
    { object: parameter ?? server.dataDirectory },
  );
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}

/** The end of a log from an offset on, 4 kB at most. */
export function tailOf(path: string, from = 0): string {
  try {
    return readFileSync(path).subarray(from).subarray(-4096).toString('utf8').trim();
  } catch {
    return '';
  }
}

/** Whether something accepts TCP connections there. */
export function isListening(host: string, port: number, timeoutMs = 500): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (result: boolean): void => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(timeoutMs, () => end(false));
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}
