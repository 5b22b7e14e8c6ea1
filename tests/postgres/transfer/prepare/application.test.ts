import { join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { type Application, readApplication } from '../../../../postgres/transfer/prepare/application';
import { planPreparation } from '../../../../postgres/transfer/prepare/plan';
import { PlatformError } from '../../../../system/errors';
import { application, NOW, removeApplications, schema } from './support';

afterAll(removeApplications);

const SCHEMA = schema('sqlite');
const LOCK = 'provider = "sqlite"\n';

/** Schema and migrations folder, from the application's. */
async function locations(files: Record<string, string>): Promise<[schema: string[], migrations: string]> {
  const directory = application(files);
  const { files: found, migrations } = await readApplication(directory);
  const short = (path: string): string => path.slice(directory.length + 1);
  return [found.map(({ path }) => short(path)), short(migrations.directory)];
}

const DATASOURCE = 'datasource db {\n  provider = "sqlite"\n}\n';
const MODEL = 'model Pupil {\n  id Int @id\n}\n';

describe('the schema and the migrations lie', () => {
  it.each<[string, Record<string, string>, string[], string]>([
    ['where they usually do', { 'prisma/schema.prisma': SCHEMA }, ['prisma/schema.prisma'], 'prisma/migrations'],
    ['beside package.json', { 'schema.prisma': SCHEMA }, ['schema.prisma'], 'migrations'],
    [
      'where package.json says (Prisma 6)',
      { 'package.json': '{ "prisma": { "schema": "db/main.prisma" } }', 'db/main.prisma': SCHEMA },
      ['db/main.prisma'],
      'db/migrations',
    ],
    [
      'in several files, with the migrations among them',
      {
        'prisma/schema/base.prisma': DATASOURCE,
        'prisma/schema/a/pupil.prisma': MODEL,
        'prisma/schema/migrations/migration_lock.toml': LOCK,
      },
      ['prisma/schema/a/pupil.prisma', 'prisma/schema/base.prisma'],
      'prisma/schema/migrations',
    ],
    [
      'in several files, with the migrations beside their folder',
      {
        'prisma/schema/base.prisma': DATASOURCE,
        'prisma/schema/pupil.prisma': MODEL,
        'prisma/migrations/migration_lock.toml': LOCK,
      },
      ['prisma/schema/base.prisma', 'prisma/schema/pupil.prisma'],
      'prisma/migrations',
    ],
    [
      'where prisma.config.ts says',
      {
        'prisma.config.ts': `import 'dotenv/config';
import path from 'node:path';
import { defineConfig, env } from 'prisma/config';
const base = path.join(__dirname, 'db');
export default defineConfig({
  schema: path.join(base, "tables"),
  migrations: { path: \`\${base}/history\`, seed: 'tsx seed.ts' },
  datasource: { url: env('DATABASE_URL') },
} satisfies PrismaConfig);`,
        'db/tables/one.prisma': DATASOURCE,
        'db/tables/two.prisma': MODEL,
        'prisma/schema.prisma': 'not this one',
      },
      ['db/tables/one.prisma', 'db/tables/two.prisma'],
      'db/history',
    ],
    [
      'where a CommonJS config below .config says, from there',
      { '.config/prisma.cjs': "module.exports = { schema: '../db/s.prisma' };", 'db/s.prisma': SCHEMA },
      ['db/s.prisma'],
      'db/migrations',
    ],
  ])('%s', async (_what, files, schemaFiles, migrations) => {
    expect(await locations(files)).toEqual([schemaFiles, migrations]);
  });
});

it('changes only the file with the datasource, and makes one baseline of all', async () => {
  const directory = application({
    'prisma/schema/base.prisma': DATASOURCE,
    'prisma/schema/pupil.prisma': MODEL,
    'prisma/schema/school.prisma': 'model School {\n  id Int @id\n}\n',
  });
  const plan = await planPreparation(await readApplication(directory), NOW);
  expect(plan.problems).toEqual([]);
  expect(plan.schema?.path).toBe(join(directory, 'prisma/schema/base.prisma'));
  expect(plan.baseline?.sql.match(/CREATE TABLE "\w+"/g)?.sort()).toEqual([
    'CREATE TABLE "Pupil"',
    'CREATE TABLE "School"',
  ]);
  // `deploy` looks elsewhere.
  expect(plan.notes.join('\n')).toContain('reads prisma/migrations, and Prisma reads prisma/schema/migrations');
});

it('leaves out what prisma.config.ts gives to others', async () => {
  const directory = application({
    'prisma.config.ts': "export default { schema: 'prisma/schema.prisma', tables: { external: ['public.Pupil'] } };",
    'prisma/schema.prisma': schema('sqlite', 'model School {\n  id Int @id\n}\n'),
  });
  const { baseline } = await planPreparation(await readApplication(directory), NOW);
  expect(baseline?.sql.match(/CREATE TABLE "\w+"/g)).toEqual(['CREATE TABLE "School"']);
});

it('says what else is SQLite’s: an address in prisma.config.ts, an adapter in package.json', async () => {
  const directory = application({
    'package.json': '{ "dependencies": { "@prisma/adapter-better-sqlite3": "7.10.0", "@prisma/client": "7.10.0" } }',
    'prisma.config.ts':
      "export default {\n  schema: 'prisma/schema.prisma',\n  datasource: { url: 'file:./dev.db' },\n};",
    'prisma/schema.prisma': SCHEMA,
  });
  const { notes } = await planPreparation(await readApplication(directory), NOW);
  expect(notes.slice(-2)).toEqual([
    expect.stringMatching(/^prisma\.config\.ts, line 3, has the address of a file/),
    expect.stringMatching(/^package\.json has @prisma\/adapter-better-sqlite3; PostgreSQL’s is @prisma\/adapter-pg/),
  ]);
});

const refusal = async (files: Record<string, string>): Promise<PlatformError> => {
  const read = (): Promise<Application> => readApplication(application(files));
  const error: unknown = await read().catch((thrown: unknown) => thrown);
  if (error instanceof PlatformError) return error;
  throw new Error('Expected a PlatformError.');
};

it.each([
  ["export default { schema: process.env.SCHEMA, migrations: { path: 'x' } };", 'schema (line 1)'],
  ["import { where } from './x';\nexport default {\n  migrations: { path: where } };", 'migrations.path (line 3)'],
  ["const shared = {};\nexport default { ...shared, schema: 'prisma/schema.prisma' };", 'migrations.path (line 2)'],
  [
    "const shared = {};\nexport default { ...shared, schema: 'a', migrations: { path: 'b' } };",
    'tables.external (line 2), enums.external (line 2)',
  ],
  ['export default load();', 'what it exports'],
  ['const a = b; const b = a;\nexport default { schema: a };', 'schema (line 1)'],
])('says what a config file does not say before it runs: %s', async (config, unread) => {
  const error = await refusal({ 'prisma.config.ts': config, 'prisma/schema.prisma': SCHEMA });
  expect(error).toMatchObject({ code: 'prisma-config', kind: 'refused' });
  expect(error.message).toContain(unread);
});

it.each([
  ['nothing there', {}, 'prisma-schema-missing', /has no prisma\/schema\.prisma/],
  [
    'a schema that package.json alone knows',
    { 'package.json': '{ "prisma": { "schema": "x.prisma" } }' },
    'prisma-schema-missing',
    /x\.prisma, which .*package\.json names/,
  ],
  ['no datasource', { 'prisma/schema.prisma': MODEL }, 'prisma-schema', /no datasource block/],
])('refuses an application with %s', async (_what, files, code, message) => {
  const error = await refusal(files);
  expect(error).toMatchObject({ code, kind: 'refused' });
  expect(error.message).toMatch(message);
});
