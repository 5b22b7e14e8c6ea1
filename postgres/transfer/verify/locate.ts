import type { Client } from 'pg';

import { convertRow, keyOf } from '../load/convertRow';
import { Issues } from '../load/issues';
import type { ColumnPlan, TablePlan } from '../plan';
import type { Source } from '../source/open';
import { rangesOf, valuesOf } from '../source/rows';
import type { Policies } from '../values/kinds';
import { serverForm } from './checksum';
import { type Hash64, hashBytes, hashValue } from './hash';

/** One thing that is not the same on both sides. */
export interface Difference {
  table: string;
  /** The row's primary key; of a table without one all its values. */
  key: string;
  /** Absent where the row is on one side alone. */
  column?: string;
  /** In canonical form; absent on the side that has no such row. */
  source?: string;
  target?: string;
}

/** Rows are compared in this many groups, by the hash of their key; only those that differ are looked at. */
const BUCKETS = 1024;
/** Enough to see what is wrong. */
const MOST = 10;

/** Where a table differs, down to keys and columns: the first ten. Reads the source row by row, so it takes longer than the checksum that differed. */
export async function locateDifferences(
  client: Client,
  source: Source,
  plan: TablePlan,
  policies: Policies,
): Promise<Difference[]> {
  const key = plan.key.length > 0 ? plan.key : plan.columns;
  const there = await serverBuckets(client, plan, key);
  const here = new Map<number, bigint>();
  for (const row of sourceRows(source, plan, policies)) {
    const bucket = bucketOf(row.forms, plan, key);
    here.set(bucket, (here.get(bucket) ?? 0n) + hashOf(row.forms.join(',')));
  }
  const differing = new Set(
    [...Array(BUCKETS).keys()].filter((bucket) => (here.get(bucket) ?? 0n) !== (there.get(bucket) ?? 0n)),
  );
  const some = [...differing].slice(0, 20);
  const rows = new Map<string, { forms: string[]; key: string; count: number }>();
  for (const { forms, key: name } of sourceRows(source, plan, policies)) {
    if (!some.includes(bucketOf(forms, plan, key))) continue;
    const id = keyForm(forms, plan, key);
    rows.set(id, { forms, key: name, count: (rows.get(id)?.count ?? 0) + 1 });
  }
  return compare(plan, rows, await serverRows(client, plan, key, some));
}

function compare(
  plan: TablePlan,
  here: Map<string, { forms: string[]; key: string; count: number }>,
  there: readonly { id: string; forms: string[] }[],
): Difference[] {
  const table = plan.source.name;
  const found: Difference[] = [];
  for (const { id, forms } of there) {
    const row = here.get(id);
    if (row === undefined || row.count === 0) {
      found.push({ table, key: id, target: forms.join(', ') });
      continue;
    }
    row.count -= 1;
    plan.columns.forEach((column, index) => {
      const [one, other] = [row.forms[index] ?? '', forms[index] ?? ''];
      if (one !== other) found.push({ table, key: row.key, column: column.target.name, source: one, target: other });
    });
  }
  for (const { forms, key, count } of here.values())
    for (let missing = 0; missing < count; missing++) found.push({ table, key, source: forms.join(', ') });
  return found.slice(0, MOST);
}

function* sourceRows(source: Source, plan: TablePlan, policies: Policies): Generator<{ forms: string[]; key: string }> {
  const issues = new Issues(policies);
  for (const range of rangesOf(source, plan)) {
    for (const { rowId, values } of valuesOf(source, plan, range, 'all')) {
      const row = convertRow(plan, rowId, values, issues);
      if (row !== undefined)
        yield { forms: row.map((fit) => fit?.canonical ?? 'NULL'), key: keyOf(plan, rowId, values) };
    }
  }
}

const keyForm = (forms: readonly string[], plan: TablePlan, key: readonly ColumnPlan[]): string =>
  key.map((column) => forms[plan.columns.indexOf(column)]).join(',');

const bucketOf = (forms: readonly string[], plan: TablePlan, key: readonly ColumnPlan[]): number =>
  Number(hashOf(keyForm(forms, plan, key)) & BigInt(BUCKETS - 1));

function hashOf(text: string): bigint {
  const bytes = Buffer.from(text, 'utf8');
  const hash: Hash64 = { high: 0, low: 0 };
  hashBytes(bytes, 0, bytes.length, { high: 0, low: 0 }, hash);
  return hashValue(hash);
}

const formOf = (column: ColumnPlan): string => serverForm(column, 't');

const lineOf = (columns: readonly ColumnPlan[]): string => columns.map(formOf).join(` || ',' || `);

const bucketSql = (key: readonly ColumnPlan[]): string => `(hashtextextended(${lineOf(key)}, 0) & ${BUCKETS - 1})`;

async function serverBuckets(
  client: Client,
  { target, columns }: TablePlan,
  key: readonly ColumnPlan[],
): Promise<Map<number, bigint>> {
  const { rows } = await client.query<{ bucket: string; sum: string }>(
    `SELECT ${bucketSql(key)}::text AS bucket, sum(hashtextextended(${lineOf(columns)}, 0))::text AS sum FROM ${target.qualified} AS t GROUP BY 1`,
  );
  return new Map(rows.map(({ bucket, sum }) => [Number(bucket), BigInt(sum)]));
}

async function serverRows(
  client: Client,
  { target, columns }: TablePlan,
  key: readonly ColumnPlan[],
  buckets: readonly number[],
): Promise<{ id: string; forms: string[] }[]> {
  const { rows } = await client.query<{ id: string; forms: string[] }>(
    `SELECT ${lineOf(key)} AS id, ARRAY[${columns.map(formOf).join(', ')}]::text[] AS forms FROM ${target.qualified} AS t
      WHERE ${bucketSql(key)} = ANY ($1::bigint[]) ORDER BY 1`,
    [buckets],
  );
  return rows;
}
