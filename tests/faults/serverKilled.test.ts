import { readFileSync } from 'node:fs';

import { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { deployedProject } from '../support/deployed';
import type { TestProject } from '../support/project';

let project: TestProject;
beforeAll(async () => {
  project = await deployedProject();
}, 120_000);
afterAll(() => project.remove());

async function connect(): Promise<Client> {
  const { report } = await project.json(['env']);
  const client = new Client({ connectionString: (report['variables'] as Record<string, string>)['DIRECT_URL'] ?? '' });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

function killIfAlive(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // The others die with the postmaster.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

it('recovers a server killed under write load with every committed row', { timeout: 180_000 }, async () => {
  const writer = await connect();
  await writer.query('CREATE TABLE load (n int PRIMARY KEY)');
  const { report } = await project.json(['status']);
  const { pid } = report['server'] as { pid: number };
  let committed = 0;
  const writing = (async (): Promise<void> => {
    for (let n = 1; ; n += 1) {
      await writer.query('INSERT INTO load VALUES ($1)', [n]);
      committed = n;
    }
  })();
  writing.catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  // The postmaster and every backend at once, as a power cut would.
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
  for (const each of [pid, ...children]) killIfAlive(each);
  await expect(writing).rejects.toThrow();
  expect(committed).toBeGreaterThan(50);

  const preview = await project.json(['preview', '--engine', 'embedded']);
  expect(preview.code, preview.stderr).toBe(0);
  const server = (preview.report['changes'] as { type: string; changed: unknown }[]).find(({ type }) =>
    type.endsWith('coach:Server'),
  );
  expect(JSON.stringify(server?.changed)).toContain('start');

  const again = await project.run(['start', '--engine', 'embedded']);
  expect(again.code, again.stderr).toBe(0);
  const reader = await connect();
  const { rows } = await reader.query<{ rows: number; last: number }>(
    'SELECT count(*)::int AS rows, max(n) AS last FROM load',
  );
  await reader.end();
  expect(rows[0]?.last).toBeGreaterThanOrEqual(committed);
  expect(rows[0]?.rows).toBe(rows[0]?.last);
});

it('lets one of two runs at once do the work and tells the other to try again', { timeout: 180_000 }, async () => {
  for (let round = 0; round < 3; round += 1) {
    project.set('parameters', { work_mem: `${5 + round}MB` });
    const [first, second] = await Promise.all([
      project.json(['up', '--yes', '--engine', 'embedded']),
      project.json(['up', '--yes', '--engine', 'embedded']),
    ]);
    expect([first.code, second.code].sort()).toEqual([0, 75]);
    const refused = first.code === 75 ? first : second;
    expect(refused.report['problems']).toMatchObject([{ code: 'stack-locked' }]);
  }
});

it('refuses to guess: stopped by destroy, the data stays until its name is typed', { timeout: 180_000 }, async () => {
  expect((await project.run(['destroy', '--yes'])).code).toBe(0);
  const wrong = await project.json(['destroy', '--yes', '--stack', 'local', '--delete-data', 'other']);
  expect(wrong.code).toBe(3);
  expect(wrong.report['problems']).toMatchObject([{ code: 'name-mismatch' }]);
  expect((await project.run(['start', '--engine', 'embedded'])).code).toBe(0);
  const client = await connect();
  const { rows } = await client.query<{ rows: number }>('SELECT count(*)::int AS rows FROM load');
  await client.end();
  expect(rows[0]?.rows).toBeGreaterThan(50);
  expect((await project.run(['destroy', '--yes', '--stack', 'local', '--delete-data', 'inclusive_ai'])).code).toBe(0);
  const { report } = await project.json(['status']);
  expect(report).toMatchObject({ server: null });
});
