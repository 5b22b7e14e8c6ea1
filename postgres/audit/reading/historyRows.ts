import { createHash } from 'node:crypto';

import type { Client } from 'pg';

import { quoteIdentifier } from '../../connection/quote';
import { TRAIL_COLUMNS, type TrailEntry } from '../columns';
import { type Operation, tableHash, type TableRef, trailNames, type TrailRef } from '../names';
import { LONGEST_USER } from '../sql/bounds';

/** JSON as text, since the driver would parse it with JavaScript's numbers. */
export interface StoredRow extends TrailEntry<string> {
  /** Of a KEY row: the key it came from. */
  from: string | null;
  /** `clockTime` to the microsecond, of one width, so that it can be compared. */
  recordedAt: string;
  /** Of the texts of JSON. */
  bytes: number;
}

/** Texts that one answer holds, but for those of the row that reaches it. */
const LARGEST_ANSWER = 16 * 1024 * 1024;

export const RECORDED_AT = `to_char(t.clock_time, 'YYYY-MM-DD HH24:MI:SS.USOF')`;

/** Of a KEY row. */
export const formerKey = (spec: TrailRef): string =>
  `${trailNames(spec).fn('bounded')}(t.marker -> 'from', '{}')::text`;

/** Whether their texts fill an answer. */
export const isFull = (rows: readonly StoredRow[]): boolean =>
  rows.reduce((sum, { bytes }) => sum + bytes, 0) >= LARGEST_ANSWER;

/** What is read of a row, by the names of its entry. */
function columns(spec: TrailRef): string {
  const sql = ({ name, type }: (typeof TRAIL_COLUMNS)[number]): string => {
    const column = `t.${quoteIdentifier(name)}`;
    // Bounded, since a trail of an earlier version may hold what is no longer recorded.
    if (type === 'jsonb') return `${trailNames(spec).fn('bounded')}(${column}, '{}')::text`;
    if (name === 'user_id') return `left(${column}, ${LONGEST_USER})`;
    return { bigint: `${column}::text`, inet: `host(${column})` }[type as string] ?? column;
  };
  const shown = TRAIL_COLUMNS.filter(({ entry }) => entry !== null);
  return [
    ...shown.map((column) => `${sql(column)} AS "${column.entry}"`),
    `${formerKey(spec)} AS "from"`,
    `${RECORDED_AT} AS "recordedAt"`,
  ].join(', ');
}

/** The entries that are JSON. */
const JSON_ENTRIES = TRAIL_COLUMNS.filter(({ type, entry }) => type === 'jsonb' && entry !== null);

export interface Under {
  key: string;
  /** Recorded at or before; text, since a Date would lose the microseconds. */
  before: string | undefined;
}

/** What rows are wanted. Times are texts, since a Date would lose the microseconds. */
export interface Wanted {
  since?: Date | undefined;
  until?: Date | undefined;
  user?: string | undefined;
  operation?: Operation | undefined;
  table?: TableRef | undefined;
  under?: Under | undefined;
  /** What concerns the whole table alone; needs `table`. */
  ofWholeTable?: boolean;
  /** Of a partition: its bounds, `timestamp` at or after and before. */
  within?: { from: string | null; to: string | null };
  /** Recorded at or after. */
  recordedFrom?: string | undefined;
  /** Of a partition: its blocks from the first number to before the second. */
  blocks?: [number, number];
}

/** The newest rows first: at most `limit`, and none after those whose texts fill an answer. */
export async function selectRows(client: Client, spec: TrailRef, wanted: Wanted, limit: number): Promise<StoredRow[]> {
  const { text, values } = condition(wanted);
  const { rows } = await client.query<StoredRow & { total: string }>(
    `SELECT * FROM (
       SELECT r.*, sum(r.bytes) OVER (ORDER BY r."clockTime" DESC, r.id DESC ROWS UNBOUNDED PRECEDING) AS total FROM (
         SELECT c.*, (${JSON_ENTRIES.map(({ entry }) => `coalesce(octet_length(c."${entry}"), 0)`).join(' + ')})::float8 AS bytes FROM (
           SELECT ${columns(spec)} FROM (
             SELECT t.* FROM ${trailNames(spec).trail} t WHERE ${text} ORDER BY t.clock_time DESC, t.id DESC LIMIT $${values.length + 1}) t OFFSET 0) c OFFSET 0) r) x
      WHERE x.total - x.bytes < ${LARGEST_ANSWER} ORDER BY x."clockTime" DESC, x.id DESC`,
    [...values, limit],
  );
  return rows.map(({ total: _total, ...row }) => row);
}

export function condition(wanted: Wanted): { text: string; values: unknown[] } {
  const values: unknown[] = [];
  const value = (one: unknown): string => `$${values.push(one)}`;
  const parts = ['true'];
  const { table, under, since, until, user, operation, within, recordedFrom, blocks, ofWholeTable } = wanted;
  if (table !== undefined)
    parts.push(`t.table_name = ${value(table.table)}`, `t.table_schema = ${value(table.schema)}`);
  if (table !== undefined && ofWholeTable === true)
    parts.push(
      `t.key IS NULL`,
      `t.key_hash = ${tableHash(`${value(table.schema)}::text`, `${value(table.table)}::text`)}`,
    );
  if (under !== undefined) {
    // The hash finds the rows, the key itself makes sure of them.
    parts.push(
      `t.key = ${value(under.key)}::jsonb`,
      `t.key_hash = jsonb_hash_extended(${value(hashed(under.key))}::jsonb, 0)`,
    );
    if (under.before !== undefined) parts.push(`t.clock_time <= ${value(under.before)}::timestamptz`);
  }
  if (since !== undefined) parts.push(`t."timestamp" >= ${value(since)}`);
  if (until !== undefined) parts.push(`t."timestamp" < ${value(until)}`);
  if (user !== undefined) parts.push(`t.user_id = ${value(recordedUser(user))}`);
  if (operation !== undefined) parts.push(`t.operation = ${value(operation)}`);
  if (typeof within?.from === 'string') parts.push(`t."timestamp" >= ${value(within.from)}::timestamptz`);
  if (typeof within?.to === 'string') parts.push(`t."timestamp" < ${value(within.to)}::timestamptz`);
  if (recordedFrom !== undefined) parts.push(`t.clock_time >= ${value(recordedFrom)}::timestamptz`);
  if (blocks !== undefined)
    parts.push(`t.ctid >= ${value(`(${blocks[0]},0)`)}::tid`, `t.ctid < ${value(`(${blocks[1]},0)`)}::tid`);
  return { text: parts.join(' AND '), values };
}

/** What of a key is hashed: the value of a single column, else all of it. jsonb prints `{"id": 7}`, so the value is what stands between. */
function hashed(key: string): string {
  const names = Object.keys(JSON.parse(key) as object);
  const [only] = names;
  if (only === undefined || names.length > 1) return key;
  return key.slice(`{${JSON.stringify(only)}: `.length, -1);
}

/** As `largeText` writes one that is too long. */
function recordedUser(user: string): string {
  const bytes = Buffer.byteLength(user);
  if (bytes <= LONGEST_USER) return user;
  return `[too large: ${bytes} bytes, sha256 ${createHash('sha256').update(user).digest('hex')}]`;
}
