import { isUtf8 } from 'node:buffer';

import type { TablePlan } from '../plan';
import type { Piece } from '../values/conversion';
import { isWellFormed } from '../values/json';
import type { SourceValue } from '../values/value';
import type { Encoding } from './header';
import type { Source } from './open';
import { sqliteName, sqliteText, type SqliteValue } from './sqlite';
import { decode } from './tables';

/** Rows in one piece; SQLite writes the lines of all of them in one call, which is what makes it fast. */
const MOST_ROWS = 500;
/** Values together in one piece, bytes. */
const MOST_BYTES = 4 * 1024 * 1024;

/** Rows of a table with neighbouring numbers: above `after`, up to `upTo`; of a table without numbers all rows. */
export interface Range {
  after: bigint;
  upTo: bigint;
  rows: number;
}

/** SQLite makes something else of half a surrogate pair when it writes a line. */
const isWellFormedIn = (encoding: Encoding, x: string): string =>
  encoding === 'utf8' ? '' : ` AND (typeof(${x}) <> 'text' OR CAST(format('%s', ${x}) AS BLOB) = CAST(${x} AS BLOB))`;

const isFit = ({ columns }: TablePlan, encoding: Encoding): string =>
  columns
    .map(({ source, target, conversion }) => {
      const x = sqliteName(source);
      const fits = `${conversion.fits(x)}${isWellFormedIn(encoding, x)}`;
      return target.nullable ? `(${x} IS NULL OR ${fits})` : fits;
    })
    .join(' AND ') || 'TRUE';

/** A line of pieces, separated by commas. */
export function lineOf(pieces: readonly { piece: Piece; x: string; nullable: boolean }[]): string {
  const parts = pieces.map(({ piece: { spec, arguments: values }, x, nullable }) => {
    if (spec === '%Q' || !nullable) return { spec, values };
    const whole = spec === '%s' ? values[0] : `format(${[sqliteText(spec), ...values].join(', ')})`;
    return { spec: '%s', values: [`iif(${x} IS NULL, 'NULL', ${whole})`] };
  });
  const spec = parts.map((part) => part.spec).join(',');
  return `format(${[sqliteText(spec) + ' || char(10)', ...parts.flatMap(({ values }) => values)].join(', ')})`;
}

/** Ranges that cover a table, each of a bounded number of rows and bytes. */
export function* rangesOf({ database }: Source, { source: table, extent }: TablePlan): Generator<Range> {
  const { rowId } = table;
  if (rowId === undefined || extent.lowest === null || extent.highest === null) {
    if (extent.rows > 0) yield { after: 0n, upTo: 0n, rows: extent.rows };
    return;
  }
  const name = sqliteName(table.name);
  const isDense = extent.highest - extent.lowest < BigInt(extent.rows) * 2n;
  const most = mostRows({ extent });
  // Few long rows among many short ones: looked at before each piece.
  const isMixed = most < MOST_ROWS;
  for (let after = extent.lowest - 1n; after < extent.highest;) {
    let upTo = after + BigInt(MOST_ROWS);
    if (!isDense || isMixed) {
      const [last] = database.first(
        `SELECT max(r) FROM (SELECT ${rowId} AS r FROM ${name} WHERE ${rowId} > ? ORDER BY ${rowId} LIMIT ?)`,
        after,
        BigInt(isMixed ? most : MOST_ROWS),
      );
      if (typeof last !== 'bigint') return;
      upTo = last;
    }
    yield { after, upTo: upTo < extent.highest ? upTo : extent.highest, rows: isMixed ? most : MOST_ROWS };
    after = upTo;
  }
}

/** In one piece. */
const mostRows = ({ extent }: Pick<TablePlan, 'extent'>): number =>
  Math.max(1, Math.min(MOST_ROWS, Math.floor(MOST_BYTES / Math.max(extent.longest, 1))));

/** By row number alone: an index on a column that a condition names would give another order, or be read anew for each range. */
const tableOf = ({ source }: TablePlan): string => `${sqliteName(source.name)} NOT INDEXED`;

/** The WHERE of a range. */
const within = ({ source: { rowId } }: TablePlan): string =>
  rowId === undefined ? 'TRUE' : `${rowId} > ?1 AND ${rowId} <= ?2`;

