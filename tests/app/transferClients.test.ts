import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { PrismaLibSql } from '@prisma/adapter-libsql';
import { PrismaPg } from '@prisma/adapter-pg';
import Database from 'libsql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { baselineSql } from '../../postgres/transfer/prepare/schemaEngine';
import { decompressSample, SAMPLE_FILE } from '../../scripts/sample/file';
import { clientIn, type GeneratedClient, schemaFor, sqliteTables } from '../../scripts/sample/prismaClient';
import { sampleRows } from '../../scripts/sample/rows';
import { writeSample } from '../../scripts/sample/write';
import { load } from '../postgres/transfer/source';
import { ROOT } from '../support/compiled';
import { freshDatabase } from '../support/database';
import { everythingRows, MODELS } from './everything';

/** Prisma's own client writes SQLite, the transfer moves it, Prisma's own client reads PostgreSQL: the same objects. */

interface Model {
  createMany: (query: { data: object[] }) => Promise<unknown>;
  update: (query: object) => Promise<unknown>;
  findMany: (query: object) => Promise<object[]>;
  count: (query: object) => Promise<number>;
}
type Models = Record<string, Model>;
type Client = InstanceType<GeneratedClient<Models>>;

const folder = mkdtempSync(join(tmpdir(), 'coach-clients-'));
const application = readFileSync(join(ROOT, 'app/prisma/schema.prisma'), 'utf8');
const schemas = {
  sqlite: schemaFor('sqlite', application + MODELS),
  postgresql: schemaFor('postgresql', application + MODELS),
};
let SqliteClient: GeneratedClient<Models>;
let PostgresqlClient: GeneratedClient<Models>;
let tables: { sqlite: string; postgresql: string };

beforeAll(async () => {
  const make = (provider: 'sqlite' | 'postgresql'): Promise<GeneratedClient<Models>> => {
    mkdirSync(join(folder, provider));
    return clientIn<Models>(join(folder, provider), schemas[provider], join(ROOT, 'node_modules'));
  };
  [SqliteClient, PostgresqlClient] = await Promise.all([make('sqlite'), make('postgresql')]);
  tables = {
    sqlite: await sqliteTables(schemas.sqlite, new PrismaLibSql({ url: `file:${join(folder, 'empty.db')}` })),
    postgresql: await baselineSql([{ path: 'schema.prisma', text: schemas.postgresql }], { tables: [], enums: [] }),
  };
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Every model, and in which order its rows are compared. */
const ORDERS: Record<string, object> = {
  user: { orderBy: { id: 'asc' } },
  student: { orderBy: { id: 'asc' } },
  completedLesson: { orderBy: { id: 'asc' } },
  assessment: { orderBy: { id: 'asc' } },
  everything: { orderBy: { id: 'asc' } },
  tag: {
    orderBy: { name: 'asc' },
    include: { everything: { select: { id: true, parent: true }, orderBy: { id: 'asc' } } },
  },
  pair: { orderBy: [{ left: 'asc' }, { right: 'asc' }] },
};

async function write(client: Client): Promise<void> {
  for (const [model, rows] of Object.entries({ ...sampleRows(), ...everythingRows() }))
    await client[model]?.createMany({ data: rows });
  for (let id = 1; id <= 60; id += 1) {
    const tags = { connect: [{ name: `tag ${id % 7}` }, { name: `tag ${id % 5}` }] };
    await client['everything']?.update({
      where: { id },
      data: { tags, parent: { connect: { id: (id * 7) % 60 || 1 } } },
    });
  }
}

async function readAll(client: Client): Promise<Record<string, object[]>> {
  const read = await Promise.all(
    Object.entries(ORDERS).map(
      async ([model, query]) => [model, (await client[model]?.findMany(query)) ?? []] as const,
    ),
  );
  return Object.fromEntries(read);
}

/** Of an optional package: what it exports, or undefined. */
function optional(name: string): Record<string, new (config: object, options: object) => unknown> | undefined {
  try {
    return createRequire(__filename)(name) as Record<string, new (config: object, options: object) => unknown>;
  } catch {
    return undefined;
  }
}

const better = optional('@prisma/adapter-better-sqlite3');

/** Prisma's own for SQLite. Those for D1 and Bun need these; Node's `node:sqlite` has none. */
const ADAPTERS: [string, ((file: string, options: object) => unknown) | undefined][] = [
  ['@prisma/adapter-libsql', (file, options) => new PrismaLibSql({ url: `file:${file}`, intMode: 'bigint' }, options)],
  [
    `@prisma/adapter-better-sqlite3 (${better ? 'is installed' : 'not installed: on Node 20 it has to be compiled'})`,
    better && ((file, options) => new better['PrismaBetterSqlite3']!({ url: `file:${file}` }, options)),
  ],
];

describe.each(ADAPTERS)('%s', (name, adapter) => {
  it.skipIf(adapter === undefined).each(['iso8601', 'unixepoch-ms'] as const)(
    'with times as %s: PostgreSQL has the same objects',
    async (timestampFormat) => {
      const file = join(folder, `${name.replaceAll(/\W+/g, '-')}-${timestampFormat}.db`);
      const database = new Database(file);
      database.exec(tables.sqlite);
      database.close();
      const sqlite = new SqliteClient({ adapter: adapter?.(file, { timestampFormat }) });
      const target = await freshDatabase('clients');
      await target.client.query(tables.postgresql);
      const postgresql = new PostgresqlClient({ adapter: new PrismaPg({ ...target.target, max: 4 }) });
      try {
        await write(sqlite);
        const { issues } = await load(target.client, file);
        expect(issues).toEqual([]);
        const [before, after] = [await readAll(sqlite), await readAll(postgresql)];
        for (const model of Object.keys(ORDERS)) expect(after[model], model).toEqual(before[model]);
        expect(Object.values(before).reduce((sum, { length }) => sum + length, 0)).toBeGreaterThan(5000);
      } finally {
        await Promise.all([sqlite.$disconnect(), postgresql.$disconnect()]);
        await target.drop();
      }
    },
  );
});

it('the sample in the repository is what its script writes', async () => {
  const [stored, written] = [join(folder, 'stored.db'), join(folder, 'written.db')];
  writeFileSync(stored, decompressSample(readFileSync(join(ROOT, SAMPLE_FILE))));
  mkdirSync(join(folder, 'sample'));
  await writeSample(written, join(folder, 'sample'), ROOT);
  const rowsOf = (file: string): unknown => {
    const database = new Database(file);
    const all = (sql: string): unknown[] => database.prepare(sql).raw(true).all();
    const names = all(`SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`).flat().map(String);
    const found = [
      all('SELECT sql FROM sqlite_schema'),
      ...names.map((name) => all(`SELECT * FROM "${name}" ORDER BY id`)),
    ];
    database.close();
    return found;
  };
  expect(rowsOf(stored), 'run `npm run sample`').toEqual(rowsOf(written));
});
