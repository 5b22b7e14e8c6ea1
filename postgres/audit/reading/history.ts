import type { Client } from 'pg';

import { PlatformError } from '../../../system/errors';
import { withTransaction } from '../../connection/client';
import type { TrailEntry } from '../columns';
import { type Operation, type TableRef, trailNames, type TrailRef } from '../names';
import { RECORDED_UNDER } from '../sql/needs';
import { type Difference, differences, type RowData } from './differences';
import { parseExact } from './exactJson';
import { type HistoryKey, requireKnown, storedKey } from './historyKey';
import {
  condition,
  formerKey,
  isFull,
  RECORDED_AT,
  selectRows,
  type StoredRow,
  type Under,
  type Wanted,
} from './historyRows';
import { newestFirst, newestRows } from './newest';
import { readFailure } from './readFailure';

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

export interface HistoryEntry extends TrailEntry<RowData> {
  differences: Difference[];
}

export interface History {
  /** Oldest first. */
  entries: HistoryEntry[];
  /** Whether that is all that was asked for; else the newest of it, as many as were asked for or 16 MB hold. */
  complete: boolean;
}

/**
 * Rows of the trail. PlatformErrors: `audit-missing`, `audit-outdated`, `audit-denied`, `audit-table-unknown`, `audit-key-invalid`,
 * `audit-query`.
 */
export async function readHistory(client: Client, spec: TrailRef, query: HistoryQuery): Promise<History> {
  const { table: name, key, limit = 100, ...filters } = query;
  try {
    return await withTransaction(client, async () => {
      await client.query('SET TRANSACTION READ ONLY; SET LOCAL search_path = pg_catalog, pg_temp');
      await client.query(`SELECT set_config(s.name, s.value, true) FROM jsonb_each_text($1) AS s(name, value)`, [
        JSON.stringify(Object.fromEntries(RECORDED_UNDER.map(({ setting, value }) => [setting, value]))),
      ]);
      const found = name === undefined ? undefined : await resolve(client, spec, name);
      const wanted: Wanted = { ...filters, table: found?.table };
      if (key !== undefined && found === undefined) throw keyWithoutTable(key);
      const rows =
        key === undefined || found === undefined
          ? await newestRows(client, spec, wanted, limit)
          : await withTable(
              client,
              spec,
              wanted,
              limit,
              await followKeys(client, spec, wanted, limit, await storedKey(client, spec, found.table, key)),
            );
      if (rows.length === 0 && found?.audited === false) await requireKnown(client, spec, found.table);
      return { entries: entries(rows.slice(0, limit).reverse()), complete: rows.length < limit && !isFull(rows) };
    });
  } catch (error) {
    throw readFailure(spec, error);
  }
}

/** What the row did under this key, and before that under the one it came from; newest first. */
async function followKeys(
  client: Client,
  spec: TrailRef,
  wanted: Wanted,
  limit: number,
  key: string,
): Promise<StoredRow[]> {
  // The planner does not believe in Bloom filters, and would compile or spread over workers what takes milliseconds.
  await client.query(
    'SET LOCAL enable_seqscan = off; SET LOCAL jit = off; SET LOCAL max_parallel_workers_per_gather = 0',
  );
  const found = new Map<string, StoredRow>();
  const waiting: Under[] = [{ key, before: undefined }];
  // A key may come back to a row after it was another's: what counts is how late it was left.
  const seen = new Map<string, string | undefined>();
  for (let next = waiting.shift(); next !== undefined && found.size < limit; next = waiting.shift()) {
    const until = seen.get(next.key);
    if (seen.has(next.key) && (until === undefined || (next.before !== undefined && next.before <= until))) continue;
    seen.set(next.key, next.before);
    const rows = await selectRows(client, spec, { ...wanted, under: next }, limit);
    for (const row of rows) found.set(row.id, row);
    if (isFull([...found.values()])) break;
    waiting.push(...(isWhole(rows, wanted, limit) ? formerAmong(rows) : await formerKeys(client, spec, wanted, next)));
  }
  return [...found.values()].sort(newestFirst);
}

/**
 * Among a row's own entries what concerned its whole table since the row was made: it was emptied, its definition or its recording changed. With the
 * latter two the row may be another without an entry of its own.
 */
async function withTable(
  client: Client,
  spec: TrailRef,
  wanted: Wanted,
  limit: number,
  rows: StoredRow[],
): Promise<StoredRow[]> {
  const oldest = rows.at(-1);
  const recordedFrom = oldest?.operation === 'INSERT' ? oldest.recordedAt : undefined;
  const others = await selectRows(client, spec, { ...wanted, ofWholeTable: true, recordedFrom }, limit);
  return [...rows, ...others].sort(newestFirst);
}

/** Nothing that was recorded under the key was left out: looking for its former keys again would take as long again. */
const isWhole = (rows: readonly StoredRow[], { since, until, user, operation }: Wanted, limit: number): boolean =>
  rows.length < limit && [since, until, user, operation].every((one) => one === undefined);

const formerAmong = (rows: readonly StoredRow[]): Under[] =>
  rows.flatMap(({ operation, from, recordedAt }) =>
    operation === 'KEY' && from !== null ? [{ key: from, before: recordedAt }] : [],
  );

async function formerKeys(client: Client, spec: TrailRef, { table }: Wanted, under: Under): Promise<Under[]> {
  const { text, values } = condition({ operation: 'KEY', table, under });
  const { rows } = await client.query<Under>(
    `SELECT ${formerKey(spec)} AS key, ${RECORDED_AT} AS before FROM ${trailNames(spec).trail} t WHERE ${text} ORDER BY t.clock_time DESC`,
    values,
  );
  return rows;
}

/** The audited table of that name; else `schema.table` as it is written, or the name in `public`. */
async function resolve(client: Client, spec: TrailRef, name: string): Promise<{ table: TableRef; audited: boolean }> {
  const { rows } = await client.query<{ schema: string; table: string }>(
    `SELECT table_schema AS schema, table_name AS "table" FROM ${trailNames(spec).audited}
      WHERE $1 IN (table_name, table_schema || '.' || table_name) ORDER BY table_schema <> 'public', 1 LIMIT 1`,
    [name],
  );
  if (rows[0] !== undefined) return { table: rows[0], audited: true };
  const dot = name.indexOf('.');
  const table =
    dot < 1 ? { schema: 'public', table: name } : { schema: name.slice(0, dot), table: name.slice(dot + 1) };
  return { table, audited: false };
}

function entries(rows: readonly StoredRow[]): HistoryEntry[] {
  return rows.map(({ from: _from, recordedAt: _recordedAt, bytes: _bytes, ...row }) => {
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
