import { setTimeout as pause } from 'node:timers/promises';

import type { Client } from 'pg';

import { withClient } from '../connection/client';
import type { ConnectionTarget } from '../spec';

/** How long before the deadline a statement under way is stopped: what it takes to undo it and to say so. */
const STOP_MS = 5_000;
const CANCEL_AGAIN_MS = 200;
/** setTimeout knows no longer time. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The time a run has. */
export class Clock {
  /** A statement was stopped because time was up. */
  stopped = false;

  constructor(private readonly deadline = Infinity) {}

  /** Until statements are stopped. */
  remainingMs(): number {
    return Math.max(0, this.deadline - STOP_MS - Date.now());
  }

  /** Aborted as soon as less than that is left. */
  ending(neededMs: number): AbortSignal {
    const left = this.remainingMs() - neededMs;
    return left > LONGEST_TIMER_MS ? new AbortController().signal : AbortSignal.timeout(Math.max(0, left));
  }

  /**
   * When time is up, cancels whatever the client runs, on a connection of its own, and again until the returned function is called: work that tries
   * again is between two statements now and then.
   */
  guard(target: ConnectionTarget, client: Client): () => void {
    const { processID } = client as Client & { processID: number | null };
    const left = this.remainingMs();
    if (processID === null || left > LONGEST_TIMER_MS) return () => undefined;
    let isOver = false;
    const cancel = async (): Promise<void> => {
      this.stopped = true;
      await withClient(target, async (other) => {
        while (!isOver) {
          await other.query('SELECT pg_catalog.pg_cancel_backend($1)', [processID]);
          await pause(CANCEL_AGAIN_MS);
        }
      });
    };
    const timer = setTimeout(() => void cancel().catch(() => undefined), left);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }
}
