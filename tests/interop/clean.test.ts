import { execFileSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ROOT } from '../support/compiled';
import { TestProject } from '../support/project';
import { missingPulumi } from '../support/pulumi';
import { typedThroughNpm } from './typed';

const reason = missingPulumi();
if (reason !== undefined) process.stderr.write(`skipped: what Pulumi through npm leaves to commit (${reason})\n`);

let project: TestProject;

function git(...args: string[]): string {
  const identity = ['-c', 'user.name=test', '-c', 'user.email=test@example.com'];
  return execFileSync('git', [...identity, ...args], { cwd: project.root, encoding: 'utf8' });
}

describe.skipIf(reason !== undefined)('Pulumi through npm', { timeout: 600_000 }, () => {
  beforeAll(() => {
    project = new TestProject();
    cpSync(join(ROOT, '.gitignore'), project.path('.gitignore'));
    git('init', '--quiet');
    // Shared by all copies; a link is no folder to git.
    git('add', '--all', '--', '.', ':!node_modules');
    git('commit', '--quiet', '--message', 'all');
  });
  afterAll(() => project.remove());

  const changed = (): string => git('status', '--porcelain', '--', '.', ':!node_modules');

  it.each([['preview'], ['up', '--yes', '--skip-preview'], ['refresh', '--yes'], ['config'], ['stack', 'output']])(
    '%s leaves nothing to commit',
    async (...args) => {
      const run = await typedThroughNpm(project, ...args.filter((arg): arg is string => typeof arg === 'string'));
      expect(run.code, run.text).toBe(0);
      expect(changed()).toBe('');
    },
  );

  it('a refused destroy and a refused up leave nothing to commit', async () => {
    const destroy = await typedThroughNpm(project, 'destroy', '--yes', '--skip-preview');
    expect(destroy.code).not.toBe(0);
    const up = await typedThroughNpm(project, 'up', '--yes', '--skip-preview', '--config', 'coach:pool.max=3');
    expect(up.code).not.toBe(0);
    expect(changed()).toBe('');
  });

  it('config set changes what was asked for, comments and all else stay', async () => {
    const set = await typedThroughNpm(project, 'config', 'set', '--path', 'coach:pool.max', '15');
    expect(set.code, set.text).toBe(0);
    expect(changed()).toBe(' M Pulumi.local.yaml\n');
    const lines = git('diff', '--unified=0')
      .split('\n')
      .filter((line) => /^[-+](?![-+])/.test(line));
    expect(lines).toEqual(['+  coach:pool:', '+    max: 15']);
    expect((await typedThroughNpm(project, 'up', '--yes', '--skip-preview')).code).toBe(0);
    expect(git('diff', '--numstat')).toBe('2\t0\tPulumi.local.yaml\n');
  });
});
