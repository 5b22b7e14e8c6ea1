import type { Client } from 'pg';

import { PlatformError } from '../../../system/errors';
import type { TablePlan } from '../plan';
import type { Source } from '../source/open';
import { lineOf, LineReader, othersOf, rangesOf } from '../source/rows';
import { sqliteName } from '../source/sqlite';
import { convertRow, copyLine } from './convertRow';
import { CopyWriter } from './copy';
import type { Issues } from './issues';

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
  const targets = plan.columns.map(({ target }) => target.name);
  const writer =
    client === undefined ? undefined : CopyWriter.begin(client, plan.target.qualified, targets, options.frozen);
  const reader = new LineReader(source, plan, copyLineOf(plan));
  const result: Loaded = { rows: 0, converted: 0, loaded: 0, rejected: 0, bytes: 0, seconds: 0 };
  const write = async (lines: Buffer): Promise<void> => {
    if (issues.refused === 0) await writer?.write(lines);
    result.bytes += lines.length;
  };
  try {
    for (const range of rangesOf(source, plan)) {
      signal?.throwIfAborted();
      const lines = reader.read(range);
      let left = 0;
      let text = '';
      for (const { rowId, values } of othersOf(source, plan, range, lines)) {
        result.converted += 1;
        const row = convertRow(plan, rowId, values, issues);
        if (row === undefined) left += 1;
        else text += copyLine(row);
        if (text.length < CHUNK_BYTES) continue;
        await write(Buffer.from(text, 'utf8'));
        text = '';
      }
      if (lines.bytes !== undefined) await write(lines.bytes);
      if (text !== '') await write(Buffer.from(text, 'utf8'));
      result.rows += lines.rows;
      result.rejected += left;
      onRows(lines.rows);
      // A server that is never waited for leaves no time to hear of an interrupt.
      if (writer === undefined && result.rows % 50_000 < lines.rows) await new Promise(setImmediate);
    }
    if (result.rows !== plan.extent.rows) throw lost(source, plan, result.rows);
    if (issues.refused > 0) await writer?.abort();
    else await writer?.end();
  } catch (error) {
    await writer?.abort();
    throw error;
  }
  result.loaded = result.rows - result.rejected;
  result.seconds = (performance.now() - started) / 1000;
  return result;
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
