import { chmodSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { PlatformError } from '../../system/errors';
import { type Account, accountName } from './account';
import type { Binaries } from './binaries';

export function isDataDirectory(folder: string): boolean {
  return existsSync(join(folder, 'PG_VERSION'));
}

/** The major version a data directory belongs to; undefined where there is none. */
export function majorOf(dataDirectory: string): number | undefined {
  if (!isDataDirectory(dataDirectory)) return undefined;
  return Number.parseInt(readFileSync(join(dataDirectory, 'PG_VERSION'), 'utf8'), 10);
}

/** Throws when an existing data directory cannot be run by these binaries and this account, or the folder holds something else. Changes nothing. */
export function checkDataDirectory(dataDirectory: string, binaries: Binaries, account: Account): void {
  const major = majorOf(dataDirectory);
  if (major === undefined) {
    refuseForeignFiles(dataDirectory);
    return;
  }
  if (major !== binaries.major) throw otherMajor(dataDirectory, major, binaries);
  const owner = statSync(dataDirectory).uid;
  if (account.uid < 0 || owner === account.uid) return;
  throw new PlatformError(
    'owner-foreign',
    `The data directory ${dataDirectory} belongs to ${accountName(owner)}, and the server would run as ${account.name}: PostgreSQL ` +
      'runs only as the owner of its data.',
    `Give the data to that account: \`chown -R ${account.name} ${dataDirectory}\` (as root); or run as ${accountName(owner)}` +
      `${owner === 0 ? '' : `, or as root with coach:server.account ${accountName(owner)}`}. The directory was not touched.`,
    { kind: 'refused', object: dataDirectory },
  );
}

function otherMajor(dataDirectory: string, major: number, binaries: Binaries): PlatformError {
  return new PlatformError(
    'major-mismatch',
    `The data directory ${dataDirectory} is of PostgreSQL ${major}, and PostgreSQL ${binaries.version} (${binaries.directory}) would run ` +
      'it: only the same major version can.',
    `To go on as before, install PostgreSQL ${major} or name its folder in coach:server.binaries. To carry the data over to ` +
      `${binaries.major}: start the old one (\`pg_ctl -D ${dataDirectory} start\` of ${major}), \`pg_dumpall > all.sql\`, stop it, move the ` +
      'directory aside, `npm start -- --yes`, then `psql -f all.sql postgres`; or make an empty directory with initdb of ' +
      `${binaries.major} and run \`pg_upgrade -b OLD/bin -B ${binaries.directory} -d ${dataDirectory} -D NEW\`, put NEW into its place and run \`npm start -- --yes\`. Nothing was touched.`,
    { kind: 'refused', object: dataDirectory },
  );
}

function refuseForeignFiles(dataDirectory: string): void {
  const found = statSync(dataDirectory, { throwIfNoEntry: false });
  if (found === undefined || (found.isDirectory() && readdirSync(dataDirectory).length === 0)) return;
  throw new PlatformError(
    'data-directory-foreign',
    found.isDirectory()
      ? `${dataDirectory} is not empty and is no data directory of PostgreSQL (no PG_VERSION in it).`
      : `${dataDirectory} is no folder.`,
    'Move it elsewhere, or set coach:server.dataDirectory to another folder. Nothing was touched.',
    { kind: 'refused', object: dataDirectory },
  );
}

/** PostgreSQL starts only when nobody else can write or enter. */
export function secureDataDirectory(dataDirectory: string): void {
  if ((statSync(dataDirectory).mode & 0o777) !== 0o700) chmodSync(dataDirectory, 0o700);
}
