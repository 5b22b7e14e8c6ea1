import { readFileSync, statSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { resolve } from 'node:path';

import { type Identity, readIdentity } from '../../postgres/backup/encryption';
import type { ConnectionTarget } from '../../postgres/spec';
import { PlatformError, systemReason } from '../../system/errors';
import type { CommandContext } from '../command';
import { databaseAccess } from '../databaseAccess';
import { type LocalServer, localServerOf } from '../localServer';
import { adminLogin } from '../passwords';
import { openStack, type Stack } from '../stack';
import { readState, type StackState } from '../stackState';
import { backupDirectory } from './directory';

/** What every command about backups works with. */
export interface BackupWorkplace {
  stack: Stack;
  directory: string;
  /** Signs and proves manifests. */
  key: Buffer | undefined;
  pathVariable: string;
  /** Of age; read when it is needed. */
  identity: () => Identity | undefined;
}

export function openWorkplace(context: CommandContext): BackupWorkplace {
  const stack = openStack(context);
  const { signingKeyFile, age } = stack.settings.backup;
  const identityFile = age?.identityFile;
  const { root } = stack.workspace;
  return {
    stack,
    directory: backupDirectory(stack),
    key: signingKeyFile === undefined ? undefined : readKey(resolve(root, signingKeyFile)),
    pathVariable: context.environment['PATH'] ?? '',
    identity: () => (identityFile === undefined ? undefined : readIdentity(resolve(root, identityFile))),
  };
}

/** Shorter keys can be guessed. */
const KEY_BYTES = 32;

function readKey(path: string): Buffer {
  const refuse = (reason: string): PlatformError =>
    new PlatformError(
      'signing-key',
      `The key that signs backups, ${path}, cannot be used: ${reason}.`,
      `Make one: \`head -c 32 /dev/urandom | base64 > ${path} && chmod 600 ${path}\`, and keep a copy where the backups are not.`,
      { kind: 'usage', object: path },
    );
  let key: Buffer;
  try {
    key = readFileSync(path);
    if ((statSync(path).mode & 0o077) !== 0) throw refuse('others than its owner may read it (chmod 600)');
  } catch (error) {
    throw error instanceof PlatformError ? error : refuse(systemReason(error));
  }
  if (key.length < KEY_BYTES) throw refuse(`it has ${key.length} bytes, expected ${KEY_BYTES} or more`);
  return key;
}

/** The database of a stack that is deployed, as the role for backups and as the administrator. */
export interface BackupDatabase {
  name: string;
  backup: ConnectionTarget;
  /** In a database that is never restored. */
  admin: ConnectionTarget;
  /** Folder of the local server's programs. */
  binaries: string | undefined;
  state: StackState;
}

export async function openDatabase(context: CommandContext, { stack }: BackupWorkplace): Promise<BackupDatabase> {
  const state = await readState(context, stack);
  const access = databaseAccess(stack, state, 'connect');
  if (state === undefined) throw new Error('A stack that hands out its database has a state.');
  const admin = adminLogin(state)?.target ?? access.as(access.adminUser);
  return {
    name: access.database,
    backup: access.as(stack.settings.roles.backup.name),
    admin: { ...admin, database: 'postgres' },
    binaries: programsOf(localServerOf(state, context.root)),
    state,
  };
}

const programsOf = (server: LocalServer | undefined): string | undefined => server?.placed.process.binaries.directory;

/** Who runs this: account@host. */
export const runBy = (): string => `${userInfo().username}@${hostname()}`;