const boundsOf = ({ source: { rowId } }: TablePlan, { after, upTo }: Range): bigint[] =>
  rowId === undefined ? [] : [after, upTo];

/** What SQLite made of one range. */
export interface Lines {
  /** UTF-8, one after the other; undefined where one is not valid, and all rows have to be converted one by one. */
  bytes: Buffer | undefined;
  /** Rows of the range, of which some may have to be converted one by one. */
  rows: number;
  /** Some rows fit no line: they are not in `bytes`. */
  hasOthers: boolean;
}

/** Reads a table's rows as lines that SQLite writes. */
export class LineReader {
  private readonly all: string;
  private readonly fitting: string;

  /** `fitting`: all rows fit a line, which an earlier reading in the same transaction has shown. */
  constructor(
    private readonly source: Source,
    private readonly plan: TablePlan,
    line: string,
    fitting = false,
  ) {
    const fits = isFit(plan, source.encoding);
    const from = `FROM ${tableOf(plan)} WHERE ${within(plan)}`;
    const lineOrMark = fitting ? line : `CASE WHEN ${fits} THEN ${line} ELSE char(0) END`;
    this.all = `SELECT CAST(group_concat(${lineOrMark}, '') AS BLOB), count(*) ${from}`;
    this.fitting = `SELECT CAST(group_concat(${line}, '') AS BLOB), count(*) ${from} AND ${fits}`;
  }

  read(range: Range): Lines {
    // Without row numbers there is nothing to cut pieces by.
    if (this.plan.source.rowId === undefined) return { bytes: undefined, rows: range.rows, hasOthers: true };
    const bounds = boundsOf(this.plan, range);
    const [made, count] = this.source.database.first(this.all, ...bounds);
    const rows = Number(count);
    if (!Buffer.isBuffer(made)) return { bytes: Buffer.alloc(0), rows, hasOthers: false };
    let bytes = this.utf8(made);
    let hasOthers = false;
    // U+0000 stands for a row that does not fit, and in no line.
    if (bytes !== undefined && bytes.includes(0)) {
      hasOthers = true;
      const [fitting] = this.source.database.first(this.fitting, ...bounds);
      bytes = Buffer.isBuffer(fitting) ? this.utf8(fitting) : Buffer.alloc(0);
    }
    return { bytes, rows, hasOthers };
  }

  private utf8(made: Buffer): Buffer | undefined {
    if (this.source.encoding === 'utf8') return isUtf8(made) ? made : undefined;
    const text = decode(made, this.source.encoding);
    return isWellFormed(text) ? Buffer.from(text, 'utf8') : undefined;
  }
}

export interface StoredRow {
  rowId: bigint | undefined;
  values: SourceValue[];
}

/** The rows of a range that are in no line. */
export function othersOf(source: Source, plan: TablePlan, range: Range, lines: Lines): Iterable<StoredRow> {
  if (lines.bytes === undefined) return valuesOf(source, plan, range, 'all');
  return lines.hasOthers ? valuesOf(source, plan, range, 'others') : [];
}

/** Rows with their values as SQLite stores them. `which`: those that fit no line, or all. */
export function* valuesOf(
  source: Source,
  plan: TablePlan,
  range: Range,
  which: 'all' | 'others',
): Generator<StoredRow> {
  const sql = `${valuesFrom(plan)} WHERE ${within(plan)}${which === 'all' ? '' : ` AND (${isFit(plan, source.encoding)}) IS NOT TRUE`}`;
  const rows =
    plan.source.rowId === undefined ? source.database.each(sql) : source.database.rows(sql, ...boundsOf(plan, range));
  for (const row of rows) yield storedRow(source, plan, row);
}

/** The same of rows with such numbers, in the order of these. */
export function* rowsByNumber(source: Source, plan: TablePlan, numbers: readonly bigint[]): Generator<StoredRow> {
  const most = mostRows(plan);
  const sql = `${valuesFrom(plan)} WHERE ${plan.source.rowId} IN (SELECT value FROM json_each(?))`;
  for (let at = 0; at < numbers.length; at += most)
    for (const row of source.database.rows(sql, `[${numbers.slice(at, at + most).join(',')}]`))
      yield storedRow(source, plan, row);
}

