import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { writeAtomically } from '../../system/atomicFile';

/** Pulumi's file backend (pkg/backend/diy), project-scoped layout: where one stack's files lie below its folder. */
export interface BackendPaths {
  /** The checkpoint. */
  checkpoint: string;
  /** The checkpoint before the last write (of a compressed one `.json.gz.bak`). */
  backup: string;
  /** One file for each process that works on the stack. */
  lockDirectory: string;
  /** `<stack>-<nanoseconds>.history.json` and `.checkpoint.json` of each finished update. */
  historyDirectory: string;
  /** `<stack>.<nanoseconds>.json`, the checkpoint after each finished update. */
  backupDirectory: string;
}

export function backendPaths(stateDirectory: string, project: string, stack: string): BackendPaths {
  const below = (...parts: string[]): string => join(stateDirectory, '.pulumi', ...parts);
  const checkpoint = below('stacks', project, `${stack}.json`);
  return {
    checkpoint,
    backup: `${checkpoint}.bak`,
    lockDirectory: below('locks', 'organization', project, stack),
    historyDirectory: below('history', project, stack),
    backupDirectory: below('backups', project, stack),
  };
}

/** Makes the folders and the file that says which layout this is. Repeating it changes nothing. */
export function prepareBackend(stateDirectory: string, project: string): void {
  mkdirSync(join(stateDirectory, '.pulumi', 'stacks', project), { recursive: true, mode: 0o700 });
  const meta = join(stateDirectory, '.pulumi', 'meta.yaml');
  if (!existsSync(meta)) writeAtomically(meta, 'version: 1\n');
}

/**
 * A stack without resources, as `pulumi stack init` leaves it before the first deployment, so that plain `pulumi up` finds
 * one. It needs no passphrase. False: there is one already.
 */
export function initialiseStack(stateDirectory: string, project: string, stack: string): boolean {
  prepareBackend(stateDirectory, project);
  const { checkpoint } = backendPaths(stateDirectory, project, stack);
  if (activeCheckpoint(checkpoint) !== undefined) return false;
  const empty = { version: 3, checkpoint: { stack: `organization/${project}/${stack}` } };
  writeAtomically(checkpoint, JSON.stringify(empty));
  return true;
}

export type Compression = 'none' | 'gzip' | 'zstd';

const VARIANTS: [string, Compression][] = [
  ['', 'none'],
  ['.gz', 'gzip'],
  ['.zst', 'zstd'],
];

/**
 * The file that holds the state: Pulumi can compress it and then writes `local.json.gz` or `.zst`; of several, the one
 * changed last counts, as Pulumi decides it. Undefined: the stack has none.
 */
export function activeCheckpoint(checkpoint: string): { path: string; compression: Compression } | undefined {
  const found = VARIANTS.flatMap(([extension, compression]) => {
    const path = `${checkpoint}${extension}`;
    const at = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    return at === undefined ? [] : [{ path, compression, at }];
  });
  const newest = found.sort((a, b) => b.at - a.at)[0];
  return newest === undefined ? undefined : { path: newest.path, compression: newest.compression };
}

/** Copies of the state made after each finished update, the newest first; what a remedy for a damaged state can name. */
export function stateBackups(paths: BackendPaths): string[] {
  const stack = basename(paths.checkpoint, '.json');
  const copies = listed(paths.backupDirectory).filter(
    (name) => name.startsWith(`${stack}.`) && /\.json(\.gz)?$/.test(name),
  );
  // Same number of digits for the next two centuries, so the order of names is that of time.
  const inOrder = copies.sort().reverse();
  return inOrder.map((name) => join(paths.backupDirectory, name));
}

function listed(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

/** The paths of the stack a checkpoint file belongs to. */
export function pathsOfCheckpoint(checkpoint: string): BackendPaths {
  const projectFolder = dirname(checkpoint);
  const stateDirectory = dirname(dirname(dirname(projectFolder)));
  return backendPaths(stateDirectory, basename(projectFolder), basename(checkpoint, '.json'));
}
