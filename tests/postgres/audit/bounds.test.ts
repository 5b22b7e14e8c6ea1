import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';

import { maintainTrail } from '../../../postgres/audit/maintain';
import { recorderName } from '../../../postgres/audit/names';
import { readHistory } from '../../../postgres/audit/reading/history';
import { verifyChain } from '../../../postgres/audit/reading/verify';
import { UNCHECKED } from '../../../postgres/audit/sql/bounds';
import { renderHistory } from '../../../scripts/report/history';
import { eventually } from '../../support/eventually';
import { type AuditedDatabase, auditedDatabase } from './support';

const WIDE = Array.from({ length: 1599 }, (_, index) => `"column_${index}" int`).join(', ');
const SCHEMA = `
CREATE TYPE pair AS (n numeric, t text);
CREATE DOMAIN money_like AS numeric[];
CREATE TABLE "Doc" (id int PRIMARY KEY, body jsonb, raw json, note text, n numeric, many numeric[], file bytea, x xml, words tsvector, spans int8multirange,
  pairs pair[], dom money_like, small text DEFAULT 'kept');
CREATE TABLE "ByRow" (id int PRIMARY KEY, body jsonb);
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER later AFTER INSERT ON "ByRow" FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE TABLE "Texts" (id int PRIMARY KEY, ${Array.from({ length: 12 }, (_, index) => `t${index} text`).join(', ')});
CREATE TABLE "Wide" (id int PRIMARY KEY, ${WIDE});
CREATE TABLE "Key" (id text PRIMARY KEY, v int);
CREATE TABLE "JsonKey" (id jsonb PRIMARY KEY, v int);`;
const TABLES = ['Doc', 'ByRow', 'Texts', 'Wide', 'Key', 'JsonKey'].map((table) => ({ schema: 'public', table }));

/** Some bytes that are over a gigabyte as text; and an array of the like that PostgreSQL turns into JSON in less than a minute. */
const HUGE = `('[' || repeat('1e131071,', 8999) || '1]')`;
const FEW = `array_fill('1e131071'::numeric, ARRAY[200])`;
const LARGE = /^\[too large: \d+ bytes, (sha256 [0-9a-f]{64}|hash [0-9a-f]+)\]$/;
const nested = (depth: number): string => `(repeat('[', ${depth}) || repeat(']', ${depth}))`;

/** What an application may write, and by which hash it is recorded; `whole`: as it is. */
const VALUES: [what: string, column: string, value: string, recorded: 'sha256' | 'hash' | 'whole'][] = [
  ['81 kB of JSON with huge numbers', 'body', `${HUGE}::jsonb`, 'hash'],
  ['the same as json', 'raw', `${HUGE}::json`, 'hash'],
  ['large numbers', 'body', `('[' || repeat('1e9999,', 199) || '1]')::jsonb`, 'sha256'],
  ['zeros of many decimals', 'body', `('[' || repeat('0e-16383,', 69999) || '0]')::jsonb`, 'hash'],
  ['a text of 10 MB', 'note', `repeat('0123456789', 1000000)`, 'sha256'],
  ['a text of 10 MB that escapes lengthen', 'note', `repeat(E'\\x01"\\\\\\n', 2500000)`, 'sha256'],
  ['JSON nested 1,300 deep', 'body', `${nested(1300)}::jsonb`, 'hash'],
  ['JSON nested 5,000 deep', 'body', `${nested(5000)}::jsonb`, 'hash'],
  ['JSON nested 50 deep', 'body', `${nested(50)}::jsonb`, 'whole'],
  [
    'JSON with a million keys',
    'body',
    `(SELECT jsonb_object_agg('k' || i, i) FROM generate_series(1, 1000000) i)`,
    'hash',
  ],
  [
    'JSON with 60,000 keys',
    'body',
    `(SELECT jsonb_object_agg('k' || i, i) FROM generate_series(1, 60000) i)`,
    'sha256',
  ],
  ['a number of 131,072 digits', 'n', `1e131071`, 'whole'],
  ['an array of them', 'many', FEW, 'hash'],
  ['a domain over it', 'dom', FEW, 'hash'],
  ['rows with them', 'pairs', `array_fill(ROW('1e131071'::numeric, 'x')::pair, ARRAY[200])`, 'hash'],
  ['a file of 2 MB', 'file', `decode(repeat('00ff', 1000000), 'hex')`, 'sha256'],
  ['a file of 100 kB', 'file', `decode(repeat('00ff', 50000), 'hex')`, 'whole'],
  ['a document', 'x', `xmlparse(CONTENT '<a>' || repeat('<b/>', 500000) || '</a>')`, 'sha256'],
  ['words', 'words', `(SELECT array_to_tsvector(array_agg('w' || i)) FROM generate_series(1, 130000) i)`, 'sha256'],
  ['ranges', 'spans', `(SELECT range_agg(int8range(i * 10, i * 10 + 1)) FROM generate_series(1, 100000) i)`, 'sha256'],
];

