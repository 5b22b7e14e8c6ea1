import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { PlatformError } from '../errors';
import { type Account, accountName } from './account';
import type { Binaries } from './binaries';
import { runAs } from './process';

export interface InitializeOptions {
  binaries: Binaries;
  dataDirectory: string;
  account: Account;
  adminUser: string;
  adminPassword: string;
}

/** Suffix of a folder being initialised; one that is left was cut off and is ours to remove. */
const UNFINISHED = '.initializing';

/**
 * Makes the data directory unless there is one. initdb works in a folder beside it that is renamed when everything is done, so
 * a crash or a full disk at any point leaves nothing that looks like a database. True: a new one was made.
 */
export async function ensureDataDirectory(options: InitializeOptions): Promise<boolean> {
  const { dataDirectory, account } = options;
  removeUnfinished(dataDirectory);
  if (isDataDirectory(dataDirectory)) {
    checkDataDirectory(options);
    return false;
  }
  refuseForeignFiles(dataDirectory);
  const folder = `${dataDirectory}${UNFINISHED}-${process.pid}`;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const passwordFile = `${folder}.password`;
  try {
    if (account.drop) chownSync(folder, account.uid, account.gid);
    writeFileSync(passwordFile, `${options.adminPassword}\n`, { mode: 0o600 });
    if (account.drop) chownSync(passwordFile, account.uid, account.gid);
    await initdb(options, folder, passwordFile);
    rmSync(dataDirectory, { recursive: true, force: true });
    renameSync(folder, dataDirectory);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  } finally {
    rmSync(passwordFile, { force: true });
  }
  return true;
}

async function initdb(options: InitializeOptions, folder: string, passwordFile: string): Promise<void> {
  const { binaries, account, adminUser } = options;
  const args = ['-D', folder, '-U', adminUser, '--pwfile', passwordFile, '--data-checksums', '-E', 'UTF8'];
  args.push('--locale=C', '--lc-ctype=C.UTF-8', '--auth-host=scram-sha-256', '--auth-local=scram-sha-256');
  const result = await runAs(account, join(binaries.directory, 'initdb'), args);
  if (result.code === 0) return;
  const full = /No space left on device|could not write|Disk quota/i.test(result.output);
  throw new PlatformError(
    full ? 'disk-full' : 'initdb-failed',
    `initdb could not make ${options.dataDirectory}: ${result.output.split('\n').slice(-6).join('\n')}`,
    full
      ? `Free space on the disk of ${dirname(options.dataDirectory)} (a new server takes about 80 MB) and run \`npm start\` again. ` +
          'Nothing half-made was left.'
      : 'Nothing half-made was left; mend what the message names and run `npm start` again.',
    { object: options.dataDirectory },
  );
}

export function isDataDirectory(folder: string): boolean {
  return existsSync(join(folder, 'PG_VERSION'));
}

/** Throws when the directory belongs to another major version or another account. */
function checkDataDirectory({ dataDirectory, binaries, account }: InitializeOptions): void {
  const major = Number(readFileSync(join(dataDirectory, 'PG_VERSION'), 'utf8').trim());
  if (major !== binaries.major) {
    throw new PlatformError(
      'major-mismatch',
      `The data directory ${dataDirectory} is of PostgreSQL ${major}, and PostgreSQL ${binaries.version} (${binaries.directory}) would run it.`,
      `To go on as before, point coach:server.binaries to PostgreSQL ${major}. To carry the data over: start the old version, ` +
        '`pg_dumpall > all.sql`, stop it, move the folder aside, `npm start`, then `psql -f all.sql`; or run pg_upgrade with both ' +
        'versions installed. The directory was not touched.',
      { kind: 'refused', object: dataDirectory },
    );
  }
  const owner = statSync(dataDirectory).uid;
  if (account.uid >= 0 && owner !== account.uid) {
    throw new PlatformError(
      'owner-foreign',
      `The data directory ${dataDirectory} belongs to ${accountName(owner)}, and the server would run as ${account.name}.`,
      `Run as ${accountName(owner)}, name that account in coach:server.account, or \`chown -R ${account.name} ${dataDirectory}\`.`,
      { kind: 'refused', object: dataDirectory },
    );
  }
}

function refuseForeignFiles(dataDirectory: string): void {
  if (!existsSync(dataDirectory) || readdirSync(dataDirectory).length === 0) return;
  throw new PlatformError(
    'data-directory-foreign',
    `${dataDirectory} is not empty and is no data directory of PostgreSQL (no PG_VERSION in it).`,
    'Move what is in it elsewhere, or set coach:server.dataDirectory to another folder. Nothing was touched.',
    { kind: 'refused', object: dataDirectory },
  );
}

function removeUnfinished(dataDirectory: string): void {
  const home = dirname(dataDirectory);
  if (!existsSync(home)) return;
  for (const name of readdirSync(home)) {
    if (!name.startsWith(`${basename(dataDirectory)}${UNFINISHED}-`)) continue;
    const pid = Number(/-(\d+)/.exec(name.slice(basename(dataDirectory).length + UNFINISHED.length))?.[1]);
    if (pid !== process.pid && isAlive(pid)) continue;
    rmSync(join(home, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Only the owner may enter: PostgreSQL refuses anything else. */
export function secureDataDirectory(dataDirectory: string): void {
  chmodSync(dataDirectory, 0o700);
}
