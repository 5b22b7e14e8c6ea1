import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { deployedProject } from '../support/deployed';
import type { TestProject } from '../support/project';
import { as, asAdmin, changesOf, expectNothingDoubled, refused, withoutLoader } from './support';

let project: TestProject;

beforeAll(async () => {
  project = await deployedProject();
}, 120_000);
afterAll(() => project.remove());

describe('a stack of before there was a role for loads', { timeout: 120_000 }, () => {
  it.each(['running', 'stopped'])('gets it with the next up, server %s, and nothing else changes', async (server) => {
    await withoutLoader(project);
    if (server === 'stopped') expect((await project.run(['stop', '--yes'])).code).toBe(0);
    const made = await changesOf(project, 'up');
    const operations = [...made.values()].map(({ name, operation }) => `${operation} ${name}`);
    expect(operations.filter((change) => change.startsWith('create')).sort()).toEqual([
      'create database-coach_loader-database',
      'create password-coach_loader',
      'create role-coach_loader',
    ]);
    expect(operations.filter((change) => !/^(create|update) /.test(change))).toEqual([]);
    expect([...(await changesOf(project, 'up')).keys()]).toEqual([]);
    await expectNothingDoubled(project);
  });

  it('which is itself at login, and suspends the trail before it becomes the owner', async () => {
    const load = (sql: string): Promise<string> =>
      as(project, 'coach_loader', undefined, (client) =>
        client.query(`BEGIN; ${sql}; COMMIT`).then(
          () => 'done',
          (error: unknown) => String((error as Error).message),
        ),
      );
    const suspend = `SELECT audit.suspend('import', ARRAY['Student'])`;
    const insert = `INSERT INTO "User" (id, email, "updatedAt") VALUES ('u', 'u@example.org', now())`;
    expect(await load(`${suspend}; SET LOCAL ROLE coach_owner; SELECT FROM "Student"`)).toBe('done');
    expect(await load(`SET LOCAL ROLE coach_owner; ${suspend}`)).toMatch(/permission denied for schema audit/);
    expect(await load(insert)).toMatch(/permission denied/);
    const { rows } = await asAdmin(project, (client) =>
      client.query(`SELECT operation, marker ->> 'role' AS role FROM audit.audit_log WHERE table_name = 'Student'
        AND operation IN ('SUSPENDED', 'RESUMED') ORDER BY id`),
    );
    expect(rows).toMatchObject([{ operation: 'SUSPENDED', role: 'coach_loader' }, { operation: 'RESUMED' }]);
  });

  it('and is not offered to anybody else by a name that is taken', async () => {
    project.set('roles', { loader: { name: 'coach_migrator' } });
    const [problem] = await refused(project, ['preview'], 64);
    expect(problem).toMatchObject({ code: 'setting-conflict' });
    expect(problem?.message).toContain('coach:roles.loader.name is coach_migrator');
    project.set('roles', undefined);
  });
});
