import type { PoolConfig } from 'pg';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';

import { prismaDeploy } from '../../support/schemaEngine';
import { snapshot } from './snapshot';
import { deploy, migrationFolder, problemOf, removeFolders, type Stage, stageTemplate } from './support';

/** What Prisma's engine takes: the file whole (up to 7.3, and later where it cannot read it), its statements one by one (7.4 and later). */
type Taken = 'both' | 'whole' | 'statements' | 'neither';

interface Kind {
  what: string;
  statements: string[];
  prisma: Taken;
  /** Default `applied`; `refused`: the plan says no, `fails`: the server does, `halfway`: it does so and leaves what Prisma leaves. */
  here?: 'applied' | 'refused' | 'fails' | 'halfway';
}

const NAME = '20250102000000_kind';
/** Applied before, by both, so that there is something to change. */
const BEFORE = `CREATE TYPE "Kind" AS ENUM ('X', 'Y');
CREATE TABLE "A" ("id" INTEGER NOT NULL, "n" INTEGER, "kind" "Kind" NOT NULL DEFAULT 'X', CONSTRAINT "A_pkey" PRIMARY KEY ("id"));
CREATE TABLE "B" ("id" INTEGER NOT NULL, "aId" INTEGER, CONSTRAINT "B_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "B_aId_fkey" FOREIGN KEY ("aId") REFERENCES "A"("id") DEFERRABLE INITIALLY DEFERRED);
CREATE SCHEMA other;
INSERT INTO "A" ("id", "n") VALUES (1, 1), (2, 2);
`;

