import { randomUUID } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { dirname, join } from 'node:path';

import { PlatformError } from '../../system/errors';
import { storageError } from '../../system/storageError';
import { blockingLock, type HeldLock, LOCK_MARK, type LockContent, removeLock, takeOverOwnLocks } from './lockFiles';

export { type HeldLock, otherLocks, removeLock, removeStaleLocks } from './lockFiles';

export interface StackLock {
  /** Locks of dead runs of this engine that were taken over. */
  takenOver: HeldLock[];
  /** Gives the lock back. Repeating it does nothing. */
  release(): void;
}

/** How often two that wrote at the same moment step back and try again, and how long they wait. */
const ATTEMPTS = 6;
const MIN_PAUSE_MS = 10;
const MAX_PAUSE_MS = 160;

/**
 * Locks a stack as Pulumi's file backend does: writes a file of one's own, then looks for others', so that of two at once at
 * most one goes on. What a killed run of this engine left is taken over; a dead Pulumi's is reported with its remedy. The
 * lock is given back when the process exits or is ended by a signal.
 */
export async function lockStack(directory: string): Promise<StackLock> {
  makeFolder(directory);
  const takenOver = takeOverOwnLocks(directory);
  for (let attempt = 1; ; attempt += 1) {
    refuseOthers(directory, '');
    const own = writeLock(directory);
    try {
      refuseOthers(directory, own);
      return { takenOver, release: releaseAtExit(own) };
    } catch (error) {
      removeLock(own);
      // Two that wrote at the same moment see each other, and both step back; a random pause lets one of them win.
      if (attempt === ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, MIN_PAUSE_MS + Math.random() * (MAX_PAUSE_MS - MIN_PAUSE_MS)));
    }
  }
}

function makeFolder(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw storageError(directory, error);
  }
}

function writeLock(directory: string): string {
  const name = `${randomUUID()}.json`;
  const own = join(directory, name);
  const content: LockContent = {
    pid: process.pid,
    username: userInfo().username,
    hostname: hostname(),
    timestamp: new Date().toISOString(),
    by: LOCK_MARK,
  };
  // Appears whole or not at all. Every file in the folder itself is a lock to Pulumi, so the half of one lies above it.
  const temporary = join(dirname(directory), `.${name}.new`);
  try {
    writeFileSync(temporary, JSON.stringify(content), { flag: 'wx', mode: 0o600 });
    renameSync(temporary, own);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw storageError(own, error);
  }
  return own;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** The locks this process holds; they share the handlers. */
const ownLocks = new Set<string>();

function releaseAtExit(own: string): () => void {
  if (ownLocks.size === 0) {
    process.once('exit', removeHeld);
    for (const signal of SIGNALS) process.on(signal, onSignal);
  }
  ownLocks.add(own);
  return () => {
    if (!ownLocks.delete(own)) return;
    removeLock(own);
    if (ownLocks.size === 0) detach();
  };
}

function removeHeld(): void {
  for (const path of ownLocks) removeLock(path);
  ownLocks.clear();
}

function detach(): void {
  process.removeListener('exit', removeHeld);
  for (const signal of SIGNALS) process.removeListener(signal, onSignal);
}

function onSignal(signal: NodeJS.Signals): void {
  // Somebody else handles the signal and decides how the process ends; `exit` comes then.
  if (process.listenerCount(signal) > 1) return;
  removeHeld();
  detach();
  process.kill(process.pid, signal);
}

function refuseOthers(directory: string, own: string): void {
  const blocking = blockingLock(directory, own);
  if (blocking !== undefined) throw lockError(blocking);
}

/** What a lock of somebody else means for whoever wanted it: `stack-locked` by a live process, `stale-lock` of a dead one. */
export function lockError(lock: HeldLock): PlatformError {
  const { pid, username, hostname: host, timestamp, by } = lock.content;
  const whose = by === LOCK_MARK ? 'coachdb' : 'Pulumi';
  if (lock.alive) {
    return new PlatformError(
      'stack-locked',
      `Another run works on this stack: ${whose} of ${username}@${host}, process ${pid}, since ${timestamp}.`,
      host === hostname()
        ? 'Wait for it to end and try again.'
        : `Wait for it to end and try again. If it no longer runs on ${host}, \`npm run up -- --repair-lock\` removes its lock ${lock.path}.`,
      { kind: 'locked', object: lock.path },
    );
  }
  return new PlatformError(
    'stale-lock',
    `A ${whose} run of ${username}@${host} (process ${pid}, since ${timestamp}) ended without releasing its lock on this stack.`,
    `Run \`npm run up -- --repair-lock\`: it removes the lock (${lock.path}) and goes on from where that run stopped.`,
    { kind: 'locked', object: lock.path },
  );
}
