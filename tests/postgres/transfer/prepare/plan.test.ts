import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { readApplication } from '../../../../postgres/transfer/prepare/application';
import { planPreparation, type PreparationPlan } from '../../../../postgres/transfer/prepare/plan';
import { planLines } from '../../../../postgres/transfer/prepare/print';
import { application, NOW, removeApplications, schema, SCHOOL, school } from './support';

afterAll(removeApplications);

const planOf = async (directory: string): Promise<PreparationPlan> =>
  planPreparation(await readApplication(directory), NOW);
const codes = ({ problems }: PreparationPlan): string[] => problems.map(({ code }) => code);

const SQLITE_LOCK = 'provider = "sqlite"\n';
const POSTGRES_LOCK = 'provider = "postgresql"\n';
const SQLITE = 'CREATE TABLE "Pupil" ("id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT);\n';
const POSTGRES = 'CREATE TABLE "Pupil" ("id" SERIAL NOT NULL, CONSTRAINT "Pupil_pkey" PRIMARY KEY ("id"));\n';
const folder = (provider: string, lock: string, sql: string): Record<string, string> => ({
  'prisma/schema.prisma': schema(provider),
  'prisma/migrations/migration_lock.toml': lock,
  'prisma/migrations/1_init/migration.sql': sql,
});

describe('an application on SQLite', () => {
  it('gets its folder archived, a baseline and another provider', async () => {
    const plan = await planOf(SCHOOL);
    expect(plan).toMatchObject({
      application: SCHOOL,
      found: [
        'prisma/schema.prisma says provider = "sqlite"',
        'prisma/migrations/migration_lock.toml says provider = "sqlite"',
      ],
      archive: { from: join(SCHOOL, 'prisma/migrations'), to: join(SCHOOL, 'prisma/migrations-sqlite'), migrations: 3 },
      baseline: { directory: join(SCHOOL, 'prisma/migrations'), name: '20250601102030_baseline' },
      problems: [],
    });
    expect(plan.baseline?.sql).toContain('CREATE TABLE "lesson log" (\n    "student id" TEXT NOT NULL,');
  });

  it('keeps everything of the schema but the one word', async () => {
    const { schema: change } = await planOf(SCHOOL);
    expect(change?.after).toBe(change?.before.replace('provider = "sqlite" //', 'provider = "postgresql" //'));
    expect(change?.before).toBe(readFileSync(join(SCHOOL, 'prisma/schema.prisma'), 'utf8'));
    expect(change?.lines).toEqual([
      { line: 10, before: 'provider = "sqlite" // as it began', after: 'provider = "postgresql" // as it began' },
    ]);
  });

  it('may have Windows’ line ends', async () => {
    const text = readFileSync(join(SCHOOL, 'prisma/schema.prisma'), 'utf8').replaceAll('\n', '\r\n');
    const { schema: change, baseline, problems } = await planOf(school({ 'prisma/schema.prisma': text }));
    expect(problems).toEqual([]);
    expect(change?.after).toBe(text.replace('provider = "sqlite" //', 'provider = "postgresql" //'));
    expect(baseline?.sql).toBe((await planOf(SCHOOL)).baseline?.sql);
  });

  it('is told what is another thing on PostgreSQL, by field', async () => {
    const { notes } = await planOf(SCHOOL);
    expect(notes).toEqual([
      expect.stringMatching(
        /^Int is INTEGER, 32 bits.*: User\.id, Student\.userId, Tag\.id, LessonLog\.lesson, Price\.id\.$/,
      ),
      expect.stringMatching(/^Decimal is DECIMAL\(65,30\).*: Student\.fee\.$/),
      expect.stringMatching(/^DateTime is TIMESTAMP\(3\).*: User\.createdAt, LessonLog\.day\.$/),
      expect.stringMatching(/^Json is JSONB.*: User\.settings\.$/),
      expect.stringMatching(/^An enum is a type.*: User\.role\.$/),
    ]);
  });

  it('never has an archive overwritten', async () => {
    const directory = school({ 'prisma/migrations-sqlite/x': '', 'prisma/migrations-sqlite-2': '' });
    expect((await planOf(directory)).archive?.to).toBe(join(directory, 'prisma/migrations-sqlite-3'));
  });

  it('reads as a list of steps', async () => {
    const text = planLines(await planOf(SCHOOL)).join('\n');
    expect(text).toContain('1. move prisma/migrations (3 migrations) to prisma/migrations-sqlite\n');
    expect(text).toContain('2. write prisma/migrations/20250601102030_baseline/migration.sql (6 tables, ');
    expect(text).toContain('line 10: provider = "sqlite" // as it began\n       becomes: provider = "postgresql"');
    expect(text).toContain('  a CHECK, which the schema cannot say');
    expect(text).toContain('by_hand/migration.sql:21 Price.net: "net" REAL CHECK ("net" >= 0),');
  });
});

