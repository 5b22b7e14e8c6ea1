import { resolve } from 'node:path';

import { typeOf } from '../engine/protocol/registration';
import type { PropertyValue } from '../engine/state/values';
import { Secret } from '../engine/state/values';
import { requireTls } from '../postgres/connection/tls';
import { type ConnectionTarget, SSL_MODES } from '../postgres/spec';
import { PlatformError } from '../system/errors';
import { isObject } from '../system/isObject';
import { localServerOf, requireRunning, requireServer } from './localServer';
import type { Stack } from './stack';
import type { StackState } from './stackState';

/** Where the stack's database is and every login role's password, from the outputs in its state. */
export interface DatabaseAccess {
  host: string;
  port: number;
  database: string;
  adminUser: string;
  /** A target for one role; throws for a role without credentials. */
  as(role: string): ConnectionTarget;
}

/** `connect`: it is about to be connected to, and so proven first that nobody else answers there. */
export function databaseAccess(
  stack: Stack,
  state: StackState | undefined,
  purpose: 'connect' | 'tell',
): DatabaseAccess {
  if (stack.settings.environment === 'prod') throw outOfReach(stack.name);
  const server = state === undefined ? undefined : localServerOf(state, stack.workspace.root);
  if (server !== undefined) (purpose === 'connect' ? requireRunning : requireServer)(server);
  const outputs = state?.resources.find(({ urn }) => typeOf(urn) === 'pulumi:pulumi:Stack')?.outputs ?? {};
  const host = plain(outputs['host']);
  const port = plain(outputs['port']);
  const database = plain(outputs['database']);
  const passwords = plain(outputs['passwords']);
  const sslMode = SSL_MODES.find((mode) => mode === plain(outputs['sslMode']));
  const caFile = plain(outputs['caFile']);
  if (typeof host !== 'string' || typeof port !== 'number' || typeof database !== 'string' || !isObject(passwords)) {
    throw new PlatformError(
      'stack-not-deployed',
      `Stack ${stack.name} hands out no database: it was never brought up to its end.`,
      'Run `npm start` first.',
      { object: stack.name },
    );
  }
  return {
    host,
    port,
    database,
    adminUser: stack.settings.database.adminUser,
    as: (role) => {
      const password = passwords[role];
      const target: ConnectionTarget = {
        host,
        port,
        database,
        user: role,
        ...(sslMode === undefined ? {} : { sslMode }),
      };
      if (typeof caFile === 'string') target.caFile = resolve(stack.workspace.root, caFile);
      requireTls(target);
      if (typeof password === 'string') return { ...target, password };
      throw new PlatformError(
        'role-unknown',
        `Stack ${stack.name} has no credentials of role ${role}.`,
        'Run `npm start` first.',
        {
          object: role,
        },
      );
    },
  };
}

/** No password is kept, and the network lets nobody in. */
const outOfReach = (name: string): PlatformError =>
  new PlatformError(
    'database-out-of-reach',
    `The database of stack ${name} is inside its network: this command cannot reach it from here.`,
    'docs/prod.md, "By hand", shows psql over a forwarded port. `deploy` and `status` ask the migration function; `backup`, `restore` and `transfer` run as a task there.',
    { kind: 'refused', object: name },
  );

function plain(value: PropertyValue | undefined): unknown {
  if (value instanceof Secret) return plain(value.value);
  return value;
}
