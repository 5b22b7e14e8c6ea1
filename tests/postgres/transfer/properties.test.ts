import { rmSync } from 'node:fs';

import fc from 'fast-check';
import Database from 'libsql';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { freshDatabase, type TestDatabase } from '../../support/database';
import { type Encoding, type Expected, LABELS, type Stored } from './expected';
import { anyTable, type RandomTable } from './randomTables';
import { load, type LoadedSource, policies, Sources } from './source';

/** Random databases; `npm run test:transfer` asks for more. */
const numRuns = Number(process.env['COACH_TRANSFER_RUNS'] ?? 60);

let database: TestDatabase;
let sources: Sources;

beforeAll(async () => {
  database = await freshDatabase('transfer_properties');
  sources = new Sources();
  await database.client.query(`SET TimeZone = 'UTC';
    CREATE TYPE mood AS ENUM (${LABELS.map((label) => `'${label.replaceAll("'", "''")}'`).join(', ')});
    CREATE FUNCTION json_or_null(v text) RETURNS text LANGUAGE plpgsql AS
    $$ BEGIN RETURN v::jsonb::text; EXCEPTION WHEN data_exception OR program_limit_exceeded THEN RETURN NULL; END $$`);
});
afterAll(async () => {
  await database.drop();
  sources.remove();
});

interface Row {
  key: string;
  values: Stored[];
}

/** The rows as SQLite has them after its affinities, by a connection of the test's own. */
function storedRows(file: string, table: RandomTable): Row[] {
  const connection = new Database(`file:${file}?mode=ro`);
  const of = (v: string): string => `typeof(${v}), CASE typeof(${v}) WHEN 'text' THEN CAST(${v} AS BLOB) ELSE ${v} END`;
  const columns = table.columns.map((_, index) => of(`v${index}`));
  const rows = connection
    .prepare(`SELECT ${[table.key === 'none' ? `''` : 'CAST(k AS TEXT)', ...columns].join(', ')} FROM ${table.name}`)
    .raw(true)
    .safeIntegers(true)
    .all() as unknown[][];
  connection.close();
  return rows.map(([key, ...all]) => ({
    key: key as string,
    values: table.columns.map((_, index) => {
      const [storage, value] = [all[2 * index] as Stored['storage'], all[2 * index + 1]];
      if (storage === 'real') return { storage, value: Number(value) };
      return { storage, value } as Stored;
    }),
  }));
}

/** PostgreSQL's own opinion of every text that could be JSON. */
async function jsonOpinions(texts: ReadonlySet<string>): Promise<Map<string, string | null>> {
  const all = [...texts].filter((text) => !text.includes('\0'));
  const { rows } = await database.client.query<{ v: string; made: string | null }>(
    'SELECT v, json_or_null(v) AS made FROM unnest($1::text[]) AS v',
    [all],
  );
  return new Map(rows.map(({ v, made }) => [v, made]));
}

async function arrivedRows(table: RandomTable): Promise<string[]> {
  const columns = table.columns.map(({ type }, index) => type.shown.replace(/\bv\b/, `v${index}`));
  const { rows } = await database.client.query<(string | null)[]>({
    text: `SELECT ${[table.key === 'none' ? `''` : 'k::text', ...columns].join(', ')} FROM ${table.name}`,
    rowMode: 'array',
  });
  // Doubles are compared as numbers, whatever digits they are shown with.
  return rows.map(([key, ...values]) =>
    JSON.stringify([
      key,
      ...values.map((value, index) =>
        ['double precision', 'real'].includes(table.columns[index]?.type.name ?? '') ? number(value) : value,
      ),
    ]),
  );
}

function number(value: string | null): string | null {
  if (value === null) return null;
  return Object.is(Number(value), -0) ? '-0' : String(Number(value));
}

interface Outcome {
  rows: string[];
  /** `column kind` of each value that does not fit. */
  issues: string[];
  isRefused: boolean;
}

function outcome(
  table: RandomTable,
  rows: readonly Row[],
  encoding: Encoding,
  policy: 'reject' | 'replace',
  json: Map<string, string | null>,
): Outcome {
  const made: Outcome = { rows: [], issues: [], isRefused: false };
  for (const { key, values } of rows) {
    const found = values.map((value, index): Expected => {
      const column = table.columns[index];
      if (value.storage === 'null' || column === undefined)
        return column?.nullable === true ? { arrives: null } : { kind: 'not-null', arrives: null };
      return column.type.expect(value, encoding, (text) => json.get(text) ?? null);
    });
    found.forEach(({ kind, arrives }, index) => {
      if (kind === undefined) return;
      made.issues.push(`v${index} ${kind}`);
      if (policy === 'replace' && arrives === null && table.columns[index]?.nullable !== true) made.isRefused = true;
    });
    if (policy === 'replace' || found.every(({ kind }) => kind === undefined))
      made.rows.push(JSON.stringify([key, ...found.map(({ arrives }) => arrives)]));
  }
  return made;
}

const wanted = fc.record({
  tables: fc
    .array(anyTable, { minLength: 1, maxLength: 4 })
    .map((tables) => tables.map((table, index) => ({ ...table, name: `t${index}` }))),
  encoding: fc.constantFrom<Encoding>('utf-8', 'utf-8', 'utf-16le', 'utf-16be'),
  policy: fc.constantFrom('reject' as const, 'replace' as const),
});

it(
  'whatever schema and values a source has, each value arrives as the rules say or is reported as they say',
  { timeout: 3_600_000 },
  async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(wanted, async ({ tables, encoding, policy }) => {
        const schema = `s${++run}`;
        await database.client.query(
          `CREATE SCHEMA ${schema}; SET search_path = ${schema}, public; ${tables.map((table) => table.target(table.name)).join('; ')}`,
        );
        const file = sources.make(
          `PRAGMA encoding = '${encoding}'`,
          ...tables.map((table) => table.source(table.name, encoding)),
        );
        const stored = tables.map((table) => storedRows(file, table));
        const texts = new Set(
          stored.flat().flatMap(({ values }) => values.flatMap((value) => textsOf(value, encoding))),
        );
        const json = await jsonOpinions(texts);
        const expected = tables.map((table, index) => outcome(table, stored[index] ?? [], encoding, policy, json));
        let loaded: LoadedSource | undefined;
        try {
          loaded = await load(database.client, file, { schema, policies: policies(policy) });
        } catch (error) {
          if (!expected.some(({ isRefused }) => isRefused)) throw error;
          expect(error).toMatchObject({ code: 'values-refused' });
        }
        const isRefused = expected.some((each) => each.isRefused);
        expect(loaded === undefined).toBe(isRefused);
        for (const [index, table] of tables.entries()) {
          const { rows, issues } = expected[index] as Outcome;
          const reported = loaded?.issues.filter((issue) => issue.table === table.name) ?? [];
          const seen = reported.map(({ column, kind }) => `${column} ${kind}`).sort();
          const values = JSON.stringify(reported.slice(0, 50));
          if (loaded !== undefined) expect(seen, values).toEqual(issues.sort());
          expect((await arrivedRows(table)).sort()).toEqual(isRefused ? [] : rows.sort());
        }
        await database.client.query(`DROP SCHEMA ${schema} CASCADE`);
        rmSync(file);
      }),
      { numRuns, endOnFailure: true, ...replay() },
    );
  },
);

/** What COACH_TRANSFER_SEED and COACH_TRANSFER_PATH name, as a failure prints them. */
function replay(): { seed?: number; path?: string } {
  const { COACH_TRANSFER_SEED: seed, COACH_TRANSFER_PATH: path } = process.env;
  return { ...(seed === undefined ? {} : { seed: Number(seed) }), ...(path === undefined ? {} : { path }) };
}

/** Everything that could be asked of the server as JSON: the text itself, and the text as a string. */
function textsOf(value: Stored, encoding: Encoding): string[] {
  if (value.storage === 'null') return [];
  if (value.storage === 'integer' || value.storage === 'real')
    return [String(value.value), JSON.stringify(String(value.value))];
  const text = new TextDecoder(value.storage === 'text' ? encoding : 'utf-8', { ignoreBOM: true }).decode(value.value);
  return [text, JSON.stringify(text.replaceAll('\0', '\ufffd'))];
}
