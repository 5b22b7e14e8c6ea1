import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { deployedProject } from '../support/deployed';
import type { TestProject } from '../support/project';
import {
  activation,
  as,
  asAdmin,
  changesOf,
  expectConverges,
  expectNothingDoubled,
  serverChange,
  stateOf,
} from './support';

let project: TestProject;

beforeAll(async () => {
  project = await deployedProject();
});
afterAll(() => project.remove());

async function serverPid(): Promise<number | null> {
  const { report } = await project.json(['status']);
  return (report['server'] as { pid: number | null }).pid;
}

const setting = (name: string): Promise<string> =>
  asAdmin(project, async (client) => {
    const { rows } = await client.query<{ value: string }>('SELECT current_setting($1) AS value', [name]);
    return rows[0]?.value ?? '';
  });

/** What hands that know better do, and the resource that has to notice. */
const BY_HAND: [string, string][] = [
  ['REVOKE INSERT ON "User" FROM inclusive', 'privileges'],
  ['GRANT CREATE ON SCHEMA public TO inclusive', 'database-inclusive-public-schema'],
  ['GRANT CONNECT ON DATABASE inclusive_ai TO PUBLIC', 'database-public-database'],
  ['ALTER ROLE inclusive CREATEDB CONNECTION LIMIT 3', 'role-inclusive'],
  ['GRANT coach_owner TO coach_readonly', 'role-coach_readonly'],
  ['REVOKE pg_monitor FROM coach_monitor', 'role-coach_monitor'],
  ["ALTER ROLE coach_auditor PASSWORD 'by hand'", 'role-coach_auditor'],
  ['ALTER ROLE coach_migrator RESET role', 'role-coach_migrator'],
  ['DROP EXTENSION btree_gin', 'database-btree_gin'],
  ['DROP INDEX idx_student_location', 'idx_student_location'],
  ['DROP INDEX idx_user_email; CREATE INDEX idx_user_email ON "User" (name)', 'idx_user_email'],
  [
    'ALTER DEFAULT PRIVILEGES FOR ROLE coach_owner IN SCHEMA public REVOKE INSERT ON TABLES FROM inclusive',
    'database-default-inclusive-public-table',
  ],
  ["ALTER SYSTEM SET work_mem = '64MB'", 'server'],
];

describe('what was changed by hand', { timeout: 120_000 }, () => {
  it('shows in the preview, each thing and nothing else, and is repaired by up', async () => {
    await asAdmin(project, async (client) => {
      for (const [statement] of BY_HAND) await client.query(statement);
      await client.query('SELECT pg_reload_conf()');
    });
    const names = BY_HAND.map(([, name]) => name).sort();
    expect([...(await changesOf(project, 'preview')).keys()].sort()).toEqual(names);
    expect([...(await changesOf(project, 'up')).keys()].sort()).toEqual(names);
    expect([...(await changesOf(project, 'up')).keys()]).toEqual([]);
    await asAdmin(project, expectAsDeclared);
    await as(project, 'coach_auditor', undefined, (client) => client.query('SELECT 1'));
    await expect(as(project, 'coach_auditor', 'by hand', () => Promise.resolve())).rejects.toThrow(/password/);
    expect(await setting('work_mem')).toBe('4MB');
    await expectNothingDoubled(project);
  });

  it('a password of the administrator nobody knows is set again', async () => {
    await asAdmin(project, (client) => client.query("ALTER ROLE postgres PASSWORD 'nobody knows'"));
    await changesOf(project, 'up');
    await asAdmin(project, (client) => client.query('SELECT 1'));
  });

  it('what is extra and not declared is left alone', async () => {
    await asAdmin(project, (client) =>
      client.query(
        'CREATE ROLE guest; CREATE SCHEMA mine; CREATE TABLE mine.notes (); CREATE EXTENSION citext; CREATE INDEX mine ON "User" (id)',
      ),
    );
    expect([...(await changesOf(project, 'up')).keys()]).toEqual([]);
    await asAdmin(project, async (client) => {
      await client.query(
        'DROP INDEX mine; DROP EXTENSION citext; DROP TABLE mine.notes; DROP SCHEMA mine; DROP ROLE guest',
      );
    });
  });
});

