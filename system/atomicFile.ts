import {
  closeSync,
  copyFileSync,
  fchownSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { codeOf } from './errors';
import { isRunning } from './processes';
import { storageError } from './storageError';

const OWNER_ONLY = 0o600;

/**
 * Replaces a file so that a crash at any point leaves the old or the new one, whole: a temporary file beside it, flushed, then
 * renamed, then the folder flushed. With `backup`, the file before stays there. `mode` is 0600 unless given. A full disk and missing
 * rights are PlatformErrors.
 */
export function writeAtomically(
  path: string,
  content: string | Uint8Array,
  options: { backup?: string; mode?: number } = {},
): void {
  const temporary = temporaryName(path, process.pid);
  try {
    sweepLeftovers(path);
    writeFlushed(temporary, content, options.mode ?? OWNER_ONLY);
    if (options.backup !== undefined) keepBackup(path, options.backup);
    renameSync(temporary, path);
  } catch (error) {
    // On a full disk the room it takes is needed.
    rmSync(temporary, { force: true });
    throw storageError(path, error);
  }
  flushFolder(dirname(path));
}

/** Makes a file of mode 0600 with content, whole or not at all, unless it exists. False: it exists. */
export function createAtomically(path: string, text: string): boolean {
  const temporary = temporaryName(path, process.pid);
  try {
    writeFlushed(temporary, text, OWNER_ONLY);
    linkSync(temporary, path);
    flushFolder(dirname(path));
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw storageError(path, error);
  } finally {
    rmSync(temporary, { force: true });
  }
}

function writeFlushed(path: string, content: string | Uint8Array, mode: number): void {
  rmSync(path, { force: true });
  const descriptor = openSync(path, 'wx', mode);
  try {
    const bytes = Buffer.from(content);
    for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at);
    giveToFolderOwner(descriptor, path);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Root at work in somebody's checkout (sudo) must not lock its owner out. */
function giveToFolderOwner(descriptor: number, path: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(dirname(path));
  if (uid !== 0) fchownSync(descriptor, uid, gid);
}

/** What was renamed or removed in a folder stays so after a crash of the machine. */
export function flushFolder(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** The old file gets a second name, which replaces the old backup in one step, so that there is always one. */
function keepBackup(path: string, backup: string): void {
  const link = temporaryName(backup, process.pid);
  rmSync(link, { force: true });
  try {
    try {
      linkSync(path, link);
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return;
      // A file system without hard links.
      copyFileSync(path, link);
    }
    renameSync(link, backup);
  } finally {
    rmSync(link, { force: true });
  }
}

function temporaryName(path: string, pid: number): string {
  return join(dirname(path), `.${basename(path)}.${pid}.new`);
}

/** What killed processes left beside the file. */
function sweepLeftovers(path: string): void {
  const start = `.${basename(path)}`;
  for (const name of readdirSync(dirname(path))) {
    const pid = name.startsWith(start) ? /\.(\d+)\.new$/.exec(name)?.[1] : undefined;
    if (pid !== undefined && !isRunning(Number(pid))) rmSync(join(dirname(path), name), { force: true });
  }
}

function hasCode(error: unknown, code: string): boolean {
  return codeOf(error) === code;
}