describe('an application half on the way', () => {
  it('whose schema is PostgreSQL’s already gets the rest', async () => {
    const plan = await planOf(application(folder('postgresql', SQLITE_LOCK, SQLITE)));
    expect(plan.found).toEqual(['prisma/migrations/migration_lock.toml says provider = "sqlite"']);
    expect(plan.schema).toBeUndefined();
    expect(plan).toMatchObject({ archive: { migrations: 1 }, baseline: { name: '20250601102030_baseline' } });
  });

  it('whose lock file alone was changed is recognised by its SQL', async () => {
    const plan = await planOf(application(folder('postgresql', POSTGRES_LOCK, SQLITE)));
    expect(plan.found).toEqual(['prisma/migrations/1_init/migration.sql, line 1, has AUTOINCREMENT, as SQLite does']);
    expect(plan.archive).toBeDefined();
  });

  it('whose migrations are PostgreSQL’s already keeps them', async () => {
    const plan = await planOf(application(folder('sqlite', POSTGRES_LOCK, POSTGRES)));
    expect(plan).toMatchObject({ schema: { lines: [{ line: 2 }] }, problems: [] });
    expect(plan.notes).toEqual([expect.stringContaining('are PostgreSQL’s already and stay')]);
    expect([plan.archive, plan.baseline]).toEqual([undefined, undefined]);
  });

  it('that never had a migration gets its first', async () => {
    const plan = await planOf(application({ 'prisma/schema.prisma': schema('sqlite') }));
    expect(plan.found).toEqual([
      'prisma/schema.prisma says provider = "sqlite"',
      'prisma/migrations holds no migration',
    ]);
    expect(plan.archive).toBeUndefined();
    expect(plan.baseline?.sql).toContain('CREATE TABLE "Pupil"');
  });

  it('that is PostgreSQL’s throughout gets nothing', async () => {
    const directory = application(folder('postgresql', POSTGRES_LOCK, POSTGRES));
    expect(await planOf(directory)).toEqual({
      application: directory,
      found: [],
      handWritten: [],
      notes: [],
      problems: [],
    });
  });
});

