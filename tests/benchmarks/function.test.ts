import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { expect, it } from 'vitest';

const ROOT = join(__dirname, '..', '..');
const MAIN = join(ROOT, 'dist', 'benchmarks', 'function', 'main.js');
const LINES = [
  'bundle',
  'import of the bundle',
  'import to the answer of status',
  'pg alone, import to SELECT 1',
  'ratio',
];
const hasOpenssl = spawnSync('openssl', ['version'], { stdio: 'ignore' }).status === 0;
const absent = hasOpenssl ? '' : ' (skipped: there is no openssl on PATH)';

it.skipIf(!hasOpenssl)(
  `npm run benchmark:function prints every figure (one start)${absent}`,
  { timeout: 120_000 },
  async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [MAIN, '--runs', '1'], { cwd: ROOT });
    for (const name of LINES) {
      const line = stdout.split('\n').find((one) => one.startsWith(name));
      expect(line, stdout).toMatch(/\d/);
      expect(line).not.toMatch(/NaN|Infinity|undefined/);
    }
  },
);
