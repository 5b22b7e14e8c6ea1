import type { Client } from 'pg';

import { codeOf, messageOf, PlatformError } from '../../system/errors';
import { withTransaction } from './client';
import { grantee } from './quote';
import { SqlState } from './sqlstate';

/*
 * What keeps two runs apart. An advisory lock can be taken, and held for ever, by any role that connects; so the platform's own locks are rows of
 * a table that only the administrator may touch. A row holds for as long as the session that wrote it lives: a crash leaves nothing behind.
 */

export const LOCK_SCHEMA = 'coachdb';
const TABLE = `${LOCK_SCHEMA}.run_lock`;

/** The session that is in the way; what the connected role may not see of it is null. */
interface Holder {
  pid: number;
  role: string | null;
  application: string | null;
  since: string | null;
}

const HOLDER = `a.pid, a.usename AS role, nullif(a.application_name, '') AS application,
  to_char(a.query_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS since`;

/**
 * Holds the platform's lock `name` while `work` runs, across its transactions. Waits at most `waitMs` (default 0: not at all), then throws a
 * `locked` PlatformError that names the holder. `what` names the work for that message. For a session of the administrator.
 */
export async function withLock<T>(
  client: Client,
  name: string,
  what: string,
  work: () => Promise<T>,
  waitMs = 0,
): Promise<T> {
  const session = await ownSession(client);
  const take = async (): Promise<boolean> => {
    const { rowCount } = await client.query(TAKE, [name, ...session]).catch((error: unknown) => {
      throw denied(error);
    });
    return rowCount === 1;
  };
  const holder = async (): Promise<Holder | undefined> => (await client.query<Holder>(LOCK_HOLDER, [name])).rows[0];
  await untilTaken(`lock ${name}`, what, waitMs, take, holder);
  try {
    return await work();
  } finally {
    await client.query(RELEASE, [name, ...session]).catch(() => undefined);
  }
}

/** As `withLock`, with an advisory lock of the session: for one that other programs take too. */
export async function withAdvisoryLock<T>(
  client: Client,
  key: number,
  what: string,
  work: () => Promise<T>,
  waitMs = 0,
): Promise<T> {
  // Asked for again and again: a statement that waits holds a snapshot, for which a concurrent index build of the holder would wait.
  const take = async (): Promise<boolean> => {
    const { rows } = await client.query<{ locked: boolean }>('SELECT pg_catalog.pg_try_advisory_lock($1) AS locked', [
      key,
    ]);
    return rows[0]?.locked === true;
  };
  const holder = async (): Promise<Holder | undefined> => (await client.query<Holder>(ADVISORY_HOLDER, [key])).rows[0];
  await untilTaken(`advisory lock ${key}`, what, waitMs, take, holder);
  try {
    return await work();
  } finally {
    await client.query('SELECT pg_catalog.pg_advisory_unlock($1)', [key]).catch(() => undefined);
  }
}

async function untilTaken(
  lock: string,
  what: string,
  waitMs: number,
  take: () => Promise<boolean>,
  holder: () => Promise<Holder | undefined>,
): Promise<void> {
  const deadline = Date.now() + waitMs;
  while (!(await take())) {
    if (Date.now() >= deadline) throw lockTaken(lock, what, waitMs, await holder());
    await new Promise((resolve) => setTimeout(resolve, Math.min(200, Math.max(1, deadline - Date.now()))));
  }
}

function lockTaken(lock: string, what: string, waitMs: number, holder: Holder | undefined): PlatformError {
  const waited = waitMs < 1000 ? '' : ` Waited ${Math.round(waitMs / 1000)} s.`;
  const options = { kind: 'locked', object: lock } as const;
  if (holder === undefined)
    return new PlatformError(
      'lock-held',
      `Another session held ${lock}, so ${what} could not start.${waited}`,
      'It is over by now: run this again.',
      options,
    );
  const { pid, role, application, since } = holder;
  const who = [
    `role ${role ?? 'unknown'}`,
    `application ${application ?? 'unnamed'}`,
    `its query began ${since ?? 'at a time this role may not see'}`,
  ];
  return new PlatformError(
    'lock-held',
    `Session ${pid} (${who.join(', ')}) holds ${lock}, so ${what} cannot start.${waited}`,
    `Wait for it to finish and run this again. If it hangs or should not hold the lock, an administrator ends it: SELECT pg_terminate_backend(${pid});`,
    options,
  );
}

type OwnSession = [pid: number, start: string];

