import { execFileSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { TestProject } from '../support/project';
import { expectConverges, expectNothingDoubled, isRoot, refused } from './support';

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
    expect(readdirSync(home).filter((name) => name !== 'port' && name !== 'logs')).toEqual([]);
    resize('400m');
    await expectConverges(project);
    await expectNothingDoubled(project);
  });
});
