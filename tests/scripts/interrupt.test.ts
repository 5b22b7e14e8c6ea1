import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { TestProject } from '../support/project';

let project: TestProject;
beforeAll(() => {
  project = new TestProject();
});
afterAll(() => project.remove());

it('finishes the step under way, exits 130, and the next run goes on from there', { timeout: 120_000 }, async () => {
  const child = project.start(['start', '--verbose', '--engine', 'embedded']);
  let progress = '';
  const code = await new Promise<number | null>((resolve) => {
    child.stderr?.on('data', (chunk: Buffer) => {
      progress += chunk.toString('utf8');
      if (/create {3}server/.test(progress) && !progress.includes('Interrupted')) child.kill('SIGINT');
    });
    child.once('exit', resolve);
  });
  expect(code, progress).toBe(130);
  expect(progress).toContain('Interrupted');
  const { report } = await project.json(['start', '--engine', 'embedded']);
  expect(report).toMatchObject({ status: 'changed', problems: [] });
  const { server, postgres } = Object.fromEntries(
    (report['changes'] as { name: string; type: string; operation: string }[])
      .filter(({ type }) => type.endsWith('coach:Server') || type.endsWith('RandomPassword'))
      .map(({ name, operation }) => [name.replace('password-', ''), operation]),
  );
  expect({ server, postgres }).toEqual({ server: 'same', postgres: 'same' });
});

it('lets deploy finish the migration under way and begins no other', { timeout: 60_000 }, async () => {
  const migration = (name: string, sql: string): void => {
    const folder = project.path('app', 'prisma', 'migrations', name);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'migration.sql'), sql);
  };
  migration('20990101000000_slow', 'CREATE TABLE "Slow" (id int); SELECT pg_sleep(3);');
  migration('20990102000000_next', 'CREATE TABLE "Next" (id int);');
  const child = project.start(['deploy', '--yes']);
  let said = '';
  const code = await new Promise<number | null>((resolve) => {
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString('utf8');
      if (said.includes('20990101000000_slow') && !said.includes('Interrupted')) child.kill('SIGINT');
    });
    child.once('exit', resolve);
  });
  expect(code, said).toBe(130);
  expect(said).toContain('1 of 2 pending migrations were applied, the others were not begun');
  const { report } = await project.json(['deploy', '--dry-run']);
  expect(report['pending']).toEqual(['20990102000000_next']);
});
