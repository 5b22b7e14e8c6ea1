import fc from 'fast-check';
import Database from 'libsql';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { codeOf } from '../../../../system/errors';
import { freshDatabase, type TestDatabase } from '../../../support/database';
import { Sources } from '../source';
import { anyDatabase, type RandomDatabase, type RandomTable } from './randomSchema';
import { create } from './support';

/** Random databases; `npm run test:transfer` asks for more. */
const numRuns = Number(process.env['COACH_TRANSFER_RUNS'] ?? 60);

let database: TestDatabase;
let sources: Sources;
let count = 0;

beforeAll(async () => {
  database = await freshDatabase('transfer_random_schema');
  sources = new Sources();
});
afterAll(async () => {
  await database.drop();
  sources.remove();
});

function tried(sqlite: Database.Database, sql: string): boolean {
  try {
    sqlite.exec(sql);
    return true;
  } catch (error) {
    if (!String(codeOf(error)).startsWith('SQLITE_CONSTRAINT')) throw error;
    return false;
  }
}

async function triedThere(sql: string): Promise<boolean> {
  try {
    await database.client.query(sql);
    return true;
  } catch (error) {
    if (!String(codeOf(error)).startsWith('23')) throw error;
    return false;
  }
}

/** Rows as texts, in no order of either database. */
const shown = (rows: unknown[][]): string[] =>
  rows
    .map((row) =>
      row
        .map((value) => {
          if (typeof value === 'boolean') return String(Number(value));
          if (value instanceof Uint8Array || value instanceof ArrayBuffer)
            return Buffer.from(value as Uint8Array).toString('hex');
          if (typeof value === 'string' && /^-?[\d.]+$/.test(value)) return String(Number(value));
          return typeof value === 'bigint' || typeof value === 'number' ? String(Number(value)) : JSON.stringify(value);
        })
        .join(' | '),
    )
    .sort();

async function compareRows(sqlite: Database.Database, tables: readonly RandomTable[]): Promise<void> {
  for (const { name, columns } of tables) {
    const select = `SELECT ${columns.map((column) => column.name).join(', ')} FROM ${name}`;
    const here = sqlite.prepare(select).raw(true).safeIntegers(true).all() as unknown[][];
    const { rows } = await database.client.query<unknown[]>({ text: select, rowMode: 'array' });
    expect(shown(rows)).toEqual(shown(here));
  }
}

async function check({ tables, rows, changes }: RandomDatabase): Promise<boolean> {
  const schema = `random${++count}`;
  await database.client.query(`CREATE SCHEMA ${schema}; SET search_path = ${schema}`);
  const file = sources.make(...tables.flatMap(({ sql }) => sql));
  const sqlite = new Database(file);
  try {
    // Readers and writers do not wait for one another.
    sqlite.exec('PRAGMA journal_mode = WAL; PRAGMA foreign_keys = on');
    for (const row of rows) tried(sqlite, row);
    const { notes, result } = await create(database.client, file, { schema });
    // Nothing of these is beyond it.
    expect(notes.filter((note) => !note.includes('compares by NOCASE'))).toEqual([]);
    expect(result?.tables).toHaveLength(tables.length);
    await compareRows(sqlite, tables);
    let accepted = 0;
    for (const change of changes) {
      const isTaken = tried(sqlite, change.sqlite);
      expect(await triedThere(change.postgres), change.postgres).toBe(isTaken);
      accepted += Number(isTaken);
    }
    await compareRows(sqlite, tables);
    return accepted < changes.length;
  } finally {
    sqlite.close();
    await database.client.query(`DROP SCHEMA ${schema} CASCADE`);
  }
}

it(
  'random schemas are made, loaded, and take and refuse the same rows as in SQLite',
  { timeout: 600_000 },
  async () => {
    let withRefusals = 0;
    await fc.assert(
      fc.asyncProperty(anyDatabase, async (random) => {
        withRefusals += Number(await check(random));
      }),
      { numRuns },
    );
    expect(withRefusals).toBeGreaterThan(numRuns / 4);
  },
);
