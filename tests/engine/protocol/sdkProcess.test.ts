import { execFile, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { describe, expect, it } from 'vitest';

import { PLAIN_SDK } from '../../../engine/protocol/sdkProcess';

const run = promisify(execFile);
const ROOT = join(__dirname, '..', '..', '..');
const MODULE = join(ROOT, 'dist', 'engine', 'protocol', 'sdkProcess.js');

/** How many processes wait with that marker in their arguments. pgrep says 0 by failing. */
function waiting(marker: string): number {
  const { stdout } = spawnSync('pgrep', ['-fc', `sdkMain.js .*${marker}`], { encoding: 'utf8' });
  return Number(stdout.trim());
}

const soon = (check: () => boolean): Promise<void> => expect.poll(check, { timeout: 15_000, interval: 100 }).toBe(true);

describe('a process of the SDK that was started early', () => {
  it('keeps nobody from ending, and ends with who started it', async () => {
    const marker = `/nowhere/unused-${process.pid}.js`;
    await run(process.execPath, [
      '-e',
      `require(${JSON.stringify(MODULE)}).prepareSdk('run', [${JSON.stringify(marker)}])`,
    ]);
    await soon(() => waiting(marker) === 0);
  });

  it('ends when who started it is killed', async () => {
    const marker = `/nowhere/killed-${process.pid}.js`;
    const script = `require(${JSON.stringify(MODULE)}).prepareSdk('run', [${JSON.stringify(marker)}]); setInterval(() => {}, 1000)`;
    const parent = spawn(process.execPath, ['-e', script], { stdio: 'ignore' });
    await soon(() => waiting(marker) === 1);
    parent.kill('SIGKILL');
    await soon(() => waiting(marker) === 0);
  });

  it.each([
    ['is', {}, { early: 1, shortcuts: true }],
    ['is not', { [PLAIN_SDK]: '1' }, { early: 0, shortcuts: false }],
  ])('%s there and given shortcuts with %j', async (_, environment, expected) => {
    const script = `
      const { prepareSdk, startSdk } = require(${JSON.stringify(MODULE)});
      prepareSdk('run', []);
      const { stdout } = require('child_process').spawnSync('pgrep', ['-fcP', String(process.pid), 'sdkMain.js']);
      const child = startSdk('run', [], { cwd: '/', args: ['--monitor=127.0.0.1:1'], environment: {} });
      child.kill('SIGKILL');
      process.stdout.write(JSON.stringify({ early: Number(stdout), shortcuts: child.spawnargs.includes('--require') }));`;
    const { stdout } = await run(process.execPath, ['-e', script], { env: { ...process.env, ...environment } });
    expect(JSON.parse(stdout)).toEqual(expected);
  });

  it('has no credential before its start, but what the SDK reads while it loads', async () => {
    const given = {
      AWS_SECRET_ACCESS_KEY: 'hidden',
      PULUMI_ACCESS_TOKEN: 'hidden',
      PULUMI_CONFIG_PASSPHRASE: 'hidden',
      DATABASE_URL: 'hidden',
      PULUMI_DEBUG_PROMISE_LEAKS: 'seen',
    };
    const script = `
      const { prepareSdk, startSdk } = require(${JSON.stringify(MODULE)});
      Object.assign(process.env, ${JSON.stringify(given)});
      prepareSdk('run', []);
      const child = startSdk('run', [], { cwd: '/', args: ['--monitor=127.0.0.1:1'], environment: { PATH: process.env.PATH } });
      const environ = require('fs').readFileSync('/proc/' + child.pid + '/environ', 'utf8');
      process.stdout.write(environ.split('\\0').filter((entry) => /hidden|seen/.test(entry)).join());
      child.kill('SIGKILL');`;
    expect((await run(process.execPath, ['-e', script])).stdout).toBe('PULUMI_DEBUG_PROMISE_LEAKS=seen');
  });
});
