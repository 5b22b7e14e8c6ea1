import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { TestProject } from '../support/project';

/** How many steps each run of a first `up` gets: a handful of runs here, one step each with COACH_CHAOS=1 (`npm run test:chaos`). */
const EVERY = process.env['COACH_CHAOS'] === '1';
const SAMPLE = [1, 6, 1, 8, 12, 9];

let project: TestProject;
beforeAll(() => {
  project = new TestProject();
});
afterAll(() => project.remove());

/** Runs `start` and kills it with SIGKILL after that many reported steps; false: it ended before. */
async function killAfter(steps: number): Promise<boolean> {
  const child = project.start(['up', '--yes', '--engine', 'embedded', '--verbose']);
  let text = '';
  let killed = false;
  child.stderr?.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8');
    const done = text.split('\n').filter((line) => /^ {2}(create|update|replace|delete) /.test(line)).length;
    if (done >= steps && !killed) killed = child.kill('SIGKILL');
  });
  await ended(child);
  return killed;
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => child.once('close', () => resolve()));
}

/** Processes of the SDK that belong to this copy of the project and still live. */
function orphans(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return command.includes(project.root) && command.includes('node') ? [`${pid} ${command}`] : [];
      } catch {
        return [];
      }
    });
}

async function until(condition: () => boolean, timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!condition() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50));
}

async function counts(): Promise<Record<string, number>> {
  const { report } = await project.json(['env']);
  const { DIRECT_URL } = report['variables'] as Record<string, string>;
  const client = new Client({ connectionString: DIRECT_URL ?? '' });
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, number>>(
      `SELECT (SELECT count(*)::int FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> 'postgres') AS roles,
              (SELECT count(*)::int FROM pg_database WHERE datname = 'inclusive_ai') AS databases,
              (SELECT count(*)::int FROM pg_extension) AS extensions,
              (SELECT count(*)::int FROM pg_class WHERE relkind = 'i' AND relname LIKE 'idx%') AS indexes,
              (SELECT count(*)::int FROM pg_index WHERE NOT indisvalid) AS invalid,
              (SELECT count(*)::int FROM "_prisma_migrations") AS migrations,
              (SELECT count(*)::int FROM pg_trigger WHERE tgname LIKE '00\\_audit\\_%' AND tgenabled = 'A') AS recorders`,
    );
    return rows[0] ?? {};
  } finally {
    await client.end();
  }
}

async function expectConverged(): Promise<void> {
  await until(() => orphans().length === 0, 10_000);
  expect(orphans()).toEqual([]);
  const { code, stderr } = await project.run(['up', '--yes', '--engine', 'embedded']);
  expect(code, stderr).toBe(0);
  const { report } = await project.json(['up', '--yes', '--engine', 'embedded']);
  expect(report).toMatchObject({ status: 'ok', counts: { create: 0, update: 0, replace: 0, delete: 0 } });
  const urns = (report['changes'] as { urn: string }[]).map(({ urn }) => urn);
  expect(new Set(urns).size).toBe(urns.length);
  expect(await counts()).toEqual({
    roles: 9,
    databases: 1,
    extensions: 5,
    indexes: 5,
    invalid: 0,
    migrations: 1,
    recorders: 16,
  });
}

describe('a run killed with SIGKILL', { timeout: 1_200_000 }, () => {
  it('at any step of a first up: the next up converges, with nothing doubled and no process left', async () => {
    if (EVERY) {
      // Each run is killed one step after the one before it got to, so that every step is the last one once.
      for (let steps = 1; await killAfter(1); steps += 1) expect(steps).toBeLessThan(200);
    } else {
      const killed: boolean[] = [];
      for (const steps of SAMPLE) killed.push(await killAfter(steps));
      expect(killed.slice(0, 4)).toEqual([true, true, true, true]);
    }
    await expectConverged();
  });

  it('in the middle of an update: the next up converges', async () => {
    project.set('parameters', { work_mem: '8MB' });
    project.set('roles', { application: { connectionLimit: 25 }, readOnly: { connectionLimit: 3 } });
    expect(await killAfter(1)).toBe(true);
    for (let run = 1; run < (EVERY ? 20 : 2); run += 1) if (!(await killAfter(1))) break;
    await expectConverged();
  });
});
