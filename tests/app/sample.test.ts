import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type * as Application from '../../app/database';
import { decompressSample, SAMPLE_FILE } from '../../scripts/sample/file';
import { sampleRows } from '../../scripts/sample/rows';
import { takesSample } from '../../scripts/sample/takes';
import { openStack } from '../../scripts/stack';
import { TestProject } from '../support/project';

const START = ['start', '--engine', 'embedded'];

/** Rows of each table of a running stack. */
async function counts(project: TestProject): Promise<Record<string, number>> {
  const { variables } = (await project.json(['env', '--role', 'coach_readonly'])).report as {
    variables: { DATABASE_URL: string };
  };
  const client = new Client({ connectionString: variables.DATABASE_URL });
  await client.connect();
  const columns = Object.keys(ALL).map((table) => `(SELECT count(*)::int FROM public."${table}") AS "${table}"`);
  const { rows } = await client.query<Record<string, number>>(`SELECT ${columns.join(', ')}`);
  await client.end();
  return rows[0] ?? {};
}

const ALL = { User: 60, Student: 150, CompletedLesson: 2400, Assessment: 700 };
const NONE = { User: 0, Student: 0, CompletedLesson: 0, Assessment: 0 };

describe('a first start', () => {
  let project: TestProject;
  let app: typeof Application | undefined;
  let printed: string;

  beforeAll(async () => {
    project = new TestProject();
    const started = await project.run(START);
    expect(started.code, started.stderr).toBe(0);
    printed = started.stdout;
    expect((await project.run(['generate'])).code).toBe(0);
  }, 120_000);

  afterAll(async () => {
    await app?.closeDatabase();
    for (const name of Object.keys(process.env))
      if (/^(DATABASE_|DIRECT_URL|BACKUP_)/.test(name)) delete process.env[name];
    await project.remove();
  });

  it('loads the sample, and says so', () => {
    expect(printed).toContain('A sample was loaded, since the database is new: 3310 rows');
    expect(printed).toContain('npm start -- --no-sample');
  });

  it('gives the application the objects that were written into SQLite', async () => {
    Object.assign(process.env, (await project.json(['env'])).report['variables']);
    app = (await import(/* @vite-ignore */ project.path('app', 'database.ts'))) as typeof Application;
    const { prisma } = app;
    const rows = sampleRows();
    const byId = <T extends { id: string }>(all: readonly T[]): T[] =>
      [...all].sort(({ id: one }, { id: other }) => (one < other ? -1 : 1));
    expect(byId(await prisma.user.findMany())).toEqual(byId(rows.user));
    expect(byId(await prisma.student.findMany())).toEqual(byId(rows.student));
    expect(byId(await prisma.completedLesson.findMany())).toEqual(byId(rows.completedLesson));
    const assessments = rows.assessment.map((row) => ({ ...row, answers: row.answers ?? null }));
    expect(byId(await prisma.assessment.findMany())).toEqual(byId(assessments));
  });

  it('is recorded in the trail as one load, not row by row', async () => {
    const { entries } = (await project.json(['audit'])).report as { entries: { operation: string }[] };
    expect(entries.length).toBeGreaterThan(0);
    expect(entries.filter(({ operation }) => operation === 'INSERT')).toEqual([]);
    expect((await project.run(['audit', 'verify'])).code).toBe(0);
  });

  it('is not repeated: rows that are gone stay gone', async () => {
    await app?.prisma.user.deleteMany();
    const { report } = await project.json(START);
    expect(report).toMatchObject({ status: 'ok' });
    expect(report).not.toHaveProperty('sample');
    expect(await counts(project)).toEqual(NONE);
  });

  it('nor where data are left of which no state knows', async () => {
    const other = new TestProject();
    const takes = (): boolean => takesSample(openStack({ root: other.root, stack: 'local', environment: {} } as never));
    expect(takes()).toBe(true);
    other.set('app', { directory: '../application' });
    expect(takes()).toBe(false);
    other.set('app', undefined);
    other.set('server', { port: 'auto', dataDirectory: project.path('.coachdb', 'local', 'data') });
    expect(takes()).toBe(false);
    await other.remove();
  });
});

describe('start', () => {
  let project: TestProject;
  beforeAll(() => {
    project = new TestProject();
  });
  afterAll(() => project.remove());

  const sampleFile = (): string => {
    const file = project.path('source.db');
    writeFileSync(file, decompressSample(readFileSync(project.path(SAMPLE_FILE))));
    return file;
  };

  it('--from refuses a file that is no database before anything is done', async () => {
    writeFileSync(project.path('nothing.db'), 'this is text');
    for (const file of [project.path('nothing.db'), project.path('absent.db')]) {
      const { code, report } = await project.json([...START, '--from', file]);
      expect(code).not.toBe(0);
      expect(report['problems']).toMatchObject([{ object: file }]);
    }
    expect((await project.json(['status'])).report).toMatchObject({ deployed: false });
  });

  it('loads no sample into tables that a migration has changed', async () => {
    const migration = project.path('app', 'prisma', 'migrations', '20250101000000_baseline', 'migration.sql');
    const sql = readFileSync(migration, 'utf8');
    writeFileSync(migration, `${sql}\nALTER TABLE "Student" ADD COLUMN "grade" INTEGER NOT NULL;\n`);
    const { code, report } = await project.json(START);
    expect(code).toBe(0);
    expect(report).not.toHaveProperty('sample');
    expect(await counts(project)).toEqual(NONE);
  });

  it('--from loads a file into a stack that stands, once', { timeout: 120_000 }, async () => {
    const migration = 'ALTER TABLE "Student" DROP COLUMN "grade";\n';
    mkdirSync(project.path('app', 'prisma', 'migrations', '20250102000000_grade'));
    writeFileSync(project.path('app', 'prisma', 'migrations', '20250102000000_grade', 'migration.sql'), migration);
    const { code, report } = await project.json([...START, '--from', sampleFile()]);
    expect(code, JSON.stringify(report['problems'])).toBe(0);
    expect(report).toMatchObject({
      status: 'changed',
      operation: 'up',
      transfer: {
        source: { file: sampleFile() },
        tables: expect.arrayContaining([expect.objectContaining({ target: 'User', loaded: ALL.User })]) as unknown,
      },
    });
    expect(await counts(project)).toEqual(ALL);
    const again = await project.json([...START, '--from', sampleFile()]);
    expect(again).toMatchObject({
      code: 3,
      report: {
        problems: [{ code: 'target-not-empty', remedy: expect.stringContaining('transfer --from') as string }],
      },
    });
    expect(await counts(project)).toEqual(ALL);
  });
});