const KINDS: Kind[] = [
  {
    what: 'an index built CONCURRENTLY beside other statements',
    statements: ['ALTER TABLE "A" ADD COLUMN "m" INTEGER;', 'CREATE INDEX CONCURRENTLY "A_m_idx" ON "A"("m");'],
    prisma: 'statements',
  },
  {
    what: 'an index built CONCURRENTLY alone',
    statements: ['-- c\nCREATE INDEX CONCURRENTLY i ON "A" (n);'],
    prisma: 'both',
  },
  {
    what: 'indexes dropped and rebuilt CONCURRENTLY',
    statements: [
      'CREATE INDEX i ON "A" (n);',
      'REINDEX INDEX CONCURRENTLY i;',
      'DROP INDEX CONCURRENTLY i;',
      'CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS "j" ON "A" ("n");',
    ],
    prisma: 'statements',
  },
  {
    what: 'VACUUM beside other statements',
    statements: ['DELETE FROM "A" WHERE id = 2;', 'VACUUM "A";'],
    prisma: 'statements',
  },
  {
    what: 'BEGIN and COMMIT around part of a file',
    statements: [
      'CREATE TABLE c ();',
      'BEGIN;',
      'ALTER TABLE "A" ADD COLUMN m INTEGER;',
      'COMMIT;',
      'CREATE TABLE d ();',
    ],
    prisma: 'both',
  },
  {
    what: 'BEGIN and COMMIT around all of a file, with settings of the transaction',
    statements: ['BEGIN;', 'SET LOCAL search_path = other;', 'CREATE TABLE c ();', 'COMMIT;'],
    prisma: 'both',
  },
  {
    what: 'settings that end with the block they are in',
    statements: ['BEGIN;', 'SET LOCAL search_path = other;', 'CREATE TABLE c ();', 'COMMIT;', 'CREATE TABLE d ();'],
    prisma: 'both',
  },
  {
    what: 'an enum that loses a value, as Prisma writes it',
    statements: [
      '-- AlterEnum\nBEGIN;',
      `CREATE TYPE "Kind_new" AS ENUM ('X');`,
      'ALTER TABLE "A" ALTER COLUMN "kind" DROP DEFAULT;',
      'ALTER TABLE "A" ALTER COLUMN "kind" TYPE "Kind_new" USING ("kind"::text::"Kind_new");',
      'ALTER TYPE "Kind" RENAME TO "Kind_old";',
      'ALTER TYPE "Kind_new" RENAME TO "Kind";',
      'DROP TYPE "Kind_old";',
      `ALTER TABLE "A" ALTER COLUMN "kind" SET DEFAULT 'X';`,
      'COMMIT;',
    ],
    prisma: 'both',
  },
  {
    what: 'an enum value used in the file that adds it',
    statements: [`ALTER TYPE "Kind" ADD VALUE 'Z';`, `ALTER TABLE "A" ALTER COLUMN "kind" SET DEFAULT 'Z';`],
    prisma: 'statements',
  },
  {
    what: 'an enum value committed before it is used',
    statements: ['BEGIN;', `ALTER TYPE "Kind" ADD VALUE 'Z';`, 'COMMIT;', `UPDATE "A" SET "kind" = 'Z';`],
    prisma: 'both',
  },
  {
    what: 'enum values that are only added',
    statements: [`ALTER TYPE "Kind" ADD VALUE 'Z';`, `ALTER TYPE "Kind" ADD VALUE IF NOT EXISTS 'W' BEFORE 'X';`],
    prisma: 'both',
  },
  {
    what: 'COMMIT between statements',
    statements: ['CREATE TABLE c ();', 'COMMIT;', 'CREATE TABLE d ();'],
    prisma: 'both',
  },
  {
    what: 'a block in a block',
    statements: ['BEGIN;', 'BEGIN;', 'CREATE TABLE c ();', 'COMMIT;', 'COMMIT;'],
    prisma: 'both',
  },
  {
    what: 'a block that is rolled back',
    statements: ['BEGIN;', 'DELETE FROM "A";', 'ROLLBACK;', 'CREATE TABLE c ();'],
    prisma: 'both',
  },
  {
    what: 'a chained commit',
    statements: [
      'BEGIN ISOLATION LEVEL SERIALIZABLE;',
      'SELECT 1;',
      'COMMIT AND CHAIN;',
      'CREATE TABLE c ();',
      'COMMIT;',
    ],
    prisma: 'both',
  },
  {
    what: 'savepoints',
    statements: [
      'BEGIN;',
      'SAVEPOINT s;',
      'CREATE TABLE c ();',
      'ROLLBACK TO SAVEPOINT s;',
      'CREATE TABLE d ();',
      'END;',
    ],
    prisma: 'both',
  },
  {
    what: 'SET TRANSACTION',
    statements: ['SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;', 'CREATE TABLE c AS SELECT 1 AS one;'],
    prisma: 'both',
  },
  {
    what: 'SET TRANSACTION behind a query',
    statements: ['SELECT 1;', 'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;', 'CREATE TABLE c ();'],
    prisma: 'statements',
  },
  { what: 'a read-only transaction', statements: ['SET TRANSACTION READ ONLY;', 'SELECT 1;'], prisma: 'both' },
  { what: 'LOCK TABLE', statements: ['LOCK TABLE "A" IN EXCLUSIVE MODE;', 'UPDATE "A" SET n = 3;'], prisma: 'whole' },
  {
    what: 'constraints deferred to the end',
    statements: ['INSERT INTO "B" VALUES (1, 7);', 'INSERT INTO "A" ("id") VALUES (7);'],
    prisma: 'whole',
  },
  {
    what: 'ALTER TABLE behind deferred triggers',
    statements: ['INSERT INTO "B" VALUES (1, 1);', 'ALTER TABLE "B" ADD COLUMN m INTEGER;'],
    prisma: 'statements',
  },
  {
    what: 'a DO block that commits, alone',
    statements: ['DO $$ BEGIN CREATE TABLE c (); COMMIT; CREATE TABLE d (); END $$;'],
    prisma: 'both',
  },
  {
    what: 'a DO block that commits, beside others',
    statements: ['CREATE TABLE c ();', 'DO $x$ BEGIN UPDATE "A" SET n = 5; COMMIT; END $x$;'],
    prisma: 'statements',
  },
  {
    what: 'a procedure that commits',
    statements: [
      'CREATE PROCEDURE p() LANGUAGE plpgsql AS $$\nBEGIN\n  UPDATE "A" SET n = 5;\n  COMMIT;\nEND $$;',
      'CALL p();',
      'DROP PROCEDURE p();',
    ],
    prisma: 'statements',
  },
  { what: 'no text', statements: [], prisma: 'both' },
  { what: 'a comment alone', statements: ['-- This is an empty migration.\n'], prisma: 'both' },
  { what: 'white space and semicolons', statements: [' \r\n', ';', ';'], prisma: 'both' },
  {
    what: `E'...' continued on the next line`,
    statements: [`INSERT INTO "A" ("id", "n") VALUES (9, length(E'a\\'; '\n  -- ; \n  '\\'; COMMIT; --'));`],
    prisma: 'both',
  },
  {
    what: 'functions with semicolons inside, of every quoting',
    statements: [
      `CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT '';''';`,
      'CREATE FUNCTION g() RETURNS void LANGUAGE plpgsql AS $body$ BEGIN PERFORM $$;$$; END; $body$;',
      'CREATE FUNCTION h() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END;',
      '/* /* ; */ COMMIT; */ CREATE RULE r AS ON DELETE TO "B" DO ALSO (SELECT 1; SELECT 2);',
    ],
    prisma: 'both',
  },
  {
    what: 'Windows line ends',
    statements: ["CREATE TABLE c (\r\n  t text DEFAULT 'x\r\ny'\r\n);\r\n", '-- c\r\nCREATE TABLE d ();'],
    prisma: 'both',
  },
  {
    what: 'U+FFFD, where the file is not UTF-8',
    statements: [`COMMENT ON TABLE "A" IS 'Espa\ufffda';`],
    prisma: 'both',
  },
  {
    what: 'standard_conforming_strings off, as old dumps have it',
    statements: ['SET standard_conforming_strings = off;', 'SET client_min_messages = warning;', 'CREATE TABLE c ();'],
    prisma: 'both',
  },
  {
    what: 'the search path of a dump',
    statements: [`SELECT pg_catalog.set_config('search_path', '', false);`, 'CREATE TABLE public.c ();'],
    prisma: 'neither',
  },
  {
    what: 'temporary tables that live as long as the transaction',
    statements: [
      'CREATE TEMP TABLE t ON COMMIT DROP AS SELECT 1 AS id;',
      'UPDATE "A" SET n = 8 WHERE id IN (SELECT id FROM t);',
    ],
    prisma: 'whole',
  },
  { what: 'DISCARD ALL', statements: ['DISCARD ALL;'], prisma: 'both' },
  {
    what: 'the lock given away',
    statements: ['SELECT pg_advisory_unlock_all();', 'CREATE TABLE c ();'],
    prisma: 'both',
  },
  {
    what: 'rows that nobody reads',
    statements: ['SELECT * FROM "A";', 'COPY "A" TO STDOUT;', 'CREATE TABLE c ();'],
    prisma: 'both',
  },
  {
    what: 'a very long line',
    statements: [
      `INSERT INTO "A" ("id") VALUES ${Array.from({ length: 30_000 }, (_, i) => `(${i + 10})`).join(', ')};`,
    ],
    prisma: 'both',
  },
  { what: 'a byte order mark', statements: ['\ufeffCREATE TABLE c ();'], prisma: 'neither', here: 'refused' },
  { what: 'a NUL', statements: ['CREATE TABLE c ();\0'], prisma: 'neither', here: 'refused' },
  { what: 'an open quote', statements: [`CREATE TABLE c (); SELECT 'x;`], prisma: 'neither', here: 'refused' },
  { what: 'data for COPY', statements: ['COPY "A" ("id") FROM stdin;\n5\n\\.\n'], prisma: 'neither', here: 'refused' },
  { what: 'psql’s own commands', statements: ['\\restrict abc\nCREATE TABLE c ();'], prisma: 'neither', here: 'fails' },
  {
    what: 'a syntax error behind good statements',
    statements: ['CREATE TABLE c ();', 'CREATE TABEL d ();'],
    prisma: 'neither',
    here: 'fails',
  },
  {
    what: 'an index that fails CONCURRENTLY behind a done statement',
    statements: ['ALTER TABLE "A" ADD COLUMN m INTEGER;', 'CREATE UNIQUE INDEX CONCURRENTLY i ON "A" ((1));'],
    prisma: 'neither',
    here: 'halfway',
  },
  {
    what: 'a statement that fails between blocks',
    statements: [
      'BEGIN;',
      'SELECT 1;',
      'CREATE TABLE c ();',
      'COMMIT;',
      'BEGIN;',
      'CREATE TABLE d ();',
      'DROP TABLE e;',
      'COMMIT;',
    ],
    prisma: 'neither',
    here: 'halfway',
  },
];

