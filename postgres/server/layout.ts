import { createHash } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';

import { writeAtomically } from '../../system/atomicFile';
import { codeOf, PlatformError } from '../../system/errors';
import { type Account, canReach } from './account';

/** Where root keeps what the server's account cannot reach below the checkout. */
export const SYSTEM_FOLDER = '/var/lib/coachdb';

/** Beside the declared data directory: says where the data really lies. */
export const LOCATION_FILE = 'location.json';

export interface Layout {
  dataDirectory: string;
  logDirectory: string;
  /** True: below the system folder, since the account cannot enter the checkout. */
  relocated: boolean;
}

export interface LayoutQuery {
  /** As declared. */
  dataDirectory: string;
  logDirectory: string;
  /** The checkout. What is declared inside it may be relocated, what a setting puts elsewhere is not. */
  packageRoot: string;
  account: Account;
  systemFolder: string;
}

/** Where data that was relocated once lies since; undefined where nothing was. */
export function recordedLayout(declaredDataDirectory: string): Layout | undefined {
  try {
    const text = readFileSync(join(dirname(declaredDataDirectory), LOCATION_FILE), 'utf8');
    const { dataDirectory, logDirectory } = JSON.parse(text) as Omit<Layout, 'relocated'>;
    return { dataDirectory, logDirectory, relocated: true };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Where data and logs lie: where they were put before, else as declared, else (the account cannot enter the checkout, as with one
 * below root's home) in a folder of the system folder named after checkout and stack. Changes nothing.
 */
export function resolveLayout(query: LayoutQuery): Layout {
  const { dataDirectory, logDirectory, packageRoot, account, systemFolder } = query;
  const asDeclared = { dataDirectory, logDirectory, relocated: false };
  const recorded = recordedLayout(dataDirectory);
  if (recorded !== undefined) return recorded;
  if (!account.switchUser) return asDeclared;
  const inside = isInside(packageRoot, dataDirectory);
  if (canReach(account, realFolder(inside ? packageRoot : dirname(dataDirectory)))) return asDeclared;
  if (!inside) {
    throw new PlatformError(
      'data-directory-unreachable',
      `Account ${account.name}, which runs the server, cannot enter ${dirname(dataDirectory)} (coach:server.dataDirectory).`,
      `Let it pass through every folder on that path (\`chmod o+x FOLDER\`), or name another account in coach:server.account.`,
      { kind: 'usage', object: dataDirectory },
    );
  }
  const home = dirname(dataDirectory);
  const hash = createHash('sha256').update(home).digest('hex').slice(0, 8);
  const name = join(systemFolder, `${basename(packageRoot)}-${basename(home)}-${hash}`);
  // One that is there already and that nothing here names belongs to a checkout that was moved away from this path.
  let folder = name;
  for (let next = 2; existsSync(folder); next += 1) folder = `${name}-${next}`;
  return { dataDirectory: join(folder, 'data'), logDirectory: join(folder, 'logs'), relocated: true };
}

/** The path without symbolic links, of as much of it as exists. */
function realFolder(path: string): string {
  let known = path;
  while (!existsSync(known)) known = dirname(known);
  return join(realpathSync(known), relative(known, path));
}

export function isInside(folder: string, path: string): boolean {
  return path.startsWith(`${folder}${sep}`);
}

/** Makes the folders above the data directory, and records a relocation. Repeating it changes nothing. */
export function prepareLayout(layout: Layout, query: LayoutQuery): void {
  const { account, packageRoot, systemFolder } = query;
  const top = layout.relocated ? dirname(systemFolder) : packageRoot;
  for (const folder of [dirname(layout.dataDirectory), dirname(layout.logDirectory)])
    makeEnterable(folder, top, account);
  if (!existsSync(layout.logDirectory)) mkdirSync(layout.logDirectory, { mode: 0o750 });
  if (account.switchUser && statSync(layout.logDirectory).uid !== account.uid) {
    chownSync(layout.logDirectory, account.uid, account.gid);
  }
  if (layout.relocated && recordedLayout(query.dataDirectory) === undefined) recordLayout(layout, query.dataDirectory);
}

/** Makes a folder with those above it; everybody may pass through what lies below `top`, whatever the umask, and nobody may list it. */
function makeEnterable(folder: string, top: string, account: Account): void {
  if (!existsSync(folder)) {
    makeEnterable(dirname(folder), top, account);
    try {
      mkdirSync(folder);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    chmodSync(folder, 0o711);
    return;
  }
  if (!account.switchUser || !isInside(top, folder)) return;
  const { mode } = statSync(folder);
  if ((mode & 0o111) !== 0o111) chmodSync(folder, (mode & 0o7777) | 0o111);
  makeEnterable(dirname(folder), top, account);
}

function recordLayout({ dataDirectory, logDirectory }: Layout, declaredDataDirectory: string): void {
  const home = dirname(declaredDataDirectory);
  mkdirSync(home, { recursive: true, mode: 0o711 });
  const text = `${JSON.stringify({ dataDirectory, logDirectory }, undefined, 2)}\n`;
  writeAtomically(join(home, LOCATION_FILE), text, { mode: 0o644 });
}
