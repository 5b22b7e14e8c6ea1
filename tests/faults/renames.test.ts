import { existsSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { deployedProject } from '../support/deployed';
import type { TestProject } from '../support/project';
import { as, asAdmin, changesOf, refused, stateOf } from './support';

let project: TestProject;

beforeAll(async () => {
  project = await deployedProject();
  await asAdmin(project, (client) =>
    client.query(`INSERT INTO "User" (id, email, "updatedAt") VALUES ('u1', 'a@example.com', now())`),
  );
}, 180_000);
afterAll(() => project.remove());

/** Owners of the tables and their default privileges, by name. */
async function owned(database = 'inclusive_ai'): Promise<unknown> {
  const { rows } = await as(
    project,
    'postgres',
    undefined,
    (client) =>
      client.query(
        `SELECT (SELECT array_agg(DISTINCT tableowner) FROM pg_tables WHERE schemaname = 'public') AS owners,
                (SELECT count(*)::int FROM pg_default_acl WHERE defaclrole::regrole::text LIKE '%owner') AS defaults,
                (SELECT count(*)::int FROM "User") AS users`,
      ),
    database,
  );
  return rows[0];
}

const EXTENSIONS = ['pg_trgm', 'pg_stat_statements', 'btree_gin', 'pgcrypto', 'uuid-ossp'];
const DEFAULT_NAMES: Record<string, string> = {
  migrator: 'coach_migrator',
  loader: 'coach_loader',
  application: 'inclusive',
  readOnly: 'coach_readonly',
  monitor: 'coach_monitor',
  auditor: 'coach_auditor',
  backup: 'coach_backup',
  auditOwner: 'coach_audit_owner',
};

/** Every table's grants and owner, with the roles' names as they were before they were `renamed` (by new name). */
async function rights(renamed = new Map<string, string | undefined>()): Promise<string[]> {
  const { rows } = await asAdmin(project, (client) =>
    client.query<{ relation: string; owner: string; grantee: string; right: string }>(
      `SELECT c.oid::regclass::text AS relation, relowner::regrole::text AS owner, grantee::regrole::text AS grantee, privilege_type AS right
         FROM pg_class c, aclexplode(c.relacl) WHERE relnamespace::regnamespace::text IN ('public', 'audit') AND relkind IN ('r', 'p', 'v', 'S')`,
    ),
  );
  const former = (name: string): string => renamed.get(name) ?? name;
  return rows
    .map(({ relation, owner, grantee, right }) => [relation, former(owner), former(grantee), right].join(' '))
    .sort();
}

describe('a changed name', { timeout: 240_000 }, () => {
  it.each(['running', 'stopped'])('of the owner is refused before anything is done, server %s', async (server) => {
    const before = await owned();
    if (server === 'stopped') expect((await project.run(['destroy', '--yes'])).code).toBe(0);
    project.set('roles', { owner: { name: 'new_owner' } });
    project.set('parameters', { work_mem: '9MB' });
    if (server === 'running')
      expect((await refused(project, ['preview'], 3))[0]).toMatchObject({ code: 'owner-changed' });
    const state = await stateOf(project);
    const [problem] = await refused(project, ['up', '--yes'], 3);
    expect(problem).toMatchObject({ code: 'owner-changed' });
    expect(problem?.message).toMatch(/coach_owner to new_owner/);
    expect(problem?.remedy).toContain(`ALTER ROLE "coach_owner" RENAME TO "new_owner"`);
    expect(await stateOf(project)).toEqual(state);
    for (const key of ['roles', 'parameters']) project.set(key, undefined);
    expect(await owned()).toEqual(before);
    await changesOf(project, 'up');
  });

  it('of the owner, renamed as the remedy says, keeps everything it owns and granted', async () => {
    const before = (await owned()) as { defaults: number; users: number };
    await asAdmin(project, (client) => client.query('ALTER ROLE "coach_owner" RENAME TO "new_owner"'));
    project.set('roles', { owner: { name: 'new_owner' } });
    await changesOf(project, 'up');
    expect([...(await changesOf(project, 'up')).keys()]).toEqual([]);
    expect(await owned()).toEqual({ ...before, owners: '{new_owner}' });
  });

  it('of the data directory is refused with the way to move it; another one is not made', async () => {
    const elsewhere = `${project.root}-elsewhere`;
    project.set('server', { dataDirectory: elsewhere });
    for (const args of [['preview'], ['up', '--yes'], ['start']]) {
      const [problem] = await refused(project, args, 64);
      expect(problem).toMatchObject({ code: 'data-directory-changed' });
      expect(problem?.remedy).toContain(`mv `);
    }
    expect(existsSync(elsewhere)).toBe(false);
    project.set('server', undefined);
  });

  it('of every role that logs in and of an extension’s schema: the preview keeps its word, every right is there again', async () => {
    const logins = { migrator: 'm2', loader: 'l2', application: 'a2', readOnly: 'r2', monitor: 'o2', auditor: 'u2' };
    const names = { ...logins, auditOwner: 'w2' };
    const before = await rights();
    const roles = Object.fromEntries(Object.entries(names).map(([role, name]) => [role, { name }]));
    project.set('roles', { owner: { name: 'new_owner' }, ...roles });
    project.set('schemas', [{ name: 'tools' }]);
    project.set('extensions', [
      ...EXTENSIONS.slice(1).map((name) => ({ name })),
      { name: EXTENSIONS[0], schema: 'tools' },
    ]);
    const planned = await changesOf(project, 'preview');
    const done = await changesOf(project, 'up');
    const comeAndGo = (changes: typeof done): string[] =>
      [...changes.values()]
        .filter(({ operation }) => operation !== 'update')
        .map(({ operation, name }) => `${operation} ${name}`);
    expect(comeAndGo(done).length).toBeGreaterThan(30);
    expect(comeAndGo(planned).sort()).toEqual(comeAndGo(done).sort());
    expect([...(await changesOf(project, 'up')).keys()]).toEqual([]);
    const renamed = new Map(Object.entries(names).map(([role, name]) => [name, DEFAULT_NAMES[role]]));
    expect(await rights(renamed)).toEqual(before);
    const schema = `SELECT extnamespace::regnamespace::text AS schema FROM pg_extension WHERE extname = $1`;
    const { rows } = await asAdmin(project, (client) => client.query(schema, [EXTENSIONS[0]]));
    expect(rows).toEqual([{ schema: 'tools' }]);
    expect((await project.run(['env'])).stdout).toContain(`a2:`);
  });

  it('of the database renames it, as the preview says, with all that is in it', async () => {
    const before = await owned();
    project.set('database', { name: 'renamed' });
    const planned = await changesOf(project, 'preview');
    expect(planned.get('database')?.operation).toBe('update');
    await changesOf(project, 'up');
    expect([...(await changesOf(project, 'up')).keys()]).toEqual([]);
    expect(await owned('renamed')).toEqual(before);
  });
});
