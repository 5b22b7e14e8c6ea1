import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

import { ensureIndex } from '../../../postgres/indexes/ensure';
import { indexHints } from '../../../postgres/indexes/hints';
import { hintsMigration } from '../../../postgres/indexes/hintsMigration';
import { readPrismaSchema } from '../../../postgres/indexes/prismaSchema';
import type { IndexSpec } from '../../../postgres/spec';
import { freshDatabase, type TestDatabase } from '../../support/database';
import { schemaDifference, UNREAD_MAJOR } from '../../support/schemaEngine';

const spec = (name: string, table: string, column: string, more: Partial<IndexSpec> = {}): IndexSpec => ({
  name,
  schema: 'public',
  table,
  columns: [{ name: column }],
  ...more,
});
const FIVE = [
  spec('idx_student_location', 'Student', 'location'),
  spec('idx_student_language', 'Student', 'language'),
  spec('idx_completed_lesson_student', 'CompletedLesson', 'studentId'),
  spec('idx_assessment_student', 'Assessment', 'studentId'),
  spec('idx_user_email', 'User', 'email'),
];

const PREAMBLE = `generator client {
  provider = "prisma-client"
  output   = "./generated"
}
datasource db {
  provider = "postgresql"
}
`;

describe('the lines for the declared indexes', () => {
  it('are those of the five, grouped by model', () => {
    expect(indexHints(FIVE).text).toBe(`model Student {
  @@index([location], map: "idx_student_location")
  @@index([language], map: "idx_student_language")
}

model CompletedLesson {
  @@index([studentId], map: "idx_completed_lesson_student")
}

model Assessment {
  @@index([studentId], map: "idx_assessment_student")
}

model User {
  @@index([email], map: "idx_user_email")
}
`);
  });

  it('leave out what the schema declares already', async () => {
    const text = readFileSync(join(__dirname, '../../../app/prisma/schema.prisma'), 'utf8');
    const hints = indexHints(FIVE, await readPrismaSchema(text));
    expect(hints).toMatchObject({ models: [], notes: [] });
    expect(hints.text).toContain('declares every index already');
    const without = text.replace('@@index([language], map: "idx_student_language")', '');
    expect(indexHints(FIVE, await readPrismaSchema(without)).models).toEqual([
      { model: 'Student', lines: ['@@index([language], map: "idx_student_language")'] },
    ]);
  });

  it('use the model’s and its fields’ names where they are mapped', async () => {
    const schema = await readPrismaSchema(`${PREAMBLE}
      model Pupil { // the "Student" table: } 
        id   Int    @id
        town String @map("lo\\"cation") @db.VarChar(40) // was @map("x")
        @@map("Student")
      }`);
    expect(indexHints([spec('i', 'Student', 'lo"cation')], schema).models).toEqual([
      { model: 'Pupil', lines: ['@@index([town], map: "i")'] },
    ]);
    expect(indexHints([spec('i', 'Student', 'gone')], schema).notes[0]).toMatchObject({ severity: 'drift' });
    expect(indexHints([spec('i', 'Other', 'x')], schema).notes[0]?.note).toContain('no model');
  });
});

const server = [inject('cluster'), inject('otherCluster')].find((one) => one !== null && one.major < UNREAD_MAJOR);
if (!server) console.log('skipped: hints compared by Prisma itself (there is no PostgreSQL that it can describe)');

