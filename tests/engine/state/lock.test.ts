import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { lockStack, otherLocks, removeStaleLocks } from '../../../engine/state/lock';
import { isRunning } from '../../../system/processes';
import { compileInto } from '../../support/compiled';
import { startNode } from './processes';

let compiled: string;
let root: string;
let directory: string;

beforeAll(() => (compiled = compileInto('coach-state-js-', ['engine/state', 'system'])));
afterAll(() => rmSync(compiled, { recursive: true }));
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'coach-lock-'));
  directory = join(root, 'locks/organization/coach/local');
});
afterEach(() => rmSync(root, { recursive: true }));

/** Says `got` or the error's code, then does what `then` says. */
const LOCKER = (then: string): string => `
const [compiled, directory, at] = process.argv.slice(1);
const { lockStack } = require(compiled + '/engine/state/lock.js');
const say = (text) => require('node:fs').writeSync(1, text + '\\n');
while (Date.now() < Number(at)) {}
lockStack(directory).then((lock) => { say('got'); ${then} }, (error) => { say(error.code ?? error.message); });`;
const STAY = 'setInterval(() => {}, 1000);';

/** A lock as Pulumi writes it. */
function foreignLock(content: Record<string, unknown> = {}): string {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, '3f2c.json');
  const full = {
    pid: process.pid,
    username: 'someone',
    hostname: hostname(),
    timestamp: new Date().toISOString(),
    ...content,
  };
  writeFileSync(path, JSON.stringify(full));
  return path;
}

