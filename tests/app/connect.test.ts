import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';

import type * as Application from '../../app/database';
import { installedBinaries } from '../support/cluster';
import { ROOT } from '../support/compiled';
import { TestProject } from '../support/project';
import { schemaDifference, UNREAD_MAJOR } from '../support/schemaEngine';

/** docs/connect.md, followed to the letter: its commands run, its files and settings are written. */

const run = promisify(execFile);
const PAGE = readFileSync(join(ROOT, 'docs/connect.md'), 'utf8');

const NOTES = `
model Note {
  id        String @id @default(cuid())
  studentId String
  text      String
}
`;
const NOTES_MIGRATION = `CREATE TABLE "Note" (
  "id" TEXT NOT NULL,
  "studentId" TEXT NOT NULL,
  "text" TEXT NOT NULL,
  CONSTRAINT "Note_pkey" PRIMARY KEY ("id")
);
`;

let beside: string;
let project: TestProject;
let application: string;
let database: (typeof Application & { prisma: { note: NoteModel } }) | undefined;

interface NoteModel {
  create: (args: { data: { studentId: string; text: string } }) => Promise<{ id: string }>;
}

beforeAll(() => {
  beside = mkdtempSync(join(tmpdir(), 'coach-beside-'));
  project = new TestProject(join(basename(beside), 'platform-'));
  application = join(beside, 'inclusive-ai-coach');
  const migrations = join(application, 'prisma', 'migrations');
  cpSync(join(ROOT, 'app/prisma/migrations'), migrations, { recursive: true });
  mkdirSync(join(migrations, '20250601000000_notes'));
  writeFileSync(join(migrations, '20250601000000_notes', 'migration.sql'), NOTES_MIGRATION);
  writeFileSync(join(application, 'package.json'), '{ "name": "inclusive-ai-coach" }');
  symlinkSync(join(ROOT, 'node_modules'), join(application, 'node_modules'));
});

afterAll(async () => {
  await database?.closeDatabase();
  for (const name of Object.keys(process.env))
    if (/^(DATABASE_|DIRECT_URL|BACKUP_)/.test(name)) delete process.env[name];
  await project.remove();
  rmSync(beside, { recursive: true, force: true });
});

interface Block {
  language: string;
  text: string;
  /** The prose since the block before. */
  before: string;
}

/** The code blocks of one numbered step. */
function blocks(step: number): Block[] {
  const section = new RegExp(`^## ${step}\\. .*?(?=^## |$(?![\\s\\S]))`, 'ms').exec(PAGE)?.[0] ?? '';
  const found = [...section.matchAll(/([\s\S]*?)^```(\w+)\n([\s\S]*?)^```$/gm)];
  return found.map(([, before = '', language = '', text = '']) => ({ language, text, before }));
}

function block(step: number, language: string): string {
  const text = blocks(step).find((one) => one.language === language)?.text;
  if (text === undefined) throw new Error(`Step ${step} has no ${language} block.`);
  return text;
}

/** Runs the lines of a step's commands in the project's folder; what each printed. */
async function type(step: number): Promise<string[]> {
  const printed: string[] = [];
  for (const { language, text } of blocks(step)) {
    if (language !== 'bash') continue;
    for (const line of text.trim().split('\n')) {
      if (line.startsWith('npm install')) checkPackages(line);
      else printed.push((await run('sh', ['-ec', line], { cwd: project.root, maxBuffer: 2 ** 24 })).stdout);
    }
  }
  return printed;
}

/** What installing would bring stands there already: the page names the versions that this project locks. */
function checkPackages(line: string): void {
  const packages = [...line.matchAll(/ ((?:@[\w-]+\/)?[\w-]+)@([\d.]+)/g)];
  expect(packages.length).toBeGreaterThan(1);
  for (const [, name = '', version] of packages) {
    const manifest = join(application, 'node_modules', name, 'package.json');
    expect(JSON.parse(readFileSync(manifest, 'utf8')), name).toMatchObject({ version });
  }
}

