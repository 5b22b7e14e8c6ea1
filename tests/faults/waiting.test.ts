import { afterAll, beforeAll, expect, it } from 'vitest';

import { deployedProject } from '../support/deployed';
import type { TestProject } from '../support/project';
import { asAdmin, changesOf } from './support';

let project: TestProject;

beforeAll(async () => {
  project = await deployedProject();
}, 180_000);
afterAll(() => project.remove());

it.each([
  ['a writer', 'UPDATE "Student" SET name = name', /idx_more: waiting for writers before build, .*for process PID /],
  ['a lock on the table', 'LOCK TABLE "Student" IN SHARE MODE', /idx_more: waiting for the table, for process PID /],
])('the terminal says that a build waits for %s, and whose', { timeout: 120_000 }, async (_what, sql, expected) => {
  project.set('indexes', [{ name: 'idx_more', table: 'Student', columns: ['name'] }]);
  await asAdmin(project, async (client) => {
    await client.query('BEGIN');
    await client.query(sql);
    await client.query(`SELECT txid_current()`);
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const line = new RegExp(expected.source.replace('PID', String(rows[0]?.pid)));
    const child = project.start(['up', '--yes', '--engine', 'embedded']);
    let said = '';
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (line.test(said)) void client.query('COMMIT');
    });
    expect(await ended, said).toBe(0);
    expect(said).toMatch(line);
  });
  project.set('indexes', undefined);
  await changesOf(project, 'up');
});
