import { randomUUID } from 'node:crypto';

import type { Client } from 'pg';

import { codeOf, PlatformError } from '../../system/errors';
import { grantee, PUBLIC, qualified } from '../connection/quote';
import { SqlState } from '../connection/sqlstate';
import type { MigrationHistory, MigrationRow, Powers } from './types';

export const MIGRATIONS_TABLE = '_prisma_migrations';

interface RawRow {
  id: string;
  migration_name: string;
  checksum: string;
  started_at: Date;
  finished_at: Date | null;
  rolled_back_at: Date | null;
  logs: string | null;
  applied_steps_count: number;
}

/** What the current role may do beside its own objects. */
export async function readPowers(client: Client): Promise<Powers> {
  const { rows } = await client.query<Powers>(
    `SELECT r.rolsuper AS superuser, r.rolcreaterole AS "createRole", r.rolcreatedb AS "createDatabase",
            (SELECT pg_catalog.pg_has_role(datdba, 'USAGE') FROM pg_catalog.pg_database
              WHERE datname = pg_catalog.current_database()) AS "ownsDatabase",
            ARRAY(SELECT rolname::pg_catalog.text FROM pg_catalog.pg_roles
                   WHERE rolname LIKE 'pg\\_%' AND pg_catalog.pg_has_role(oid, 'USAGE')) AS "memberOf",
            ARRAY(SELECT v.name::pg_catalog.text FROM pg_catalog.pg_available_extension_versions v
                   GROUP BY v.name HAVING NOT pg_catalog.bool_or(v.trusted OR NOT v.superuser OR v.installed)) AS untrusted,
            ARRAY(SELECT extname::pg_catalog.text FROM pg_catalog.pg_extension
                   WHERE pg_catalog.pg_has_role(extowner, 'USAGE')) AS "ownExtensions",
            ARRAY(SELECT extname::pg_catalog.text FROM pg_catalog.pg_extension
                   WHERE NOT pg_catalog.pg_has_role(extowner, 'USAGE')) AS "foreignExtensions"
       FROM pg_catalog.pg_roles r WHERE r.rolname = current_user`,
  );
  const [powers] = rows;
  if (powers === undefined) throw new Error('The current role is not in pg_roles.');
  return powers;
}

/** Two queries whatever the number of migrations; changes nothing. Fails with 42501 where the current role may not read the table. */
export async function readHistory(client: Client, schema = 'public'): Promise<MigrationHistory> {
  const tables = await client.query<{ name: string }>(
    `SELECT c.relname AS name
       FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relkind IN ('r', 'p')
        AND NOT EXISTS (
              SELECT FROM pg_catalog.pg_depend d
               WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
      ORDER BY c.relname`,
    [schema],
  );
  const names = tables.rows.map((row) => row.name);
  const exists = names.includes(MIGRATIONS_TABLE);
  const otherTables = names.filter((name) => name !== MIGRATIONS_TABLE);
  return { schema, exists, rows: exists ? await readRows(client, schema) : [], otherTables };
}

async function readRows(client: Client, schema: string): Promise<MigrationRow[]> {
  const query = client.query<RawRow>(
    `SELECT id, migration_name, checksum, started_at, finished_at, rolled_back_at, logs, applied_steps_count
       FROM ${table(schema)} ORDER BY started_at, migration_name`,
  );
  const { rows } = await query.catch((cause: unknown) => {
    throw codeOf(cause) === SqlState.insufficientPrivilege ? unreadable(schema, cause) : cause;
  });
  return rows.map((row) => ({
    id: row.id,
    name: row.migration_name,
    checksum: row.checksum,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    rolledBackAt: row.rolled_back_at,
    logs: row.logs,
    appliedStepsCount: row.applied_steps_count,
  }));
}

/**
 * The table Prisma makes: same columns, types, defaults and key. The caller has set the role that is to own it. Default privileges cannot leave
 * one table out, so what they gave is taken back: who may write here can make a migration be skipped.
 */