/** The file a block is for: the last path of the prose before it. */
function fileOf(step: number, language: string): string {
  const { before } = blocks(step).find((one) => one.language === language) ?? { before: '' };
  const path = [...before.matchAll(/`(\.\.\/[^`]+)`/g)].at(-1)?.[1];
  if (path === undefined) throw new Error(`Step ${step} names no file for its ${language} block.`);
  return join(project.root, path);
}

function applySettings(step: number): void {
  for (const [key, value] of Object.entries(parse(block(step, 'yaml')) as Record<string, unknown>))
    project.set(key.replace('coach:', ''), value);
}

it('step 1: files and packages', async () => {
  await type(1);
  const models = readFileSync(join(ROOT, 'app/prisma/schema.prisma'), 'utf8').replace(
    /^[\s\S]*?(?=\/\/\/ An account)/,
    '',
  );
  writeFileSync(fileOf(1, 'prisma'), `${block(1, 'prisma')}\n${models}${NOTES}`);
  writeFileSync(fileOf(1, 'ts'), block(1, 'ts'));
  expect(existsSync(join(application, 'lib', 'database.ts'))).toBe(true);
});

it('step 2: the platform applies the application’s migrations', async () => {
  applySettings(2);
  const [started] = await type(2);
  expect(started).toMatch(/PostgreSQL runs at/);
  const { report } = await project.json(['deploy', '--dry-run']);
  expect(report).toMatchObject({ status: 'ok', pending: [] });
});

it('step 3 and 4: environment, client, first rows', async () => {
  await type(3);
  expect(existsSync(join(application, 'lib', 'generated', 'client.ts'))).toBe(true);
  const { variables } = (await project.json(['env'])).report as { variables: Record<string, string> };
  Object.assign(process.env, variables);
  database = (await import(/* @vite-ignore */ join(application, 'lib', 'database.ts'))) as typeof database;
  writeFileSync(join(application, 'students.ts'), block(4, 'ts'));
  const { addStudent } = (await import(/* @vite-ignore */ join(application, 'students.ts'))) as {
    addStudent: (userId: string, name: string) => Promise<{ name: string }[]>;
  };
  const user = await database?.prisma.user.create({ data: { email: 'luz@example.org' } });
  expect(await addStudent(user?.id ?? '', 'Luz')).toMatchObject([{ name: 'Luz' }]);
  const { stdout } = await project.run(['audit', '--table', 'Student']);
  expect(stdout).toContain(user?.id);
  await database?.prisma.$disconnect();
  await database?.prisma.note.create({ data: { studentId: 'none', text: 'unaudited' } });
});

it('other roles: env --role and psql', async (context) => {
  const { report } = await project.json(['env', '--role', 'coach_readonly']);
  expect(report['variables']).toEqual({ DATABASE_URL: expect.stringContaining('//coach_readonly:') as string });
  const unknown = await project.json(['env', '--role', 'coach_owner']);
  expect(unknown.code).toBe(64);
  expect(unknown.report['problems']).toMatchObject([
    { code: 'role-unknown', object: 'coach_owner', remedy: expect.stringContaining('coach_auditor') as string },
  ]);
  if (installedBinaries() === undefined) context.skip('psql is not installed');
  // Nothing of the surroundings decides where it connects.
  const surroundings = { PGHOST: '192.0.2.1', PGUSER: 'nobody', PGSERVICE: 'none', PGOPTIONS: '-c nonsense=1' };
  const whoami = await project.run(['psql', '--', '-AtXc', 'SELECT current_user'], surroundings);
  expect(whoami).toMatchObject({ code: 0, stdout: 'coach_readonly\n' });
  const failing = await project.run(['psql', '--role', 'inclusive', '--', '-Xc', 'CREATE TABLE mine (id int)']);
  expect(failing.code).toBe(1);
  expect(failing.stderr).toMatch(/permission denied for schema public[\s\S]*psql ended with exit code 1/);
});

it('step 5: indexes and audit of another table', async () => {
  applySettings(5);
  const [, hints] = await type(5);
  expect(hints).toContain('@@index([studentId], map: "idx_note_student")');
  addHints(hints ?? '');
  const note = await database?.prisma.note.create({ data: { studentId: 'none', text: 'private' } });
  const { stdout } = await project.run(['audit', '--table', 'Note']);
  expect(stdout).toContain(note?.id);
  expect(stdout).not.toContain('private');
});

/** Into schema and history, where the page has them go; the schema's lines of indexes that are declared no longer go out. */
function addHints(hints: string): void {
  const path = join(application, 'prisma/schema.prisma');
  const lines = readFileSync(path, 'utf8').split('\n');
  const kept = lines.filter((line) => !line.includes('@@index') || line.includes('idx_student_location'));
  const [line = ''] = /@@index.*idx_note_student.*/.exec(hints) ?? [];
  writeFileSync(path, kept.join('\n').replace('  text      String\n', `  text      String\n  ${line}\n`));
  const folder = join(application, 'prisma/migrations/20250701000000_platform_indexes');
  mkdirSync(folder);
  writeFileSync(join(folder, 'migration.sql'), /^CREATE INDEX[\s\S]*/m.exec(hints)?.[0] ?? '');
}

it('step 6: Prisma’s shadow database can be emptied and takes the whole history', async (context) => {
  if (installedBinaries() === undefined) context.skip('psql is not installed');
  await type(6);
  const config = await run(
    process.execPath,
    ['-e', `require('dotenv/config'); console.log(process.env.DIRECT_URL.replace(/\\w+$/, 'inclusive_ai_shadow'))`],
    { cwd: application },
  );
  expect(block(1, 'ts')).toContain(`direct.replace(/\\w+$/, 'inclusive_ai_shadow')`);
  const url = config.stdout.trim().split('\n').at(-1) ?? '';
  const shadow = new Client({ connectionString: url });
  await shadow.connect();
  let major: number;
  try {
    const { rows } = await shadow.query<{ version: string }>(`SELECT current_setting('server_version_num') AS version`);
    major = Math.floor(Number(rows[0]?.version) / 10_000);
    // What Prisma does to it before each use.
    await shadow.query('DROP SCHEMA IF EXISTS "public" CASCADE; CREATE SCHEMA "public"');
    for (const name of ['20250101000000_baseline', '20250601000000_notes', '20250701000000_platform_indexes'])
      await shadow.query(readFileSync(join(application, 'prisma/migrations', name, 'migration.sql'), 'utf8'));
  } finally {
    await shadow.end();
  }
  const schema = readFileSync(join(application, 'prisma/schema.prisma'), 'utf8');
  if (major >= UNREAD_MAJOR) console.log(`skipped: the databases compared by Prisma (PostgreSQL ${major})`);
  else
    for (const database of [url, process.env['DIRECT_URL'] ?? ''])
      expect(await schemaDifference(database, schema)).toBe('No difference detected.');
  expect((await project.json(['deploy', '--yes'])).report).toMatchObject({ status: 'changed' });
});

it('stop and restart: the same server, the same rows', async () => {
  const server = async (): Promise<unknown> =>
    ((await project.json(['status'])).report['server'] as { status: string }).status;
  const count = await database?.prisma.user.count();
  const refused = await project.json(['stop']);
  expect(refused).toMatchObject({ code: 3, report: { problems: [{ code: 'confirmation-needed' }] } });
  expect((await project.json(['stop', '--yes'])).report).toMatchObject({ status: 'changed' });
  expect(await server()).toBe('stopped');
  expect((await project.json(['stop', '--yes'])).report).toMatchObject({ status: 'ok' });
  expect((await project.json(['restart', '--yes'])).report).toMatchObject({ status: 'changed' });
  expect(await server()).toBe('running');
  expect((await project.json(['restart', '--yes'])).report).toMatchObject({ status: 'changed' });
  // The pool's idle connections broke; it opens new ones.
  expect(await database?.prisma.user.count()).toBe(count);
});

it('names commands that exist', async () => {
  const { stdout } = await project.run(['--help']);
  const commands = [...PAGE.matchAll(/npm run coachdb -- (\w+)/g)].map(([, name = '']) => name);
  expect(commands.length).toBeGreaterThan(4);
  for (const name of commands) expect(stdout).toContain(`  ${name} `);
  expect(dirname(application)).toBe(dirname(project.root));
});
