import { expect, it } from 'vitest';

import { sqliteStatements } from '../../../postgres/transfer/source/sqlTokens';

const words = (sql: string): string[][] => sqliteStatements(sql).map(({ tokens }) => tokens.map(({ text }) => text));

it('cuts at semicolons outside quotes and comments, of every kind that SQLite has', () => {
  expect(words("a \"x;\"\"y\" `b;``c` [d;e] 'f;''g' x'00' -- h;\n; /* i; /* j */ k;")).toEqual([
    ['a', 'x;"y', 'b;`c', 'd;e', "'f;''g'", "x'00'"],
    ['k'],
  ]);
});

it('takes a trigger with its statements as one, up to END after a semicolon', () => {
  const trigger = `CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN
    UPDATE a SET b = CASE WHEN 1 THEN 2 END;
    SELECT 'END;';
  END; SELECT 1;`;
  expect(sqliteStatements(trigger).map(({ excerpt }) => excerpt)).toEqual([
    'CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN',
    'SELECT 1;',
  ]);
});

it('says on which line a statement begins, with either line end', () => {
  const sql = '-- one\n\nA\n  B;\n\n/* two\nlines */ C;D';
  const lines = (text: string): number[] => sqliteStatements(text).map(({ line }) => line);
  expect(lines(sql)).toEqual([3, 7, 7]);
  expect(lines(sql.replaceAll('\n', '\r\n'))).toEqual([3, 7, 7]);
});

it('ends with the text where a quote, a comment or a trigger stays open', () => {
  expect(words("a 'b; c")).toEqual([['a', "'b; c"]]);
  expect(words('a /* b; c')).toEqual([['a']]);
  expect(words('CREATE TRIGGER t BEGIN SELECT 1; x')).toHaveLength(1);
  expect(words('')).toEqual([]);
});

it('reads five megabytes of rows without a recursion for each', () => {
  const rows = `INSERT INTO a VALUES ('${"it''s; ".repeat(700_000)}');`;
  expect(words(rows)).toHaveLength(1);
});