/** Every property, against Prisma's own engine: the schema with the printed lines and the database with the indexes agree. */
describe.skipIf(!server)('Prisma itself', () => {
  const model = `model T {
  id Int      @id
  a  String
  b  Int?
  c  String   @db.VarChar(20)
  j  Json
  t  DateTime
  s  String[]
  ip String   @db.Inet
`;
  let database: TestDatabase;
  let client: Client;
  let url: string;
  beforeAll(async () => {
    database = await freshDatabase('hints', server ?? undefined);
    client = database.client;
    const { user, password, host, port, database: name } = database.target;
    url = `postgresql://${user}:${password}@${host}:${port}/${name}`;
    await client.query(`CREATE EXTENSION pg_trgm; CREATE EXTENSION btree_gin; CREATE EXTENSION btree_gist; CREATE EXTENSION bloom;
      CREATE TABLE "T" (id int CONSTRAINT "T_pkey" PRIMARY KEY, a text NOT NULL, b int, c varchar(20) NOT NULL, j jsonb NOT NULL,
        t timestamp(3) NOT NULL, s text[], ip inet NOT NULL)`);
  });
  afterAll(() => database.drop());

  const on = (column: string, more: object = {}, rest: Partial<IndexSpec> = {}): Partial<IndexSpec> => ({
    columns: [{ name: column, ...more }],
    ...rest,
  });
  const CASES: [string, Partial<IndexSpec>, string?][] = [
    ['plain', on('a')],
    ['desc and two columns', { columns: [{ name: 'a', order: 'desc' }, { name: 'b' }] }],
    ['nulls', on('b', { order: 'desc', nulls: 'last' })],
    ['collation', on('a', { collation: 'C' })],
    ['storage', on('a', {}, { storage: { fillfactor: 70 } })],
    ['included columns', on('a', {}, { include: ['b'] })],
    ['unique with included columns', on('a', {}, { include: ['b'], unique: true })],
    ['unique, desc, nulls not distinct', on('b', { order: 'desc' }, { unique: true, nullsNotDistinct: true })],
    ['hash', on('a', {}, { method: 'hash' })],
    ['btree operator class', on('a', { opclass: 'text_pattern_ops' })],
    ['unique with operator class', on('a', { opclass: 'text_pattern_ops' }, { unique: true })],
    ['gin', on('j', {}, { method: 'GIN' })],
    ['gin default class', on('s', { opclass: 'array_ops' }, { method: 'gin' })],
    ['gin jsonb_path_ops', on('j', { opclass: 'jsonb_path_ops' }, { method: 'gin' })],
    ['trigrams', on('a', { opclass: 'public.gin_trgm_ops' }, { method: 'gin' })],
    ['trigrams with a parameter', on('a', { opclass: 'gist_trgm_ops(siglen=32)' }, { method: 'gist' })],
    ['gist inet', on('ip', { opclass: 'inet_ops' }, { method: 'gist' })],
    ['gist of an extension', on('b', { opclass: 'gist_int4_ops' }, { method: 'gist' })],
    ['spgist', on('a', { opclass: 'text_ops' }, { method: 'spgist' })],
    ['brin', on('t', {}, { method: 'brin', storage: { pages_per_range: 16 } })],
    ['a method Prisma does not know', on('b', {}, { method: 'bloom' })],
    ['partial', on('a', {}, { predicate: 'b > 1' })],
    ['partial and unique', on('a', {}, { predicate: 'b > 1', unique: true })],
    ['partial with the preview feature', on('a', {}, { predicate: `a <> 'q"\\'` }), 'partialIndexes'],
    ['expression', on('lower(a)', { expression: true })],
    ['expression and column', { columns: [{ name: 'b' }, { name: 'lower(a)', expression: true }] }],
    ['hostile name', { name: 'x "q" \\ é // }', columns: [{ name: 'a' }] }],
  ];

  it.each(CASES)('sees no drift: %s', async (_what, more, preview) => {
    const index = { name: 'x', schema: 'public', table: 'T', columns: [], ...more };
    await ensureIndex(client, index);
    try {
      const feature = preview === undefined ? '' : `  previewFeatures = ["${preview}"]\n`;
      const head = PREAMBLE.replace('output', `${feature}  output`);
      const hints = indexHints([index], await readPrismaSchema(`${head}${model}}\n`));
      expect(hints.notes.filter((note) => note.severity === 'drift')).toEqual([]);
      const lines = hints.models.flatMap((one) => one.lines);
      const schema = `${head}${model}${lines.map((line) => `  ${line}\n`).join('')}}\n`;
      expect(await schemaDifference(url, schema)).toBe('No difference detected.');
      // And the schema that has them needs no further line.
      expect(indexHints([index], await readPrismaSchema(schema)).models).toEqual([]);
    } finally {
      await client.query(`DROP INDEX "${index.name.replaceAll('"', '""')}"`);
    }
  });

  it('would see drift without the line, so the lines are what prevents it', async () => {
    await client.query('CREATE INDEX x ON "T" (a)');
    expect(await schemaDifference(url, `${PREAMBLE}${model}}\n`)).toContain('Removed index on columns (a)');
    await client.query('DROP INDEX x');
  });

  it('has no words for a btree_gin default class, which is said', async () => {
    const hints = indexHints([spec('x', 'T', 'b', { method: 'gin' })], await readPrismaSchema(`${PREAMBLE}${model}}`));
    expect(hints.models).toEqual([]);
    expect(hints.notes[0]).toMatchObject({
      severity: 'drift',
      note: expect.stringContaining('Prisma has no Gin index over Int') as unknown,
    });
  });

  it('has a word of its own for every BRIN class, and the line is left to the reader', () => {
    const brin = { method: 'brin', columns: [{ name: 't', opclass: 'timestamp_minmax_multi_ops' }] };
    const { models, notes } = indexHints([spec('x', 'T', 't', brin)]);
    expect(models).toEqual([]);
    expect(notes).toMatchObject([
      { severity: 'drift', note: expect.stringContaining('write this line by hand') as unknown },
    ]);
  });

  it('refuses a schema that it does not take, in its own words', async () => {
    await expect(readPrismaSchema(`${PREAMBLE}model X {`)).rejects.toMatchObject({
      code: 'prisma-schema',
      message: expect.stringContaining('schema.prisma:') as unknown,
    });
  });

  it('accepts the five lines (prisma validate)', () => {
    const schema = join(__dirname, '../../../app/prisma/schema.prisma');
    const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true', DATABASE_URL: url };
    const prisma = join(__dirname, '../../../node_modules/prisma/build/index.js');
    expect(
      execFileSync(process.execPath, [prisma, 'validate', '--schema', schema], { env, cwd: '/' }).toString(),
    ).toContain('is valid');
  });
});

