import { lstatSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { writeAtomically } from '../../system/atomicFile';
import { codeOf } from '../../system/errors';
import type { BackupEntry } from './catalogue';
import type { Manifest } from './manifest';
import { isBackupId, readManifest } from './manifestFile';
import { STATE_FOLDER } from './prune';

export type Depth = 'checksums' | 'structure' | 'restore';

/** One look at a backup after it was made. */
export interface Verification {
  depth: Depth;
  /** ISO 8601, UTC. */
  at: string;
  ok: boolean;
  seconds: number;
  /** What was wrong. */
  problems: string[];
}

/** What is known of a backup beside what it says itself: it changes, and the backup never does. */
export interface BackupNotes {
  pinned: boolean;
  verifications: Verification[];
}

export interface FolderBackup extends BackupEntry {
  folder: string;
  /** Undefined of an incomplete one and of one whose manifest does not hold. */
  manifest?: Manifest;
  notes: BackupNotes;
  /** Why it is bad. */
  problem?: string;
}

const NO_NOTES: BackupNotes = { pinned: false, verifications: [] };
/** Of each backup, the newest. */
const VERIFICATIONS_KEPT = 20;

/**
 * Every backup of a folder, oldest first: its manifest is proven, its files are looked for, not read. Runs under way and what killed ones left are
 * `incomplete`. Without the folder there is none.
 */
export function readBackups(directory: string, key?: Buffer): FolderBackup[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
  return names
    .flatMap((name) => {
      if (isBackupId(name)) return [readOne(directory, name, key)];
      const id = /^\.partial-(.+)\.\d+$/.exec(name)?.[1];
      return id !== undefined && isBackupId(id) ? [incomplete(join(directory, name), id)] : [];
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

function readOne(directory: string, id: string, key?: Buffer): FolderBackup {
  const folder = join(directory, id);
  const notes = readNotes(directory, id);
  const base = { folder, notes, pinned: notes.pinned };
  let manifest: Manifest;
  try {
    manifest = readManifest(folder, key);
  } catch (error) {
    const state = codeOf(error) === 'backup-incomplete' ? 'incomplete' : 'bad';
    return { ...incomplete(folder, id), ...base, state, problem: (error as Error).message };
  }
  const problem =
    manifest.id === id
      ? (filesProblem(folder, manifest) ?? lastFailure(notes))
      : `its manifest is that of ${manifest.id}`;
  const restored = notes.verifications.filter(({ depth }) => depth === 'restore').at(-1);
  return {
    ...base,
    id,
    stack: manifest.stack,
    generation: manifest.generation,
    startedAt: new Date(manifest.startedAt),
    durationMs: Date.parse(manifest.finishedAt) - Date.parse(manifest.startedAt),
    bytes: manifest.bytes,
    state: problem === undefined ? 'good' : 'bad',
    manifest,
    ...(problem === undefined ? {} : { problem }),
    ...(restored === undefined ? {} : { restored: { at: new Date(restored.at), ok: restored.ok } }),
  };
}

const incomplete = (folder: string, id: string): FolderBackup => ({
  folder,
  notes: NO_NOTES,
  id,
  stack: '',
  generation: 'daily',
  startedAt: new Date(id.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z.*$/, '$1-$2-$3T$4:$5:$6Z')),
  durationMs: 0,
  bytes: 0,
  state: 'incomplete',
  pinned: false,
});

function filesProblem(folder: string, { files }: Manifest): string | undefined {
  for (const { path, bytes } of files) {
    const found = lstatSync(join(folder, path), { throwIfNoEntry: false });
    if (found === undefined) return `${path} is missing`;
    if (found.size !== bytes) return `${path} has ${found.size} bytes, expected ${bytes}`;
  }
  return undefined;
}

function lastFailure({ verifications }: BackupNotes): string | undefined {
  const last = verifications.at(-1);
  return last === undefined || last.ok ? undefined : (last.problems[0] ?? 'its last verification failed');
}

const notesFile = (directory: string, id: string): string => join(directory, STATE_FOLDER, `${id}.json`);

/** Notes that cannot be read are none: they never decide that a backup is good. */
function readNotes(directory: string, id: string): BackupNotes {
  try {
    const { pinned, verifications } = JSON.parse(
      readFileSync(notesFile(directory, id), 'utf8'),
    ) as Partial<BackupNotes>;
    return { pinned: pinned === true, verifications: Array.isArray(verifications) ? verifications : [] };
  } catch {
    return NO_NOTES;
  }
}

export function writeNotes(directory: string, id: string, change: Partial<BackupNotes>): void {
  mkdirSync(join(directory, STATE_FOLDER), { recursive: true, mode: 0o700 });
  const notes = { ...readNotes(directory, id), ...change };
  notes.verifications = notes.verifications.slice(-VERIFICATIONS_KEPT);
  writeAtomically(notesFile(directory, id), `${JSON.stringify(notes, undefined, 2)}\n`);
}
