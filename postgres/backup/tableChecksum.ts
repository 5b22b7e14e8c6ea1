import type { Client } from 'pg';

import { qualified, quoteIdentifier } from '../connection/quote';

/** Rows counted, and their hashes added up: the same for the same rows in any order. */
export interface TableChecksum {
  rows: number;
  /** A signed integer of any size. */
  checksum: string;
}

/**
 * Of a table as the session sees it. PostgreSQL hashes each row itself, by the functions that place rows in hash partitions, which stay
 * the same from version to version; what has none, or one that calls different values equal, goes in by its binary or text form.
 */
export async function tableChecksum(client: Client, schema: string, name: string): Promise<TableChecksum> {
  const { rows: columns } = await client.query<{ name: string; type: string }>(COLUMNS, [qualified(schema, name)]);
  const values = columns.map((column) => hashed(`t.${quoteIdentifier(column.name)}`, column.type));
  // A row of no column has no hash.
  const row = values.length === 0 ? '0' : `hash_record_extended(ROW(${values.join(', ')}), 0)`;
  const table = `${qualified(schema, name)} AS t ${await conditionOf(client, schema, name)}`;
  const { rows } = await client.query<TableChecksum>(
    `SELECT count(*)::float8 AS rows, coalesce(sum(${row}), 0)::text AS checksum FROM ONLY ${table}`,
  );
  const found = rows[0];
  if (found === undefined) throw new Error('An aggregate returned no row.');
  return found;
}

/** An extension may say which rows of its table are the database's own: pg_dump takes those alone. `WHERE ...`, or nothing. */
async function conditionOf(client: Client, schema: string, name: string): Promise<string> {
  const { rows } = await client.query<{ condition: string }>(
    `SELECT extcondition[array_position(extconfig, $1::regclass)] AS condition FROM pg_extension WHERE $1::regclass = ANY (extconfig)`,
    [qualified(schema, name)],
  );
  return rows[0]?.condition ?? '';
}

/** Types of somebody's own may have any name. Generated columns are computed again by a restore, and so are compared too, unless nothing is stored of them. */
const COLUMNS = `
SELECT a.attname AS name, CASE WHEN t.typnamespace = 'pg_catalog'::regnamespace THEN t.typname ELSE '' END AS type FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
 WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> 'v'
 ORDER BY a.attname COLLATE "C"`;

const TEXTS = ['text', 'varchar', 'name'];
/** jsonb: two numbers of one value with other zeros at their end count as equal; its text would take twice the time. */
const EXACT = ['bool', 'int2', 'int4', 'int8', 'bytea', 'date', 'time', 'timestamp', 'timestamptz', 'uuid', 'jsonb'];
/** Zeros with two signs, and numbers with zeros at their end, are equal. */
const SENT: Record<string, string> = { float4: 'float4send', float8: 'float8send', numeric: 'numeric_send' };

function hashed(value: string, type: string): string {
  if (TEXTS.includes(type)) return `${value} COLLATE "C"`;
  if (EXACT.includes(type)) return value;
  const send = SENT[type];
  return send === undefined ? `(${value}::text) COLLATE "C"` : `${send}(${value})`;
}