describe('the migration for Prisma’s history', () => {
  it('is for what Prisma looks at: also where its line leaves something out, never for what needs none', async () => {
    const schema = await readPrismaSchema(
      `${PREAMBLE}model Student {\n  id Int @id\n  location String\n  language String\n\n  @@index([language], map: "there")\n}\n`,
    );
    const indexes = [
      spec('plain', 'Student', 'location'),
      spec('there', 'Student', 'language'),
      spec('stored', 'Student', 'location', { storage: { fillfactor: 70 } }),
      spec('partial', 'Student', 'location', { predicate: 'location IS NOT NULL' }),
      spec('computed', 'Student', 'lower(location)', { columns: [{ name: 'lower(location)', expression: true }] }),
      spec('elsewhere', 'Other', 'x'),
      spec('gone', 'Student', 'missing'),
    ];
    expect(indexHints(indexes, schema).seen).toEqual(['plain', 'there', 'stored']);
  });

  it('makes what no migration names, as the settings say it, and does nothing where it is', async () => {
    const indexes = [
      ...FIVE,
      spec('idx_special', 'Student', 'location', {
        columns: [{ name: 'location', order: 'desc', nulls: 'last', collation: 'C', opclass: 'text_pattern_ops' }],
        unique: true,
        include: ['language'],
        storage: { fillfactor: 70 },
      }),
    ];
    const history = 'CREATE INDEX "idx_user_email" ON "User" ("email");';
    const migration = hintsMigration(indexes, history);
    expect(migration).not.toContain('idx_user_email');
    expect(migration.match(/IF NOT EXISTS/g)).toHaveLength(5);
    expect(hintsMigration(FIVE, migration + history)).toBe('');
    const database = await freshDatabase('hints_migration');
    try {
      await database.client.query(`CREATE TABLE "Student" (location text, language text);
        CREATE TABLE "CompletedLesson" ("studentId" text); CREATE TABLE "Assessment" ("studentId" text)`);
      await database.client.query(migration);
      await database.client.query(migration);
      for (const index of indexes.filter(({ name }) => name !== 'idx_user_email'))
        expect((await ensureIndex(database.client, index)).action).toBe('none');
    } finally {
      await database.drop();
    }
  });
});
