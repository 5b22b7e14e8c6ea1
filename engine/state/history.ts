import { copyFileSync, mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';

import { writeAtomically } from '../../system/atomicFile';
import { activeCheckpoint, type BackendPaths } from './backend';

/** One finished update, as `pulumi stack history` shows it. */
export interface UpdateRecord {
  kind: 'update' | 'refresh' | 'destroy';
  startedAt: Date;
  endedAt: Date;
  result: 'succeeded' | 'failed';
  /** Counts by Pulumi's names: create, update, replace, delete, same. */
  resourceChanges: Record<string, number>;
  /** The settings it ran with, by full key. Values must not be secret: the file is plain text. */
  config: Record<string, string>;
  /** Shown as the update's environment, such as `exec.kind`. */
  environment: Record<string, string>;
  message?: string;
}

const NANOSECONDS_PER_MILLISECOND = 1_000_000n;

/**
 * Adds a finished update to the stack's history and keeps a copy of its checkpoint, as Pulumi does at the end of each. To be
 * called after the last write of the checkpoint, under the stack's lock.
 */
export function recordUpdate(paths: BackendPaths, update: UpdateRecord): void {
  const stack = basename(paths.checkpoint, '.json');
  const at = String(
    BigInt(update.endedAt.getTime()) * NANOSECONDS_PER_MILLISECOND +
      (process.hrtime.bigint() % NANOSECONDS_PER_MILLISECOND),
  );
  for (const folder of [paths.historyDirectory, paths.backupDirectory]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
  const entry = {
    kind: update.kind,
    startTime: seconds(update.startedAt),
    message: update.message ?? '',
    environment: update.environment,
    config: update.config,
    version: 0,
    result: update.result,
    endTime: seconds(update.endedAt),
    resourceChanges: update.resourceChanges,
  };
  const checkpoint = activeCheckpoint(paths.checkpoint)?.path ?? paths.checkpoint;
  const extension = checkpoint.slice(paths.checkpoint.length);
  writeAtomically(join(paths.historyDirectory, `${stack}-${at}.history.json`), JSON.stringify(entry));
  copyFileSync(checkpoint, join(paths.historyDirectory, `${stack}-${at}.checkpoint.json${extension}`));
  copyFileSync(checkpoint, join(paths.backupDirectory, `${stack}.${at}.json${extension}`));
}

function seconds(time: Date): number {
  return Math.floor(time.getTime() / 1000);
}
