import type { Client } from 'pg';

import { codeOf, PlatformError } from '../../../system/errors';
import { SqlState } from '../../connection/sqlstate';
import { type TableRef, trailNames, type TrailRef } from '../names';

/** The value of the key, or of each of its columns: `42`, `ana@example.org`, `{ studentId: 'a', lessonId: 7 }`. */
export type HistoryKey = string | Record<string, string | number | boolean>;

export interface KeyColumn {
  name: string;
  /** As format_type prints it, so it may stand in SQL. */
  type: string;
}

/**
 * The key as the trail stores it: each value in its column's type, so that `7` finds 7 and `007` finds the text 007. One that is too large is stored
 * as its replacement.
 */
export async function storedKey(client: Client, spec: TrailRef, table: TableRef, key: HistoryKey): Promise<string> {
  const columns = (await columnsOf(client, table)) ?? (await columnsOfTrail(client, spec, table));
  const values = valuesOf(table, columns, key);
  const pairs = columns.map(
    ({ type }, index) => `$${2 * index + 1}::text, to_jsonb(CAST($${2 * index + 2}::text AS ${type}))`,
  );
  const bounded = trailNames(spec).fn('bounded');
  try {
    const { rows } = await client.query<{ key: string }>(
      `SELECT ${bounded}(k.key, ARRAY(SELECT jsonb_object_keys(k.key)))::text AS key
         FROM (SELECT jsonb_build_object(${pairs.join(', ')}) AS key) k`,
      columns.flatMap(({ name }, index) => [name, values[index]]),
    );
    return rows[0]?.key ?? '{}';
  } catch (error) {
    if (!isInvalid(error)) throw error;
    const types = columns.map(({ name, type }) => `${name} ${type}`).join(', ');
    throw new PlatformError(
      'audit-key-invalid',
      `${JSON.stringify(key)} is no key of ${table.schema}.${table.table}; expected ${types}.`,
      'Give the value as the column holds it, e.g. --key 42.',
      { kind: 'usage', object: JSON.stringify(key), cause: error },
    );
  }
}

/** Refuses a table that is not audited and was not. */
export async function requireKnown(client: Client, spec: TrailRef, table: TableRef): Promise<void> {
  const { trail } = trailNames(spec);
  const { rows } = await client.query<{ known: boolean }>(
    `SELECT EXISTS (SELECT FROM ${trail} t WHERE t.table_schema = $1 AND t.table_name = $2) AS known`,
    [table.schema, table.table],
  );
  if (rows[0]?.known !== true) throw await unknownTable(client, spec, table);
}

const NAMED = 20;

async function unknownTable(client: Client, spec: TrailRef, table: TableRef): Promise<PlatformError> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT table_schema || '.' || table_name AS name FROM ${trailNames(spec).audited} ORDER BY table_schema <> 'public', 1`,
  );
  const named = rows.slice(0, NAMED).map(({ name }) => name);
  const more = rows.length > NAMED ? ` and ${rows.length - NAMED} more` : '';
  const name = `${table.schema}.${table.table}`;
  return new PlatformError(
    'audit-table-unknown',
    `Table ${name} is not audited, and the trail has no row of it.`,
    rows.length === 0
      ? 'No table is audited: name those that are to be in coach:audit.tables.'
      : `Audited are ${named.join(', ')}${more}; upper and lower case count.`,
    { kind: 'usage', object: name },
  );
}

const isInvalid = (error: unknown): boolean => {
  const state = codeOf(error);
  return state === SqlState.invalidParameterValue || (state?.startsWith('22') ?? false);
};

/** Undefined: the table is gone; what the trail knows of it stays. */
async function columnsOf(client: Client, table: TableRef): Promise<KeyColumn[] | undefined> {
  const { rows } = await client.query<KeyColumn>(
    `SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary,
            unnest(i.indkey) WITH ORDINALITY AS k(number, place), pg_attribute a
      WHERE n.nspname = $1 AND c.relname = $2 AND a.attrelid = c.oid AND a.attnum = k.number ORDER BY k.place`,
    [table.schema, table.table],
  );
  return rows.length === 0 ? undefined : rows;
}

async function columnsOfTrail(client: Client, spec: TrailRef, table: TableRef): Promise<KeyColumn[]> {
  const { rows } = await client.query<KeyColumn>(
    `SELECT k.key AS name, CASE jsonb_typeof(k.value) WHEN 'number' THEN 'numeric' WHEN 'boolean' THEN 'boolean' ELSE 'text' END AS type
       FROM (SELECT t.key FROM ${trailNames(spec).trail} t WHERE t.table_schema = $1 AND t.table_name = $2 AND t.key IS NOT NULL LIMIT 1) s,
            jsonb_each(s.key) k`,
    [table.schema, table.table],
  );
  if (rows.length > 0) return rows;
  throw await unknownTable(client, spec, table);
}

function valuesOf(table: TableRef, columns: KeyColumn[], key: HistoryKey): string[] {
  const given = typeof key === 'string' ? parsed(columns, key) : key;
  const [only] = columns;
  if (typeof given === 'string') {
    if (only !== undefined && columns.length === 1) return [given];
    throw wrongColumns(table, columns, given);
  }
  const names = Object.keys(given);
  if (names.length !== columns.length || columns.some(({ name }) => !names.includes(name)))
    throw wrongColumns(table, columns, JSON.stringify(given));
  return columns.map(({ name }) => String(given[name]));
}

/** A JSON object, or `a=1,b=2`, where the key has several columns; anything else is the one value itself. */
function parsed(columns: KeyColumn[], key: string): HistoryKey {
  if (key.startsWith('{')) {
    try {
      const value: unknown = JSON.parse(key);
      if (typeof value === 'object' && value !== null && columns.every(({ name }) => Object.hasOwn(value, name)))
        return value as Record<string, string>;
    } catch {
      return key;
    }
    return key;
  }
  if (columns.length < 2) return key;
  const pairs = key.split(',').map((pair) => pair.split('='));
  if (pairs.some((pair) => pair.length !== 2)) return key;
  return Object.fromEntries(pairs.map(([name = '', value = '']) => [name.trim(), value.trim()]));
}

function wrongColumns(table: TableRef, columns: KeyColumn[], given: string): PlatformError {
  const names = columns.map(({ name }) => name);
  return new PlatformError(
    'audit-key-invalid',
    `${given} is no key of ${table.schema}.${table.table}, which consists of ${names.join(', ')}.`,
    `Give all of it: --key '${names.map((name) => `${name}=...`).join(',')}'.`,
    { kind: 'usage', object: given },
  );
}
