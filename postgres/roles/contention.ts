import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import { SqlState, stateOf } from '../connection/sqlstate';

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
      if (attempt === ATTEMPTS || !CONTENDED.has(stateOf(error))) throw error;
      await pause(randomInt(1, LONGEST_PAUSE_MS * attempt));
    }
  }
}
