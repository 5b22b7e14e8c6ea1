import type { Client } from 'pg';

import { quoteIdentifier } from '../../connection/quote';
import { convertRow } from '../load/convertRow';
import { Issues } from '../load/issues';
import type { ColumnPlan, TablePlan } from '../plan';
import type { Source } from '../source/open';
import { lineOf, LineReader, othersOf, type Range, RangeColumns, rangesOf } from '../source/rows';
import { sqliteName } from '../source/sqlite';
import { jsonbText } from '../values/json';
import type { Policies } from '../values/kinds';
import { type Fit, floatText } from '../values/value';
import { Checksum, type Hash64, hashBytes } from './hash';

/** A table's rows and the sum of their hashes, whatever their order. */
export interface TableSum {
  rows: number;
  sum: bigint;
}

const isHashed = ({ conversion }: ColumnPlan): boolean => typeof conversion.canonical === 'string';
const isLined = (column: ColumnPlan): boolean => !isHashed(column);

/** A value's canonical form in SQL of PostgreSQL, never NULL. */
export const serverForm = ({ target, conversion }: ColumnPlan, alias: string): string =>
  `coalesce((${conversion.server(`${alias}.${quoteIdentifier(target.name)}`)}) COLLATE "C", 'NULL')`;

/** What PostgreSQL computes for a row: a hash of the canonical forms, and to it chained those that JavaScript makes on the other side. */
export function serverHash({ columns }: TablePlan, alias: string): string {
  const form = (column: ColumnPlan): string => serverForm(column, alias);
  const line = columns.filter(isLined).map(form).join(` || ',' || `) || `''::text COLLATE "C"`;
  return columns
    .filter(isHashed)
    .reduce((hash, column) => `hashtextextended(${form(column)}, ${hash})`, `hashtextextended(${line}, 0)`);
}

export async function serverSum(client: Client, plan: TablePlan): Promise<TableSum> {
  const { rows } = await client.query<{ rows: string; sum: string }>(
    `SELECT count(*) AS rows, coalesce(sum(${serverHash(plan, 't')}), 0) AS sum FROM ${plan.target.qualified} AS t`,
  );
  return { rows: Number(rows[0]?.rows), sum: BigInt(rows[0]?.sum ?? 0) };
}

/**
 * The same over the source, in steps that each take about a millisecond, so that it can go on while the server is at work. Rows that the policies
 * reject do not count; values that they replace count as replaced. `isFitting`: the load has shown that all rows fit their lines.
 */
export function* sourceSum(
  source: Source,
  plan: TablePlan,
  policies: Policies,
  isFitting = false,
): Generator<undefined, TableSum> {
  const lined = plan.columns.filter(isLined);
  const line = lineOf(
    lined.map(({ source: name, target, conversion }) => {
      const x = sqliteName(name);
      const piece = typeof conversion.canonical === 'string' ? { spec: '', arguments: [] } : conversion.canonical(x);
      return { piece, x, nullable: target.nullable };
    }),
  );
  const reader = new LineReader(source, plan, line, isFitting);
  const hashed = plan.columns.filter(isHashed);
  const more = new RangeColumns(source, plan);
  const sum = new Checksum();
  const issues = new Issues(policies);
  for (const range of rangesOf(source, plan)) {
    const read = reader.read(range);
    const columns = read.bytes === undefined ? undefined : formsOf(hashed, more, range, !read.hasOthers);
    // All rows one by one, as the load had to.
    const lines = columns === undefined ? { ...read, bytes: undefined } : read;
    const others = othersOf(source, plan, range, lines);
    let count = 0;
    for (const { rowId, values } of others) {
      count += 1;
      const row = convertRow(plan, rowId, values, issues);
      if (row !== undefined) sum.add(hashOfRow(plan, row));
      if (plan.source.rowId === undefined && count % 500 === 0) yield;
    }
    if (lines.bytes !== undefined && lines.rows > count) addLines(sum, lines.bytes, lines.rows - count, columns ?? []);
    yield;
  }
  return { rows: sum.rows, sum: sum.sum };
}

/** Canonical forms of the columns that SQLite cannot write, of the rows that fit a line; undefined where a text is not valid. */
function formsOf(
  hashed: readonly ColumnPlan[],
  more: RangeColumns,
  range: Range,
  areAll: boolean,
): string[][] | undefined {
  const columns: string[][] = [];
  for (const { source, conversion } of hashed) {
    if (conversion.canonical === 'json') {
      const texts = more.texts(range, source, areAll);
      if (texts === undefined) return undefined;
      columns.push(texts.map((text) => (text === null ? 'NULL' : jsonOf(text))));
    } else {
      columns.push(more.numbers(range, source, areAll).map((number) => (number === null ? 'NULL' : floatText(number))));
    }
  }
  return columns;
}

function addLines(sum: Checksum, bytes: Buffer, rows: number, forms: readonly (readonly string[])[]): void {
  const ends = lineEnds(bytes, rows);
  const columns = forms.map((texts) => piecesOf(texts, rows));
  const hash: Hash64 = { high: 0, low: 0 };
  let start = 0;
  for (let row = 0; row < rows; row++) {
    const end = ends[row] as number;
    hashBytes(bytes, start, end, NO_SEED, hash);
    for (const piece of columns)
      hashBytes(piece.bytes, piece.starts[row] as number, (piece.starts[row + 1] as number) - 1, hash, hash);
    sum.add(hash);
    start = end + 1;
  }
}

/** Texts without line breaks, in one buffer; `starts` has one more than there are texts. */
function piecesOf(texts: readonly string[], rows: number): { bytes: Buffer; starts: number[] } {
  if (texts.length !== rows) throw new Error(`${texts.length} values for ${rows} rows`);
  const bytes = Buffer.from(`${texts.join('\n')}\n`, 'utf8');
  return { bytes, starts: [0, ...lineEnds(bytes, rows).map((end) => end + 1)] };
}

const NO_SEED: Hash64 = { high: 0, low: 0 };

/** Most values of a column of settings are alike. */
const known = new Map<string, string>();

function jsonOf(text: string): string {
  const cached = known.get(text);
  if (cached !== undefined) return cached;
  const normal = jsonbText(text);
  if (text.length <= 200) {
    if (known.size >= 1000) known.clear();
    known.set(text, normal);
  }
  return normal;
}

/** Where each line ends. Where texts have line breaks too, those inside quotes are none. */
function lineEnds(bytes: Buffer, rows: number): number[] {
  const ends: number[] = [];
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) ends.push(at);
  if (ends.length === rows) return ends;
  ends.length = 0;
  let isQuoted = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === 39) isQuoted = !isQuoted;
    else if (byte === 10 && !isQuoted) ends.push(at);
  }
  return ends;
}

/** Of a row whose values were converted one by one. */
function hashOfRow({ columns }: TablePlan, row: readonly (Fit | null)[]): Hash64 {
  const forms = row.map((fit) => fit?.canonical ?? 'NULL');
  const line = Buffer.from(forms.filter((_, index) => isLined(columns[index] as ColumnPlan)).join(','), 'utf8');
  const hash: Hash64 = { high: 0, low: 0 };
  hashBytes(line, 0, line.length, NO_SEED, hash);
  columns.forEach((column, index) => {
    if (isLined(column)) return;
    const text = Buffer.from(forms[index] ?? '', 'utf8');
    hashBytes(text, 0, text.length, hash, hash);
  });
  return hash;
}
