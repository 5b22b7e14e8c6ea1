import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { codeOf } from '../../system/errors';
import { isRunning } from '../../system/processes';
import { ask } from './ask';

/**
 * What is known of a server from its data directory. `starting` also while it recovers from a crash; `stopping` until the last client is
 * gone; `absent`: there is no data directory.
 */
export type ServerState =
  | { status: 'absent' }
  | { status: 'stopped' }
  | {
      status: 'starting' | 'running' | 'stopping';
      pid: number;
      port: number;
      startedAt: Date;
      /** The data directory under the path that it had when the server was started. */
      directory: string;
    };

/** From postmaster.pid, without a connection; not deceived by one that a killed server left, or by its process id used anew. */
export function serverState(dataDirectory: string): ServerState {
  if (!existsSync(join(dataDirectory, 'PG_VERSION'))) return { status: 'absent' };
  const text = readPidFile(dataDirectory);
  if (text === undefined) return { status: 'stopped' };
  // pid, data directory, start in seconds, port, socket folder, address, shared memory, status: see the manual on postmaster.pid.
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  const directory = lines[1] ?? '';
  if (!isPostmaster(pid, dataDirectory, directory)) return { status: 'stopped' };
  const word = lines[7]?.trim();
  const status = word === 'ready' || word === 'standby' ? 'running' : word === 'stopping' ? 'stopping' : 'starting';
  return { status, pid, port: Number(lines[3] ?? 0), startedAt: new Date(Number(lines[2] ?? 0) * 1000), directory };
}

/** The text of postmaster.pid; undefined without one. */
export function readPidFile(dataDirectory: string): string | undefined {
  try {
    return readFileSync(join(dataDirectory, 'postmaster.pid'), 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/**
 * The server runs, and the program it was started from is not there any more: its checkout, with the npm binaries, was moved. It can be stopped, but
 * new sessions miss what they read beside the program.
 */
export function isLeftBehind(dataDirectory: string): boolean {
  if (!('pid' in serverState(dataDirectory))) return false;
  try {
    const program = /^(.+?) "/.exec(readFileSync(join(dataDirectory, 'postmaster.opts'), 'utf8'))?.[1];
    return program !== undefined && !existsSync(program);
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'EACCES') return false;
    throw error;
  }
}

/**
 * The process lives, is a PostgreSQL and works in that data directory: the same folder by device and inode, since a copied directory has the
 * original's postmaster.pid. Where the system does not tell a process's folder, the directory that postmaster.pid names has to be this one.
 */
function isPostmaster(pid: number, dataDirectory: string, recorded: string): boolean {
  if (!isRunning(pid)) return false;
  if (!existsSync('/proc/self'))
    return isPostmasterByPs(pid) && (isSameFolder(recorded, dataDirectory) || isCwdByLsof(pid, dataDirectory));
  return worksIn(pid, dataDirectory) ?? (isOwnersServer(pid, dataDirectory) && isSameFolder(recorded, dataDirectory));
}

/** Whether a PostgreSQL process works in that data directory; undefined: it is another user's, whose folder is not told. */
function worksIn(pid: number, dataDirectory: string): boolean | undefined {
  if (!isPostgresName(readProc(pid, 'comm') ?? '')) return false;
  try {
    return isSameFolder(readlinkSync(`/proc/${pid}/cwd`), dataDirectory);
  } catch (error) {
    return codeOf(error) === 'EACCES' ? undefined : false;
  }
}

/** PostgreSQL runs as the owner of its data directory and nobody else. A dead process nobody waited for is no server. */
function isOwnersServer(pid: number, dataDirectory: string): boolean {
  const [server, data] = [`/proc/${pid}`, dataDirectory].map((path) => statSync(path, { throwIfNoEntry: false })?.uid);
  const isDead = /^State:\s+[ZX]/m.test(readProc(pid, 'status') ?? '');
  return server !== undefined && server === data && !isDead;
}

/** macOS does not tell a process's folder cheaply. */
function isPostmasterByPs(pid: number): boolean {
  const [state = '', ...name] = (ask('ps', ['-o', 'stat=,comm=', '-p', String(pid)]) ?? '').split(/\s+/);
  return !state.startsWith('Z') && isPostgresName(name.join(' '));
}

/** The folder of a server whose directory was moved while it ran; of one's own processes alone. */
function isCwdByLsof(pid: number, dataDirectory: string): boolean {
  const path = /^n(.+)$/m.exec(ask('lsof', ['-a', '-p', String(pid), '-d', 'cwd', '-Fn']) ?? '')?.[1];
  return path !== undefined && isSameFolder(path, dataDirectory);
}

const isPostgresName = (name: string): boolean => /postgres|postmaster/.test(name);

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}

export function isSameFolder(a: string, b: string): boolean {
  const [first, second] = [statSync(a, { throwIfNoEntry: false }), statSync(b, { throwIfNoEntry: false })];
  return first !== undefined && second !== undefined && first.ino === second.ino && first.dev === second.dev;
}

/**
 * Processes of a killed server that still run in its data directory (a backend in the middle of a long query does not notice that its
 * postmaster is gone), and keep a new one from starting. Empty where the system does not tell. Another user's processes are never among them:
 * a machine may run any number of other servers.
 */
export function orphans(dataDirectory: string): number[] {
  if (!existsSync('/proc/self')) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => worksIn(pid, dataDirectory) === true);
}
