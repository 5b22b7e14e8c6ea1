import Database from 'libsql';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { parseExpression, Untranslatable } from '../../../../postgres/transfer/schema/expression';
import type { Collation, ValueKind } from '../../../../postgres/transfer/schema/kinds';
import { condition, translate } from '../../../../postgres/transfer/schema/translate';
import { sqliteTokens } from '../../../../postgres/transfer/source/sqlTokens';
import { freshDatabase, type TestDatabase } from '../../../support/database';

const COLUMNS: Record<string, { sqlite: string; kind: ValueKind; type: string; collation?: Collation }> = {
  i: { sqlite: 'INTEGER', kind: 'integer', type: 'bigint' },
  j: { sqlite: 'INTEGER', kind: 'integer', type: 'bigint' },
  f: { sqlite: 'REAL', kind: 'float', type: 'double precision' },
  b: { sqlite: 'BOOLEAN', kind: 'boolean', type: 'boolean' },
  t: { sqlite: 'TEXT', kind: 'text', type: 'text' },
  n: { sqlite: 'TEXT COLLATE NOCASE', kind: 'text', type: 'text', collation: 'nocase' },
  x: { sqlite: 'BLOB', kind: 'bytes', type: 'bytea' },
};
/** i, j, f, b, t, n, x; as literals of both. */
const ROWS = [
  ['1', '2', '0.5', 'TRUE', `'abc'`, `'ABC'`, `'\\x00ff'`],
  ['-7', '0', '-2.25', 'FALSE', `'Äb c '`, `'äb c'`, `'\\x'`],
  ['NULL', '3', 'NULL', 'NULL', 'NULL', 'NULL', 'NULL'],
  ['5', '5', '5', 'TRUE', `''`, `'x%_'`, `'\\x61'`],
  ['123456789012', '-5', '1e300', 'FALSE', `'A1-zz'`, `'a1-ZZ'`, `'\\x6162'`],
  ['0', 'NULL', '0', 'TRUE', `'  pad '`, `'['`, `'\\x41'`],
];
const sqliteLiteral = (value: string): string => (value.startsWith(`'\\x`) ? `x'${value.slice(3)}` : value);

let database: TestDatabase;
let sqlite: Database.Database;

beforeAll(async () => {
  database = await freshDatabase('transfer_expressions');
  sqlite = new Database(':memory:');
  const names = Object.keys(COLUMNS);
  sqlite.exec(
    `CREATE TABLE v (k INTEGER PRIMARY KEY, ${names.map((name) => `${name} ${COLUMNS[name]?.sqlite}`).join(', ')})`,
  );
  await database.client.query(
    `CREATE TABLE v (k int PRIMARY KEY, ${names.map((name) => `${name} ${COLUMNS[name]?.type}`).join(', ')})`,
  );
  for (const [k, row] of ROWS.entries()) {
    sqlite.exec(`INSERT INTO v VALUES (${[k, ...row.map(sqliteLiteral)].join(', ')})`);
    await database.client.query(`INSERT INTO v VALUES (${[k, ...row].join(', ')})`);
  }
});
afterAll(async () => {
  sqlite.close();
  await database.drop();
});

const translated = (sql: string): string =>
  condition(
    translate(parseExpression(sqliteTokens(sql)), {
      column: (name) => {
        const found = COLUMNS[name.toLowerCase()];
        return found === undefined ? undefined : { collation: 'binary', ...found, name: name.toLowerCase() };
      },
    }),
  );

/** Which rows it is true, false and neither for. */
function onSqlite(sql: string): unknown[] {
  const rows = sqlite
    .prepare(`SELECT CASE WHEN (${sql}) THEN 1 WHEN NOT (${sql}) THEN 0 END FROM v ORDER BY k`)
    .raw(true)
    .all() as unknown[][];
  return rows.map(([value]) => value);
}

