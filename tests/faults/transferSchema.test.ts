import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import Ajv2020 from 'ajv/dist/2020';
import Database from 'libsql';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { ROOT } from '../support/compiled';
import { TestProject } from '../support/project';
import { as, asAdmin } from './support';

let project: TestProject;
let file: string;

beforeAll(async () => {
  project = new TestProject();
  // An application without Prisma.
  mkdirSync(project.path('other', 'prisma', 'migrations'), { recursive: true });
  project.set('app', { directory: 'other' });
  project.set('indexes', []);
  project.set('audit', { tables: [] });
  file = project.path('source.db');
  const source = new Database(file);
  source.exec(`
    CREATE TABLE "User" (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE COLLATE NOCASE, created DATETIME DEFAULT CURRENT_TIMESTAMP);
    CREATE TABLE note (id INTEGER PRIMARY KEY AUTOINCREMENT, owner INTEGER NOT NULL REFERENCES "User" ON DELETE CASCADE, body TEXT DEFAULT (random()));
    INSERT INTO "User" VALUES (1, 'a@example.org', '2024-01-01 00:00:00'), (2, 'b@example.org', 1700000000000); INSERT INTO note VALUES (7, 2, 'n')`);
  source.close();
  const up = await project.run(['up', '--yes', '--engine', 'embedded']);
  expect(up.code, up.stderr).toBe(0);
}, 120_000);
afterAll(() => project.remove());

const tables = async (): Promise<unknown> =>
  asAdmin(project, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `SELECT tablename || ' of ' || tableowner AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> '_prisma_migrations' ORDER BY 1`,
    );
    return rows.map(({ name }) => name);
  });

it(
  '--create-schema makes the tables of an application without migrations, with the rights that are declared',
  { timeout: 120_000 },
  async () => {
    const plan = await project.json([
      'transfer',
      '--from',
      file,
      '--create-schema',
      '--dry-run',
      '--detailed-exitcode',
    ]);
    expect(plan.code, plan.stdout).toBe(2);
    const format = JSON.parse(readFileSync(join(ROOT, 'docs', 'json-output.schema.json'), 'utf8')) as object;
    const validate = new Ajv2020({ strict: false }).compile(format);
    expect(validate(plan.report), JSON.stringify(validate.errors)).toBe(true);
    const { statements, notes } = plan.report['createSchema'] as { statements: string[]; notes: { object: string }[] };
    expect(statements[0]).toMatch(/^CREATE TABLE "public"."User" \(\n {2}"id" bigint/);
    expect(notes.map(({ object }) => object)).toEqual(['User.email', 'note.body']);
    expect(await tables()).toEqual([]);

    const refused = await project.json(['transfer', '--from', file]);
    expect(refused.report).toMatchObject({
      problems: [{ code: 'table-without-target' }, { code: 'table-without-target' }],
    });

    const loaded = await project.run(['transfer', '--from', file, '--create-schema']);
    expect(loaded.code, loaded.stderr).toBe(0);
    expect(loaded.stdout).toContain('CREATE TABLE');
    expect(await tables()).toEqual(['User of coach_owner', 'note of coach_owner']);
    await as(project, 'inclusive', undefined, async (client) => {
      const { rows } = await client.query(`INSERT INTO note (owner, body) VALUES (1, 'new') RETURNING id`);
      expect(rows).toEqual([{ id: '8' }]);
      await client.query('DELETE FROM "User"');
      expect((await client.query('SELECT 1 FROM note')).rowCount).toBe(0);
    });
    const up = await project.run(['up', '--yes', '--engine', 'embedded']);
    expect(up.code, up.stderr).toBe(0);
    const again = await project.run(['transfer', '--from', file, '--create-schema']);
    expect(again.code, again.stderr).toBe(0);
  },
);
