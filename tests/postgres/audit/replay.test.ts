import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { verifyChain } from '../../../postgres/audit/reading/verify';
import { type AuditedDatabase, auditedDatabase, sealChain } from './support';

/** Three ways of recording: fast, by row through partitions, and with a key of several columns whose values are odd. */
const SCHEMA = ['public', 'replayed']
  .map(
    (schema) => `CREATE SCHEMA IF NOT EXISTS ${schema};
CREATE TABLE ${schema}.plain (id int PRIMARY KEY DEFERRABLE, text_value text, number_value numeric, float_value double precision, at timestamptz, data jsonb, list int[], bytes bytea);
CREATE TABLE ${schema}.parts (id int, part int, text_value text, span interval, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
CREATE TABLE ${schema}.parts_0 PARTITION OF ${schema}.parts FOR VALUES IN (0);
CREATE TABLE ${schema}.parts_1 PARTITION OF ${schema}.parts FOR VALUES IN (1, 2);`,
  )
  .join('\n');
const TABLES = ['plain', 'parts'].map((table) => ({ schema: 'public', table }));

/** mulberry32: the same numbers for the same seed. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * below);
  };
}

const TEXTS = [`'a'`, `''`, 'NULL', `E'\\t"\\\\ \\u00f1'`, `repeat('long', 3000)`, `'null'`, `'{"a": 1}'`];
const NUMBERS = ['0', '-1.50', '12345678901234567890.123', `'NaN'`, 'NULL', '1e-20'];
// What jsonb cannot tell apart is left out: -0 from 0, and the JSON null from NULL.
const FLOATS = ['0.1', '0.30000000000000004', `'-Infinity'`, `'NaN'`, 'NULL', '1e300'];
const TIMES = [`'2026-01-02 03:04:05.678901+05:45'`, `'infinity'`, 'NULL', 'clock_timestamp()'];
const DATA = [`'{"a": [1, 2.50, null]}'`, `'[]'`, 'NULL', `'"text"'`, `'{"n": 123456789012345678901234567890}'`];
const LISTS = [`'{1,NULL,3}'`, `'{}'`, 'NULL', `'{{1,2},{3,4}}'`];
const BYTES = [`'\\x00ff'`, `''`, 'NULL'];
const SPANS = [`'1 day -02:03:04.5'`, 'NULL', `'1 mon'`];

/** One statement, of few keys, so that changes meet. */
function statement(below: (limit: number) => number): string {
  const one = (from: string[]): string => from[below(from.length)] ?? 'NULL';
  const id = below(8);
  const row = `${one(TEXTS)}, ${one(NUMBERS)}, ${one(FLOATS)}, ${one(TIMES)}, ${one(DATA)}, ${one(LISTS)}, ${one(BYTES)}`;
  const merge = `MERGE INTO plain t USING (SELECT g AS id FROM generate_series(${id}, ${id + 3}) g) s ON s.id = t.id
      WHEN MATCHED AND s.id % 2 = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET text_value = ${one(TEXTS)} WHEN NOT MATCHED THEN INSERT (id, data) VALUES (s.id, ${one(DATA)})`;
  const statements = [
    `INSERT INTO plain VALUES (${id}, ${row})`,
    `INSERT INTO plain SELECT g, ${row} FROM generate_series(${id}, ${id + 4}) g WHERE g NOT IN (SELECT id FROM plain)`,
    `UPDATE plain SET text_value = ${one(TEXTS)}, float_value = ${one(FLOATS)} WHERE id % 3 = ${id % 3}`,
    `UPDATE plain SET id = id + ${id - 4}`,
    `UPDATE plain SET id = ${below(8)} WHERE id = ${id}`,
    `UPDATE plain SET id = CASE id WHEN ${id} THEN ${id + 1} WHEN ${id + 1} THEN ${id} ELSE id END`,
    `UPDATE plain SET data = ${one(DATA)}, list = ${one(LISTS)}, bytes = ${one(BYTES)}, at = ${one(TIMES)}, number_value = ${one(NUMBERS)}`,
    `DELETE FROM plain WHERE id > ${id}`,
    merge,
    `WITH gone AS (DELETE FROM plain WHERE id = ${id} RETURNING *) INSERT INTO plain SELECT id + 50, text_value, number_value FROM gone`,
    `INSERT INTO parts VALUES (${id}, ${below(3)}, ${one(TEXTS)}, ${one(SPANS)})`,
    `INSERT INTO parts SELECT g, g % 3, ${one(TEXTS)}, ${one(SPANS)} FROM generate_series(${id}, ${id + 5}) g`,
    `UPDATE parts SET part = (part + 1) % 3 WHERE id > ${id}`,
    `UPDATE parts SET span = ${one(SPANS)}, text_value = ${one(TEXTS)} WHERE id <= ${id}`,
    `UPDATE parts_1 SET id = id + 20 WHERE id = ${id}`,
    `DELETE FROM parts WHERE id = ${id}`,
    ...(below(10) === 0 ? [`TRUNCATE plain`, `TRUNCATE parts_0`, `TRUNCATE parts`] : []),
  ];
  return one(statements);
}

