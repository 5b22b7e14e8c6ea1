import type { Client } from 'pg';

import { withTransaction } from '../connection/client';
import { SqlState, stateOf } from '../connection/sqlstate';
import { PlatformError } from '../errors';
import type { AuditSpec } from '../spec';
import { type Difference, differences, type RowData } from './differences';
import { parseExact } from './exactJson';
import { type HistoryKey, storedKey } from './historyKey';
import { type Operation, trailNames } from './names';
import { RECORDED_UNDER } from './needs';

export interface HistoryQuery {
  /** `Student` or `public.Student`. */
  table?: string;
  /** Needs `table`. The row's history is followed back over changes of its key. */
  key?: HistoryKey;
  /** Transactions that began at or after. */
  since?: Date;
  /** Transactions that began before. */
  until?: Date;
  /** `app.current_user_id`. */
  user?: string;
  operation?: Operation;
  /** The newest so many. Default 100. */
  limit?: number;
}

export interface HistoryEntry {
  id: string;
  operation: Operation;
  schema: string;
  table: string;
  /** The partition or child table that held the row. */
  childTable: string | null;
  key: RowData | null;
  before: RowData | null;
  after: RowData | null;
  differences: Difference[];
  marker: RowData | null;
  user: string | null;
  /** Start of the transaction; when recorded. */
  timestamp: Date;
  clockTime: Date;
  txid: string;
  sessionUser: string;
  application: string | null;
  clientAddress: string | null;
}

/** Text, since the driver would parse jsonb with JavaScript's numbers. */
interface StoredRow extends Omit<HistoryEntry, 'key' | 'before' | 'after' | 'marker' | 'differences'> {
  key: string | null;
  before: string | null;
  after: string | null;
  marker: string | null;
  /** Of a KEY row: the key it came from, and `clockTime` to the microsecond, of one width, so that it can be compared. */
  from: string | null;
  recordedAt: string;
}

const RECORDED_AT = `to_char(t.clock_time, 'YYYY-MM-DD HH24:MI:SS.USOF')`;

const COLUMNS = `t.id, t.operation, t.table_schema AS schema, t.table_name AS "table", t.child_table AS "childTable", t.key::text AS key,
       t.old_data::text AS before, t.new_data::text AS after, t.marker::text AS marker, t.user_id AS "user", t."timestamp",
       t.clock_time AS "clockTime", t.txid::text AS txid, t.session_user_name AS "sessionUser", t.application_name AS application,
       host(t.client_address) AS "clientAddress", (t.marker -> 'from')::text AS "from", ${RECORDED_AT} AS "recordedAt"`;

/**
 * Rows of the trail, oldest first. PlatformErrors: `audit-missing`, `audit-denied`, `audit-table-unknown`, `audit-key-invalid`,
 * `audit-query`.
 */
export async function readHistory(
  client: Client,
  spec: Pick<AuditSpec, 'schema' | 'table'>,
  query: HistoryQuery,
): Promise<HistoryEntry[]> {
  const limit = query.limit ?? 100;
  try {
    return await withTransaction(client, async () => {
      await client.query('SET TRANSACTION READ ONLY');
      await client.query('SET LOCAL search_path = pg_catalog, pg_temp');
      for (const { setting, value } of RECORDED_UNDER)
        await client.query('SELECT set_config($1, $2, true)', [setting, value]);
      const table = query.table === undefined ? undefined : await resolve(client, spec, query.table);
      if (query.key === undefined) return entries(await select(client, spec, { ...query, limit }, table, undefined));
      if (table === undefined) throw keyWithoutTable(query.key);
      // The planner does not believe in Bloom filters, and would compile or spread over workers what takes milliseconds.
      await client.query('SET LOCAL enable_seqscan = off');
      await client.query('SET LOCAL jit = off');
      await client.query('SET LOCAL max_parallel_workers_per_gather = 0');
      return entries(
        await followKeys(client, spec, { ...query, limit }, table, await storedKey(client, spec, table, query.key)),
      );
    });
  } catch (error) {
    throw explained(spec, error);
  }
}

type Place = { schema: string | null; table: string };
type Bounded = HistoryQuery & { limit: number };

/** What the row did under this key, and before that under the one it came from. */
async function followKeys(
  client: Client,
  spec: Pick<AuditSpec, 'schema' | 'table'>,
  query: Bounded,
  table: { schema: string; table: string },
  key: string,
): Promise<StoredRow[]> {
  const found = new Map<string, StoredRow>();
  const waiting = [{ key, before: undefined as string | undefined }];
  // A key may come back to a row after it was another's: what counts is how late it was left.
  const seen = new Map<string, string | undefined>();
  for (let next = waiting.shift(); next !== undefined && found.size < query.limit; next = waiting.shift()) {
    const until = seen.get(next.key);
    if (seen.has(next.key) && (until === undefined || (next.before !== undefined && next.before <= until))) continue;
    seen.set(next.key, next.before);
    const rows = await select(client, spec, query, table, next);
    for (const row of rows) found.set(row.id, row);
    waiting.push(...(isWhole(rows, query) ? formerAmong(rows) : await formerKeys(client, spec, table, next)));
  }
  return [...found.values()]
    .sort((one, other) => one.clockTime.getTime() - other.clockTime.getTime() || (one.id < other.id ? -1 : 1))
    .slice(-query.limit);
}

interface Under {
  key: string;
  /** Recorded at or before; text, since a Date would lose the microseconds. */
  before: string | undefined;
}

/** Nothing that was recorded under the key was left out: looking for its former keys again would take as long again. */
const isWhole = (rows: readonly StoredRow[], { since, until, user, operation, limit }: Bounded): boolean =>
  rows.length < limit && [since, until, user, operation].every((one) => one === undefined);

