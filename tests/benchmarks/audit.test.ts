import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { expect, it } from 'vitest';

import { installedBinaries } from '../support/cluster';

const ROOT = join(__dirname, '..', '..');
const LINES = [
  'single UPDATE, 1 client ',
  'INSERT of all rows',
  'UPDATE of all rows',
  'DELETE of all rows',
  '  history of one row',
  '  newest 100 ',
  '  newest 100 of before a time',
  '  newest 100 of a user',
  '  indexes beside the trail',
];

it('npm run benchmark:audit prints every figure (a few rows, one round)', { timeout: 120_000 }, async (context) => {
  const binaries = installedBinaries();
  if (binaries === undefined || !existsSync(join(binaries, 'pgbench')))
    return context.skip('needs pgbench, which comes with an installed PostgreSQL');
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      join(ROOT, 'dist', 'benchmarks', 'audit', 'main.js'),
      '--rows',
      '500',
      '--trail',
      '3000',
      '--open',
      '2000',
      '--rounds',
      '1',
    ],
    { cwd: ROOT },
  );
  for (const name of LINES) {
    const line = stdout.split('\n').find((one) => one.startsWith(name));
    expect(line, stdout).toMatch(/\d/);
    expect(line).not.toMatch(/NaN|Infinity|undefined/);
  }
});

it('refuses numbers that make no sense', async () => {
  const run = promisify(execFile)(process.execPath, [
    join(ROOT, 'dist', 'benchmarks', 'audit', 'main.js'),
    '--rows',
    'many',
  ]);
  await expect(run).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('--rows is many') as string });
});
