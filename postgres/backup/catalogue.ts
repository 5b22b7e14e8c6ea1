import type { Generation } from './manifest';

/**
 * How good a backup is known to be. `good`: its bytes and its archive were read back when it was made, or since. `bad`: a later look found
 * something wrong. `incomplete`: a run that never came to its end.
 */
export type BackupState = 'good' | 'bad' | 'incomplete';

/** One backup of a folder or a bucket, as rotation, `backup list`, `status` and the metrics see it. */
export interface BackupEntry {
  id: string;
  stack: string;
  generation: Generation;
  startedAt: Date;
  durationMs: number;
  bytes: number;
  state: BackupState;
  /** Kept whatever its age. */
  pinned: boolean;
  /** Object lock: nobody may delete it before. */
  lockedUntil?: Date;
  /** The last look at it that went deeper than the two at its making. */
  restored?: { at: Date; ok: boolean };
}