/** Of every row of the trail together: what a dump writes. */
const TEXT = `SELECT max(octet_length(t::text))::int AS bytes FROM audit.audit_log t`;

describe('a row that the application may write', () => {
  let database: AuditedDatabase;
  beforeAll(async () => {
    database = await auditedDatabase('audit_bounds', SCHEMA, { tables: TABLES, hashChain: true });
    await database.up();
  });
  beforeEach(async () => {
    await database.admin.query(
      `TRUNCATE "Doc", "ByRow", "Texts", "Wide", "Key", "JsonKey"; DELETE FROM audit.audit_log; DELETE FROM audit.chain_link`,
    );
    await database.recorded();
  });
  afterAll(() => database.drop());

  it.each(VALUES)('%s is recorded so that it can be read', async (_what, column, value, recorded) => {
    const { admin } = database;
    await admin.query(`INSERT INTO "Doc" (id, ${column}) SELECT 1, ${value}`);
    await admin.query(`UPDATE "Doc" SET small = 'changed'; UPDATE "Doc" SET ${column} = NULL; DELETE FROM "Doc"`);
    const { rows } = await admin.query<{ bytes: number }>(TEXT);
    expect(rows[0]?.bytes).toBeLessThan(64 * 1024 * 1024);
    const reader = await database.as('reader');
    const { entries } = await readHistory(reader, database.spec, { table: 'Doc', key: '1' });
    expect(entries.map(({ operation }) => operation)).toEqual(['INSERT', 'UPDATE', 'UPDATE', 'DELETE']);
    const [insert, update, emptied] = entries;
    const shown = insert?.after?.[column];
    if (recorded === 'whole') expect(String(shown)).not.toMatch(LARGE);
    else expect(shown).toMatch(LARGE);
    if (recorded !== 'whole') expect(shown).toContain(`, ${recorded} `);
    expect(update?.differences).toEqual([{ column: 'small', kind: 'changed', before: 'kept', after: 'changed' }]);
    expect(emptied?.differences).toEqual([{ column, kind: 'changed', before: shown, after: null }]);
    expect(renderHistory(entries)).toContain('~ small  "kept" -> "changed"');
    expect((await verifyChain(reader, database.spec)).months.flatMap(({ problems }) => problems)).toEqual([]);
    await reader.end();
  });

  it('is sealed, kept up and dumped, all of it together', async () => {
    const { admin, spec } = database;
    for (const [index, [, column, value]] of VALUES.entries())
      await admin.query(`INSERT INTO "Doc" (id, ${column}) SELECT ${index}, ${value}`);
    await eventually('everything is sealed', async () => {
      await maintainTrail(admin, spec);
      return (await verifyChain(admin, spec)).months.every(({ unsealed }) => unsealed === 0) ? true : undefined;
    });
    expect((await verifyChain(admin, spec)).intact).toBe(true);
    // As a dump does.
    await admin.query(`COPY (SELECT * FROM audit.audit_log) TO '/dev/null'`);
    const { host, port, user, password, binaries } = inject('cluster');
    // The npm binaries have no pg_dump.
    if (!existsSync(join(binaries, 'pg_dump'))) return;
    const dump = ['-h', host, '-p', String(port), '-U', user, '-f', '/dev/null', '-n', 'audit', database.name];
    await promisify(execFile)(join(binaries, 'pg_dump'), dump, { env: { PGPASSWORD: password } });
  });

  it('is recorded by row as it is by statement', async () => {
    await database.admin.query(`INSERT INTO "ByRow" SELECT 1, ${HUGE}::jsonb; DELETE FROM "ByRow"`);
    const rows = await database.recorded();
    expect(rows.map(({ operation }) => operation)).toEqual(['INSERT', 'DELETE']);
    expect(rows[0]?.new_data?.body).toMatch(LARGE);
    expect(rows[1]?.old_data?.body).toBe(rows[0]?.new_data?.body);
  });

  it('is recorded alike between a migration that changes its columns and the next `up`', async () => {
    const { admin, roles } = database;
    await admin.query(`SET ROLE ${roles.tableOwner}; ALTER TABLE "ByRow" ADD COLUMN span interval; RESET ROLE`);
    await admin.query(`SELECT set_config('app.current_user_id', repeat('u', 2000), false);
      INSERT INTO "ByRow" SELECT 1, ${HUGE}::jsonb; UPDATE "ByRow" SET span = '1 day'; DELETE FROM "ByRow"; RESET app.current_user_id`);
    const rows = await database.recorded();
    expect(rows.map(({ operation }) => operation)).toEqual(['INSERT', 'UPDATE', 'DELETE']);
    for (const { old_data: before, new_data: after, user_id: user } of rows)
      for (const text of [(before ?? after)?.body, (after ?? before)?.body, user]) expect(text).toMatch(LARGE);
    await admin.query(`ALTER TABLE "ByRow" DROP COLUMN span`);
    await database.up();
  });

  it('has the hash of its text, which anybody can compute', async () => {
    const { admin } = database;
    await admin.query(`INSERT INTO "Doc" (id, note) SELECT 1, repeat('ñ', 2000000)`);
    const { rows } = await admin.query<{ text: string }>(
      `SELECT format('[too large: %s bytes, sha256 %s]', octet_length(note), encode(sha256(convert_to(note, 'UTF8')), 'hex')) AS text FROM "Doc"`,
    );
    expect((await database.recorded())[0]?.new_data).toMatchObject({ note: rows[0]?.text, small: 'kept' });
  });

  it('keeps each value of a megabyte while the row is of no more than eight, else those of four kilobytes', async () => {
    const { admin } = database;
    const texts = (count: number): string =>
      Array.from({ length: 12 }, (_, index) => (index < count ? `repeat('x', 1000000)` : `'short'`)).join(', ');
    await admin.query(`INSERT INTO "Texts" SELECT 1, ${texts(8)}; INSERT INTO "Texts" SELECT 2, ${texts(12)}`);
    const [eight, twelve] = await database.recorded();
    expect(eight?.new_data).toMatchObject({ t0: 'x'.repeat(1_000_000), t7: 'x'.repeat(1_000_000), t11: 'short' });
    expect(Object.values(twelve?.new_data ?? {}).filter((value) => LARGE.test(String(value)))).toHaveLength(12);
  });

  it('has 1,600 columns', async () => {
    const { admin } = database;
    await admin.query(`INSERT INTO "Wide" (id, column_0) VALUES (1, 1); UPDATE "Wide" SET column_1598 = 2`);
    const [insert, update] = await database.recorded();
    expect(Object.keys(insert?.new_data ?? {})).toHaveLength(1600);
    expect(update?.new_data).toMatchObject({ column_0: 1, column_1598: 2 });
  });

  it('has a key that is too large, by which its history is found all the same', async () => {
    const { admin, spec } = database;
    const { rows } = await admin.query<{ long: string }>(
      `SELECT string_agg(md5(i::text), '') AS long FROM generate_series(1, 70) i`,
    );
    const long = rows[0]?.long ?? '';
    expect(long.length).toBeGreaterThan(UNCHECKED);
    await admin.query(`INSERT INTO "Key" VALUES ($1, 1)`, [long]);
    await admin.query(`UPDATE "Key" SET v = 2; UPDATE "Key" SET id = 'short'; DELETE FROM "Key"`);
    const all = await readHistory(admin, spec, { table: 'Key', key: 'short' });
    expect(all.entries.map(({ operation }) => operation)).toEqual(['INSERT', 'UPDATE', 'UPDATE', 'KEY', 'DELETE']);
    expect(all.entries[0]?.key?.id).toMatch(LARGE);
    const first = await readHistory(admin, spec, { table: 'Key', key: long });
    expect(first.entries.map(({ operation }) => operation)).toEqual(['INSERT', 'UPDATE', 'UPDATE']);
  });

  it('has a key of JSON with huge numbers', async () => {
    const { admin } = database;
    await admin.query(`INSERT INTO "JsonKey" SELECT ${HUGE}::jsonb, 1; DELETE FROM "JsonKey"`);
    const rows = await database.recorded();
    expect(rows.map(({ operation }) => operation)).toEqual(['INSERT', 'DELETE']);
    for (const { key } of rows) expect(key?.id).toMatch(LARGE);
  });

  it('comes from a user and an application with long names', async () => {
    const client = await database.as('app');
    const user = 'ü'.repeat(500_000);
    await client.query(
      `SELECT set_config('app.current_user_id', $1, false), set_config('application_name', $2, false)`,
      [user, 'a\u202e\u0007'.repeat(100_000)],
    );
    await client.query(`INSERT INTO "Key" VALUES ('1'); UPDATE "Key" SET v = 2; DELETE FROM "Key"; TRUNCATE "Key"`);
    const { entries } = await readHistory(database.admin, database.spec, { user });
    expect(entries.map(({ operation }) => operation)).toEqual(['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']);
    for (const entry of entries) {
      expect(entry.user).toMatch(LARGE);
      expect(entry.application).toMatch(/^[\x20-\x7e]{1,252}$/);
    }
    await client.end();
  });

  it('is refused by its own statement where JSON cannot hold it', async () => {
    const { admin } = database;
    await expect(admin.query(`INSERT INTO "Doc" (id, note) SELECT 1, repeat('x', 300000000)`)).rejects.toMatchObject({
      code: '54000',
    });
    await expect(admin.query(`INSERT INTO "Doc" (id, raw) VALUES (1, '{"a": "\\u0000"}')`)).rejects.toMatchObject({
      code: '22P05',
    });
    expect((await admin.query(`SELECT FROM "Doc"`)).rowCount).toBe(0);
    expect(await database.recorded()).toEqual([]);
  });

  it('does not make a reason for a suspension long', async () => {
    await expect(database.admin.query(`SELECT audit.suspend(repeat('x', 1001))`)).rejects.toMatchObject({
      code: '22023',
      message: expect.stringContaining('1001 bytes') as string,
    });
  });

  it('is judged for the trail’s readers alone', async () => {
    const app = await database.as('app');
    await expect(app.query(`SELECT audit.bounded('{}', '{}')`)).rejects.toMatchObject({ code: '42501' });
    await app.end();
  });
});

