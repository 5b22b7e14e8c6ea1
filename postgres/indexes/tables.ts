import type { Client } from 'pg';

import { readIndexes } from './catalog';
import type { Partition, QualifiedName, TableColumn, TableFacts, TableKind } from './description';
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
  partition_key: string | null;
  columns: TableColumn[] | null;
}

/** The relations of those names that have columns, in no order; one query. */
export async function readTables(client: Client, names: readonly QualifiedName[]): Promise<TableFacts[]> {
  const { rows } = await withSettings(client, CATALOG_SETTINGS, () =>
    client.query<TableRow>(
      `SELECT n.nspname AS schema, c.relname AS name, c.relkind AS kind, pg_get_userbyid(c.relowner) AS owner,
              CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END AS partition_key,
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
    partitionKey: row.partition_key,
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

interface PartitionRow extends QualifiedName {
  parent_schema: string;
  parent: string;
  kind: string;
  root_schema: string;
  root: string;
}

/** Every table below the given partitioned ones, with its indexes, parents first; two queries. */
export async function readPartitions(
  client: Client,
  roots: readonly QualifiedName[],
): Promise<(Partition & { root: QualifiedName })[]> {
  if (roots.length === 0) return [];
  const { rows } = await client.query<PartitionRow>(
    `WITH RECURSIVE below AS (
       SELECT i.inhrelid AS oid, i.inhparent AS parent, i.inhparent AS root, 1 AS depth
         FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE (n.nspname, c.relname) IN (SELECT * FROM unnest($1::text[], $2::text[]))
       UNION ALL
       SELECT i.inhrelid, i.inhparent, below.root, below.depth + 1 FROM below JOIN pg_inherits i ON i.inhparent = below.oid)
     SELECT n.nspname AS schema, c.relname AS name, pn.nspname AS parent_schema, p.relname AS parent, c.relkind AS kind,
            rn.nspname AS root_schema, r.relname AS root
       FROM below
       JOIN pg_class c ON c.oid = below.oid JOIN pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_class p ON p.oid = below.parent JOIN pg_namespace pn ON pn.oid = p.relnamespace
       JOIN pg_class r ON r.oid = below.root JOIN pg_namespace rn ON rn.oid = r.relnamespace
      ORDER BY below.depth, n.nspname, c.relname`,
    [roots.map((table) => table.schema), roots.map((table) => table.name)],
  );
  const indexes = await readIndexes(client, { tables: rows });
  return rows.map((row) => ({
    schema: row.schema,
    name: row.name,
    parent: { schema: row.parent_schema, name: row.parent },
    root: { schema: row.root_schema, name: row.root },
    kind: KINDS[row.kind] ?? 'other',
    indexes: indexes.filter((index) => index.schema === row.schema && index.table === row.name),
  }));
}
