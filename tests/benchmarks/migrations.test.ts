import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { expect, it } from 'vitest';

const ROOT = join(__dirname, '..', '..');
const MAIN = join(ROOT, 'dist', 'benchmarks', 'migrations', 'main.js');
const LINES = [
  '400 INSERTs, sent at once',
  '400 INSERTs, applied here',
  '8 objects, sent at once',
  '8 objects, applied here',
  'reading 400 statements',
  'reading 1600 statements',
];

it('npm run benchmark:migrations prints every figure (a few statements, one round)', { timeout: 120_000 }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, '--statements', '400', '--rounds', '1'], {
    cwd: ROOT,
  });
  for (const name of LINES) {
    const line = stdout.split('\n').find((one) => one.startsWith(name));
    expect(line, stdout).toMatch(/\d/);
    expect(line).not.toMatch(/NaN|Infinity|undefined/);
  }
});

it('refuses numbers that make no sense', async () => {
  const run = promisify(execFile)(process.execPath, [MAIN, '--rounds', '0'], { cwd: ROOT });
  await expect(run).rejects.toThrow('--rounds is 0; expected a whole number from 1 on.');
});
