import { expect, it } from 'vitest';

import { describe as describeStep } from '../../../postgres/migrations/print';
import { readScript, type Script } from '../../../postgres/migrations/script';

const read = (sql: string): Script =>
  readScript({ name: 'm', path: '/m/migration.sql', checksum: 'c', sql, warnings: [] });
const statements = (sql: string): string[] => read(sql).step.statements.map((statement) => statement.sql);
const mode = (sql: string): string => describeStep(read(sql).step).replace(/^\d+ statements?(?:; )?/, '');

it.each([
  'CREATE TABLE a (); CREATE TABLE b ();',
  'SAVEPOINT s; SELECT 1; ROLLBACK TRANSACTION TO s; RELEASE s;',
  "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; SET LOCAL lock_timeout = '1s'; LOCK TABLE a;",
  // Prisma writes such pairs where an enum loses a value.
  'CREATE TABLE a ();\nBEGIN;\nALTER TYPE t RENAME TO u;\nDROP TYPE u;\nCOMMIT;\nCREATE TABLE b ();',
  'BEGIN; SET LOCAL search_path = x; CREATE TEMP TABLE a () ON COMMIT DROP; COMMIT;',
  'START TRANSACTION; SELECT 1; END WORK;',
  "ALTER TYPE t ADD VALUE IF NOT EXISTS 'new'; ALTER TYPE t ADD VALUE 'other' BEFORE 'third';",
  "SELECT 'COMMIT; ROLLBACK; VACUUM;'",
  'SELECT "COMMIT;" -- COMMIT;\n',
  '/* /* COMMIT; */ COMMIT; */ SELECT 1',
  "SELECT E'\\'; COMMIT; --'",
  'DO $do$ BEGIN PERFORM 1; END; $do$',
  "DO $do$ BEGIN -- COMMIT;\n RAISE 'COMMIT;'; /* ROLLBACK; */ END $do$",
  'CREATE FUNCTION f() RETURNS void LANGUAGE sql BEGIN ATOMIC SELECT 1; END',
  'CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$;',
  'CREATE RULE r AS ON INSERT TO t DO (SELECT 1; COMMIT;)',
  'PREPARE transactions AS SELECT 1',
  'REINDEX TABLE a; ALTER TABLE a ADD n int; CREATE INDEX i ON a (n); COMMENT ON TABLE a IS $$concurrently$$;',
  'REFRESH MATERIALIZED VIEW CONCURRENTLY v;',
  "SET standard_conforming_strings = off; SELECT '\\';",
])('is all or nothing: %j', (sql) => {
  expect(read(sql)).toMatchObject({ problems: [], warnings: [] });
  expect(mode(sql)).toBe('');
});

const ALONE = 'cannot run inside a transaction';
const ITSELF = 'the file controls transactions itself';
it.each([
  ['ALTER TABLE a ADD n int;\nCREATE INDEX CONCURRENTLY i ON a (n);', `line 2: CREATE INDEX CONCURRENTLY ${ALONE}`],
  ['create unique /* x */ index concurrently i on a (n)', `line 1: CREATE UNIQUE INDEX CONCURRENTLY ${ALONE}`],
  ['DROP INDEX CONCURRENTLY IF EXISTS i;', `line 1: DROP INDEX CONCURRENTLY ${ALONE}`],
  ['REINDEX (VERBOSE) TABLE CONCURRENTLY a;', `line 1: REINDEX CONCURRENTLY ${ALONE}`],
  ['ALTER TABLE a DETACH PARTITION b CONCURRENTLY;', `line 1: ALTER TABLE CONCURRENTLY ${ALONE}`],
  ['\n\nVACUUM (ANALYZE) a;', `line 3: VACUUM ${ALONE}`],
  ['CREATE DATABASE x;', `line 1: CREATE DATABASE ${ALONE}`],
  ["ALTER SYSTEM SET work_mem = '8MB';", `line 1: ALTER SYSTEM ${ALONE}`],
  ['DISCARD ALL;', `line 1: DISCARD ALL ${ALONE}`],
  ["COMMIT PREPARED 'x';", `line 1: COMMIT PREPARED ${ALONE}`],
  ['DO $$ BEGIN UPDATE a SET n = 1; COMMIT; END $$;', 'line 1: its DO block ends the transaction'],
  ['DO LANGUAGE plpgsql $x$ BEGIN ROLLBACK AND CHAIN; END $x$;', 'line 1: its DO block ends the transaction'],
  ['CREATE TABLE a ();\nCOMMIT;\nCREATE TABLE b ();', `line 2: ${ITSELF}`],
  ["SELECT $$ ' $$; COMMIT; --'", `line 1: ${ITSELF}`],
  ["SELECT E'\\''; COMMIT; --'", `line 1: ${ITSELF}`],
  ["SELECT E'a'\n'\\''; COMMIT; --'", `line 2: ${ITSELF}`],
  ['BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT 1; COMMIT;', `line 1: ${ITSELF}`],
  ['BEGIN; BEGIN; COMMIT;', `line 1: ${ITSELF}`],
  ['BEGIN; SELECT 1; COMMIT AND CHAIN; SELECT 2; COMMIT;', `line 1: ${ITSELF}`],
  ['BEGIN; DROP TABLE a; ROLLBACK;', `line 1: ${ITSELF}`],
  ["BEGIN; SELECT 1; PREPARE TRANSACTION 'x';", `line 1: ${ITSELF}`],
  ['BEGIN; SET LOCAL search_path = x; COMMIT; CREATE TABLE a ();', `line 1: ${ITSELF}`],
  ["BEGIN; INSERT INTO a SELECT set_config('x.y', 'z', true); COMMIT; CREATE TABLE a ();", `line 1: ${ITSELF}`],
  ['BEGIN; CREATE TEMP TABLE a () ON COMMIT DROP; COMMIT; CREATE TABLE a ();', `line 1: ${ITSELF}`],
])('runs %j as it is written, and says why', (sql, why) => {
  expect(read(sql).problems).toEqual([]);
  expect(mode(sql)).toBe(`not all or nothing (${why})`);
});

