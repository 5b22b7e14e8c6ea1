import type { Client } from 'pg';

import { quoteIdentifier } from '../../connection/quote';
import { convertRow } from '../load/convertRow';
import { Issues } from '../load/issues';
import type { ColumnPlan, TablePlan } from '../plan';
import type { Source } from '../source/open';
import { lineOf, LineReader, othersOf, type Range, RangeColumns, rangesOf } from '../source/rows';
import { sqliteName } from '../source/sqlite';
import { asIs } from '../values/conversion';
import type { Policies } from '../values/kinds';
import type { Fit } from '../values/value';
import { Checksum, type Hash64, hashBytes, hashDouble } from './hash';
import { JsonForms } from './jsonForms';

/** A table's rows and the sum of their hashes, whatever their order. */
export interface TableSum {
  rows: number;
  sum: bigint;
}

/** Hashed one by one after the line: JSON, which JavaScript writes, and doubles, which are hashed as they are. */
const isChained = ({ conversion }: ColumnPlan): boolean => typeof conversion.canonical === 'string';
const isFloat = ({ conversion }: ColumnPlan): boolean => conversion.canonical === 'float';
const isLined = ({ conversion }: ColumnPlan): boolean => conversion.canonical !== 'json';

/** A value's canonical form in SQL of PostgreSQL, never NULL. */
export const serverForm = ({ target, conversion }: ColumnPlan, alias: string): string =>
  `coalesce((${conversion.server(`${alias}.${quoteIdentifier(target.name)}`)}) COLLATE "C", 'NULL')`;

/** What PostgreSQL computes for a row: a hash of the canonical forms in one line, and to it chained those that are hashed one by one. */
export function serverHash({ columns }: TablePlan, alias: string): string {
  const name = ({ target }: ColumnPlan): string => `${alias}.${quoteIdentifier(target.name)}`;
  const lineForm = (column: ColumnPlan): string =>
    isFloat(column) ? serverMark(name(column)) : serverForm(column, alias);
  const line = columns.filter(isLined).map(lineForm).join(` || ',' || `) || `''::text COLLATE "C"`;
  return columns
    .filter(isChained)
    .reduce(
      (hash, column) =>
        isFloat(column)
          ? `hashfloat8extended(coalesce(${name(column)}::float8, 0::float8), ${hash})`
          : `hashtextextended(${serverForm(column, alias)}, ${hash})`,
      `hashtextextended(${line}, 0)`,
    );
}

/** What the hash of a double does not tell: NULL, and a zero with its sign. */
const serverMark = (c: string): string =>
  `CASE WHEN ${c} IS NULL THEN 'NULL' WHEN ${c} = 0 THEN ${c}::text ELSE '' END`;
/** No zero with a sign fits a line. */
const sourceMark = (x: string): string => `CASE WHEN ${x} IS NULL THEN 'NULL' WHEN ${x} = 0 THEN '0' ELSE '' END`;
const markOf = (form: string): string => (form === 'NULL' || form === '0' || form === '-0' ? form : '');
const numberOf = (form: string): number => (form === 'NULL' ? 0 : Number(form));

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
      if (typeof conversion.canonical === 'string') return { piece: asIs(sourceMark(x)), x, nullable: false };
      return { piece: conversion.canonical(x), x, nullable: target.nullable };
    }),
  );
  const reader = new LineReader(source, plan, line, isFitting);
  const chained = plan.columns.filter(isChained);
  const more = new RangeColumns(source, plan);
  const sum = new Checksum();
  const issues = new Issues(policies);
  for (const range of rangesOf(source, plan)) {
    const read = reader.read(range);
    const columns = read.bytes === undefined ? undefined : formsOf(chained, more, range, !read.hasOthers);
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

/** What is hashed after the lines of some rows, column by column. */
type Forms = JsonForms | number[];

/** Of the rows that fit a line; undefined where a text is not valid. */
function formsOf(
  chained: readonly ColumnPlan[],
  more: RangeColumns,
  range: Range,
  areAll: boolean,
): Forms[] | undefined {
  const columns: Forms[] = [];
  for (const column of chained) {
    if (isFloat(column)) {
      columns.push(more.numbers(range, column.source, areAll));
      continue;
    }
    const texts = more.texts(range, column.source, areAll);
    if (texts === undefined) return undefined;
    columns.push(jsonForms(texts));
  }
  return columns;
}

function jsonForms(texts: Buffer): JsonForms {
  const forms = new JsonForms(texts.length);
  for (let start = 0; start <= texts.length;) {
    const found = texts.indexOf(30, start);
    const end = found < 0 ? texts.length : found;
    if (end === start) forms.addNull();
    else forms.add(texts, start, end);
    start = end + 1;
  }
  return forms;
}

function addLines(sum: Checksum, bytes: Buffer, rows: number, columns: readonly Forms[]): void {
  const ends = lineEnds(bytes, rows);
  for (const forms of columns) {
    const count = forms instanceof JsonForms ? forms.starts.length - 1 : forms.length;
    if (count !== rows) throw new Error(`${count} values for ${rows} rows`);
  }
  const hash: Hash64 = { high: 0, low: 0 };
  let start = 0;
  for (let row = 0; row < rows; row++) {
    const end = ends[row] as number;
    hashBytes(bytes, start, end, NO_SEED, hash);
    for (const forms of columns) {
      if (forms instanceof JsonForms)
        hashBytes(forms.bytes, forms.starts[row] as number, forms.starts[row + 1] as number, hash, hash);
      else hashDouble(forms[row] as number, hash, hash);
    }
    sum.add(hash);
    start = end + 1;
  }
}

const NO_SEED: Hash64 = { high: 0, low: 0 };

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
  const parts = columns.flatMap((column, index) => {
    const form = forms[index] ?? '';
    return isFloat(column) ? [markOf(form)] : isLined(column) ? [form] : [];
  });
  const line = Buffer.from(parts.join(','), 'utf8');
  const hash: Hash64 = { high: 0, low: 0 };
  hashBytes(line, 0, line.length, NO_SEED, hash);
  columns.forEach((column, index) => {
    const form = forms[index] ?? '';
    if (isFloat(column)) hashDouble(numberOf(form), hash, hash);
    else if (isChained(column)) {
      const text = Buffer.from(form, 'utf8');
      hashBytes(text, 0, text.length, hash, hash);
    }
  });
  return hash;
}
