import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { PlatformError } from '../../system/errors';
import { isRunning } from '../../system/processes';
import { storageError } from '../../system/storageError';

const LOCK = /^\.lock-(\d+)$/;
const ATTEMPTS = 5;

/**
 * Keeps two runs that work on the same folder of backups apart: each writes a file of its own and then looks for others', so that at most one goes
 * on. Those of dead processes are removed. Throws `backup-locked`. The folder is made.
 */
export async function withFolderLock<T>(directory: string, work: () => Promise<T>): Promise<T> {
  const own = join(directory, `.lock-${process.pid}`);
  for (let attempt = 1; ; attempt += 1) {
    write(directory, own);
    const other = otherLock(directory);
    if (other === undefined) break;
    rmSync(own, { force: true });
    if (attempt === ATTEMPTS) throw locked(directory, other);
    await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 100));
  }
  const remove = (): void => rmSync(own, { force: true });
  process.once('exit', remove);
  try {
    return await work();
  } finally {
    process.removeListener('exit', remove);
    remove();
  }
}

function write(directory: string, own: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    // Nothing in it: on a full disk, too, older backups can be removed.
    writeFileSync(own, '', { mode: 0o600 });
  } catch (error) {
    throw storageError(own, error);
  }
}

function otherLock(directory: string): number | undefined {
  for (const name of readdirSync(directory)) {
    const pid = Number(LOCK.exec(name)?.[1] ?? process.pid);
    if (pid === process.pid) continue;
    const path = join(directory, name);
    const since = statSync(path, { throwIfNoEntry: false })?.mtime;
    if (since !== undefined && isRunning(pid, since)) return pid;
    rmSync(path, { force: true });
  }
  return undefined;
}

const locked = (directory: string, pid: number): PlatformError =>
  new PlatformError(
    'backup-locked',
    `Another run works on the backups in ${directory}: process ${pid}.`,
    'Wait for it to end and run the command again.',
    { kind: 'locked', object: directory },
  );
