import type { Client } from 'pg';

import { codeOf, PlatformError } from '../../system/errors';
import { SqlState } from './sqlstate';

const LOCK_TIMEOUT_MS = 3000;

/** For reading the catalog: where somebody holds what has to be read (a DDL in an open transaction), that is said instead of waited for. */
export async function withoutWaiting<T>(client: Client, plan: (client: Client) => Promise<T>): Promise<T> {
  await client.query(`SET lock_timeout = ${LOCK_TIMEOUT_MS}`);
  try {
    return await plan(client);
  } catch (error) {
    if (codeOf(error) !== SqlState.lockNotAvailable) throw error;
    throw new PlatformError(
      'preview-blocked',
      `The catalog could not be read within ${LOCK_TIMEOUT_MS / 1000} s: ${await lockOwners(client)}.`,
      'End that transaction (SELECT pg_terminate_backend(PID)) or let it finish, and run again.',
      { kind: 'locked', cause: error },
    );
  }
}

/** Sessions that hold a table exclusively, in words. */
async function lockOwners(client: Client): Promise<string> {
  const { rows } = await client
    .query<{ pid: number; role: string; application: string; seconds: number; relation: string }>(
      `SELECT DISTINCT ON (a.pid) a.pid, a.usename AS role, coalesce(nullif(a.application_name, ''), 'no application name') AS application,
              round(extract(epoch FROM clock_timestamp() - a.xact_start))::int AS seconds, l.relation::regclass::text AS relation
         FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
        WHERE l.granted AND l.mode = 'AccessExclusiveLock' AND l.relation IS NOT NULL AND l.pid <> pg_catalog.pg_backend_pid()
          AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
        ORDER BY a.pid LIMIT 5`,
    )
    .catch(() => ({ rows: [] }));
  if (rows.length === 0) return 'a session holds an exclusive lock';
  return rows
    .map(
      ({ pid, role, application, seconds, relation }) =>
        `process ${pid} (${application}, role ${role}, transaction open for ${seconds} s) holds ${relation}`,
    )
    .join('; ');
}
