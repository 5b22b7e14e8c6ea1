import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { expect, it } from 'vitest';

const ROOT = join(__dirname, '..', '..');
const MAIN = join(ROOT, 'dist', 'benchmarks', 'transfer', 'main.js');

it(
  'npm run benchmark:transfer prints every figure, or why there is none (a few rows, one round)',
  { timeout: 120_000 },
  async () => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [MAIN, '--rows', '2000', '--rounds', '1', '--sizes', '4000'],
      { cwd: ROOT },
    );
    for (const name of ['ours, verified', 'ours, not verified', 'sqlite3 CSV', 'DuckDB', 'pgloader', '4000 rows']) {
      const line = stdout.split('\n').find((one) => one.startsWith(name));
      expect(line, stdout).toMatch(/\d|not measured, \w/);
      expect(line).not.toMatch(/NaN|Infinity|undefined/);
    }
  },
);

it('refuses numbers that make no sense', async () => {
  const run = promisify(execFile)(process.execPath, [MAIN, '--sizes', '1,x'], { cwd: ROOT });
  await expect(run).rejects.toThrow('--sizes is x; expected a whole number from 1 on.');
});
