import type { Client } from 'pg';

import { PlatformError } from '../../system/errors';
import { quoteIdentifier } from '../connection/quote';
import type { ManifestTable } from './manifest';

/** A table that a dump holds rows of. */
export interface DumpedTable {
  oid: number;
  schema: string;
  name: string;
}

export interface Snapshot {
  /** For `pg_dump --snapshot`. */
  name: string;
  walPosition: string;
  server: { version: string; major: number };
  /** PostgreSQL's system identifier; null where the server does not tell it. */
  system: string | null;
  tables: DumpedTable[];
  largeObjects: number;
}

/**
 * Begins a transaction whose snapshot pg_dump and its workers take too, and looks at what they will find. It ends when the caller ends it. Throws
 * `rows-hidden` and `large-objects-hidden` where the role would not see all there is: row security hides rows without an error.
 */
export async function beginSnapshot(client: Client): Promise<Snapshot> {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  const { rows } = await client.query<Facts>(FACTS);
  const facts = rows[0];
  if (facts === undefined) throw new Error('A query without FROM returned no row.');
  const { version, hidden, tellsSystem, ...rest } = facts;
  const { rows: tables } = await client.query<DumpedTable & { visible: boolean; readable: boolean }>(TABLES);
  const unseen = tables.filter(({ visible, readable }) => !visible || !readable);
  if (unseen.length > 0) throw rowsHidden(unseen, await userOf(client));
  if (hidden.length > 0) throw largeObjectsHidden(hidden, await userOf(client));
  return {
    ...rest,
    system: tellsSystem ? await systemOf(client) : null,
    server: { version, major: Number.parseInt(version, 10) },
    tables: tables.map(({ oid, schema, name }) => ({ oid, schema, name })),
  };
}

const userOf = async (client: Client): Promise<string> =>
  (await client.query<{ user: string }>('SELECT current_user AS user')).rows[0]?.user ?? '';

const systemOf = async (client: Client): Promise<string | null> =>
  (await client.query<{ system: string }>('SELECT system_identifier::text AS system FROM pg_control_system()')).rows[0]
    ?.system ?? null;

interface Facts extends Omit<Snapshot, 'tables' | 'server' | 'system'> {
  version: string;
  hidden: string[];
  tellsSystem: boolean;
}

const FACTS = `
SELECT pg_export_snapshot() AS name, current_setting('server_version') AS version,
       (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END)::text AS "walPosition",
       has_function_privilege('pg_control_system()', 'EXECUTE') AS "tellsSystem",
       (SELECT count(*)::int FROM pg_largeobject_metadata) AS "largeObjects",
       ARRAY(SELECT l.oid::text FROM pg_largeobject_metadata AS l
              WHERE NOT (SELECT r.rolsuper FROM pg_roles AS r WHERE r.rolname = current_user)
                AND NOT pg_has_role(l.lomowner, 'USAGE') AND NOT EXISTS (SELECT FROM aclexplode(l.lomacl) AS a
                      WHERE a.privilege_type = 'SELECT' AND (a.grantee = 0 OR pg_has_role(a.grantee, 'USAGE'))) LIMIT 20) AS hidden`;

/**
 * Ordinary tables and partitions, but members of an extension unless it says that their rows are a configuration. All rows of a table are
 * seen by who passes row security by, and where a policy lets this role see each row and none narrows what others let it see.
 */
const TABLES = `
SELECT c.oid::int8::float8 AS oid, n.nspname AS schema, c.relname AS name, has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE') AS readable,
       NOT row_security_active(c.oid) OR (
         EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd IN ('r', '*')
                    AND pg_get_expr(p.polqual, p.polrelid) = 'true' AND (SELECT bool_or(r = 0 OR pg_has_role(r, 'USAGE')) FROM unnest(p.polroles) AS r))
         AND NOT EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid AND NOT p.polpermissive AND p.polcmd IN ('r', '*')
                    AND (SELECT bool_or(r = 0 OR pg_has_role(r, 'USAGE')) FROM unnest(p.polroles) AS r))) AS visible
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND c.relpersistence IN ('p', 'u') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
   AND (NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
        OR EXISTS (SELECT FROM pg_extension AS e WHERE c.oid = ANY (e.extconfig)))
 ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`;

function rowsHidden(tables: readonly (DumpedTable & { readable: boolean })[], user: string): PlatformError {
  const names = tables.map(({ schema, name }) => `${schema}.${name}`);
  const role = quoteIdentifier(user);
  const [first] = tables;
  const table = first === undefined ? '' : `${quoteIdentifier(first.schema)}.${quoteIdentifier(first.name)}`;
  return new PlatformError(
    'rows-hidden',
    `Role ${user} does not see all rows of ${names.join(', ')}: a dump would lack them without an error.`,
    first?.readable === false
      ? `Run \`npm run up\`, which makes the role a member of pg_read_all_data; or GRANT SELECT ON ${table} TO ${role}.`
      : `Let it, in a migration: CREATE POLICY dump ON ${table} FOR SELECT TO ${role} USING (true); a restrictive policy has to leave the role out.`,
    { kind: 'refused', object: names[0] ?? '' },
  );
}

function largeObjectsHidden(ids: readonly string[], user: string): PlatformError {
  return new PlatformError(
    'large-objects-hidden',
    `Role ${user} may not read large objects (${ids.join(', ')}${ids.length === 20 ? ', ...' : ''}), which pg_read_all_data does not cover.`,
    `As their owner: GRANT SELECT ON LARGE OBJECT ${ids[0] ?? ''} TO ${quoteIdentifier(user)}, for each of them.`,
    { kind: 'refused', object: ids[0] ?? '' },
  );
}

export const tableLabel = ({ schema, name }: Pick<ManifestTable, 'schema' | 'name'>): string => `${schema}.${name}`;