const SAME = [
  'i > 0',
  'i >= 0 AND j < 10 OR f IS NULL',
  'NOT i = 1',
  'i',
  'f',
  'b',
  'b = 1',
  '0 = b',
  'b IN (0, 1)',
  'b IS TRUE',
  'i IS NOT FALSE',
  'i IS NULL',
  'i NOTNULL',
  'i NOT NULL AND j ISNULL',
  'i IS j',
  'i IS NOT j',
  'i IS DISTINCT FROM j',
  'i IS NOT DISTINCT FROM j',
  '(i IS NULL) + (j IS NULL) = 1',
  '(b) + (i > 0) >= 1',
  'i BETWEEN -10 AND 10 AND j NOT BETWEEN 1 AND 2',
  'i IN (1, 5, -7)',
  'i NOT IN (1, j)',
  'i + j * 2 - 1 > 3',
  'i / j = 1',
  'i % 3 = -1',
  '-i > 3',
  '- -i = 5',
  '~i = -2',
  'f * 2 > 0.5',
  'f >= -2.25 AND f < 1e3',
  'f = .5',
  'i < 3000000000 * 4',
  'i = 0x5',
  `t = 'abc'`,
  `t <> 'ABC'`,
  `t < 'B'`,
  `t >= 'a'`,
  `n = 'abc'`,
  `'ABC' = n`,
  `n < 'b'`,
  't = n',
  'n = t',
  `t = 'ABC' COLLATE NOCASE`,
  `n COLLATE BINARY = 'abc'`,
  `n IN ('abc', 'x%_')`,
  `t IN ('abc', '')`,
  `t LIKE 'a%'`,
  `t LIKE 'ÄB%'`,
  `n LIKE 'x\\%_'`,
  `n LIKE 'x\\%\\_' ESCAPE '\\'`,
  `n NOT LIKE '%c%'`,
  `t GLOB 'a*'`,
  `t GLOB '[A-Z][0-9]-??'`,
  `t NOT GLOB '*[^a-z]*'`,
  `t GLOB '*.*'`,
  `n GLOB '[[]'`,
  `length(t) > 3`,
  'length(x) = 2',
  `lower(t) = 'äb c '`,
  `upper(n) = 'ABC'`,
  `trim(t) = 'pad'`,
  `ltrim(t) || rtrim(t) = 'pad   pad'`,
  `substr(t, 1, 2) = 'A1'`,
  `substr(t, 3) = ''`,
  `instr(t, '-') = 3`,
  `replace(t, 'b', '') = 'ac'`,
  'abs(i) = 7',
  'coalesce(i, j) = 3',
  'ifnull(f, 1.5) > 1',
  'nullif(i, 5) IS NULL',
  `typeof(i) = 'integer'`,
  `typeof(t) IN ('text', 'null') AND typeof(x) <> 'blob'`,
  `t || '!' = 'abc!'`,
  `i || '' = '5'`,
  `CASE WHEN i > 0 THEN j > 2 ELSE FALSE END`,
  `CASE n WHEN 'abc' THEN 1 WHEN 'x%_' THEN 2 END = 1`,
  `x = x'6162'`,
  `x > x'41'`,
  'CAST(b AS INTEGER) = 1',
  `CAST(i AS TEXT) = '-7'`,
  'CAST(i AS REAL) / 2 = 2.5',
  `"i" = 1 AND [j] = 2 AND \`t\` = 'abc'`,
  `t = 'it''s; DROP TABLE v; --' OR i = 1 -- a comment\n`,
  'I = 1 /* or */ AND TRUE',
];

it.each(SAME)('%s is the same on both', async (sql) => {
  const { rows } = await database.client.query<{ v: boolean | null }>(
    `SELECT (${translated(sql)}) AS v FROM v ORDER BY k`,
  );
  const expected = onSqlite(sql);
  expect(rows.map(({ v }) => (v === null ? null : Number(v)))).toEqual(expected);
  // In a CHECK and an index, as they are used.
  await database.client.query(
    `ALTER TABLE v ADD CONSTRAINT c CHECK (${translated(sql)} OR TRUE); ALTER TABLE v DROP CONSTRAINT c`,
  );
  await database.client.query(`CREATE INDEX e ON v ((${translated(sql)})); DROP INDEX e`);
});

it('the cases tell rows apart', () => {
  const plain = SAME.filter((sql) => new Set(onSqlite(sql)).size === 1);
  expect(plain).toEqual([]);
});

it.each([
  [`t > 5`, 'compares text with integer'],
  [`i = '5'`, 'compares integer with text'],
  ['t', 'takes text for true or false'],
  ['nothing = 1', 'names "nothing", which is no column'],
  [`strftime('%Y', t) > '2000'`, 'calls strftime(text, text)'],
  ['i > CURRENT_TIMESTAMP', 'depends on the time'],
  ['random() > 0', 'calls random()'],
  ['max(i, j) > 0', 'calls max(integer, integer)'],
  ['i IN (SELECT 1)', 'is not understood at "select"'],
  ['i << 2 = 4', 'has the operator <<'],
  [`t LIKE n`, 'has a pattern that is no literal'],
  [`t REGEXP 'a'`, 'is not understood at "regexp"'],
  [`t COLLATE mine = 'a'`, 'has the collation mine'],
  [`t ->> '$.a' = 1`, 'has the operator ->>'],
  ['', 'is empty'],
  ['i = 1; DROP TABLE v', 'is not understood at ";"'],
  ['(i = 1', 'is not understood at "1"'],
  [`i = 1) OR (1 = 1`, 'is not understood at ")"'],
  ['i = 99999999999999999999999999e999', 'has the number 99999999999999999999999999e999, which is infinite'],
  [`${'('.repeat(5000)}i${')'.repeat(5000)}`, 'is nested too deeply'],
  [`${'- '.repeat(5000)}i`, 'is nested too deeply'],
  [`${'NOT '.repeat(5000)}i`, 'is nested too deeply'],
])('%.40s is not translated', (sql, reason) => {
  expect(() => translated(sql)).toThrow(Untranslatable);
  expect(() => translated(sql)).toThrow(reason);
});