describe('refused, with what to do', () => {
  it.each<[string, Record<string, string>, string, RegExp]>([
    ['another database’s schema', folder('mysql', SQLITE_LOCK, SQLITE), 'schema-provider', /says provider = "mysql"/],
    ['another database’s migrations', folder('sqlite', 'provider = "mysql"', SQLITE), 'migration-provider', /"mysql"/],
    [
      'a schema without a model',
      { 'prisma/schema.prisma': 'datasource db {\n  provider = "sqlite"\n}\n' },
      'prisma-schema',
      /no model/,
    ],
    [
      'a schema that Prisma does not take',
      { 'prisma/schema.prisma': schema('sqlite', 'model B {\n  id Nothing @id\n}\n') },
      'prisma-schema',
      /"Nothing" is neither a built-in type[\s\S]*schema\.prisma:10/,
    ],
    [
      'a default of SQLite’s',
      {
        'prisma/schema.prisma': schema(
          'sqlite',
          `model B {\n  id String @id @default(dbgenerated("(lower(hex(randomblob(16))))"))\n}\n`,
        ),
      },
      'schema-default',
      /B\.id \(prisma\/schema\.prisma, line 10\) has the default .*; PostgreSQL has no hex\(\)/,
    ],
    [
      'an index that is called like a table',
      { 'prisma/schema.prisma': schema('sqlite', 'model B {\n  id Int @id\n  x  Int @unique(map: "Pupil")\n}\n') },
      'schema-name',
      /the index Pupil and the table Pupil would both be called Pupil/,
    ],
    [
      'tables that are one after 63 bytes',
      {
        'prisma/schema.prisma': schema(
          'sqlite',
          ['a', 'b']
            .map((end) => `model ${end} {\n  id Int @id(map: "${end}_key")\n  @@map("${'ñ'.repeat(31)}x${end}")\n}\n`)
            .join(''),
        ),
      },
      'schema-name',
      /would both be called ñ+x /,
    ],
    [
      'columns that are one after 63 bytes',
      {
        'prisma/schema.prisma': schema(
          'sqlite',
          `model B {\n  id Int @id\n  ${'c'.repeat(63)}1 Int\n  ${'c'.repeat(63)}2 Int\n}\n`,
        ),
      },
      'schema-name',
      /the column of B c+2 and the column of B c+1/,
    ],
    [
      'a column that every table has',
      { 'prisma/schema.prisma': schema('sqlite', 'model B {\n  id Int @id\n  xmin Int\n}\n') },
      'schema-name',
      /Every table of PostgreSQL has a column xmin/,
    ],
  ])('%s', async (_what, files, code, message) => {
    const plan = await planOf(application(files));
    expect(codes(plan)).toEqual([code]);
    expect(plan.problems[0]?.message).toMatch(message);
    expect(plan.problems[0]?.remedy).not.toBe('');
  });

  it('migrations of both databases in one folder', async () => {
    const files = { ...folder('postgresql', POSTGRES_LOCK, SQLITE), 'prisma/migrations/2_new/migration.sql': POSTGRES };
    const plan = await planOf(application(files));
    expect(codes(plan)).toEqual(['migrations-mixed']);
    expect(plan.problems[0]?.message).toMatch(/1_init.*has AUTOINCREMENT.*PostgreSQL’s is .*2_new/);
  });
});

it('says what PostgreSQL takes as it stands, and what it cuts', async () => {
  const more = `model B {\n  id String @id @default(dbgenerated("gen_random_uuid()"))\n  at Unsupported("point")?\n  @@map("${'t'.repeat(64)}")\n}\n`;
  const plan = await planOf(application({ 'prisma/schema.prisma': schema('sqlite', more) }));
  expect(codes(plan)).toEqual([]);
  expect(plan.notes).toEqual(
    expect.arrayContaining([
      'B.id (prisma/schema.prisma, line 10) has the default gen_random_uuid(), which PostgreSQL takes as it stands there.',
      'B.at (prisma/schema.prisma, line 11) has the type point, which PostgreSQL takes as it stands there.',
      `PostgreSQL cuts the table ${'t'.repeat(64)} to ${'t'.repeat(63)}: of a name 63 bytes count.`,
    ]),
  );
});

it('replaces the address of a file, and leaves one of the environment', async () => {
  const text =
    'datasource db {\n  provider  = "sqlite"\n  url       = "file:./dev.db" // here\n  directUrl = env("DIRECT")\n}\nmodel A {\n  id Int @id\n}\n';
  const { schema: change, problems } = await planOf(application({ 'prisma/schema.prisma': text }));
  expect(problems).toEqual([]);
  expect(change?.after).toBe(
    text.replace('"sqlite"', '"postgresql"').replace('"file:./dev.db"', 'env("DATABASE_URL")'),
  );
});

it('makes no foreign keys where the schema wants none', async () => {
  const text = readFileSync(join(SCHOOL, 'prisma/schema.prisma'), 'utf8').replace(
    'url  ',
    'relationMode = "prisma"\n  url  ',
  );
  const plan = await planOf(school({ 'prisma/schema.prisma': text }));
  expect(plan.problems).toEqual([]);
  expect(plan.baseline?.sql).not.toContain('FOREIGN KEY');
  expect(plan.notes.join('\n')).toContain('relationMode is "prisma"');
});
