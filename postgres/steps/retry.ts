import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import type { Client } from 'pg';

import { codeOf } from '../../system/errors';
import { withTransaction } from '../connection/client';
import { SqlState } from '../connection/sqlstate';

/**
 * What PostgreSQL answers when two sessions change the same catalog row at once. "tuple concurrently updated" has no SQLSTATE of
 * its own but that of an internal error; two CREATEs of one name end as a unique violation or a duplicate object.
 */
const CONTENDED: ReadonlySet<string | undefined> = new Set([
  SqlState.internalError,
  SqlState.serializationFailure,
  SqlState.deadlockDetected,
  SqlState.uniqueViolation,
  SqlState.duplicateObject,
  SqlState.duplicateDatabase,
]);

const ATTEMPTS = 8;
const LONGEST_PAUSE_MS = 40;

/** Runs `work` again while others change the same objects: about a second at most. `work` has to be repeatable from its start. */
export async function whileContended<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt === ATTEMPTS || !CONTENDED.has(codeOf(error))) throw error;
      await pause(randomInt(1, LONGEST_PAUSE_MS * attempt));
    }
  }
}

/** A lock was not to be had in time, or only at the cost of a deadlock: a second attempt may get it. */
export function isBusy(error: unknown): boolean {
  const state = codeOf(error);
  return state === SqlState.lockNotAvailable || state === SqlState.deadlockDetected;
}

export interface ShortLocks {
  /** What one attempt waits for a lock, and so the longest that anybody queues up behind it. Default 2000 ms. */
  lockTimeoutMs?: number;
  /** How long attempts go on; the error of the last one is thrown. */
  waitMs: number;
  /** After an attempt that found the object in use, before the next. */
  onBusy?: (elapsedMs: number) => Promise<void>;
}

/** `work` in a transaction that gives up rather than wait for a lock, so that nobody queues up behind it, and is tried again. */
export async function withShortLocks(client: Client, options: ShortLocks, work: () => Promise<void>): Promise<void> {
  const { lockTimeoutMs = 2000, waitMs, onBusy } = options;
  const began = Date.now();
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await withTransaction(client, async () => {
        await client.query(`SELECT pg_catalog.set_config('lock_timeout', $1, true)`, [`${lockTimeoutMs}ms`]);
        await work();
      });
    } catch (error) {
      const elapsed = Date.now() - began;
      if (!isBusy(error) || elapsed >= waitMs) throw error;
      await onBusy?.(elapsed);
      // Others get their turn: 0.1 s growing to 2 s, unevenly, so that two runs do not keep step.
      const longest = Math.min(2000, 100 * 2 ** Math.min(attempt, 5));
      await pause(Math.min(longest * (0.5 + Math.random() / 2), waitMs - elapsed));
    }
  }
}