describe('the lock', () => {
  it('is a file as Pulumi writes it, and goes with its release', async () => {
    const lock = await lockStack(directory);
    const [name, ...more] = readdirSync(directory);
    expect(more).toEqual([]);
    expect(name).toMatch(/^[\da-f-]{36}\.json$/);
    expect(JSON.parse(readFileSync(join(directory, name ?? ''), 'utf8'))).toMatchObject({
      pid: process.pid,
      hostname: hostname(),
      username: expect.any(String) as string,
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string,
    });
    expect(readdirSync(join(root, 'locks/organization/coach'))).toEqual(['local']);
    lock.release();
    lock.release();
    expect(readdirSync(directory)).toEqual([]);
    expect(process.listeners('SIGTERM')).toEqual([]);
  });

  it('is refused while a live process holds it, naming who, which and since when', async () => {
    const path = foreignLock({ timestamp: new Date().toISOString() });
    await expect(lockStack(directory)).rejects.toMatchObject({
      code: 'stack-locked',
      kind: 'locked',
      object: path,
      message: expect.stringMatching(new RegExp(`Pulumi of someone@.*process ${process.pid}, since 20`)) as string,
    });
    expect(readdirSync(directory)).toEqual(['3f2c.json']);
  });

  it('of another machine counts as held, and only --repair-lock removes it', async () => {
    foreignLock({ hostname: 'elsewhere', pid: 1 });
    await expect(lockStack(directory)).rejects.toMatchObject({
      code: 'stack-locked',
      remedy: expect.stringContaining('--repair-lock') as string,
    });
    expect(removeStaleLocks(directory)).toEqual([]);
    expect(removeStaleLocks(directory, true)).toHaveLength(1);
    (await lockStack(directory)).release();
  });

  it('of a dead Pulumi is explained with its remedy, and removed when asked, with what lies beside it', async () => {
    const path = foreignLock({ pid: 4_000_000 });
    writeFileSync(`${path}.attrs`, '{}');
    await expect(lockStack(directory)).rejects.toMatchObject({
      code: 'stale-lock',
      kind: 'locked',
      remedy: expect.stringMatching(/^Run `npm run up -- --repair-lock`/) as string,
    });
    expect(removeStaleLocks(directory).map((lock) => lock.path)).toEqual([path]);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('of a process number that was given away again since is stale', async () => {
    foreignLock({ timestamp: '2020-01-01T00:00:00Z' });
    await expect(lockStack(directory)).rejects.toMatchObject({ code: 'stale-lock' });
  });

  it('that is half written blocks for a while, then is stale', async () => {
    const path = foreignLock();
    writeFileSync(path, '{"pid":');
    await expect(lockStack(directory)).rejects.toMatchObject({ code: 'stack-locked' });
    utimesSync(path, 1_000_000, 1_000_000);
    expect(otherLocks(directory, '')).toMatchObject([{ alive: false }]);
    expect(removeStaleLocks(directory)).toHaveLength(1);
  });
});

describe('with other processes', () => {
  it('is held against them, taken over from a killed one, and given back by one ended by a signal', async () => {
    const holder = startNode(LOCKER(STAY), [compiled, directory, '0']);
    await holder.said('got');
    await expect(lockStack(directory)).rejects.toMatchObject({ code: 'stack-locked' });
    holder.process.kill('SIGKILL');
    await holder.ended;
    expect(readdirSync(directory)).toHaveLength(1);
    const lock = await lockStack(directory);
    expect(lock.takenOver).toMatchObject([{ content: { pid: holder.process.pid, by: 'coachdb' } }]);
    lock.release();
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      const ended = startNode(LOCKER(STAY), [compiled, directory, '0']);
      await ended.said('got');
      ended.process.kill(signal);
      expect(await ended.ended).toBe(signal);
      expect(readdirSync(directory)).toEqual([]);
    }
  });

  it('goes with a process that exits without releasing, by itself or by an error', async () => {
    for (const [then, code] of [
      ['process.exit(7);', 7],
      ['setTimeout(() => { throw new Error("unexpected"); });', 1],
    ] as const) {
      const child = startNode(LOCKER(then), [compiled, directory, '0']);
      expect(await child.ended).toBe(code);
      expect(readdirSync(directory)).toEqual([]);
    }
  });

  it('leaves the end of the process to a handler of its own', async () => {
    const child = startNode(
      LOCKER(`process.on('SIGTERM', () => { say('handled'); process.exit(9); }); say('ready'); ${STAY}`),
      [compiled, directory, '0'],
    );
    await child.said('ready');
    child.process.kill('SIGTERM');
    await child.said('handled');
    expect(await child.ended).toBe(9);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('sees one that was written between its looking and its writing', async () => {
    const foreign = { pid: process.pid, username: 'x', hostname: hostname(), timestamp: new Date().toISOString() };
    const meddle = `
      const fs = require('node:fs');
      const rename = fs.renameSync;
      fs.renameSync = (from, to) => {
        fs.writeFileSync(process.argv[2] + '/other.json', ${JSON.stringify(JSON.stringify(foreign))});
        rename(from, to);
      };`;
    const child = startNode(meddle + LOCKER(STAY), [compiled, directory, '0']);
    await child.said('stack-locked');
    expect(readdirSync(directory)).toEqual(['other.json']);
    child.process.kill('SIGKILL');
    await child.ended;
  });

  it('lets exactly one of several that start at the same moment go on', async () => {
    for (let round = 0; round < 4; round += 1) {
      const at = String(Date.now() + 600);
      const contenders = [1, 2, 3].map(() => startNode(LOCKER(STAY), [compiled, directory, at]));
      const answers = await Promise.all(
        contenders.map((child) => Promise.race([child.said('got'), child.said('stack-locked')])),
      );
      expect(answers.sort()).toEqual(['got', 'stack-locked', 'stack-locked']);
      expect(readdirSync(directory)).toHaveLength(1);
      for (const child of contenders) child.process.kill('SIGKILL');
      await Promise.all(contenders.map((child) => child.ended));
      removeStaleLocks(directory);
    }
  });
});

it('knows a zombie and a process that does not exist from one that runs', async () => {
  expect(isRunning(process.pid)).toBe(true);
  expect(isRunning(process.pid, new Date())).toBe(true);
  expect(isRunning(4_000_000)).toBe(false);
  expect(isRunning(0)).toBe(false);
  if (!existsSync('/proc/stat')) return;
  // Its child is never collected while it sleeps in C.
  const parent = startNode(
    `const { spawn } = require('node:child_process');
     const child = spawn('sleep', ['0']);
     require('node:fs').writeSync(1, 'child ' + child.pid + '\\n');
     Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);`,
    [],
  );
  const pid = Number((await parent.said('child ')).slice('child '.length));
  await expect.poll(() => readFileSync(`/proc/${pid}/stat`, 'utf8'), { timeout: 20_000 }).toMatch(/\) Z /);
  expect(isRunning(pid)).toBe(false);
  parent.process.kill('SIGKILL');
  await parent.ended;
});