export async function createHistory(client: Client, schema: string): Promise<void> {
  await client.query(`
    CREATE TABLE ${table(schema)} (
      id varchar(36) PRIMARY KEY NOT NULL,
      checksum varchar(64) NOT NULL,
      finished_at timestamptz,
      migration_name varchar(255) NOT NULL,
      logs text,
      rolled_back_at timestamptz,
      started_at timestamptz NOT NULL DEFAULT now(),
      applied_steps_count integer NOT NULL DEFAULT 0
    )`);
  const { rows } = await client.query<{ role: string }>(
    `SELECT DISTINCT CASE e.grantee WHEN 0 THEN '${PUBLIC}' ELSE pg_catalog.pg_get_userbyid(e.grantee)::text END AS role
     FROM pg_catalog.pg_class c CROSS JOIN LATERAL pg_catalog.aclexplode(relacl) e
     WHERE c.oid = $1::pg_catalog.regclass AND e.grantee <> relowner`,
    [table(schema)],
  );
  for (const { role } of rows) await client.query(`REVOKE ALL ON TABLE ${table(schema)} FROM ${grantee(role)}`);
}

/** The record of a migration that ran in the current transaction: started when that began, finished now, one step. */
export async function recordApplied(client: Client, schema: string, name: string, checksum: string): Promise<void> {
  await client.query(
    `INSERT INTO ${table(schema)} (id, migration_name, checksum, started_at, finished_at, applied_steps_count)
     VALUES ($1, $2, $3, pg_catalog.now(), pg_catalog.clock_timestamp(), 1)`,
    [randomUUID(), name, checksum],
  );
}

/** A row that blocks all others until `recordFinished`. Returns its id. */
export async function recordStarted(client: Client, schema: string, name: string, checksum: string): Promise<string> {
  const id = randomUUID();
  await client.query(
    `INSERT INTO ${table(schema)} (id, migration_name, checksum, started_at) VALUES ($1, $2, $3, pg_catalog.clock_timestamp())`,
    [id, name, checksum],
  );
  return id;
}

export async function recordFinished(client: Client, schema: string, id: string): Promise<void> {
  await client.query(
    `UPDATE ${table(schema)}
        SET finished_at = pg_catalog.clock_timestamp(), applied_steps_count = applied_steps_count + 1
      WHERE id = $1`,
    [id],
  );
}

export async function recordLogs(client: Client, schema: string, id: string, logs: string): Promise<void> {
  await client.query(`UPDATE ${table(schema)} SET logs = $2 WHERE id = $1`, [id, logs]);
}

/** `migrate resolve --applied`: started and finished at one moment, empty logs, no steps. */
export async function recordResolved(client: Client, schema: string, name: string, checksum: string): Promise<void> {
  await client.query(
    `INSERT INTO ${table(schema)} (id, migration_name, checksum, logs, started_at, finished_at)
     VALUES ($1, $2, $3, '', pg_catalog.now(), pg_catalog.now())`,
    [randomUUID(), name, checksum],
  );
}

export async function recordRolledBack(client: Client, schema: string, id: string): Promise<void> {
  await client.query(`UPDATE ${table(schema)} SET rolled_back_at = pg_catalog.clock_timestamp() WHERE id = $1`, [id]);
}

function unreadable(schema: string, cause: unknown): PlatformError {
  return new PlatformError(
    'history-denied',
    `The current role may not read ${schema}.${MIGRATIONS_TABLE}, the record of applied migrations.`,
    `Give the table to the owner role: ALTER TABLE ${table(schema)} OWNER TO ... ; \`npm run up\` sets the declared grants.`,
    { object: `${schema}.${MIGRATIONS_TABLE}`, cause },
  );
}

function table(schema: string): string {
  return qualified(schema, MIGRATIONS_TABLE);
}