it.each([
  ['SELECT 1;\nCALL p();', 'unless the procedure called in line 2 ends the transaction'],
  [
    "ALTER TYPE t ADD VALUE 'new';\nALTER TABLE a ALTER k SET DEFAULT 'new';",
    "unless what follows line 1 uses the new enum value 'new'",
  ],
])('leaves it to the server whether %j can be one transaction', (sql, why) => {
  expect(mode(sql)).toBe(`all or nothing ${why}`);
});

it('keeps the statements as written, and marks what the transaction stands for', () => {
  const { step } = read('CREATE TABLE a ();\nBEGIN;\nDROP TYPE t;\nCOMMIT;');
  expect(step.statements.map(({ sql, merged }) => [sql, merged])).toEqual([
    ['CREATE TABLE a ()', undefined],
    ['BEGIN', true],
    ['DROP TYPE t', undefined],
    ['COMMIT', true],
  ]);
});

it.each([
  ["SELECT 1; SELECT 'open", 'migration-syntax', 'line 1, column 18: this quote or comment is never closed'],
  ['SELECT 1; /* open /* */', 'migration-syntax', 'line 1, column 11: this quote or comment is never closed'],
  ['COPY t (a) FROM STDIN;', 'migration-copy', 'COPY FROM STDIN wants data'],
  ['CREATE TABLE a ();\nROLLBACK;', 'migration-transaction', 'line 2, column 1: ROLLBACK without BEGIN'],
  ['BEGIN; COMMIT; ABORT;', 'migration-transaction', 'ROLLBACK without BEGIN'],
  ['BEGIN; SELECT 1;', 'migration-transaction', 'line 1, column 1: this transaction is never committed'],
  ['BEGIN; COMMIT AND CHAIN;', 'migration-transaction', 'column 8: this transaction is never committed'],
])('refuses %j, with a way out that leaves the file as it is', (sql, code, message) => {
  expect(read(sql).problems).toMatchObject([
    {
      code,
      message: expect.stringContaining(message) as string,
      remedy: expect.stringContaining(
        'leave the file as it is, do its work by hand and run `npm run coachdb -- deploy --applied m`',
      ) as string,
      object: '/m/migration.sql',
    },
  ]);
});

it('shows where, in characters', () => {
  const [problem] = read("SELECT 'ñ🦤';\r\n\tSELECT '字'; ROLLBACK;\r\n").problems;
  expect(problem?.message).toMatch(/^Migration m, line 2, column 14: ROLLBACK/);
  expect(problem?.message.split('\n').slice(1)).toEqual(["2 | \tSELECT '字'; ROLLBACK;", '  | \t             ^']);
});

it('runs a marked file outside a transaction, with its own blocks kept', () => {
  const sql = '-- why\n--coachdb:  no-transaction \nSELECT 1; BEGIN; SELECT 2; COMMIT;';
  expect(read(sql)).toMatchObject({ problems: [], step: { transactional: false } });
  expect(statements(sql)).toEqual(['SELECT 1', 'BEGIN', 'SELECT 2', 'COMMIT']);
  expect(read("SELECT '-- coachdb: no-transaction'").step.transactional).toBe(true);
});

it('names a directive that it does not know, and goes on', () => {
  const { problems, warnings, step } = read('-- coachdb: no-transactions\nSELECT 1;');
  expect([problems, step.transactional]).toEqual([[], true]);
  expect(warnings).toEqual([expect.stringContaining('"coachdb: no-transactions" is unknown and ignored')]);
});

it('gives statements their lines', () => {
  const lines = read('SELECT 1;\r\n\r\nSELECT\r\n 2;\nSELECT 3').step.statements.map((statement) => statement.line);
  expect(lines).toEqual([1, 3, 5]);
});
