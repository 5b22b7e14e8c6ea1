import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { codeOf } from '../../system/errors';
import { isRunning } from '../../system/processes';
import type { Account } from './account';
import { orphans } from './state';

/** Part of the name of a folder in which a server is being made; what a killed run left is ours to remove. */
const UNFINISHED = '.initializing-';
/** In such a folder: says that it is one of ours, and of which process. */
const MARK = 'coachdb-initializing';
/** How long a killed run's initdb is waited for once it was told to end. */
const WRITER_MS = 30_000;
/** Folders this process works in now; a process id alone may be one of an earlier boot or container. */
const busy = new Set<string>();

export function unfinishedFolder(dataDirectory: string): string {
  const folder = `${dataDirectory}${UNFINISHED}${process.pid}-${randomBytes(4).toString('hex')}`;
  busy.add(folder);
  return folder;
}

/** Where initdb works in that folder. */
export const unfinishedData = (folder: string): string => join(folder, 'data');

export function makeUnfinished(folder: string, account: Account): void {
  mkdirSync(folder, { mode: 0o700 });
  writeFileSync(join(folder, MARK), `${process.pid}\n`);
  chmodSync(folder, 0o700);
  if (account.switchUser) chownSync(folder, account.uid, account.gid);
}

/** One's own, whose initdb has ended. */
export function dropUnfinished(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  busy.delete(folder);
}

/** Removes what killed runs left beside the data directory, by its mark and dead process; anything else of such a name is not ours. */
export async function removeUnfinished(dataDirectory: string): Promise<void> {
  const home = dirname(dataDirectory);
  if (!existsSync(home)) return;
  const prefix = `${basename(dataDirectory)}${UNFINISHED}`;
  for (const name of readdirSync(home).filter((entry) => entry.startsWith(prefix))) {
    const folder = join(home, name);
    const pid = Number.parseInt(name.slice(prefix.length), 10);
    if (busy.has(folder) || (pid !== process.pid && isRunning(pid)) || !isOurs(folder, pid)) continue;
    await removeWithWriters(folder);
  }
}

function isOurs(folder: string, pid: number): boolean {
  try {
    return readFileSync(join(folder, MARK), 'utf8').trim() === String(pid);
  } catch (error) {
    // Killed before the mark was written.
    return codeOf(error) === 'ENOENT' && readdirSync(folder).length === 0;
  }
}

/** initdb outlives a killed run and goes on writing: it is ended first, and the folder is gone only when nobody writes into it any more. */
async function removeWithWriters(folder: string): Promise<void> {
  const deadline = Date.now() + WRITER_MS;
  for (;;) {
    const writers = writersIn(folder);
    for (const pid of writers) kill(pid);
    try {
      if (writers.length === 0 || Date.now() >= deadline) return rmSync(folder, { recursive: true, force: true });
    } catch (error) {
      // Where the system does not tell who writes, a file that came meanwhile does.
      if (codeOf(error) !== 'ENOTEMPTY' || Date.now() >= deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** initdb in that folder and the server processes it started there; none where the system does not tell. */
function writersIn(folder: string): number[] {
  const data = unfinishedData(folder);
  if (!existsSync('/proc/self')) return [];
  const initdb = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => argumentsOf(pid).some((argument, at, all) => argument === '-D' && all[at + 1] === data));
  return [...initdb, ...orphans(data)];
}

function argumentsOf(pid: number): string[] {
  try {
    const [program = '', ...others] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return basename(program) === 'initdb' ? others : [];
  } catch {
    return [];
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended, or is another user's: then it is waited for.
  }
}
