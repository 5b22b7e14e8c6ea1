import type { Client } from 'pg';

import { PlatformError } from '../../../system/errors';
import type { TablePlan } from '../plan';
import { layoutOf } from '../source/layout';
import type { Source } from '../source/open';
import { lineOf, LineReader, othersOf, rangesOf, rowsByNumber, type StoredRow } from '../source/rows';
import { sqliteName } from '../source/sqlite';
import { convertRow, copyLine } from './convertRow';
import { type CopyFormat, TableCopy } from './copy';
import type { Issues } from './issues';
import { encodersOf, storedRows } from './storedRows';

export interface Loaded {
  rows: number;
  /** Rows that SQLite alone could not write: converted one by one. */
  converted: number;
  loaded: number;
  rejected: number;
  /** Sent to the server. */
  bytes: number;
  seconds: number;
}

/** Lines that JavaScript writes are collected to this size. */
const CHUNK_BYTES = 256 * 1024;

/**
 * Copies one table; with `client` undefined it only looks at every value. From the first refused value on nothing more is sent, but all is
 * looked at, so that everything that is wrong is known at once.
 */
export async function loadTable(
  client: Client | undefined,
  source: Source,
  plan: TablePlan,
  options: { issues: Issues; frozen: boolean; onRows: (rows: number) => void; signal?: AbortSignal },
): Promise<Loaded> {
  const { issues, onRows, signal } = options;
  const started = performance.now();
  const copy = new TableCopy(client, plan, options.frozen, () => issues.refused > 0);
  const other = new OtherRows(plan, issues, copy);
  let read = 0;
  try {
    for (const { format, bytes, rows, others } of piecesOf(source, plan)) {
      signal?.throwIfAborted();
      await other.add(others);
      await copy.write(format, bytes);
      read += rows;
      onRows(rows);
      // A server that is never waited for leaves no time to hear of an interrupt.
      if (client === undefined && read % 50_000 < rows) await new Promise(setImmediate);
      if (read > plan.extent.rows) break;
    }
    if (read !== plan.extent.rows) throw lost(source, plan, read);
    await other.write();
    await copy.end();
  } catch (error) {
    await copy.abort();
    throw error;
  }
  const { converted, rejected } = other;
  const seconds = (performance.now() - started) / 1000;
  return { rows: read, converted, loaded: read - rejected, rejected, bytes: copy.bytes, seconds };
}

/** Some of a table's rows: those that need no closer look as COPY takes them, and the others as they are stored. */
interface TablePiece {
  format: CopyFormat;
  bytes: Buffer;
  rows: number;
  others: Iterable<StoredRow>;
}

function* piecesOf(source: Source, plan: TablePlan): Generator<TablePiece> {
  const layout = layoutOf(source, plan.source);
  const encoders = encodersOf(plan);
  if (layout !== undefined && encoders !== undefined) {
    for (const { others, ...chunk } of storedRows(source, plan, layout, encoders))
      yield { format: 'binary', ...chunk, others: rowsByNumber(source, plan, others) };
    return;
  }
  const reader = new LineReader(source, plan, copyLineOf(plan));
  for (const range of rangesOf(source, plan)) {
    const lines = reader.read(range);
    const others = othersOf(source, plan, range, lines);
    yield { format: 'lines', bytes: lines.bytes ?? Buffer.alloc(0), rows: lines.rows, others };
  }
}

/** Rows that are converted one by one: collected, since a change of format ends one COPY and begins another. */
class OtherRows {
  converted = 0;
  rejected = 0;
  private text = '';

  constructor(
    private readonly plan: TablePlan,
    private readonly issues: Issues,
    private readonly copy: TableCopy,
  ) {}

  async add(others: Iterable<StoredRow>): Promise<void> {
    for (const { rowId, values } of others) {
      this.converted += 1;
      const row = convertRow(this.plan, rowId, values, this.issues);
      if (row === undefined) this.rejected += 1;
      else this.text += copyLine(row);
      if (this.text.length >= CHUNK_BYTES) await this.write();
    }
  }

  async write(): Promise<void> {
    await this.copy.write('lines', Buffer.from(this.text, 'utf8'));
    this.text = '';
  }
}

/** What SQLite writes for COPY. */
function copyLineOf({ columns }: TablePlan): string {
  return lineOf(
    columns.map(({ source: name, target, conversion }) => {
      const x = sqliteName(name);
      return { piece: conversion.copy(x), x, nullable: target.nullable };
    }),
  );
}

/** An index and its table disagree: pages of one of them are damaged. */
function lost({ file }: Source, { source: { name }, extent }: TablePlan, rows: number): PlatformError {
  return new PlatformError(
    'source-corrupt',
    `${file} is damaged: table ${name} counts ${extent.rows} rows, of which ${rows} can be read.`,
    'See what is left with `sqlite3 FILE ".recover"`, or take the last good copy; nothing was loaded.',
    { object: name },
  );
}
