import { lstatSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { flushFolder } from '../../system/atomicFile';
import { codeOf, PlatformError, systemReason } from '../../system/errors';
import { isRunning } from '../../system/processes';
import { MANIFEST_FILE } from './manifest';
import type { RotationPlan } from './rotation';

/** Beside a backup: what may change of it. */
export const STATE_FOLDER = '.state';
const REMOVING = '.removing-';
/** What a restore unpacks: the process stands at its end. */
const STAGE = /^\.restoring-.*\.(\d+)$/;
/** Where a restore of this process unpacks a backup. */
export const stageFolder = (directory: string, id: string): string =>
  join(directory, `.restoring-${id}.${process.pid}`);

/** The backup's id, which begins with the time, and the process that makes it. */
const PARTIAL = /^\.partial-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z.*\.(\d+)$/;

export interface Pruned {
  /** Ids of the backups that are gone. */
  removed: string[];
  failures: PlatformError[];
}

/** Carries out a plan in a folder of backups, oldest first; one that cannot be removed does not keep the others from it. Writes nothing. */
export function pruneFolder(directory: string, plan: RotationPlan): Pruned {
  const pruned: Pruned = { removed: [], failures: [] };
  for (const { entry, action } of plan) {
    if (action === 'keep') continue;
    try {
      removeBackup(directory, entry.id);
      pruned.removed.push(entry.id);
    } catch (error) {
      pruned.failures.push(notRemoved(join(directory, entry.id), error));
    }
  }
  return pruned;
}

/**
 * Removes a backup so that a kill at any moment leaves either all of it or nothing that could be taken for one: it gets a name that
 * is no backup's, for good, before the first of its files goes.
 */
export function removeBackup(directory: string, id: string): void {
  if (!/^[^./\\][^/\\]*$/.test(id)) throw new TypeError(`No backup's id: ${JSON.stringify(id)}`);
  const removing = join(directory, `${REMOVING}${id}`);
  // Of an earlier attempt, after which a backup of this id was copied here again.
  removeTree(removing);
  renameSync(join(directory, id), removing);
  flushFolder(directory);
  finishRemoval(directory, id);
}

/** Removes what killed runs left: removals that were begun, and backups that were being made by processes that are gone. */
export function sweepLeftovers(directory: string): Pruned {
  const swept: Pruned = { removed: [], failures: [] };
  for (const name of namesIn(directory)) {
    if (!name.startsWith(REMOVING) && !isAbandoned(directory, name)) continue;
    try {
      if (name.startsWith(REMOVING)) finishRemoval(directory, name.slice(REMOVING.length));
      else removeTree(join(directory, name));
      swept.removed.push(name);
    } catch (error) {
      swept.failures.push(notRemoved(join(directory, name), error));
    }
  }
  return swept;
}

function isAbandoned(directory: string, name: string): boolean {
  const reader = STAGE.exec(name)?.[1];
  if (reader !== undefined) {
    const since = lstatSync(join(directory, name), { throwIfNoEntry: false })?.birthtime;
    return !isRunning(Number(reader), since);
  }
  const [, year, month, day, hour, minute, second, pid] = PARTIAL.exec(name) ?? [];
  if (pid === undefined) return false;
  // A process that began after the backup did is another one with the same number.
  return !isRunning(Number(pid), new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`));
}

/** The folder goes last: as long as it is there, the next run knows that something is left to do. */
function finishRemoval(directory: string, id: string): void {
  rmSync(join(directory, STATE_FOLDER, `${id}.json`), { force: true });
  removeTree(join(directory, `${REMOVING}${id}`));
}

/** The manifest goes first: whoever moved the folder back by hand would otherwise have half a backup that says it is whole. */
function removeTree(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory() === true) rmSync(join(path, MANIFEST_FILE), { force: true });
  rmSync(path, { recursive: true, force: true });
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function notRemoved(path: string, error: unknown): PlatformError {
  return new PlatformError(
    'backup-not-removed',
    `${path} could not be removed: ${systemReason(error)}.`,
    'Make it removable for the account that runs this (`ls -ld` of it and of the folder above), or remove it by hand; the next run tries again.',
    { object: path, cause: error },
  );
}
