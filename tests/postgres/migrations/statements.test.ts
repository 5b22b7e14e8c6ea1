import { expect, it } from 'vitest';

import { splitStatements } from '../../../postgres/migrations/statements';
import { tokenize } from '../../../postgres/migrations/tokens';

const texts = (sql: string): string[] => splitStatements(sql).map(({ start, end }) => sql.slice(start, end));

it.each<[string, string[]]>([
  ['SELECT 1; SELECT 2', ['SELECT 1', 'SELECT 2']],
  [';;  ;', []],
  ['-- a; b\nSELECT 1 -- c; d\n;', ['SELECT 1']],
  ['/* a; /* nested; */ b; */ SELECT 1; SELECT 2', ['SELECT 1', 'SELECT 2']],
  ["SELECT ';', 'it''s; ok'; SELECT 2", ["SELECT ';', 'it''s; ok'", 'SELECT 2']],
  ["SELECT 'a\\'; SELECT 'b'", ["SELECT 'a\\'", "SELECT 'b'"]],
  ["SELECT E'a\\'; b'; SELECT 2", ["SELECT E'a\\'; b'", 'SELECT 2']],
  ["SELECT e'\\\\'; SELECT 2", ["SELECT e'\\\\'", 'SELECT 2']],
  ["SELECT U&'d;\\0061', U&\"a;\"; SELECT B'0', x'f;'", ['SELECT U&\'d;\\0061\', U&"a;"', "SELECT B'0', x'f;'"]],
  ['SELECT "a;""b;"; SELECT 2', ['SELECT "a;""b;"', 'SELECT 2']],
  ['DO $$ BEGIN; COMMIT; END $$; SELECT 2', ['DO $$ BEGIN; COMMIT; END $$', 'SELECT 2']],
  ['DO $a$ $$;$b$; $a$; SELECT 2', ['DO $a$ $$;$b$; $a$', 'SELECT 2']],
  ['SELECT a$b$;SELECT c$b$', ['SELECT a$b$', 'SELECT c$b$']],
  ['SELECT $1;SELECT 1$2', ['SELECT $1', 'SELECT 1$2']],
  ['SELECT $ñ$;$ñ$; SELECT "ñ;"', ['SELECT $ñ$;$ñ$', 'SELECT "ñ;"']],
  ['SELECT 1 +-- x;\n 2; SELECT 3', ['SELECT 1 +-- x;\n 2', 'SELECT 3']],
  [
    'CREATE RULE r AS ON INSERT TO t DO (DELETE FROM a; DELETE FROM b); SELECT 1',
    ['CREATE RULE r AS ON INSERT TO t DO (DELETE FROM a; DELETE FROM b)', 'SELECT 1'],
  ],
  [
    'CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; SELECT 3',
    [
      'CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END',
      'SELECT 3',
    ],
  ],
  // A function that is only called "begin" opens no body.
  [
    'CREATE FUNCTION begin() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$; COMMIT',
    ['CREATE FUNCTION begin() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$', 'COMMIT'],
  ],
  ['SELECT 1)); COMMIT', ['SELECT 1))', 'COMMIT']],
  // E'...' goes on behind a line break, and takes backslashes there too.
  ["SELECT E'a'\n  'b\\'; COMMIT; --'; SELECT 2", ["SELECT E'a'\n  'b\\'; COMMIT; --'", 'SELECT 2']],
  ["SELECT e'a' -- c\n -- d\r\n 'b\\''; SELECT 2", ["SELECT e'a' -- c\n -- d\r\n 'b\\''", 'SELECT 2']],
  ["SELECT E'a' 'b\\'; SELECT 2", ["SELECT E'a' 'b\\'", 'SELECT 2']],
  ["SELECT 'a'\n'b\\'; SELECT 2", ["SELECT 'a'\n'b\\'", 'SELECT 2']],
  ["SELECT aE'x\\'; SELECT 2", ["SELECT aE'x\\'", 'SELECT 2']],
  ['SELECT "a"$$;$$; SELECT $$;$$$$;$$; SELECT 3', ['SELECT "a"$$;$$', 'SELECT $$;$$$$;$$', 'SELECT 3']],
  ['SELECT a$b$c; SELECT 1$$;$$', ['SELECT a$b$c', 'SELECT 1$$;$$']],
  ["SELECT 'a'/* ' */, 2 / 1 - -1; SELECT 2", ["SELECT 'a'/* ' */, 2 / 1 - -1", 'SELECT 2']],
  ['SELECT 1 -- the end;', ['SELECT 1']],
  ['CREATE FUNCTION "begin atomic" () AS $$;$$; SELECT 2', ['CREATE FUNCTION "begin atomic" () AS $$;$$', 'SELECT 2']],
  [
    'CREATE PROCEDURE p(a int DEFAULT (1)) /* ; */ BEGIN ATOMIC INSERT INTO t VALUES (1); END; COMMIT',
    ['CREATE PROCEDURE p(a int DEFAULT (1)) /* ; */ BEGIN ATOMIC INSERT INTO t VALUES (1); END', 'COMMIT'],
  ],
  ['SELECT 1\u00a0; SELECT 2', ['SELECT 1\u00a0', 'SELECT 2']],
])('cuts %j', (sql, expected) => {
  expect(texts(sql)).toEqual(expected);
});

it.each<[string, number]>([
  ["SELECT 'open; COMMIT;", 7],
  ['SELECT "open; COMMIT;', 7],
  ['DO $a$ open; $b$ COMMIT;', 3],
  ['/* open /* */ COMMIT;', 0],
  ["SELECT E'a\\'; COMMIT;", 8],
])('says where what %j leaves open begins', (sql, openAt) => {
  expect(splitStatements(sql)).toMatchObject([{ openAt, end: sql.length }]);
});

it('gives every token its place in the text', () => {
  const sql = 'Select "A" , 1.5e3, \'x\' /* c */ ;';
  expect(tokenize(sql).map(({ kind, start, end }) => [kind, sql.slice(start, end)])).toEqual([
    ['word', 'Select'],
    ['quoted', '"A"'],
    ['symbol', ','],
    ['number', '1.5e3'],
    ['symbol', ','],
    ['string', "'x'"],
    ['symbol', ';'],
  ]);
});
