import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { writeAtomically } from '../../system/atomicFile';
import { codeOf, PlatformError } from '../../system/errors';
import { readControlFile } from './control';
import { isDataDirectory } from './dataDirectory';
import { isInside, LOCATION_FILE } from './layout';

/** In the data directory: which folder of a stack it belongs to. A copy of the data carries it along, and so is told from the original. */
export const OWNER_FILE = 'coachdb-owner.json';

interface Owner {
  /** The folder of the stack (`.coachdb/<stack>`) when it was written. */
  folder: string;
  /** Of that folder, as decimal text. They stay when it is moved, and are others in a copy. */
  device: string;
  inode: string;
}

export interface OwnedDirectory {
  dataDirectory: string;
  /** The stack's folder, `.coachdb/<stack>`. */
  home: string;
  /** The checkout: data below it is copied along with it. */
  packageRoot: string;
  /** As an older state has it: the stack's folder under its absolute path of that time. */
  formerHome?: string | undefined;
}

/**
 * Whose a data directory is. `own` also where nothing is known of another owner. `copied`: it came along with a copy of the folder `from`, or was
 * moved to another file system with it. `foreign`: it lies outside, or another stack of this checkout has it, and belongs to the folder `from`.
 */
export type Ownership = { kind: 'own' } | { kind: 'copied' | 'foreign'; from: string };

export function ownershipOf(owned: OwnedDirectory): Ownership {
  const { dataDirectory, home, packageRoot } = owned;
  if (!isDataDirectory(dataDirectory)) return OWN;
  const here = inodeOf(home);
  const owner = readOwner(dataDirectory) ?? formerOwner(owned);
  if (owner === undefined) return OWN;
  // The number of a device may change when it is mounted anew.
  const isSame = here?.inode === owner.inode && (here.device === owner.device || home === owner.folder);
  if (isSame) return OWN;
  const isCopy = isInside(packageRoot, dataDirectory) && !isNeighbour(owner, home);
  return { kind: isCopy ? 'copied' : 'foreign', from: owner.folder };
}

/** Another stack of the same checkout, wherever that lies now: its data came along with nothing. */
function isNeighbour({ folder, inode }: Owner, home: string): boolean {
  const neighbour = join(dirname(home), basename(folder));
  return neighbour !== home && inodeOf(neighbour)?.inode === inode;
}

const OWN: Ownership = { kind: 'own' };

/** Older states name the folder they were made in; where that one still is and is another one, this one is a copy. */
function formerOwner({ formerHome, home }: OwnedDirectory): Owner | undefined {
  const former = formerHome === undefined || formerHome === home ? undefined : inodeOf(formerHome);
  return former === undefined || formerHome === undefined ? undefined : { folder: formerHome, ...former };
}

interface Inode {
  device: string;
  inode: string;
}

function inodeOf(path: string): Inode | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? undefined : { device: String(found.dev), inode: String(found.ino) };
}

function readOwner(dataDirectory: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(join(dataDirectory, OWNER_FILE), 'utf8')) as Owner;
  } catch (error) {
    // Nobody but the server's account reads it; who cannot, cannot do anything to it either.
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'EACCES' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Writes down that the data directory belongs to the folder `home`. Repeating it changes nothing. */
export function claim(dataDirectory: string, home: string): void {
  const inode = inodeOf(home);
  if (inode === undefined) return;
  const text = `${JSON.stringify({ folder: home, ...inode }, undefined, 2)}\n`;
  const path = join(dataDirectory, OWNER_FILE);
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return;
  writeAtomically(path, text);
}

/** Whether a copied data directory is whole. One that was copied from under a running server is not: its files are of different moments. */
export function isWhole(dataDirectory: string): boolean {
  return readControlFile(dataDirectory)?.isClean === true && !existsSync(join(dataDirectory, 'postmaster.pid'));
}

/** Throws where the data belongs to another folder: a copy may remove and stop what was copied along, and nothing else. */
export function requireNotForeign(owned: OwnedDirectory): void {
  const ownership = ownershipOf(owned);
  if (ownership.kind === 'foreign') throw foreign(owned, ownership.from);
}

/** Throws where this folder must not run what is there: another folder's data, or a torn copy. */
export function requireRunnable(owned: OwnedDirectory): void {
  const ownership = ownershipOf(owned);
  const { dataDirectory } = owned;
  if (ownership.kind === 'foreign') throw foreign(owned, ownership.from);
  if (ownership.kind === 'own' || isWhole(dataDirectory)) return;
  throw new PlatformError(
    'copy-torn',
    `${dataDirectory} was copied from ${ownership.from} while a server was running on it: its files are of different moments, and a ` +
      'server on it would lose or invent rows.',
    `Stop the server in the original folder (\`npm run coachdb -- destroy\` there keeps its data) and copy again; or, for a new and empty ` +
      `database here, remove the copy: \`rm -r ${dataDirectory}\`, then \`npm start -- --yes\`. Nothing was touched.`,
    { kind: 'refused', object: dataDirectory },
  );
}

/** Throws unless what is there is this folder's own. */
export function requireOwn(owned: OwnedDirectory): void {
  const ownership = ownershipOf(owned);
  if (ownership.kind === 'own') return;
  if (ownership.kind === 'foreign') throw foreign(owned, ownership.from);
  requireRunnable(owned);
  throw new PlatformError(
    'copy-unused',
    copyText(ownership.from),
    'Run `npm start`: it goes on with the copied data, on a port of its own.',
    { kind: 'refused', object: owned.dataDirectory },
  );
}

/** What a copied folder is told. */
export function copyText(from: string): string {
  return (
    `This folder came from ${from}, as a copy or moved to another file system. Its database is what was in the data directory then, and its ` +
    'passwords are those of the original.'
  );
}

function foreign({ dataDirectory, home }: OwnedDirectory, from: string): PlatformError {
  // Of this stack alone: others of the checkout have data of their own.
  const stack = basename(home);
  const state = join(dirname(home), 'state', '.pulumi', 'stacks', '*', `${stack}.json*`);
  const remedy =
    basename(from) === stack
      ? `For a new server here, remove the copied state of this stack (\`rm -f ${join(home, LOCATION_FILE)} ${state}\`), and where ` +
        'coach:server.dataDirectory is set, set it to another folder.'
      : `Set coach:server.dataDirectory in Pulumi.${stack}.yaml to another folder.`;
  return new PlatformError(
    'data-directory-owned',
    `${dataDirectory} belongs to the stack in ${from}, and this command is run for ${home}.`,
    `${remedy} If ${from} is gone for good and this folder takes its place: \`rm ${join(dataDirectory, OWNER_FILE)}\`. Nothing was touched.`,
    { kind: 'refused', object: dataDirectory },
  );
}
