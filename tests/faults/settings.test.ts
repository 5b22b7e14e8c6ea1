import { existsSync, rmSync } from 'node:fs';
import { totalmem } from 'node:os';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { TestProject } from '../support/project';
import { asAdmin, changesOf, checkpointOf, refused } from './support';

let project: TestProject;
const touched = new Set<string>();

beforeAll(() => {
  project = new TestProject();
});
afterAll(() => project.remove());
afterEach(() => {
  for (const key of touched) project.set(key, undefined);
  touched.clear();
});

function set(key: string, value: unknown): void {
  touched.add(key);
  project.set(key, value);
}

describe('settings that are wrong', { timeout: 120_000 }, () => {
  it('are reported all at once, nothing is made, exit 64', async () => {
    set('databse', { name: 'x' });
    set('pool', { max: 'many', min: -1 });
    set('server', { port: 80, binaries: 'somewhere' });
    const problems = await refused(project, ['up', '--yes'], 64);
    const said = problems.map(({ message }) => message).join('\n');
    for (const word of ['databse', 'pool.max', 'pool.min', 'server.port', 'server.binaries'])
      expect(said).toContain(word);
    expect(existsSync(project.path('.coachdb', 'local', 'data'))).toBe(false);
    expect(existsSync(checkpointOf(project))).toBe(false);
  });

  it('name the memory that shared_buffers does not fit into, in the preview already', async () => {
    set('parameters', { shared_buffers: `${Math.ceil(totalmem() / 1024 ** 3) + 1}GB` });
    const [problem] = await refused(project, ['preview'], 64);
    expect(problem?.message).toMatch(/shared_buffers.*GB.*memory/s);
    expect(`${problem?.remedy}`).toMatch(/shared_buffers/);
  });

  it('are left to PostgreSQL where only it knows: the parameter and its own words, and nothing is left behind as good', async () => {
    set('parameters', { shared_preload_libraries: ['pg_stat_statements', 'no_such_library'] });
    const [problem] = await refused(project, ['up', '--yes'], 1);
    expect(problem?.message).toContain('no_such_library');
    expect(problem?.remedy).toContain('coach:parameters');
    rmSync(project.path('.coachdb', 'local', 'data'), { recursive: true, force: true });
  });

  it('that PostgreSQL refuses by value are named with the setting', async () => {
    set('parameters', { timezone: 'Nowhere/Land' });
    const [problem] = await refused(project, ['up', '--yes'], 64);
    expect(problem?.message).toMatch(/timezone/i);
    expect(problem?.message).toContain('Nowhere/Land');
    expect(problem?.remedy).toContain('coach:parameters.timezone');
  });

  it('name an extension that is not there and the one that was meant; mended, `up` converges', async () => {
    set('extensions', ['uuid-ossp', 'pg_trgn', 'btree_gin', 'pg_stat_statements']);
    const [problem] = await refused(project, ['up', '--yes'], 1);
    expect(problem).toMatchObject({ code: 'extension-unavailable' });
    expect(problem?.message).toMatch(/pg_trgn.*pg_trgm/s);
    project.set('extensions', undefined);
    await changesOf(project, 'up');
  });

  it('a value PostgreSQL refuses leaves the running server as it is', async () => {
    set('parameters', { timezone: 'Nowhere/Land', work_mem: '9MB' });
    await refused(project, ['up', '--yes'], 64);
    const { rows } = await asAdmin(project, (client) => client.query<{ work_mem: string }>('SHOW work_mem'));
    expect(rows).toEqual([{ work_mem: '4MB' }]);
  });
});

describe('a command that cannot be meant', { timeout: 120_000 }, () => {
  it.each([
    [['up', '--yes', '--stack', 'nowhere'], 64, 'stack-unknown', /nowhere.*local/s],
    [['up', '--yes', '--stack', 'dev'], 3, 'engine-local-only', /dev/],
    [['preview', '--stack', 'prod'], 3, 'engine-local-only', /prod/],
    [['up', '--yes', '--rotate-password', 'somebody'], 64, 'role-unknown', /somebody/],
    [['destroy', '--yes', '--stack', 'local', '--delete-data', 'other'], 3, 'name-mismatch', /other.*inclusive_ai/s],
  ])('%j: exit %i, %s', async (args, exitCode, code, message) => {
    const [problem] = await refused(project, args, exitCode);
    expect(problem).toMatchObject({ code });
    expect(problem?.message).toMatch(message);
  });

  it('asks before it changes something: without a terminal and --yes it is refused, exit 3', async () => {
    set('parameters', { work_mem: '9MB' });
    const [problem] = await refused(project, ['up'], 3);
    expect(problem).toMatchObject({ code: 'confirmation-needed' });
    expect(problem?.remedy).toContain('--yes');
    const { rows } = await asAdmin(project, (client) => client.query<{ work_mem: string }>('SHOW work_mem'));
    expect(rows).toEqual([{ work_mem: '4MB' }]);
  });
});
