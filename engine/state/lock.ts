import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';

import { PlatformError } from '../../postgres/errors';

/** The content of a lock file, as Pulumi's file backend writes it. `by` marks this engine's. */
interface LockContent {
  pid: number;
  username: string;
  hostname: string;
  timestamp: string;
  by?: string;
}

export interface HeldLock {
  path: string;
  content: LockContent;
  /** The process that holds it still runs, or cannot be asked (another machine). */
  alive: boolean;
}

export interface StackLock {
  /** Locks of dead runs of this engine that were taken over. */
  takenOver: HeldLock[];
  release(): void;
}

const MARK = 'coachdb';

/**
 * Locks a stack as Pulumi's file backend does: writes a file of one's own, then looks for others', so that of two at once at
 * most one goes on. What a killed run of this engine left is taken over; a dead Pulumi's is reported with its remedy.
 */
export async function lockStack(directory: string): Promise<StackLock> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const takenOver = otherLocks(directory, '').filter((lock) => !lock.alive && lock.content.by === MARK);
  for (const { path } of takenOver) rmSync(path, { force: true });
  for (let attempt = 1; ; attempt += 1) {
    refuseOthers(directory, '');
    const own = writeLock(directory);
    const release = (): void => rmSync(own, { force: true });
    try {
      refuseOthers(directory, own);
      return { takenOver, release };
    } catch (error) {
      release();
      // Two that wrote at the same moment see each other, and both step back; a random pause lets one of them win.
      if (attempt === ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10 + Math.random() * 150));
    }
  }
}

const ATTEMPTS = 6;

function writeLock(directory: string): string {
  const own = join(directory, `${randomUUID()}.json`);
  const content: LockContent = {
    pid: process.pid,
    username: userInfo().username,
    hostname: hostname(),
    timestamp: new Date().toISOString(),
    by: MARK,
  };
  // Appears whole or not at all: a reader must never find half of it.
  const temporary = `${own}.new`;
  writeFileSync(temporary, JSON.stringify(content), { flag: 'wx', mode: 0o600 });
  renameSync(temporary, own);
  return own;
}

/** Every lock but `own`. */
export function otherLocks(directory: string, own: string): HeldLock[] {
  let names: string[];
  try {
    names = readdirSync(directory).filter((name) => name.endsWith('.json'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return names
    .map((name) => join(directory, name))
    .filter((path) => path !== own)
    .flatMap((path) => readLock(path) ?? []);
}

function readLock(path: string): HeldLock | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    // Released between listing and reading.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const content = JSON.parse(text) as LockContent;
    return { path, content, alive: content.hostname !== hostname() || isRunning(content.pid) };
  } catch {
    // Written a moment ago, or cut off: nobody can say whose it is.
    const content = { pid: 0, username: 'unknown', hostname: 'unknown', timestamp: 'unknown' };
    return { path, content, alive: true };
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function refuseOthers(directory: string, own: string): void {
  const others = otherLocks(directory, own);
  const held = others.find((lock) => lock.alive);
  if (held !== undefined) {
    const { pid, username, hostname: host, timestamp } = held.content;
    throw new PlatformError(
      'stack-locked',
      `Another run works on this stack: ${username}@${host}, process ${pid}, since ${timestamp}.`,
      `Wait for it to end and try again. If it no longer runs, \`npm run up -- --repair-lock\` removes its lock ${held.path}.`,
      { kind: 'locked', object: held.path },
    );
  }
  const stale = others[0];
  if (stale !== undefined) {
    const { pid, username, timestamp } = stale.content;
    throw new PlatformError(
      'stale-lock',
      `A Pulumi run of ${username} (process ${pid}, since ${timestamp}) ended without releasing its lock on this stack.`,
      `Remove it with \`npm run up -- --repair-lock\`, or with \`pulumi cancel\`: ${stale.path}.`,
      { kind: 'locked', object: stale.path },
    );
  }
}

/** Removes every lock whose process does not run any more; `all` removes those of other machines too. Returns what was removed. */
export function removeStaleLocks(directory: string, all = false): HeldLock[] {
  const removed = otherLocks(directory, '').filter(
    (lock) => !lock.alive || (all && lock.content.hostname !== hostname()),
  );
  for (const { path } of removed) rmSync(path, { force: true });
  return removed;
}