/** This session, and a table to lock in that belongs to an administrator and to nobody else. */
async function ownSession(client: Client): Promise<OwnSession> {
  for (let attempt = 1; ; attempt += 1) {
    const { rows } = await client.query<Facts>(FACTS);
    const facts = rows[0];
    if (facts === undefined || facts.start === null) throw new Error('pg_stat_activity has no row of this session.');
    if (facts.foreign !== null) throw foreign(facts.foreign);
    if (facts.present && facts.strangers.length === 0) return [facts.pid, facts.start];
    // Another run makes it at the same moment: the next look finds it.
    await prepare(client).catch((error: unknown) => {
      if (attempt === 3 || !MADE_MEANWHILE.has(codeOf(error))) throw denied(error);
    });
  }
}

interface Facts {
  pid: number;
  start: string | null;
  present: boolean;
  /** Owner of the schema or of its table who is no administrator: triggers of his would run as the administrator. */
  foreign: string | null;
  /** Roles with a right on the schema, as default privileges may give them. */
  strangers: string[];
}

const MADE_MEANWHILE = new Set<string | undefined>([
  SqlState.uniqueViolation,
  SqlState.duplicateTable,
  SqlState.duplicateSchema,
  SqlState.internalError,
]);

/** In one transaction, so that nobody whom default privileges favour gets in between. */
function prepare(client: Client): Promise<void> {
  return withTransaction(client, async () => {
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${LOCK_SCHEMA}`);
    await client.query(
      `CREATE TABLE IF NOT EXISTS ${TABLE} (name text PRIMARY KEY, pid integer NOT NULL, backend_start timestamp with time zone NOT NULL)`,
    );
    const { rows } = await client.query<Facts>(FACTS);
    const roles = rows[0]?.strangers.map(grantee) ?? [];
    if (roles.length > 0) await client.query(`REVOKE ALL ON SCHEMA ${LOCK_SCHEMA} FROM ${roles.join(', ')}`);
  });
}

function foreign(owner: string): PlatformError {
  return new PlatformError(
    'lock-foreign',
    `Schema ${LOCK_SCHEMA}, where this platform keeps its locks, or its table run_lock belongs to role ${owner}; expected an administrator.`,
    `Rename it as an administrator: ALTER SCHEMA ${LOCK_SCHEMA} RENAME TO ${LOCK_SCHEMA}_old; the platform then makes its own.`,
    { kind: 'refused', object: LOCK_SCHEMA },
  );
}

function denied(error: unknown): unknown {
  if (codeOf(error) !== SqlState.insufficientPrivilege) return error;
  const reason = messageOf(error);
  return new PlatformError(
    'lock-denied',
    `Schema ${LOCK_SCHEMA}, where this platform keeps its locks, may not be used: ${reason}`,
    'Connect as the administrator, who owns the database.',
    { object: LOCK_SCHEMA, cause: error },
  );
}

const FACTS = `
SELECT pg_backend_pid() AS pid, (SELECT to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00' FROM pg_stat_activity AS a WHERE a.pid = pg_backend_pid()) AS start,
       c.oid IS NOT NULL AS present, (SELECT o.rolname::text FROM pg_roles AS o WHERE o.oid IN (n.nspowner, c.relowner)
          AND NOT o.rolsuper AND o.rolname <> current_user LIMIT 1) AS foreign,
       ARRAY(SELECT DISTINCT CASE x.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(x.grantee)::text END
               FROM aclexplode(n.nspacl) AS x WHERE x.grantee <> n.nspowner) AS strangers
  FROM (VALUES (1)) AS one LEFT JOIN pg_namespace AS n ON n.nspname = '${LOCK_SCHEMA}'
  LEFT JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = 'run_lock'`;

/** Takes the lock where nobody holds it, or nobody who still lives. Whether the holder lives is looked up after waiting for the row. */
const TAKE = `
INSERT INTO ${TABLE} AS l (name, pid, backend_start) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET pid = EXCLUDED.pid, backend_start = EXCLUDED.backend_start
 WHERE (l.pid, l.backend_start) = (EXCLUDED.pid, EXCLUDED.backend_start)
    OR NOT EXISTS (SELECT FROM pg_stat_activity AS a WHERE a.pid = l.pid AND a.backend_start = l.backend_start)`;

const RELEASE = `DELETE FROM ${TABLE} WHERE name = $1 AND pid = $2 AND backend_start = $3`;

const LOCK_HOLDER = `SELECT ${HOLDER} FROM ${TABLE} AS l JOIN pg_stat_activity AS a ON a.pid = l.pid AND a.backend_start = l.backend_start WHERE l.name = $1`;

/** A key of one number is kept in two halves, with objsubid 1. */
const ADVISORY_HOLDER = `
SELECT ${HOLDER} FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
 WHERE l.locktype = 'advisory' AND l.granted AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
   AND ((l.classid::bigint << 32) | l.objid::bigint) = $1 AND l.objsubid = 1 LIMIT 1`;
