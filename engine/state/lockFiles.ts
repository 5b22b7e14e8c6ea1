import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

import { codeOf } from '../../system/errors';
import { isRunning } from '../../system/processes';

/** The content of a lock file, as Pulumi's file backend writes it. `by` marks this engine's. */
export interface LockContent {
  pid: number;
  username: string;
  hostname: string;
  /** ISO 8601. */
  timestamp: string;
  by?: string;
}

export interface HeldLock {
  path: string;
  content: LockContent;
  /** The process that holds it still runs, or cannot be asked (another machine). */
  alive: boolean;
}

/** The mark of this engine's own locks. */
export const LOCK_MARK = 'coachdb';

/** A lock is written in one go; one that is not whole after this time was cut off. */
const HALF_WRITTEN_MS = 10_000;

/** Every lock in the folder but `own`. */
export function otherLocks(directory: string, own: string): HeldLock[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
  return names
    .filter((name) => name.endsWith('.json'))
    .map((name) => join(directory, name))
    .filter((path) => path !== own)
    .flatMap((path) => readLock(path) ?? []);
}

function readLock(path: string): HeldLock | undefined {
  let text: string;
  let changedAt: number;
  try {
    text = readFileSync(path, 'utf8');
    changedAt = statSync(path).mtimeMs;
  } catch (error) {
    // Released between listing and reading.
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  const content = parseLock(text);
  if (content === undefined) {
    const unknown = { pid: 0, username: 'unknown', hostname: 'unknown', timestamp: new Date(changedAt).toISOString() };
    return { path, content: unknown, alive: Date.now() - changedAt < HALF_WRITTEN_MS };
  }
  const elsewhere = content.hostname !== hostname();
  return { path, content, alive: elsewhere || isRunning(content.pid, new Date(content.timestamp)) };
}

function parseLock(text: string): LockContent | undefined {
  try {
    const content = JSON.parse(text) as Partial<LockContent> | null;
    const { pid, username, hostname: host, timestamp } = content ?? {};
    if (typeof pid !== 'number' || typeof host !== 'string' || typeof timestamp !== 'string') return undefined;
    const by = content?.by;
    return { pid, username: username ?? 'unknown', hostname: host, timestamp, ...(by === undefined ? {} : { by }) };
  } catch {
    return undefined;
  }
}

/** Removes a lock file and what Pulumi keeps beside it. One that is gone already is no error. */
export function removeLock(path: string): void {
  rmSync(path, { force: true });
  rmSync(`${path}.attrs`, { force: true });
}

/** Removes what killed runs of this engine left; a dead Pulumi's stays, for somebody has to know of it. Returns what was removed. */
export function takeOverOwnLocks(directory: string): HeldLock[] {
  const dead = otherLocks(directory, '').filter((lock) => !lock.alive && lock.content.by === LOCK_MARK);
  for (const { path } of dead) removeLock(path);
  return dead;
}

/** The lock that keeps others out: a live one before a dead one. */
export function blockingLock(directory: string, own = ''): HeldLock | undefined {
  const others = otherLocks(directory, own);
  return others.find((lock) => lock.alive) ?? others[0];
}

/** Removes every lock whose process does not run any more; `all` removes those of other machines too. Returns what was removed. */
export function removeStaleLocks(directory: string, all = false): HeldLock[] {
  const removed = otherLocks(directory, '').filter(
    (lock) => !lock.alive || (all && lock.content.hostname !== hostname()),
  );
  for (const { path } of removed) removeLock(path);
  return removed;
}
