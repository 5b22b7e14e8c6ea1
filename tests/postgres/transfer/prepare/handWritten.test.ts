import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { readApplication } from '../../../../postgres/transfer/prepare/application';
import { type HandWritten, handWritten } from '../../../../postgres/transfer/prepare/handWritten';
import { planPreparation } from '../../../../postgres/transfer/prepare/plan';
import { NOW, SCHOOL } from './support';

const MIGRATIONS = join(SCHOOL, 'prisma/migrations');
const script = (name: string): string => readFileSync(join(MIGRATIONS, name, 'migration.sql'), 'utf8');
const found = async (): Promise<HandWritten[]> =>
  (await planPreparation(await readApplication(SCHOOL), NOW)).handWritten;
const listed = (sql: string, baseline = ''): string[] =>
  handWritten([{ path: 'a', sql }], baseline).map(({ kind, object, line }) => `${kind} ${object} ${line}`);

it('lists what a person wrote, with file and line, and nothing that Prisma wrote', async () => {
  expect((await found()).map(({ kind, object, line }) => `${kind} ${object} ${line}`)).toEqual([
    'trigger Student_visits 2',
    'view ActiveStudent 9',
    'data Student 10',
    'data Tag 11',
    'collate User_email_nocase 14',
    'partial-index Student_active 15',
    'expression-index User_year 16',
    'index Student_score 17',
    'check Price.net 21',
    'default Price.since 22',
    'generated Price.gross 23',
    'strict Price 24',
    'table Holiday 25',
    'virtual-table StudentSearch 26',
    'collate Tag.color 27',
  ]);
  const paths = new Set((await found()).map(({ path }) => path));
  expect([...paths]).toEqual([join(MIGRATIONS, '20240415080000_by_hand', 'migration.sql')]);
});

it('shows for each the line of the file that has it', async () => {
  for (const { path, line, sql } of await found()) {
    const written = readFileSync(path, 'utf8').split('\n')[line - 1]?.trim();
    expect(written).toBe(sql);
  }
});

it('leaves out what went with its table when Prisma redefined it', () => {
  const files = readdirSync(MIGRATIONS).filter((name) => name.startsWith('2024'));
  expect(script(files[0] ?? '')).toMatch(/CREATE TRIGGER "User_gone"[\s\S]*/);
  expect(script(files[1] ?? '')).toContain('DROP TABLE "User"');
  const objects = (names: string[]): string[] =>
    handWritten(
      names.map((name) => ({ path: name, sql: script(name) })),
      '',
    ).map(({ object }) => object);
  expect(objects(files.slice(0, 1))).toEqual(expect.arrayContaining(['User_gone']));
  expect(objects(files.slice(0, 2))).not.toEqual(expect.arrayContaining(['User_gone']));
});

const BASELINE = `CREATE TABLE "A" ("id" INTEGER NOT NULL, "b" TEXT NOT NULL DEFAULT gen_random_uuid(), CONSTRAINT "A_pkey" PRIMARY KEY ("id"));
CREATE INDEX "cut" ON "A"("b", "id" DESC); CREATE UNIQUE INDEX "A_b_key" ON "A"("b");
ALTER TABLE "A" ADD CONSTRAINT "A_b_fkey" FOREIGN KEY ("b") REFERENCES "B"("id");`;

it.each([
  ['an index by table and columns, not by its name', 'CREATE INDEX "other" ON a(B, id)', []],
  ['a unique key in the table', 'CREATE TABLE "A" ("id" INTEGER PRIMARY KEY, "b" TEXT UNIQUE)', []],
  ['a foreign key in the column', 'CREATE TABLE "A" ("b" TEXT REFERENCES "B" ("id"))', []],
  ['a default that the schema says too', `CREATE TABLE "A" ("b" TEXT DEFAULT (hex(randomblob(8))))`, []],
  ['no index that is unique there alone', 'CREATE UNIQUE INDEX "x" ON "A"("b", "id")', ['unique-index x 1']],
  ['no default of another column', `CREATE TABLE "A" ("id" INTEGER DEFAULT (1 + 1))`, ['default A.id 1']],
  ['no foreign key of another column', 'CREATE TABLE "A" ("id" INTEGER REFERENCES "B")', ['foreign-key A.id 1']],
])('knows in the baseline %s', (_what, sql, expected) => {
  expect(listed(sql, BASELINE)).toEqual(expected);
});

