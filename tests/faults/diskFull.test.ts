import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { eventually } from '../support/eventually';
import { TestProject } from '../support/project';
import { asAdmin, changesOf, expectConverges, expectNothingDoubled, isRoot, refused } from './support';

let project: TestProject;
let home: string;
let mounted = false;

beforeAll(() => {
  project = new TestProject();
  home = project.path('.coachdb', 'local');
  if (!isRoot) return;
  const port = readFileSync(`${home}/port`);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=20m,mode=0711', 'none', home], { stdio: 'ignore' });
    mounted = true;
  } catch {
    // A container without the right to mount.
    return;
  }
  writeFileSync(`${home}/port`, port);
  chmodSync(home, 0o711);
});
afterAll(async () => {
  await project.run(['destroy', '--yes']);
  if (mounted) execFileSync('umount', [home]);
  await project.remove();
});

const resize = (size: string): void => {
  execFileSync('mount', ['-o', `remount,size=${size}`, home]);
};

describe('a disk that is full', { timeout: 180_000 }, () => {
  it('while the server is made: said, exit 1, nothing left that looks like one; with space `up` converges', async (context) => {
    if (!mounted) return context.skip('needs root and the right to mount a small tmpfs');
    const [problem] = await refused(project, ['up', '--yes'], 1);
    expect(problem).toMatchObject({ code: 'disk-full' });
    expect(problem?.message).toContain(home);
    expect(problem?.remedy).toMatch(/Free space.*df/s);
    expect(readdirSync(home).filter((name) => !['port', 'logs', 'state.key'].includes(name))).toEqual([]);
    resize('400m');
    await changesOf(project, 'up');
    await expectNothingDoubled(project);
  });

  it('while a migration runs: said, nothing of it stays; with space `up` converges', async (context) => {
    if (!mounted) return context.skip('needs root and the right to mount a small tmpfs');
    const name = '20250201000000_load';
    const folder = project.path('app', 'prisma', 'migrations', name);
    mkdirSync(folder);
    writeFileSync(
      `${folder}/migration.sql`,
      `CREATE TABLE load (n int, text text);\nINSERT INTO load SELECT n, repeat('x', 500) FROM generate_series(1, 400000) n;\n`,
    );
    const [problem] = await refused(project, ['up', '--yes'], 1);
    expect(problem?.message).toContain(name);
    expect(problem?.message).toMatch(/53100|No space left|full/);
    // Without room for its log the server may have stopped; a refresh starts it and changes nothing. The first one may meet it on its way down.
    resize('1g');
    await eventually('a refresh that went well', async () => {
      const { code } = await project.run(['refresh', '--yes', '--engine', 'embedded']);
      return code === 0 ? true : undefined;
    });
    const { rows } = await asAdmin(project, (client) =>
      client.query<{ load: boolean; finished: number }>(
        `SELECT to_regclass('load') IS NOT NULL AS load,
                (SELECT count(*)::int FROM "_prisma_migrations" WHERE finished_at IS NOT NULL) AS finished`,
      ),
    );
    expect(rows).toEqual([{ load: false, finished: 1 }]);
    await changesOf(project, 'up');
    const counted = await asAdmin(project, (client) => client.query('SELECT count(*)::int AS rows FROM load'));
    expect(counted.rows).toEqual([{ rows: 400_000 }]);
  });

  it('while the state is written: the state before stays, and nothing is lost', async (context) => {
    if (!mounted) return context.skip('needs root and the right to mount a small tmpfs');
    const state = project.path('.coachdb', 'state');
    const copy = project.path('state-copy');
    execFileSync('cp', ['-a', state, copy]);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'none', state]);
    try {
      execFileSync('cp', ['-a', `${copy}/.`, state]);
      // Every page but a few, so that reading and locking work and a new state does not fit.
      const free = Number(execFileSync('df', ['-k', '--output=avail', state], { encoding: 'utf8' }).split('\n')[1]);
      writeFileSync(`${state}/ballast`, Buffer.alloc((free - 24) * 1024));
      const checkpoint = `${state}/.pulumi/stacks/coach/local.json`;
      const before = readFileSync(checkpoint, 'utf8');
      project.set('parameters', { work_mem: '6MB' });
      const [problem] = await refused(project, ['up', '--yes'], 1);
      expect(problem).toMatchObject({ code: 'disk-full' });
      expect(problem?.message).toContain(state);
      expect(readFileSync(checkpoint, 'utf8')).toBe(before);
      execFileSync('rm', [`${state}/ballast`]);
      await expectConverges(project);
    } finally {
      execFileSync('umount', [state]);
      execFileSync('cp', ['-a', `${copy}/.`, state]);
    }
    expect(existsSync(project.path('.coachdb', 'local', 'data', 'PG_VERSION'))).toBe(true);
  });
});