function valuesFrom(plan: TablePlan): string {
  const selected = plan.columns.map(({ source: name }) => {
    const x = sqliteName(name);
    return `iif(typeof(${x}) = 'text', CAST(${x} AS BLOB), ${x}), CASE typeof(${x}) WHEN 'text' THEN 1 WHEN 'real' THEN 2 ELSE 0 END`;
  });
  return `SELECT ${[plan.source.rowId ?? 'NULL', ...selected].join(', ')} FROM ${tableOf(plan)}`;
}

function storedRow({ encoding }: Source, { columns }: TablePlan, row: readonly SqliteValue[]): StoredRow {
  const values = columns.map((_, index) => valueOf(row[1 + 2 * index] ?? null, Number(row[2 + 2 * index]), encoding));
  return { rowId: typeof row[0] === 'bigint' ? row[0] : undefined, values };
}

function valueOf(value: SqliteValue, storage: number, encoding: Encoding): SourceValue {
  if (value === null) return { storage: 'null' };
  if (Buffer.isBuffer(value))
    return storage === 1 ? { storage: 'text', value: inUtf8(value, encoding) } : { storage: 'blob', value };
  if (storage === 2) return { storage: 'real', value: Number(value) };
  return { storage: 'integer', value: BigInt(value) };
}

/** Half of a surrogate pair becomes a byte that UTF-8 does not have. */
function inUtf8(bytes: Buffer, encoding: Encoding): Buffer {
  if (encoding === 'utf8') return bytes;
  const text = decode(bytes, encoding);
  if (isWellFormed(text)) return Buffer.from(text, 'utf8');
  const parts = text
    .split(/[\ud800-\udfff]/u)
    .flatMap((part, index) => [...(index === 0 ? [] : [Buffer.from([0xff])]), Buffer.from(part, 'utf8')]);
  return Buffer.concat(parts);
}

/** Single columns of the rows of a range that fit a line, in the same order as the lines, each in one piece. */
export class RangeColumns {
  private readonly table: string;
  private readonly fits: string;

  constructor(
    private readonly source: Source,
    private readonly plan: TablePlan,
  ) {
    this.table = `FROM ${tableOf(plan)} WHERE ${within(plan)}`;
    this.fits = ` AND ${isFit(plan, source.encoding)}`;
  }

  /**
   * 0 for NULL. SQLite's own text of each number is read back by SQLite to be sure of it; where one would not be the same number, the numbers
   * come one by one.
   */
  numbers(range: Range, column: string, areAll: boolean): number[] {
    const x = sqliteName(column);
    // LIMIT keeps SQLite from writing each text twice.
    const [made, wrong] = this.source.database.first(
      `SELECT CAST(group_concat(t, ' ') AS BLOB), count(CASE WHEN CAST(t AS REAL) <> x THEN 1 END)
         FROM (SELECT ${x} AS x, iif(${x} IS NULL, '0', format('%!.17g', ${x})) AS t ${this.from(areAll)} LIMIT -1)`,
      ...boundsOf(this.plan, range),
    );
    if (wrong === 0n && Buffer.isBuffer(made)) return decode(made, this.source.encoding).split(' ').map(numberOf);
    return this.source.database
      .rows(`SELECT ${x} ${this.from(areAll)}`, ...boundsOf(this.plan, range))
      .map(([value]) => Number(value));
  }

  /** JSON texts in UTF-8, with U+001E between them, which stands in no valid JSON; nothing for NULL. `areAll`: every row of the range fits. Undefined where one is not valid in the encoding of the file. */
  texts(range: Range, column: string, areAll: boolean): Buffer | undefined {
    const [made] = this.source.database.first(
      `SELECT CAST(group_concat(ifnull(${sqliteName(column)}, ''), char(30)) AS BLOB) ${this.from(areAll)}`,
      ...boundsOf(this.plan, range),
    );
    if (!Buffer.isBuffer(made)) return Buffer.alloc(0);
    const { encoding } = this.source;
    if (encoding !== 'utf8') return Buffer.from(decode(made, encoding), 'utf8');
    return isUtf8(made) ? made : undefined;
  }

  private from(areAll: boolean): string {
    return areAll ? this.table : this.table + this.fits;
  }
}

const numberOf = (text: string): number => (text === 'Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text));
