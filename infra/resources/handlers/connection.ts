import type { Client } from 'pg';

import { withSharedClient } from '../../../postgres/connection/shared';
import { PlatformError } from '../../../postgres/errors';
import type { Connection } from '../connection';
import type { CheckFailure } from '../handler';

/** What is wrong with the shape of a connection that nothing has checked yet. */
export function connectionFailures(connection: Partial<Connection> | undefined): CheckFailure[] {
  const texts = (['host', 'database', 'user', 'password'] as const).filter(
    (key) => typeof connection?.[key] !== 'string',
  );
  const failures = texts.map((key) => ({ property: `connection.${key}`, reason: 'Expected a text.' }));
  if (typeof connection?.port === 'number') return failures;
  return [...failures, { property: 'connection.port', reason: 'Expected a number.' }];
}

/** The declared part, without what an engine added. */
export function plainConnection({ host, port, database, user, password }: Connection): Connection {
  return { host, port, database, user, password };
}

/**
 * What `plan` finds; undefined where no plan can be made yet: server, database or role come with the same run, a password is about to
 * change, or a value is unknown in this preview (Pulumi's sentinel is no password that opens anything).
 */
export async function planIfReachable<T>(
  connection: Connection,
  plan: (client: Client) => Promise<T>,
): Promise<T | undefined> {
  try {
    return await withSharedClient({ ...connection }, plan, { connectTimeoutMs: 3000 });
  } catch (error) {
    if (error instanceof PlatformError) return undefined;
    throw error;
  }
}
