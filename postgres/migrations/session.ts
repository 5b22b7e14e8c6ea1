import type { Client } from 'pg';

import { codeOf, PlatformError } from '../../system/errors';
import { withAdvisoryLock } from '../connection/locks';
import { quoteIdentifier } from '../connection/quote';
import { pinSession } from '../connection/session';
import { SqlState } from '../connection/sqlstate';

/** The lock Prisma's schema engine takes, so that `prisma migrate deploy` and this wait for each other. */
export const MIGRATION_LOCK = 72707369;

/** As long as Prisma waits for the lock. */
const LOCK_WAIT_MS = 10_000;

export interface SessionOptions {
  /** Runs everything and owns what it makes; the connected role has to be a member of it. */
  role: string;
  /** How long a statement waits for a lock on a table. 0: for ever. */
  lockTimeoutMs: number;
  /** How long one statement may run. 0: for ever. */
  statementTimeoutMs: number;
  /** How long to wait for another migration run. Default 10 000. */
  waitMs?: number;
}

/** Runs `work` while no other migration run is under way. A `locked` PlatformError after `waitMs`. */
export async function withMigrationLock<T>(
  client: Client,
  waitMs: number | undefined,
  work: () => Promise<T>,
): Promise<T> {
  return withAdvisoryLock(client, MIGRATION_LOCK, 'the migration', work, waitMs ?? LOCK_WAIT_MS);
}

/** Becomes the owner role, with its time limits and Prisma's search path. `local`: until the transaction ends. */
export async function assumeRole(
  client: Client,
  schema: string,
  options: SessionOptions,
  local: boolean,
): Promise<void> {
  try {
    await client.query(`SET ${local ? 'LOCAL ' : ''}ROLE ${quoteIdentifier(options.role)}`);
  } catch (cause) {
    throw roleError(options.role, cause);
  }
  await client.query(
    `SELECT pg_catalog.set_config('search_path', $1, $4), pg_catalog.set_config('lock_timeout', $2, $4),
            pg_catalog.set_config('statement_timeout', $3, $4)`,
    [quoteIdentifier(schema), `${options.lockTimeoutMs}ms`, `${options.statementTimeoutMs}ms`, local],
  );
}

/** Role and settings of our own statements again, inside a transaction whose script may have changed both. */
export async function resumeRole(client: Client, role: string): Promise<void> {
  await client.query(`RESET SESSION AUTHORIZATION; SET LOCAL ROLE ${quoteIdentifier(role)}`);
  await pinSession(client, 'script', true);
}

/** A clean session with the settings our own statements rely on. */
export async function cleanSession(client: Client): Promise<void> {
  await freeSession(client);
  await pinSession(client, 'script');
}

/**
 * A clean session with the settings Prisma's connection would have, for a script. Drops whatever a migration left: role, settings,
 * temporary tables, prepared statements, cursors. DISCARD ALL would do it, and would give up the advisory lock too.
 */
export async function freeSession(client: Client): Promise<void> {
  await client.query(
    'RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; CLOSE ALL; UNLISTEN *; DEALLOCATE ALL; DISCARD TEMP; DISCARD SEQUENCES',
  );
}

/** False after a migration called DISCARD ALL or pg_advisory_unlock_all(): another run may then be at work. */
export async function holdsLock(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ holds: boolean }>(
    `SELECT EXISTS (
       SELECT FROM pg_catalog.pg_locks
        WHERE locktype = 'advisory' AND pid = pg_catalog.pg_backend_pid() AND granted
          AND classid = 0 AND objid = $1::pg_catalog.oid AND objsubid = 1) AS holds`,
    [MIGRATION_LOCK],
  );
  return rows[0]?.holds === true;
}

function roleError(role: string, cause: unknown): unknown {
  const missing = codeOf(cause) === SqlState.invalidParameterValue || codeOf(cause) === SqlState.undefinedObject;
  if (missing)
    return new PlatformError(
      'role-missing',
      `Role ${role}, which migrations run as, does not exist.`,
      'Run `npm run up` to create the declared roles, or correct `coach:roles.owner`.',
      { object: role, cause },
    );
  if (codeOf(cause) === SqlState.insufficientPrivilege)
    return new PlatformError(
      'role-denied',
      `The connected role may not become ${role}, which migrations run as.`,
      `Connect as the migrator role, or make the connected one a member: GRANT ${role} TO ... .`,
      { object: role, cause },
    );
  return cause;
}
