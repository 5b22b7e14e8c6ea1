import type { Client } from 'pg';

import type { IndexDescription, IndexKey, QualifiedName } from './description';
import { CATALOG_SETTINGS, withSettings } from './session';
import { normalOpclassParameters, normalStorage, parseOptions } from './storage';

/** Which indexes to read; the parts are joined by OR. */
export interface IndexFilter {
  schemas?: readonly string[];
  tables?: readonly QualifiedName[];
  names?: readonly QualifiedName[];
}

/**
 * The indexes that match, by schema, table and name. One query, whatever their number. Constraint-backed and invalid ones are
 * included; an index of TOAST or of another session's temporary table never is.
 */
export async function readIndexes(client: Client, filter: IndexFilter): Promise<IndexDescription[]> {
  const { schemas = [], tables = [], names = [] } = filter;
  return withSettings(client, CATALOG_SETTINGS, () =>
    select(
      client,
      `n.nspname = ANY($1) OR ${pairs('n.nspname, t.relname', 2)} OR ${pairs('n.nspname, c.relname', 4)}`,
      [
        [...schemas],
        tables.map((table) => table.schema),
        tables.map((table) => table.name),
        names.map((index) => index.schema),
        names.map((index) => index.name),
      ],
    ),
  );
}

/** The index of that name, or undefined. */
export async function readIndex(client: Client, schema: string, name: string): Promise<IndexDescription | undefined> {
  const found = await readIndexes(client, { names: [{ schema, name }] });
  return found[0];
}

/** The indexes of this session's temporary tables. */
export async function readTemporaryIndexes(client: Client): Promise<IndexDescription[]> {
  return withSettings(client, CATALOG_SETTINGS, () => select(client, 'n.oid = pg_my_temp_schema()', []));
}

function pairs(columns: string, parameter: number): string {
  return `(${columns}) IN (SELECT * FROM unnest($${parameter}::text[], $${parameter + 1}::text[]))`;
}

interface KeyRow {
  column: string | null;
  expression: string | null;
  key: boolean;
  option: number | null;
  opclass_schema: string | null;
  opclass: string | null;
  operators: string | null;
  options: string[] | null;
  collation: string | null;
}

interface IndexRow {
  schema: string;
  name: string;
  table: string;
  method: string;
  unique: boolean;
  nulls_not_distinct: boolean;
  predicate: string | null;
  storage: string[] | null;
  tablespace: string;
  definition: string;
  valid: boolean;
  partitioned: boolean;
  attached_to: string | null;
  built_by: number | null;
  constraint_name: string | null;
  constraint_type: 'p' | 'u' | 'x' | null;
  foreign_keys: string[] | null;
  replica_identity: boolean;
  clustered: boolean;
  comment: string | null;
  columns: KeyRow[];
}

async function select(client: Client, condition: string, values: unknown[]): Promise<IndexDescription[]> {
  const { rows } = await client.query<IndexRow>(`${QUERY} WHERE ${condition} ORDER BY 1, 3, 2`, values);
  return rows.map(describe);
}