async function expectAsDeclared(client: Client): Promise<void> {
  const { rows } = await client.query<Record<string, unknown>>(`SELECT
    has_table_privilege('inclusive', '"User"', 'INSERT') AS insert,
    has_table_privilege('coach_readonly', '"Student"', 'TRUNCATE') AS truncate,
    has_schema_privilege('inclusive', 'public', 'CREATE') AS "create",
    has_database_privilege('coach_audit_owner', 'inclusive_ai', 'CONNECT') AS everybody,
    (SELECT rolcreatedb OR rolconnlimit <> 20 FROM pg_roles WHERE rolname = 'inclusive') AS attributes,
    pg_has_role('coach_readonly', 'coach_owner', 'MEMBER') AS extra,
    pg_has_role('coach_monitor', 'pg_monitor', 'MEMBER') AS monitor,
    (SELECT rolconfig::text[] FROM pg_roles WHERE rolname = 'coach_migrator') AS migrator,
    (SELECT count(*)::int FROM pg_extension WHERE extname = 'btree_gin') AS extension,
    (SELECT pg_get_indexdef('idx_user_email'::regclass)) AS index,
    to_regclass('idx_student_location') IS NOT NULL AS location`);
  expect(rows[0]).toEqual({
    insert: true,
    truncate: false,
    create: false,
    everybody: false,
    attributes: false,
    extra: false,
    monitor: true,
    migrator: ['role=coach_owner'],
    extension: 1,
    index: expect.stringMatching(/"?email"?\)$/) as string,
    location: true,
  });
}

describe('a server', { timeout: 120_000 }, () => {
  it('that was stopped is started by the next up, and the preview says so without one', async () => {
    expect((await project.run(['destroy', '--yes'])).code).toBe(0);
    expect(await serverPid()).toBe(null);
    const planned = await changesOf(project, 'preview');
    expect([...planned.keys()]).toEqual(['server']);
    expect(activation(planned)).toBe('start');
    expect(await serverPid()).toBe(null);
    expect([...(await changesOf(project, 'up')).keys()]).toEqual(['server']);
  });

  it('takes a changed parameter by reload where that is enough, and by restart where not; the preview says which', async () => {
    const first = await serverPid();
    project.set('parameters', { work_mem: '5MB' });
    expect(activation(await changesOf(project, 'preview'))).toBe('reload');
    expect(await setting('work_mem')).toBe('4MB');
    await changesOf(project, 'up');
    expect(await setting('work_mem')).toBe('5MB');
    expect(await serverPid()).toBe(first);

    project.set('parameters', { work_mem: '5MB', shared_buffers: '64MB' });
    const planned = await changesOf(project, 'preview');
    expect(activation(planned)).toBe('restart');
    expect(serverChange(planned)?.changed).toContainEqual(
      expect.objectContaining({ path: 'parameters.shared_buffers', before: '256MB', after: '64MB' }),
    );
    await expectConverges(project);
    expect(await setting('shared_buffers')).toBe('64MB');
    expect(await serverPid()).not.toBe(first);
  });
});

describe('what a run found to do', { timeout: 120_000 }, () => {
  it('stands in no state, so that the next preview shows its own steps and nothing of the last ones', async () => {
    await expectConverges(project);
    const { code, report, stderr } = await project.json(['graph']);
    expect(code, stderr).toBe(0);
    const declared = new Map(
      (report['resources'] as { urn: string; inputs: object }[]).map(({ urn, inputs }) => [urn, Object.keys(inputs)]),
    );
    const ours = (await stateOf(project)).filter(({ type }) => type.startsWith('pulumi-nodejs:dynamic/coach:'));
    expect(ours.length).toBeGreaterThan(5);
    for (const { urn, inputs } of ours) {
      const stored = Object.keys(inputs).filter((name) => name !== '__provider');
      expect(declared.get(urn), urn).toEqual(expect.arrayContaining(stored));
    }

    const audited = ['User', 'Student', 'CompletedLesson', 'Assessment'];
    await asAdmin(project, (client) =>
      client.query('SET ROLE coach_owner; CREATE TABLE "Extra" (id int PRIMARY KEY); RESET ROLE'),
    );
    project.set('audit', { tables: [...audited, 'Extra'].map((table) => ({ table })) });
    const trail = (await changesOf(project, 'preview')).get('audit-trail');
    expect(trail?.changed.map(({ path, kind }) => ({ path, kind }))).toEqual([
      { path: 'plan', kind: 'add' },
      { path: 'tables', kind: 'update' },
    ]);
    const steps = trail?.changed[0]?.after as string[];
    expect(
      steps.every((step) => step.includes('Extra')),
      steps.join('\n'),
    ).toBe(true);
    project.set('audit', undefined);
  });
});
