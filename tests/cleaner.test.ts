import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, inject, it, onTestFinished, vi } from 'vitest';

import { isRunning } from '../system/processes';
import { startCluster } from './support/cluster';
import { eventually } from './support/eventually';

const ended = (child: ChildProcess): Promise<void> => new Promise((resolve) => child.once('exit', () => resolve()));

it('a run that is killed leaves no server, no process and no file', async () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'killed-run-')));
  chmodSync(folder, 0o755);
  // Stands in for the process that runs the tests: it holds the other end of the cleaner's pipe, and dies.
  const cleaner = JSON.stringify(join(__dirname, 'support', 'cleaner.cjs'));
  const script = `const { spawn } = require('node:child_process');
    const options = { stdio: ['pipe', 'inherit', 'inherit'], detached: true };
    console.log(spawn(process.execPath, [${cleaner}, ${JSON.stringify(folder)}], options).pid);
    setInterval(() => undefined, 1000);`;
  const run = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void run.kill('SIGKILL'));
  const cleanerPid = await new Promise<number>((resolve) => run.stdout.once('data', (pid) => resolve(Number(pid))));
  vi.stubEnv('TMPDIR', folder);
  const { dataDirectory } = await startCluster(inject('cluster').binaries);
  vi.unstubAllEnvs();
  const server = Number(readFileSync(join(dataDirectory, 'postmaster.pid'), 'utf8').split('\n')[0]);
  const command = spawn('sleep', ['1000'], { cwd: folder });
  const [runEnded, commandEnded] = [ended(run), ended(command)];
  expect(dataDirectory.startsWith(folder)).toBe(true);
  expect([server, cleanerPid, command.pid ?? 0].map((pid) => isRunning(pid))).toEqual([true, true, true]);

  run.kill('SIGKILL');
  await runEnded;
  await eventually('the end of the cleaner', () => Promise.resolve(isRunning(cleanerPid) ? undefined : true));
  expect(isRunning(server)).toBe(false);
  expect(existsSync(folder)).toBe(false);
  // Other systems have no /proc to find it by.
  if (process.platform !== 'linux') command.kill('SIGKILL');
  await commandEnded;
});
