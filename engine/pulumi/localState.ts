import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { backendPaths, initialiseStack } from '../state/backend';
import { readForPulumi } from '../state/checkpoint';
import { type HeldLock, lockError } from '../state/lock';
import { blockingLock, takeOverOwnLocks } from '../state/lockFiles';
import { pendingError } from '../state/pending';
import { stackConfigCopy } from '../state/settingsCopy';
import type { PulumiOperation } from './command';

export interface LocalStateOptions {
  projectRoot: string;
  /** The folder of the file backend: `.coachdb/state`. */
  stateDirectory: string;
  project: string;
  stack: string;
  operation: PulumiOperation;
}

/** What `runPulumi` needs for a state in a folder of this machine. */
export interface LocalStateRun {
  configFile: string;
  backendUrl: string;
  lockDirectory: string;
  /** Locks of killed runs of this engine that were removed. */
  takenOver: HeldLock[];
}

/**
 * Makes the stack where it does not exist, writes the settings copy with the state's salt, and refuses what Pulumi itself would
 * only stumble over: a damaged state, a lock, operations an earlier run left open (a refresh may go on with those).
 */
export function prepareLocalState(options: LocalStateOptions): LocalStateRun {
  const { projectRoot, stateDirectory, project, stack, operation } = options;
  const paths = backendPaths(stateDirectory, project, stack);
  initialiseStack(stateDirectory, project, stack);
  // Of a state that only Pulumi reads, the salt is in the settings copy since the run that made it.
  const file = readForPulumi(paths.checkpoint);
  let takenOver: HeldLock[] = [];
  if (operation !== 'preview') {
    takenOver = takeOverOwnLocks(paths.lockDirectory);
    const blocking = blockingLock(paths.lockDirectory);
    if (blocking !== undefined) throw lockError(blocking);
  }
  removeCutOffAttributes(dirname(paths.checkpoint));
  const pending = file === undefined || operation !== 'up' ? undefined : pendingError(file, paths.checkpoint);
  if (pending !== undefined) throw pending;
  const configFile = stackConfigCopy(projectRoot, stack, file?.checkpoint.latest?.secrets_providers?.state?.salt);
  return { configFile, backendUrl: pathToFileURL(stateDirectory).href, lockDirectory: paths.lockDirectory, takenOver };
}

/** Pulumi's storage keeps a small file of attributes beside each of its own. It needs none, but one that a kill cut off makes it fail with "EOF". */
function removeCutOffAttributes(folder: string): void {
  for (const name of readdirSync(folder).filter((one) => one.endsWith('.attrs'))) {
    const path = join(folder, name);
    try {
      JSON.parse(readFileSync(path, 'utf8'));
    } catch {
      rmSync(path, { force: true });
    }
  }
}