/** Statements in transactions, some with savepoints, some rolled back, many refused; what fails is none of the trail's business. */
async function shake(client: Client, seed: number, transactions: number): Promise<void> {
  const below = random(seed);
  for (let count = 0; count < transactions; count += 1) {
    const lines = ['BEGIN'];
    for (let left = 1 + below(4); left > 0; left -= 1)
      lines.push('SAVEPOINT s', statement(below), ...(below(6) === 0 ? ['ROLLBACK TO s'] : []));
    lines.push(below(6) === 0 ? 'ROLLBACK' : 'COMMIT');
    for (const line of lines) await client.query(line).catch(() => client.query('ROLLBACK TO s'));
  }
}

/** The trail, row by row in order, done to the copy by key and nothing else. */
const REPLAY = `DO $$
DECLARE
  e record;
  matches text; -- By key, and all of the row: a row that differs stays behind and is found.
BEGIN
  FOR e IN SELECT * FROM audit.audit_log ORDER BY id LOOP
    matches := format('DELETE FROM replayed.%I t WHERE to_jsonb(t) @> %L', e.table_name, e.key);
    IF e.operation IN ('UPDATE', 'DELETE') THEN
      EXECUTE matches || format(' AND to_jsonb(t) = to_jsonb(jsonb_populate_record(NULL::replayed.%I, %L))', e.table_name, e.old_data);
    END IF;
    IF e.operation IN ('UPDATE', 'INSERT') THEN
      EXECUTE format('INSERT INTO replayed.%1$I SELECT * FROM jsonb_populate_record(NULL::replayed.%1$I, %2$L)', e.table_name, e.new_data);
    END IF;
    IF e.operation = 'TRUNCATE' THEN EXECUTE 'TRUNCATE replayed.' || coalesce(replace(e.child_table, 'public.', ''), quote_ident(e.table_name)); END IF;
  END LOOP;
END $$`;

describe('the trail replayed over empty tables', () => {
  let database: AuditedDatabase;
  beforeAll(async () => {
    database = await auditedDatabase('audit_replay', SCHEMA, { tables: TABLES, hashChain: true });
  });
  afterAll(() => database.drop());

  it.each([1, 2, 3])('gives the tables, whatever was done to them (seed %i)', async (seed) => {
    await database.up();
    const client = await database.as('app');
    await client.query(
      `SET IntervalStyle = 'iso_8601'; SET TimeZone = 'Asia/Kathmandu'; SET extra_float_digits = 0; SET bytea_output = 'escape'`,
    );
    await shake(client, seed * 7919, 80);
    const { admin } = database;
    await admin.query('TRUNCATE replayed.plain, replayed.parts');
    await admin.query(`ALTER TABLE replayed.plain DROP CONSTRAINT IF EXISTS plain_pkey; ${REPLAY}`);
    for (const table of ['plain', 'parts']) {
      const difference = `(SELECT t::text FROM public.${table} t EXCEPT ALL SELECT t::text FROM replayed.${table} t)`;
      const reverse = `(SELECT t::text FROM replayed.${table} t EXCEPT ALL SELECT t::text FROM public.${table} t)`;
      const { rows } = await admin.query(`SELECT * FROM ${difference} a UNION ALL SELECT * FROM ${reverse} b`);
      expect(rows).toEqual([]);
    }
    const { rows } = await admin.query<{ operations: number; rows: number }>(
      `SELECT count(DISTINCT operation)::int AS operations, count(*)::int AS rows FROM audit.audit_log WHERE operation IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'KEY')`,
    );
    expect(rows[0]?.operations).toBeGreaterThanOrEqual(4);
    expect(rows[0]?.rows).toBeGreaterThan(200);
    await sealChain(admin);
    expect((await verifyChain(admin, database.spec)).intact).toBe(true);
  });
});