const FIRST: [name: string, script: string] = ['20250101000000_before', BEFORE];
type Template = Awaited<ReturnType<typeof stageTemplate>>;
let throughEngine: Template;
let throughDeploy: Template;
beforeAll(async () => {
  throughEngine = await stageTemplate('kindp', async (one) =>
    expect(await prismaDeploy(configOf(one), [FIRST], (text) => [text])).toMatchObject({ error: null }),
  );
  throughDeploy = await stageTemplate('kindh', (one) => deploy(one, migrationFolder({ [FIRST[0]]: BEFORE })));
});

const stages: Stage[] = [];
afterEach(async () => {
  for (const place of stages.splice(0)) await place.close();
});
afterAll(async () => {
  removeFolders();
  await throughEngine.close();
  await throughDeploy.close();
});

async function prepared(template: Template): Promise<Stage> {
  const place = await template.copy();
  stages.push(place);
  return place;
}

const configOf = ({ target, owner }: Stage): PoolConfig => ({ ...target, options: `-c role=${owner}` });

/** The database as Prisma leaves it, and whether it was content. */
async function throughPrisma(statements: string[], whole: boolean): Promise<{ taken: boolean; left: unknown }> {
  const place = await prepared(throughEngine);
  const files = [FIRST, [NAME, statements.join('\n')] as [string, string]];
  const { error } = await prismaDeploy(configOf(place), files, (text) => (whole ? [text] : statements));
  return { taken: error === null, left: await snapshot(place.database.client) };
}

it.each(KINDS)('$what: as through Prisma', async ({ statements, prisma, here = 'applied' }) => {
  const whole = await throughPrisma(statements, true);
  const apart = await throughPrisma(statements, false);
  const taken = whole.taken ? (apart.taken ? 'both' : 'whole') : apart.taken ? 'statements' : 'neither';
  expect(taken).toBe(prisma);

  const place = await prepared(throughDeploy);
  const files = { [FIRST[0]]: BEFORE, [NAME]: statements.join('\n') };
  const run = (): Promise<unknown> => deploy(place, migrationFolder(files));
  if (here !== 'applied') {
    const error = await problemOf(run);
    expect(error.kind).toBe(here === 'refused' ? 'refused' : 'failed');
    expect(error.remedy).toContain(`--applied ${NAME}`);
    if (here === 'halfway') expect(await snapshot(place.database.client)).toEqual(apart.left);
    return;
  }
  await run();
  const left = await snapshot(place.database.client);
  if (whole.taken) expect(left).toEqual(whole.left);
  else if (apart.taken) expect(left).toEqual(apart.left);
});
