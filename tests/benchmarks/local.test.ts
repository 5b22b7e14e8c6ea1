import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { expect, it } from 'vitest';

const ROOT = join(__dirname, '..', '..');

it('npm run benchmark:local prints every figure beside its goal (one run of each)', { timeout: 180_000 }, async () => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(ROOT, 'dist', 'benchmarks', 'local', 'main.js'), '1'],
    { cwd: ROOT },
  );
  const seconds = '(\\d+\\.\\d\\d) s';
  for (const figure of [
    'first up',
    'the same by hand',
    'up, nothing to change',
    'graph local',
    'graph dev',
    'graph prod',
  ]) {
    const found = new RegExp(`^${figure} +${seconds}`, 'm').exec(stdout);
    expect(Number(found?.[1]), stdout).toBeGreaterThan(0);
  }
  expect(stdout).toMatch(new RegExp(`^more than by hand +-?${seconds}; goal: at most 2\\.5 s`, 'm'));
});
