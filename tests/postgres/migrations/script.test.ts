import { expect, it } from 'vitest';

import { readScript, type Script } from '../../../postgres/migrations/script';

const read = (sql: string): Script => readScript({ name: 'm', path: '/m/migration.sql', checksum: 'c', sql });
const statements = (sql: string): string[] => read(sql).step.statements.map((statement) => statement.sql);

it('leaves out the BEGIN and COMMIT that Prisma writes around a change, and keeps savepoints', () => {
  const sql =
    'CREATE TABLE a ();\nBEGIN;\nDROP TYPE t;\nCOMMIT;\nSAVEPOINT s; SELECT 1; ROLLBACK TRANSACTION TO s; RELEASE s;';
  expect(read(sql).problems).toEqual([]);
  expect(statements(sql)).toEqual([
    'CREATE TABLE a ()',
    'DROP TYPE t',
    'SAVEPOINT s',
    'SELECT 1',
    'ROLLBACK TRANSACTION TO s',
    'RELEASE s',
  ]);
  expect(read('START TRANSACTION; SELECT 1; END WORK;').problems).toEqual([]);
});

it.each([
  ['CREATE TABLE a (); COMMIT; CREATE TABLE b ();', 'COMMIT would end the transaction half-way'],
  ['END;', 'END would end'],
  ['BEGIN; SELECT 1;', 'this BEGIN is never committed'],
  ['BEGIN; BEGIN; COMMIT;', 'BEGIN inside a transaction'],
  ['BEGIN; COMMIT; COMMIT;', 'COMMIT would end'],
  ['BEGIN; COMMIT AND CHAIN;', 'COMMIT would end'],
  ['BEGIN ISOLATION LEVEL SERIALIZABLE; COMMIT;', 'BEGIN with transaction modes'],
  ['/* x */ rollback /* y */;', 'ROLLBACK would undo'],
  ['ABORT;', 'ABORT would undo'],
  ["PREPARE TRANSACTION 'x';", 'PREPARE TRANSACTION would hand'],
  ["COMMIT PREPARED 'x';", 'COMMIT PREPARED would hand'],
  ["ROLLBACK PREPARED 'x';", 'ROLLBACK PREPARED would hand'],
  ["SELECT $$ ' $$; COMMIT; --'", 'COMMIT would end'],
  ["SELECT E'\\''; COMMIT; --'", 'COMMIT would end'],
  ['/* /* */ COMMIT; */ SELECT 1; COMMIT;', 'line 1, column 31: COMMIT would end'],
])('refuses %j', (sql, message) => {
  const { problems } = read(sql);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatchObject({ code: 'migration-transaction', object: '/m/migration.sql' });
  expect(problems[0]?.message).toContain(message);
  expect(problems[0]?.remedy).not.toBe('');
});

it.each([
  "SELECT 'COMMIT; ROLLBACK;'",
  'SELECT "COMMIT;" -- COMMIT;\n',
  '/* /* COMMIT; */ COMMIT; */ SELECT 1',
  "SELECT E'\\'; COMMIT; --'",
  'DO $do$ BEGIN PERFORM 1; END; $do$',
  'CREATE FUNCTION f() RETURNS void LANGUAGE sql BEGIN ATOMIC SELECT 1; END',
  'CREATE RULE r AS ON INSERT TO t DO (SELECT 1; COMMIT;)',
  'PREPARE transactions AS SELECT 1',
])('does not take the inside of %j for a statement', (sql) => {
  expect(read(sql).problems).toEqual([]);
  expect(statements(sql)).toHaveLength(1);
});

it('shows where, in characters', () => {
  const [problem] = read("SELECT 'ñ🦤';\r\n\tSELECT '字'; COMMIT;\r\n").problems;
  expect(problem?.message).toBe(
    'Migration m, line 2, column 14: COMMIT would end the transaction half-way.\n' +
      "2 | \tSELECT '字'; COMMIT;\n  | \t             ^",
  );
});

it.each([
  ["SELECT 1; SELECT 'open", 'migration-syntax', 'line 1, column 18: this quote or comment is never closed'],
  ['COPY t (a) FROM STDIN;', 'migration-copy', 'COPY FROM STDIN wants data'],
  ['SET standard_conforming_strings TO off;', 'migration-strings', 'changes what a quote means'],
  ["SET LOCAL standard_conforming_strings = 'off';", 'migration-strings', 'changes what a quote means'],
  ['-- coachdb: no-transactions\nSELECT 1;', 'migration-directive', '"coachdb: no-transactions" is unknown'],
])('refuses %j', (sql, code, message) => {
  expect(read(sql).problems).toMatchObject([{ code, message: expect.stringContaining(message) as string }]);
});

it('takes what pg_dump writes', () => {
  const sql =
    "SET standard_conforming_strings = on;\nSET SESSION standard_conforming_strings TO 'on';\nCOPY t TO STDOUT;";
  expect(read(sql).problems).toEqual([]);
});

it('runs a marked file outside a transaction, with its own blocks kept', () => {
  const sql = '-- why\n--coachdb:  no-transaction \nVACUUM; BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT 1; COMMIT;';
  expect(read(sql)).toMatchObject({ problems: [], step: { transactional: false } });
  expect(statements(sql)).toEqual(['VACUUM', 'BEGIN ISOLATION LEVEL SERIALIZABLE', 'SELECT 1', 'COMMIT']);
  expect(read("SELECT '-- coachdb: no-transaction'").step.transactional).toBe(true);
});

it('gives statements their lines', () => {
  const lines = read('SELECT 1;\r\n\r\nSELECT\r\n 2;\nSELECT 3').step.statements.map((statement) => statement.line);
  expect(lines).toEqual([1, 3, 5]);
});
