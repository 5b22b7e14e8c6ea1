import {
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

import { codeOf, PlatformError } from '../../system/errors';
import type { Account } from './account';
import type { Binaries } from './binaries';
import { checkDataDirectory, isDataDirectory } from './dataDirectory';
import { runAs } from './run';
import { diskFull, isFull } from './startFailure';
import { dropUnfinished, makeUnfinished, removeUnfinished, unfinishedData, unfinishedFolder } from './unfinished';

export interface InitializeOptions {
  binaries: Binaries;
  dataDirectory: string;
  account: Account;
  pathVariable: string;
  adminUser: string;
  adminPassword: string;
  /** Called before each step: `folder`, `password`, `initdb`, `rename`, `done`. */
  onStep?: (step: string) => void;
}

/**
 * Makes the data directory unless there is one. initdb works in a folder beside it, and the result is renamed when it is whole and on
 * disk, so a crash or a full disk at any point leaves nothing that looks like a database. True: a new one was made. Of two at once one
 * makes it and the other finds it.
 */
export async function ensureDataDirectory(options: InitializeOptions): Promise<boolean> {
  const { binaries, dataDirectory, account } = options;
  await removeUnfinished(dataDirectory);
  checkDataDirectory(dataDirectory, binaries, account);
  if (isDataDirectory(dataDirectory)) return false;
  const step = options.onStep ?? (() => undefined);
  const folder = unfinishedFolder(dataDirectory);
  step('folder');
  try {
    makeUnfinished(folder, account);
    step('password');
    await initdb(options, folder, step);
    step('rename');
    return moveIntoPlace(unfinishedData(folder), dataDirectory);
  } finally {
    dropUnfinished(folder);
    step('done');
  }
}

async function initdb(options: InitializeOptions, folder: string, step: (name: string) => void): Promise<void> {
  const { binaries, account, adminUser, adminPassword, dataDirectory } = options;
  const passwordFile = join(folder, 'password');
  const data = unfinishedData(folder);
  writeFileSync(passwordFile, `${adminPassword}\n`, { mode: 0o600 });
  if (account.switchUser) chownSync(passwordFile, account.uid, account.gid);
  // --no-clean: a full disk can still be told from other reasons afterwards.
  const args = ['-D', data, '-U', adminUser, '--pwfile', passwordFile, '--data-checksums', '--no-clean'];
  args.push('--auth-host=scram-sha-256', '--auth-local=scram-sha-256', '-E', 'UTF8', ...localeOf(binaries.major));
  step('initdb');
  const { code, output } = await runAs(join(binaries.directory, 'initdb'), args, options);
  rmSync(passwordFile, { force: true });
  if (code === 0) return;
  const words = output.split('\n').slice(-6).join('\n');
  if (isFull(folder)) throw diskFull(dataDirectory, words);
  throw new PlatformError(
    'initdb-failed',
    `initdb (${binaries.directory}) could not make ${dataDirectory}:\n${words}`,
    'Mend what the message names and run the command again. Nothing half-made was left behind.',
    { object: dataDirectory },
  );
}

/** Code point order and Unicode letters, the same on every machine: PostgreSQL's own locale from 17 on, the system's before. */
function localeOf(major: number): string[] {
  if (major >= 17) return ['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C'];
  return ['--locale=C', '--lc-ctype=C.UTF-8'];
}

function moveIntoPlace(folder: string, dataDirectory: string): boolean {
  try {
    // An empty folder may have been made beforehand; rename takes its place nowhere but on Linux.
    if (existsSync(dataDirectory)) rmdirSync(dataDirectory);
    renameSync(folder, dataDirectory);
  } catch (error) {
    const lost = codeOf(error) === 'ENOTEMPTY' || codeOf(error) === 'EEXIST';
    if (lost && isDataDirectory(dataDirectory)) return false;
    if (codeOf(error) !== 'EBUSY') throw error;
    throw new PlatformError(
      'data-directory-mounted',
      `${dataDirectory} is a mount point; a server is made beside its data directory and then renamed, which cannot be done there.`,
      `Set coach:server.dataDirectory to a folder below it (${join(dataDirectory, 'data')}).`,
      { kind: 'usage', object: dataDirectory, cause: error },
    );
  }
  syncFolder(dirname(dataDirectory));
  return true;
}

/** The new name is on disk; initdb has synced everything below. */
function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
