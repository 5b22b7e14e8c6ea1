import { existsSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { TestProject } from '../support/project';
import { as, asAdmin, changesOf, refused, stateOf } from './support';

let project: TestProject;

beforeAll(async () => {
  project = new TestProject();
  await changesOf(project, 'up');
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
