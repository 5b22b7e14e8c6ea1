import { readFileSync, writeFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { deployedProject } from '../support/deployed';
import type { TestProject } from '../support/project';
import { asAdmin, refused, stateOf } from './support';

let project: TestProject;

beforeAll(async () => {
  project = await deployedProject();
}, 120_000);
afterAll(() => project.remove());

/** Everything that a run could have changed: the state, settings of the server, indexes. */
async function everything(): Promise<unknown> {
  const { rows } = await asAdmin(project, (client) =>
    client.query(
      `SELECT current_setting('work_mem') AS work_mem, (SELECT rolconnlimit FROM pg_roles WHERE rolname = 'inclusive') AS connections,
              (SELECT array_agg(indexrelid::regclass::text ORDER BY 1) FROM pg_index WHERE indexrelid::regclass::text LIKE 'idx%') AS indexes`,
    ),
  );
  return { rows, state: await stateOf(project) };
}

describe('npm start', { timeout: 120_000 }, () => {
  it('asks about a deletion before anything else of the run is done; unanswered, nothing at all is changed', async () => {
    const before = await everything();
    project.set('parameters', { work_mem: '9MB' });
    project.set('roles', { application: { connectionLimit: 33 } });
    project.set('indexes', [{ name: 'idx_student_location', table: 'Student', columns: ['location'] }]);
    const [problem] = await refused(project, ['start'], 3);
    expect(problem).toMatchObject({ code: 'confirmation-needed' });
    expect(problem?.message).toMatch(/idx_student_language/);
    expect(await everything()).toEqual(before);
    for (const key of ['parameters', 'roles', 'indexes']) project.set(key, undefined);
  });

  it('with nothing to do runs the program once and says so; the next steps are told as ever', async () => {
    const trace = project.path('trace.cjs');
    writeFileSync(
      trace,
      `require('fs').appendFileSync(${JSON.stringify(`${trace}.log`)}, process.argv.join(' ') + '\\n');`,
    );
    const environment = { NODE_OPTIONS: `--require ${trace}` };
    const { code, report, stdout } = await project.json(['start', '--engine', 'embedded'], environment);
    expect({ code, status: report['status'], operation: report['operation'] }, stdout).toEqual({
      code: 0,
      status: 'ok',
      operation: 'up',
    });
    expect(report['outputs']).toMatchObject({ port: project.port, passwords: '[secret]' });
    const programs = readFileSync(`${trace}.log`, 'utf8')
      .split('\n')
      .filter((line) => /sdkMain\.js run /.test(line));
    expect(programs).toHaveLength(1);
  });

  it('counts the same resources as `preview` and `refresh`', async () => {
    const total = async (command: string): Promise<number> => {
      const { report } = await project.json([command, '--engine', 'embedded']);
      return Object.values(report['counts'] as Record<string, number>).reduce((sum, count) => sum + count, 0);
    };
    const counts = [await total('start'), await total('preview'), await total('refresh')];
    expect(counts[0]).toBeGreaterThan(50);
    expect(new Set(counts).size, counts.join(' ')).toBe(1);
  });
});

describe('a program that fails', { timeout: 120_000 }, () => {
  it('is told with its remedy before anything is done, and takes nothing from the stack: `env` works as before', async () => {
    const before = await everything();
    const { stdout } = await project.run(['env']);
    project.set('app', { directory: '/nowhere/at/all' });
    project.set('parameters', { work_mem: '9MB' });
    for (const args of [['preview'], ['up', '--yes'], ['start']]) {
      const [problem] = await refused(project, args, 1);
      expect(problem).toMatchObject({ code: 'migrations-folder' });
      expect(problem?.message).toContain('/nowhere/at/all');
      expect(problem?.message).not.toMatch(/ at .*\.js:|ENOENT/);
      expect(problem?.remedy).toContain('coach:app.directory');
    }
    for (const key of ['app', 'parameters']) project.set(key, undefined);
    expect(await everything()).toEqual(before);
    expect((await project.run(['env'])).stdout).toBe(stdout);
  });
});
