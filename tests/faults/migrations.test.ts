import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { deployedProject } from '../support/deployed';
import type { TestProject } from '../support/project';
import { asAdmin, changesOf, refused } from './support';

const BASELINE = '20250101000000_baseline';
const NEXT = '20250201000000_notes';

let project: TestProject;

beforeAll(async () => {
  project = await deployedProject();
});
afterAll(() => project.remove());

const folder = (name: string): string => project.path('app', 'prisma', 'migrations', name);
const file = (name: string): string => project.path('app', 'prisma', 'migrations', name, 'migration.sql');

function write(name: string, sql: string): void {
  mkdirSync(folder(name), { recursive: true });
  writeFileSync(file(name), sql);
}

async function applied(): Promise<string[]> {
  const { rows } = await asAdmin(project, (client) =>
    client.query<{ migration_name: string }>(
      'SELECT migration_name FROM "_prisma_migrations" WHERE finished_at IS NOT NULL ORDER BY 1',
    ),
  );
  return rows.map(({ migration_name: name }) => name);
}

const exists = async (table: string): Promise<boolean> => {
  const { rows } = await asAdmin(project, (client) =>
    client.query<{ found: boolean }>('SELECT to_regclass($1) IS NOT NULL AS found', [table]),
  );
  return rows[0]?.found ?? false;
};