const TABLE = 'CREATE TABLE "A" ("id" INTEGER PRIMARY KEY, "b" TEXT';
it.each([
  ['ON CONFLICT', `${TABLE} NOT NULL ON CONFLICT REPLACE)`, ['conflict A.b 1']],
  ['DEFERRABLE', `${TABLE} REFERENCES "B" ("id") DEFERRABLE INITIALLY DEFERRED)`, ['deferrable A.b 1']],
  ['NOT DEFERRABLE, which says nothing', `${TABLE} REFERENCES "B" ("id") NOT DEFERRABLE)`, []],
  ['AS without GENERATED ALWAYS', `${TABLE} AS (upper("id")) STORED)`, ['generated A.b 1']],
  ['CHECK of the table', `${TABLE}, CONSTRAINT "c" CHECK ("id" > 0))`, ['check A 1']],
  ['CHECK of a quoted column of that name, which is none', `${TABLE}, "check" TEXT, "collate" TEXT)`, []],
  ['CHECK added later', `${TABLE}); ALTER TABLE "A" ADD "c" INTEGER CHECK ("c" > 0)`, ['check A.c 1']],
  ['an index dropped later', `${TABLE}); CREATE INDEX "x" ON "A"("b"); DROP INDEX IF EXISTS "X"`, []],
  ['a table renamed later', `${TABLE} CHECK (1)); ALTER TABLE "A" RENAME TO "Z"`, ['table Z 1']],
  ['a view dropped later', 'CREATE VIEW v AS SELECT 1; DROP VIEW v', []],
  [
    'a trigger that outlives an index of its name',
    `CREATE TRIGGER x AFTER INSERT ON "A" BEGIN SELECT 1; END; DROP INDEX x`,
    ['trigger x 1'],
  ],
  [
    'a trigger named like its table',
    `${TABLE}); CREATE TRIGGER IF NOT EXISTS main."A" INSTEAD OF INSERT ON "A" BEGIN SELECT 1; END;`,
    ['trigger A 1'],
  ],
  ['settings and transactions', 'PRAGMA journal_mode=WAL; BEGIN; COMMIT; VACUUM; ANALYZE;', []],
  ['what it does not know', "ATTACH 'x' AS y; SELECT load_extension('z')", ['other  1', 'other  1']],
])('reads %s', (_what, sql, expected) => {
  expect(listed(sql, BASELINE)).toEqual(expected);
});

it.each([
  ['INSERT INTO "new_A" ("id", "b") SELECT "id", coalesce("b", \'x\') AS "b" FROM "A"', []],
  ['INSERT INTO "new_A" ("id", "b") SELECT "id", upper("b") FROM "A"', ['data new_A 1']],
  ['INSERT INTO "new_A" ("id", "b") SELECT "id", "b" FROM "A" WHERE "b" IS NOT NULL', ['data new_A 1']],
  ['INSERT INTO "new_A" ("id") SELECT "id" FROM "B"', ['data new_A 1']],
  ['INSERT OR IGNORE INTO "A" VALUES (1)', ['data A 1']],
  ['WITH x AS (SELECT 1) DELETE FROM "A"', ['data A 1']],
  ['UPDATE OR REPLACE "A" SET "b" = 1', ['data A 1']],
  ['REPLACE INTO "A" VALUES (1)', ['data A 1']],
])('tells Prisma’s copying of a table from a change of rows: %s', (sql, expected) => {
  expect(listed(sql, BASELINE)).toEqual(expected);
});
