import type { Client } from 'pg';

import type { QualifiedName, TableColumn, TableFacts, TableKind } from './description';
import { CATALOG_SETTINGS, withSettings } from './session';

const KINDS: Record<string, TableKind> = {
  r: 'table',
  p: 'partitioned table',
  m: 'materialized view',
  f: 'foreign table',
  v: 'view',
};

interface TableRow {
  schema: string;
  name: string;
  kind: string;
  owner: string;
  columns: TableColumn[] | null;
}

/** The relations of those names that have columns, in no order; one query. */
export async function readTables(client: Client, names: readonly QualifiedName[]): Promise<TableFacts[]> {
  const { rows } = await withSettings(client, CATALOG_SETTINGS, () =>
    client.query<TableRow>(
      `SELECT n.nspname AS schema, c.relname AS name, c.relkind AS kind, pg_get_userbyid(c.relowner) AS owner,
              (SELECT jsonb_agg(jsonb_build_object(
                   'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
                   'collation', CASE WHEN col.oid IS NOT NULL
                     THEN jsonb_build_object('schema', cn.nspname, 'name', col.collname) END,
                   'virtual', a.attgenerated = 'v') ORDER BY a.attnum)
                 FROM pg_attribute a
                 LEFT JOIN pg_collation col ON col.oid = a.attcollation
                 LEFT JOIN pg_namespace cn ON cn.oid = col.collnamespace
                WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'm', 'f', 'v')
          AND (n.nspname, c.relname) IN (SELECT * FROM unnest($1::text[], $2::text[]))`,
      [names.map((table) => table.schema), names.map((table) => table.name)],
    ),
  );
  return rows.map((row) => ({
    schema: row.schema,
    name: row.name,
    kind: KINDS[row.kind] ?? 'other',
    owner: row.owner,
    columns: row.columns ?? [],
  }));
}

/** Names a missing table may have meant: every table of that schema, and tables of that very name elsewhere. */
export async function readTableNames(client: Client, schemas: readonly string[]): Promise<QualifiedName[]> {
  const { rows } = await client.query<QualifiedName>(
    `SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
      ORDER BY n.nspname <> ALL ($1::text[]), n.nspname, c.relname LIMIT 5000`,
    [[...schemas]],
  );
  return rows;
}

/** Relations of those names that are no index: an index cannot take their name. */
export async function readOccupants(
  client: Client,
  names: readonly QualifiedName[],
): Promise<(QualifiedName & { kind: string })[]> {
  const { rows } = await client.query<QualifiedName & { kind: string }>(
    `SELECT n.nspname AS schema, c.relname AS name,
            CASE c.relkind WHEN 'S' THEN 'sequence' WHEN 'c' THEN 'composite type' WHEN 'v' THEN 'view'
              WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' ELSE 'table' END AS kind
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind NOT IN ('i', 'I') AND (n.nspname, c.relname) IN (SELECT * FROM unnest($1::text[], $2::text[]))`,
    [names.map((index) => index.schema), names.map((index) => index.name)],
  );
  return rows;
}
