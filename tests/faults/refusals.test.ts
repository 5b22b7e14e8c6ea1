import { mkdirSync, rmSync, writeFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { deployedProject } from '../support/deployed';
import { TestProject } from '../support/project';
import { asAdmin, type Change, changesOf, type Refusal, refused, stateOf } from './support';

let project: TestProject;

beforeAll(async () => {
  project = await deployedProject();
}, 180_000);
afterAll(() => project.remove());

const MIGRATION = '20990101000000_more';

function migration(sql: string | undefined): void {
  const folder = project.path('app', 'prisma', 'migrations', MIGRATION);
  rmSync(folder, { recursive: true, force: true });
  if (sql === undefined) return;
  mkdirSync(folder);
  writeFileSync(`${folder}/migration.sql`, sql);
}

const plain = { table: 'Student', columns: ['location'] };

/** One of each kind that PostgreSQL does not take, with a word of what is said about it. */
const BAD: [Record<string, unknown>, RegExp][] = [
  [{ ...plain, name: 'bad_table', table: 'Studnet' }, /bad_table: table public\.Studnet does not exist/],
  [{ ...plain, name: 'bad_schema', schema: 'nowhere' }, /bad_schema: table nowhere\.Student does not exist/],
  [{ ...plain, name: 'bad_column', columns: ['locaton'] }, /bad_column: .* no column locaton/],
  [{ ...plain, name: 'bad_include', include: ['nothing'] }, /bad_include: .* no column nothing/],
  [{ ...plain, name: 'bad_method', method: 'btrea' }, /bad_method .* no method btrea/],
  [
    { ...plain, name: 'bad_opclass', columns: [{ name: 'location', opclass: 'text_opps' }] },
    /bad_opclass .* text_opps/,
  ],
  [{ ...plain, name: 'bad_collation', columns: [{ name: 'location', collation: 'de_XX' }] }, /bad_collation .* de_XX/],
  [{ ...plain, name: 'bad_tablespace', tablespace: 'fast' }, /bad_tablespace .* fast/],
  [{ ...plain, name: 'bad_syntax', columns: [{ name: 'lower(', expression: true }] }, /bad_syntax .* syntax error/],
  [{ ...plain, name: 'bad_function', columns: [{ name: 'nope(location)', expression: true }] }, /bad_function .* nope/],
  [{ ...plain, name: 'bad_volatile', columns: [{ name: 'random()', expression: true }] }, /bad_volatile .* IMMUTABLE/],
  [{ ...plain, name: 'bad_predicate', predicate: 'location' }, /bad_predicate .* boolean/],
  [{ ...plain, name: 'bad_storage', storage: { fillfactor: 5 } }, /bad_storage .*fillfactor/],
  [{ ...plain, name: 'Student_pkey' }, /Student_pkey/],
];

describe('what up would refuse', { timeout: 240_000 }, () => {
  it('is refused by preview and by up before anything is done, all at once: indexes, audited tables, extensions', async () => {
    const before = await stateOf(project);
    project.set('parameters', { work_mem: '9MB' });
    project.set('extensions', ['uuid-ossp', 'pg_trgn', 'btree_gin', 'pg_stat_statements']);
    project.set('indexes', [...BAD.map(([index]) => index), { ...plain, name: 'idx_good' }]);
    project.set('audit', { tables: [{ table: 'User' }, { table: 'Usr' }, { table: 'Student', redact: ['id'] }] });
    const said = (problems: Refusal[]): string => problems.map(({ message }) => message).join('\n');
    const previewed = await refused(project, ['preview'], 1);
    for (const [, expected] of BAD) expect(said(previewed)).toMatch(expected);
    for (const expected of [/pg_trgn/, /public\.Usr: it does not exist/, /id in its primary key/])
      expect(said(previewed)).toMatch(expected);
    expect(previewed.length).toBe(BAD.length + 3);
    expect(said(await refused(project, ['up', '--yes'], 1))).toBe(said(previewed));
    expect(await stateOf(project)).toEqual(before);
    const { rows } = await asAdmin(project, (client) => client.query<{ work_mem: string }>('SHOW work_mem'));
    expect(rows).toEqual([{ work_mem: '4MB' }]);
    for (const key of ['parameters', 'extensions', 'indexes', 'audit']) project.set(key, undefined);
  });

  it('waits for the migration that makes the table, said in the preview; then all of it is judged before the first is built', async () => {
    migration('CREATE TABLE "Course" (id text PRIMARY KEY, title text);');
    const good = { name: 'idx_course_title', table: 'Course', columns: ['title'] };
    const bad = { name: 'idx_course_tittle', table: 'Course', columns: ['tittle'] };
    const worse = { name: 'idx_course_volatile', table: 'Course', columns: [{ name: 'random()', expression: true }] };
    project.set('indexes', [good, bad, worse]);
    project.set('audit', { tables: [{ table: 'Course', exclude: ['id'] }] });
    const { code, report } = await project.json(['preview', '--engine', 'embedded']);
    expect(code, JSON.stringify(report['problems'])).toBe(0);
    const notes = (report['changes'] as (Change & { note?: string })[]).map(({ name, note }) => [name, note]);
    for (const { name } of [good, bad, worse])
      expect(notes).toContainEqual([name, `not yet checked: migration ${MIGRATION} comes first`]);

    const [problem] = await refused(project, ['up', '--yes'], 1);
    expect(problem?.message).toMatch(/no column tittle[^]*volatile[^]*id in its primary key/i);
    const built = await asAdmin(project, (client) =>
      client.query(`SELECT relname FROM pg_class WHERE relname LIKE 'idx_course%'`),
    );
    expect(built.rows).toEqual([]);

    project.set('indexes', [good]);
    project.set('audit', { tables: [{ table: 'Course' }] });
    await changesOf(project, 'up');
    for (const key of ['indexes', 'audit']) project.set(key, undefined);
    await changesOf(project, 'up');
  });

  it('a migration that failed or was edited: told by the preview', async () => {
    migration('CREATE TABLE "Course" (id text PRIMARY KEY, title text); -- edited');
    expect((await refused(project, ['preview'], 3))[0]).toMatchObject({ code: 'migration-edited' });
    migration('CREATE TABLE "Course" (id text PRIMARY KEY, title text);');
    const failed = `UPDATE _prisma_migrations SET finished_at = NULL WHERE migration_name = '${MIGRATION}'`;
    await asAdmin(project, (client) => client.query(failed));
    expect((await refused(project, ['preview'], 3))[0]).toMatchObject({ code: 'migration-failed-before' });
    await asAdmin(project, (client) => client.query(failed.replace('NULL', 'now()')));
    await changesOf(project, 'preview');
  });

  it('never waits in silence behind somebody’s lock: it names the session', async () => {
    const [problem] = await asAdmin(project, async (client) => {
      await client.query('BEGIN');
      await client.query('LOCK TABLE "_prisma_migrations" IN ACCESS EXCLUSIVE MODE');
      const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      const problems = await refused(project, ['preview'], 75);
      expect(problems[0]?.message).toContain(`process ${rows[0]?.pid}`);
      await client.query('ROLLBACK');
      return problems;
    });
    expect(problem).toMatchObject({ code: 'preview-blocked' });
    expect(problem?.message).toContain('_prisma_migrations');
  });
});

describe('a first preview', { timeout: 60_000 }, () => {
  it('says of each index and of the trail that nothing could be asked yet', async () => {
    const fresh = new TestProject();
    try {
      const { code, report } = await fresh.json(['preview', '--engine', 'embedded']);
      expect(code, JSON.stringify(report['problems'])).toBe(0);
      const open = (report['changes'] as (Change & { note?: string })[]).filter(({ type }) =>
        /coach:Index$|AuditTrail/.test(type),
      );
      expect(open).toHaveLength(6);
      for (const { note } of open)
        expect(note).toMatch(/^not yet checked: the password of postgres is made by the same run/);
      const extensions = ['uuid-ossp', 'pg_trgn', { name: 'btree_gin', version: '99' }];
      fresh.set('extensions', extensions);
      const problems = JSON.stringify(await refused(fresh, ['preview'], 1));
      expect(problems).toMatch(/Extension pg_trgn is not on this server; did you mean pg_trgm\?/);
      expect(problems).toMatch(/Extension btree_gin has no version 99 on this server/);
    } finally {
      await fresh.remove();
    }
  });
});