describe('a trail of an earlier version', () => {
  let database: AuditedDatabase;
  beforeAll(async () => {
    database = await auditedDatabase('audit_former', SCHEMA, { tables: TABLES });
    await database.up();
    const { admin } = database;
    // As it was before there were bounds: without their functions, recorders that record everything, rows of any size.
    const recorders = TABLES.map(({ schema, table }) => `audit."${recorderName('INSERT', schema, table)}"`);
    for (const recorder of recorders)
      await admin.query(
        `CREATE OR REPLACE FUNCTION ${recorder}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN NULL; END'`,
      );
    await admin.query(
      `DROP FUNCTION audit.bounded(jsonb, text[]); DROP FUNCTION audit.weigh(jsonb, bigint); ALTER TABLE audit.chain_horizon DROP hashed`,
    );
  });
  afterAll(() => database.drop());

  it('is refused by name to whoever reads it before `up`', async () => {
    await expect(readHistory(database.admin, database.spec, {})).rejects.toMatchObject({ code: 'audit-outdated' });
    await expect(verifyChain(database.admin, database.spec)).rejects.toMatchObject({ code: 'audit-outdated' });
    await database.up();
    expect((await readHistory(database.admin, database.spec, {})).complete).toBe(true);
    expect((await verifyChain(database.admin, database.spec)).intact).toBe(true);
  });
});

it('retention does not wait for sealing, nor does it fail with it', async () => {
  const database = await auditedDatabase('audit_unsealed', SCHEMA, {
    tables: TABLES,
    hashChain: true,
    retentionMonths: 3,
  });
  await database.up();
  const { admin, spec } = database;
  await admin.query(
    `INSERT INTO audit.audit_log (operation, table_schema, table_name, "timestamp") VALUES ('DELETE', 'public', 'Doc', now() - interval '2 months')`,
  );
  await maintainTrail(admin, spec);
  await admin.query(`ALTER TABLE audit.chain_horizon ADD CHECK (pending_txid IS NULL AND sealed_until = '-infinity') NOT VALID;
    INSERT INTO "Key" VALUES ('new')`);
  const { rows } = await admin.query<{ line: string }>(`SELECT audit.maintain(now() + interval '2 months') AS line`);
  const lines = rows.map(({ line }) => line);
  expect(lines[0]).toMatch(/^sealing failed: new row .* violates check constraint/);
  expect(lines.filter((line) => line.startsWith('dropped audit_log_'))).toHaveLength(1);
  expect((await verifyChain(admin, spec)).intact).toBe(true);
  await database.drop();
});