describe('a migration', { timeout: 120_000 }, () => {
  it('with a syntax error: file, line and caret reach the user, nothing of it stays, and mended it is applied', async () => {
    write(NEXT, 'CREATE TABLE notes (\n  id int PRIMARY KEY\n);\n\nALTER TABLE notes\n  ADD COLUM text text;\n');
    const [problem] = await refused(project, ['up', '--yes'], 1);
    expect(problem?.message).toContain(NEXT);
    expect(problem?.message).toMatch(/42601/);
    expect(problem?.message).toMatch(/:6\b|line 6/);
    expect(problem?.message).toMatch(/ADD COLUM text text;\n\s*\^|ADD COLUM text text;\n.*\n?\s*\^/);
    expect(await exists('notes')).toBe(false);
    expect(await applied()).toEqual([BASELINE]);
    write(NEXT, 'CREATE TABLE notes (\n  id int PRIMARY KEY\n);\n');
    await changesOf(project, 'up');
    expect(await applied()).toEqual([BASELINE, NEXT]);
  });

  it('edited after it was applied is refused, in the preview too, and the file is named', async () => {
    const kept = readFileSync(file(BASELINE), 'utf8');
    appendFileSync(file(BASELINE), '\n-- one more thought\nCREATE TABLE thoughts ();\n');
    for (const args of [['preview'], ['up', '--yes']]) {
      const [problem] = await refused(project, args, 3);
      expect(problem?.message).toContain(BASELINE);
      expect(problem?.message).toMatch(/edited|changed/);
      expect(problem?.remedy).not.toBe('');
    }
    expect(await exists('thoughts')).toBe(false);
    writeFileSync(file(BASELINE), kept);
  });

  it('applied and missing in the folder is named and passed over, unless none of the applied ones is there', async () => {
    renameSync(folder(NEXT), project.path('elsewhere'));
    await changesOf(project, 'up');
    const dryRun = await project.run(['deploy', '--dry-run']);
    expect(dryRun.stdout).toContain(
      `Warning: Applied, but not in ${project.path('app', 'prisma', 'migrations')}: ${NEXT}`,
    );
    renameSync(folder(BASELINE), project.path('elsewhere', 'baseline'));
    write('20240101000000_squashed', 'SELECT 1;\n');
    const [problem] = await refused(project, ['up', '--yes'], 3);
    expect(problem?.message).toContain(BASELINE);
    expect(problem?.remedy).toContain('deploy --applied 20240101000000_squashed');
    rmSync(folder('20240101000000_squashed'), { recursive: true });
    renameSync(project.path('elsewhere', 'baseline'), folder(BASELINE));
    renameSync(project.path('elsewhere'), folder(NEXT));
    await changesOf(project, 'up');
    expect([...(await changesOf(project, 'up')).keys()]).toEqual([]);
  });

  it.each(['up', 'deploy'])('through %s is the migrator’s: no way leads from it to a superuser', async (command) => {
    const name = `20250215000000_rights_${command}`;
    const leave = 'RESET SESSION AUTHORIZATION; RESET ROLE; ';
    const run = (): ReturnType<TestProject['json']> =>
      project.json([command, '--yes', ...(command === 'up' ? ['--engine', 'embedded'] : [])]);
    for (const [sql, what] of [
      [`${leave}DO $$ BEGIN CREATE ROLE boss SUPERUSER; END $$;`, 'SQLSTATE 42501'],
      [`${leave}SET ROLE NONE; DO $$ BEGIN COPY (SELECT 1) TO PROGRAM 'true'; END $$;`, 'SQLSTATE 42501'],
      ['SET SESSION AUTHORIZATION postgres;', 'SQLSTATE 42501'],
    ] as const) {
      write(name, `${sql}\n`);
      const { code, report } = await run();
      expect(code, sql).toBe(1);
      expect(JSON.stringify(report['problems']), sql).toContain(what);
    }
    const user = `'${command}', '${command}@example.org', now()`;
    write(
      name,
      `${leave}CREATE TABLE ${command}_made (); INSERT INTO "User" (id, email, "updatedAt") VALUES (${user});`,
    );
    expect((await run()).code).toBe(0);
    const { rows } = await asAdmin(project, (client) =>
      client.query(
        `SELECT session_user_name AS who,
                (SELECT relowner::regrole::text FROM pg_class WHERE relname = $1) AS owner
           FROM audit.audit_log WHERE table_name = 'User' AND new_data->>'id' = $2`,
        [`${command}_made`, command],
      ),
    );
    expect(rows).toEqual([{ who: 'coach_migrator', owner: 'coach_owner' }]);
  });

  it('that takes more than the owner may is refused by every plan, before anything is done', async () => {
    const name = '20250216000000_denied';
    write(name, 'CREATE TABLE before_it ();\nCREATE ROLE boss;\nCREATE EXTENSION IF NOT EXISTS pageinspect;\n');
    for (const args of [['preview'], ['up', '--yes'], ['deploy', '--dry-run'], ['deploy', '--yes']]) {
      const { code, report } = await project.json([...args, ...(args[0] === 'deploy' ? [] : ['--engine', 'embedded'])]);
      const text = JSON.stringify(report['problems']);
      expect(code, text).toBe(args[0] === 'deploy' ? 1 : 3);
      expect(text).toContain('line 2, column 1: CREATE ROLE would fail');
      expect(text).toContain('line 3, column 1: CREATE EXTENSION would fail');
      expect(text).toContain('coach:extensions');
      expect(text).toContain(`deploy --applied ${name}`);
    }
    expect(await exists('before_it')).toBe(false);
    write(name, 'CREATE EXTENSION IF NOT EXISTS pageinspect;\n');
    const standard = ['uuid-ossp', 'pg_trgm', 'btree_gin', 'pg_stat_statements'];
    project.set('extensions', [...standard, 'pageinspect']);
    await changesOf(project, 'preview');
    await changesOf(project, 'up');
    expect([...(await changesOf(project, 'up')).keys()]).toEqual([]);
  });

  it('that drops an audited table is refused by the trail’s guard, which no longer takes the migrator for a superuser', async () => {
    const name = '20250220000000_drop_audited';
    write(name, 'DROP TABLE "CompletedLesson";\n');
    const [problem] = await refused(project, ['up', '--yes'], 1);
    expect(problem?.message).toContain('public.CompletedLesson is audited');
    expect(problem?.message).toContain('Change coach:audit.tables first');
    rmSync(folder(name), { recursive: true });
  });

  it('that drops what grants and indexes are for is told with what it broke', async () => {
    const third = '20250301000000_drop';
    write(third, 'ALTER TABLE "Assessment" DROP COLUMN "studentId";\n');
    const [problem] = await refused(project, ['up', '--yes'], 1);
    expect(problem?.message).toContain('idx_assessment_student');
    expect(problem?.message).toContain('Assessment');
    rmSync(folder(third), { recursive: true });
  });
});
