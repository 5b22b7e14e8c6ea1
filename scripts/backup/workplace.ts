import { hostname, userInfo } from 'node:os';
import { resolve } from 'node:path';

import { type Identity, readIdentity } from '../../postgres/backup/encryption';
import type { ConnectionTarget } from '../../postgres/spec';
import type { CommandContext } from '../command';
import { databaseAccess } from '../databaseAccess';
import { type LocalServer, localServerOf } from '../localServer';
import { adminLogin } from '../passwords';
import { openStack, type Stack } from '../stack';
import { readState, type StackState } from '../stackState';
import { backupDirectory } from './directory';
import { signingKey } from './signingKey';

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
  const identityFile = stack.settings.backup.age?.identityFile;
  const { root } = stack.workspace;
  return {
    stack,
    directory: backupDirectory(stack),
    key: signingKey(stack),
    pathVariable: context.environment['PATH'] ?? '',
    identity: () => (identityFile === undefined ? undefined : readIdentity(resolve(root, identityFile))),
  };
}

/** The database of a stack that is deployed, as the role for backups and as the administrator. */
export interface BackupDatabase {
  name: string;
  backup: ConnectionTarget;
  /** In a database that is never restored. */
  admin: () => Promise<ConnectionTarget>;
  /** Folder of the local server's programs. */
  binaries: string | undefined;
  /** The task knows none. */
  state: StackState | undefined;
}

export async function openDatabase(context: CommandContext, { stack }: BackupWorkplace): Promise<BackupDatabase> {
  if (stack.task !== undefined) return (await import('../task/login')).taskDatabase(stack.task, stack.settings);
  const state = await readState(context, stack);
  const access = databaseAccess(stack, state, 'connect');
  if (state === undefined) throw new Error('A stack that hands out its database has a state.');
  const admin = adminLogin(state)?.target ?? access.as(access.adminUser);
  return {
    name: access.database,
    backup: access.as(stack.settings.roles.backup.name),
    admin: () => Promise.resolve({ ...admin, database: 'postgres' }),
    binaries: programsOf(localServerOf(state, context.root)),
    state,
  };
}

const programsOf = (server: LocalServer | undefined): string | undefined => server?.placed.process.binaries.directory;

/** Who runs this: account@host. */
export const runBy = (): string => `${userInfo().username}@${hostname()}`;