/** indkey, indclass, indcollation and indoption are vectors that count from 0; included columns have no entry in the last three. */
const QUERY = `
WITH building AS MATERIALIZED (SELECT index_relid, min(pid) AS pid FROM pg_stat_progress_create_index GROUP BY 1)
SELECT n.nspname AS schema, c.relname AS name, t.relname AS table, am.amname AS method,
       i.indisunique AS "unique", i.indnullsnotdistinct AS nulls_not_distinct,
       pg_get_expr(i.indpred, i.indrelid) AS predicate, c.reloptions AS storage,
       COALESCE(own_space.spcname, default_space.spcname) AS tablespace,
       pg_get_indexdef(c.oid) AS definition,
       i.indisvalid AND i.indisready AND i.indislive AS valid,
       c.relkind = 'I' AS partitioned,
       (SELECT parent.relname FROM pg_inherits h JOIN pg_class parent ON parent.oid = h.inhparent
         WHERE h.inhrelid = c.oid) AS attached_to,
       building.pid AS built_by,
       own.conname AS constraint_name, own.contype AS constraint_type,
       (SELECT array_agg(fk.conname::text ORDER BY fk.conname) FROM pg_constraint fk
         WHERE fk.conindid = c.oid AND fk.contype = 'f') AS foreign_keys,
       i.indisreplident AS replica_identity, i.indisclustered AS clustered,
       obj_description(c.oid, 'pg_class') AS comment,
       (SELECT jsonb_agg(jsonb_build_object(
            'column', a.attname,
            'expression', CASE WHEN i.indkey[k] = 0 THEN pg_get_indexdef(c.oid, k + 1, false) END,
            'key', k < i.indnkeyatts,
            'option', i.indoption[k],
            'opclass_schema', opn.nspname,
            'opclass', op.opcname,
            'operators', concat_ws('/', fn.nspname, f.opfname, op.opcintype::regtype, op.opckeytype::regtype),
            'options', ia.attoptions,
            'collation', cn.nspname || '.' || col.collname) ORDER BY k)
          FROM generate_series(0, i.indnatts - 1) AS k
          LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k] AND i.indkey[k] <> 0
          LEFT JOIN pg_attribute ia ON ia.attrelid = c.oid AND ia.attnum = k + 1
          LEFT JOIN pg_opclass op ON op.oid = i.indclass[k]
          LEFT JOIN pg_namespace opn ON opn.oid = op.opcnamespace
          LEFT JOIN pg_opfamily f ON f.oid = op.opcfamily
          LEFT JOIN pg_namespace fn ON fn.oid = f.opfnamespace
          LEFT JOIN pg_collation col ON col.oid = i.indcollation[k]
          LEFT JOIN pg_namespace cn ON cn.oid = col.collnamespace) AS columns
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indexrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_class t ON t.oid = i.indrelid
  JOIN pg_am am ON am.oid = c.relam
  JOIN pg_database d ON d.datname = current_database()
  JOIN pg_tablespace default_space ON default_space.oid = d.dattablespace
  LEFT JOIN pg_tablespace own_space ON own_space.oid = c.reltablespace
  LEFT JOIN pg_constraint own ON own.conindid = c.oid AND own.contype IN ('p', 'u', 'x')
  LEFT JOIN building ON building.index_relid = c.oid`;

const CONSTRAINTS = { p: 'primary key', u: 'unique', x: 'exclusion' } as const;

function describe(row: IndexRow): IndexDescription {
  return {
    schema: row.schema,
    name: row.name,
    table: row.table,
    method: row.method,
    keys: row.columns.filter((column) => column.key).map(describeKey),
    include: row.columns.filter((column) => !column.key).map((column) => column.column ?? ''),
    unique: row.unique,
    nullsNotDistinct: row.nulls_not_distinct,
    predicate: row.predicate,
    storage: normalStorage(row.method, parseOptions(row.storage)),
    tablespace: row.tablespace,
    definition: row.definition,
    status: {
      valid: row.valid,
      partitioned: row.partitioned,
      attachedTo: row.attached_to,
      builtBy: row.built_by,
      constraint:
        row.constraint_name === null || row.constraint_type === null
          ? null
          : { name: row.constraint_name, kind: CONSTRAINTS[row.constraint_type] },
      foreignKeys: row.foreign_keys ?? [],
      replicaIdentity: row.replica_identity,
      clustered: row.clustered,
      comment: row.comment,
    },
  };
}

/** indoption: bit 0 descending, bit 1 nulls first (pg_index.h); methods without an order have 0, which reads as the default. */
function describeKey(row: KeyRow): IndexKey {
  const option = row.option ?? 0;
  const opclass = row.opclass ?? '';
  return {
    column: row.column,
    expression: row.expression,
    order: (option & 1) === 1 ? 'desc' : 'asc',
    nulls: (option & 2) === 2 ? 'first' : 'last',
    opclass: `${row.opclass_schema ?? ''}.${opclass}`,
    operators: row.operators ?? '',
    opclassParameters: normalOpclassParameters(opclass, parseOptions(row.options)),
    collation: row.collation,
  };
}
