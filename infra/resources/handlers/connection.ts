import { resolve } from 'node:path';

import type { Client } from 'pg';

import { withSharedClient } from '../../../postgres/connection/shared';
import type { ConnectionTarget } from '../../../postgres/spec';
import { PlatformError } from '../../../system/errors';
import { projectRoot } from '../../../system/projectRoot';
import { UNKNOWN_ON_WIRE } from '../../../system/unknown';
import type { Connection } from '../connection';
import type { CheckFailure } from '../handler';

/** What is wrong with a connection that nothing has checked yet. */
export function connectionFailures(connection: Partial<Connection> | undefined): CheckFailure[] {
  const texts = (['host', 'database', 'user', 'password'] as const).filter(
    (key) => typeof connection?.[key] !== 'string',
  );
  const failures = texts.map((key) => ({ property: `connection.${key}`, reason: 'Expected a text.' }));
  if (typeof connection?.port === 'number') return failures;
  return [...failures, { property: 'connection.port', reason: 'Expected a number.' }];
}

/** The declared part, without what an engine added. */
export function plainConnection({ host, port, database, user, password, sslMode, caFile }: Connection): Connection {
  const tls = { ...(sslMode === undefined ? {} : { sslMode }), ...(caFile === undefined ? {} : { caFile }) };
  return { host, port, database, user, password, ...tls };
}

/** Whom to connect to: paths of the state count from the project's folder. */
export function targetOf(connection: Connection): ConnectionTarget {
  const { caFile, ...target } = plainConnection(connection);
  return caFile === undefined ? target : { ...target, caFile: resolve(projectRoot(process.cwd()), caFile) };
}

/** Why nothing can be asked of the database yet, though the same run will make it possible: by the code of the error. */
const NOT_YET: Readonly<Record<string, (connection: Connection) => string>> = {
  'server-unreachable': ({ host, port }) => `no server answers at ${host}:${port} yet`,
  'server-left-behind': () => 'the server runs from a folder that was moved, and is restarted by the same run',
  'database-missing': ({ database }) => `database ${database} does not exist yet`,
  'password-refused': ({ user }) => `the server does not take the password of ${user} yet`,
  'login-refused': ({ user }) => `role ${user} cannot log in yet`,
  'connect-denied': ({ user, database }) => `role ${user} may not connect to ${database} yet`,
  'role-refused': () => 'a role it needs does not exist yet',
  'role-missing': () => 'a role it needs does not exist yet',
  'role-denied': () => 'a membership it needs does not exist yet',
  'history-denied': () => 'a privilege it needs is not granted yet',
};

/** What `plan` finds, or why it cannot be made yet. Anything else that goes wrong is thrown. */
export async function planIfReachable<T>(
  connection: Connection,
  plan: (client: Client) => Promise<T>,
): Promise<{ plan: T } | { reason: string }> {
  if (connection.password === UNKNOWN_ON_WIRE)
    return { reason: `the password of ${connection.user} is made by the same run` };
  try {
    const options = { connectTimeoutMs: 3000 };
    return { plan: await withSharedClient(targetOf(connection), plan, options) };
  } catch (error) {
    const reason = error instanceof PlatformError ? NOT_YET[error.code] : undefined;
    if (reason === undefined) throw error;
    return { reason: reason(connection) };
  }
}

/** The computed `plan` of what cannot be judged before the run begins. */
export function notYet(reason: string): string {
  return `not yet checked: ${reason}`;
}
