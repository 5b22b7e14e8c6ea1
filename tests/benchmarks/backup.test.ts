import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { expect, it } from 'vitest';

import { WITHOUT_DUMP } from '../postgres/backup/support';

const ROOT = join(__dirname, '..', '..');
const MAIN = join(ROOT, 'dist', 'benchmarks', 'backup', 'main.js');

it.skipIf(WITHOUT_DUMP !== undefined)(
  `npm run benchmark:backup prints every figure (a few rows, one round)${WITHOUT_DUMP === undefined ? '' : ` (${WITHOUT_DUMP})`}`,
  { timeout: 120_000 },
  async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [MAIN, '--megabytes', '2', '--rounds', '1'], {
      cwd: ROOT,
    });
    const expected = [
      'ours: ',
      'ours, the dump alone',
      'pg_dump | gzip: ',
      'pg_dump -Fd -j, then zstd',
      'pg_dump -Fd -j, gzip',
      'sums of all tables',
      'restore, ours, compared',
      'restore, gunzip | psql',
      'restore, ours: ',
      'memory of this process',
    ];
    for (const name of expected) {
      const line = stdout.split('\n').find((one) => one.startsWith(name));
      expect(line, stdout).toMatch(/\d/);
      expect(line).not.toMatch(/NaN|Infinity|undefined/);
    }
  },
);

it('refuses numbers that make no sense', async () => {
  const run = promisify(execFile)(process.execPath, [MAIN, '--rounds', 'x'], { cwd: ROOT });
  await expect(run).rejects.toThrow('--rounds is x; expected a whole number from 1 on.');
});