const formerAmong = (rows: readonly StoredRow[]): Under[] =>
  rows
    .flatMap(({ operation, from, recordedAt }) =>
      operation === 'KEY' && from !== null ? [{ key: from, before: recordedAt }] : [],
    )
    .reverse();

async function formerKeys(
  client: Client,
  spec: Pick<AuditSpec, 'schema' | 'table'>,
  table: Place,
  under: Under,
): Promise<Under[]> {
  const { text, values } = condition({ operation: 'KEY' }, table, under);
  const { rows } = await client.query<{ key: string; before: string }>(
    `SELECT (t.marker -> 'from')::text AS key, ${RECORDED_AT} AS before FROM ${trailNames(spec).trail} t WHERE ${text} ORDER BY t.clock_time DESC`,
    values,
  );
  return rows;
}

async function select(
  client: Client,
  spec: Pick<AuditSpec, 'schema' | 'table'>,
  query: Bounded,
  table: Place | undefined,
  under: Under | undefined,
): Promise<StoredRow[]> {
  const { text, values } = condition(query, table, under);
  const { rows } = await client.query<StoredRow>(
    `SELECT ${COLUMNS} FROM ${trailNames(spec).trail} t WHERE ${text} ORDER BY t.clock_time DESC, t.id DESC LIMIT $${values.length + 1}`,
    [...values, query.limit],
  );
  return rows.reverse();
}

function condition(
  query: HistoryQuery,
  table: Place | undefined,
  under: Under | undefined,
): { text: string; values: unknown[] } {
  const values: unknown[] = [];
  const value = (one: unknown): string => `$${values.push(one)}`;
  const parts = ['true'];
  if (table !== undefined) parts.push(`t.table_name = ${value(table.table)}`);
  if (typeof table?.schema === 'string') parts.push(`t.table_schema = ${value(table.schema)}`);
  if (under !== undefined) {
    // The hash finds the rows, the key itself makes sure of them.
    parts.push(
      `t.key = ${value(under.key)}::jsonb`,
      `t.key_hash = jsonb_hash_extended(${value(hashed(under.key))}::jsonb, 0)`,
    );
    if (under.before !== undefined) parts.push(`t.clock_time <= ${value(under.before)}::timestamptz`);
  }
  if (query.since !== undefined) parts.push(`t."timestamp" >= ${value(query.since)}`);
  if (query.until !== undefined) parts.push(`t."timestamp" < ${value(query.until)}`);
  if (query.user !== undefined) parts.push(`t.user_id = ${value(query.user)}`);
  if (query.operation !== undefined) parts.push(`t.operation = ${value(query.operation)}`);
  return { text: parts.join(' AND '), values };
}

/** What of a key is hashed: the value of a single column, else all of it. jsonb prints `{"id": 7}`, so the value is what stands between. */
function hashed(key: string): string {
  const columns = Object.keys(JSON.parse(key) as object);
  const [only] = columns;
  if (only === undefined || columns.length > 1) return key;
  return key.slice(`{${JSON.stringify(only)}: `.length, -1);
}

/** The audited table of that name; else `schema.table` as it is written, or the name in any schema. */
async function resolve(
  client: Client,
  spec: Pick<AuditSpec, 'schema' | 'table'>,
  name: string,
): Promise<{ schema: string; table: string }> {
  const { rows } = await client.query<{ schema: string; table: string }>(
    `SELECT table_schema AS schema, table_name AS "table" FROM ${trailNames(spec).audited}
      WHERE $1 IN (table_name, table_schema || '.' || table_name) ORDER BY table_schema <> 'public', 1 LIMIT 1`,
    [name],
  );
  const dot = name.indexOf('.');
  const written =
    dot < 1 ? { schema: 'public', table: name } : { schema: name.slice(0, dot), table: name.slice(dot + 1) };
  return rows[0] ?? written;
}

function entries(rows: readonly StoredRow[]): HistoryEntry[] {
  return rows.map(({ from: _from, recordedAt: _recordedAt, ...row }) => {
    const [key, before, after, marker] = [row.key, row.before, row.after, row.marker].map((text) =>
      text === null ? null : (parseExact(text) as RowData),
    ) as [RowData | null, RowData | null, RowData | null, RowData | null];
    const changes = row.operation === 'KEY' ? [] : differences(before, after);
    return { ...row, key, before, after, marker, differences: changes };
  });
}

function keyWithoutTable(key: HistoryKey): PlatformError {
  return new PlatformError(
    'audit-query',
    `Key ${JSON.stringify(key)} was given without a table.`,
    'Name the table too: `npm run coachdb -- audit --table Student --key 42`.',
    { kind: 'usage', object: JSON.stringify(key) },
  );
}

function explained(spec: Pick<AuditSpec, 'schema' | 'table'>, error: unknown): unknown {
  const trail = `${spec.schema}.${spec.table}`;
  const state = stateOf(error);
  if (state === SqlState.undefinedTable || state === SqlState.undefinedSchema) {
    return new PlatformError(
      'audit-missing',
      `There is no audit trail ${trail} in this database.`,
      'Run `npm run up`.',
      {
        object: trail,
        cause: error,
      },
    );
  }
  if (state === SqlState.insufficientPrivilege) {
    return new PlatformError(
      'audit-denied',
      `This role may not read the audit trail ${trail}.`,
      'Connect as the auditor (coach:roles.auditor), or as a superuser.',
      { kind: 'refused', object: trail, cause: error },
    );
  }
  return error;
}
