import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Readable } from 'node:stream';

import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { ApplicationPool, type PoolSettings, poolSettings } from '../../app/pool';
import { freePort } from '../support/cluster';
import { compileInto } from '../support/compiled';
import { freshDatabase, type TestDatabase } from '../support/database';

let place: TestDatabase;
let url: string;
const pools: ApplicationPool[] = [];

beforeAll(async () => {
  place = await freshDatabase('pool');
  const { host, port, database, user, password } = place.target;
  url = `postgresql://${user}:${password}@${host}:${port}/${database}`;
});
afterEach(async () => {
  for (const open of pools.splice(0)) await open.close();
});
afterAll(() => place.drop());

function pool(more: Partial<PoolSettings> = {}): ApplicationPool {
  const opened = new ApplicationPool({ ...poolSettings({ DATABASE_URL: url }), destroyTimeoutMs: 200, ...more });
  pools.push(opened);
  return opened;
}

/** How the work failed. That it ends at all is what the time of a test is for. */
async function failureOf(work: Promise<unknown>): Promise<Error | undefined> {
  return work.then(
    () => undefined,
    (reason: Error) => reason,
  );
}

/** Whether that time has passed: what waits longer in this process cannot have ended before. */
function alarm(ms: number): () => boolean {
  let isOver = false;
  setTimeout(() => (isOver = true), ms);
  return () => isOver;
}

it('takes the seed’s values where the environment says nothing', () => {
  expect(poolSettings({ DATABASE_URL: url, DATABASE_POOL_MAX: '', DATABASE_POOL_TIMEOUT: ' 1500 ' })).toEqual({
    url,
    min: 2,
    max: 10,
    acquireTimeoutMs: 1500,
    createTimeoutMs: 30_000,
    createRetryIntervalMs: 200,
    destroyTimeoutMs: 5000,
    idleTimeoutMs: 30_000,
  });
});

it('names everything that is wrong with the environment at once', () => {
  const wrong = {
    DATABASE_URL: 'file:./dev.db',
    DATABASE_POOL_MIN: '5',
    DATABASE_POOL_MAX: '2',
    DATABASE_POOL_TIMEOUT: '30s',
  };
  expect(() => poolSettings(wrong)).toThrow(
    /DATABASE_URL is no PostgreSQL address.*\n.*DATABASE_POOL_TIMEOUT is "30s".*\n.*DATABASE_POOL_MIN \(5\) is above.*\n.*coachdb -- env/,
  );
  expect(() => poolSettings({})).toThrow('DATABASE_URL is not set');
  for (const nobody of [
    '127.0.0.1:5432/app',
    ':secret@127.0.0.1/app',
    '127.0.0.1/app?user=',
    '127.0.0.1/app?user=a&user=',
  ])
    expect(() => poolSettings({ DATABASE_URL: `postgresql://${nobody}` }), nobody).toThrow(
      'DATABASE_URL names no user',
    );
  expect(poolSettings({ DATABASE_URL: 'postgresql:///app?host=/run/postgresql&user=a' }).max).toBe(10);
});

it('lets a caller wait no longer than the acquire time-out, and says for what', async () => {
  const full = pool({ max: 1, acquireTimeoutMs: 150 });
  // On a busy machine the first connection may take longer than that to make.
  const held = await vi.waitFor(() => full.connect(), { timeout: 20_000 });
  const isOver = alarm(100);
  const error = await failureOf(full.query('SELECT 1'));
  expect(error?.message).toMatch(/No database connection within 150 ms \(DATABASE_POOL_TIMEOUT\): all 1 are in use/);
  expect(isOver()).toBe(true);
  held.release();
  expect((await full.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
});

it('tries again while the server is not there, with the pause, until it is', async () => {
  const port = await freePort();
  const { host, port: real } = place.target;
  const waiting = pool({ url: addressed(port), acquireTimeoutMs: 10_000, createRetryIntervalMs: 20 });
  const answer = waiting.query('SELECT 1 AS one');
  await new Promise((resolve) => setTimeout(resolve, 150));
  await listen((socket) => handOn(socket, host, real), port);
  expect((await answer).rows).toEqual([{ one: 1 }]);
});

it('gives up at the acquire time-out while the server stays away', async () => {
  const port = await freePort();
  const away = pool({ url: `postgresql://a:b@127.0.0.1:${port}/c`, acquireTimeoutMs: 200, createRetryIntervalMs: 30 });
  const error = await failureOf(away.query('SELECT 1'));
  expect(error?.message).toMatch(/within 200 ms.*the server takes none \(.*ECONNREFUSED/);
});

it('does not try a wrong password again', async () => {
  const { host, port } = place.target;
  const between = await listen((socket) => handOn(socket, host, port));
  const wrong = pool({ url: addressed(between.port).replace(':test@', ':wrong@'), createRetryIntervalMs: 10 });
  expect(await failureOf(wrong.query('SELECT 1'))).toMatchObject({ code: '28P01' });
  expect(between.sockets).toHaveLength(1);
});

it('tries again when making a connection takes longer than the create time-out, and says so', async () => {
  const silent = await listen(() => undefined);
  const stuck = pool({ url: silent.url, createTimeoutMs: 60, createRetryIntervalMs: 10, acquireTimeoutMs: 400 });
  const error = await failureOf(stuck.query('SELECT 1'));
  expect(error?.message).toMatch(
    /within 400 ms.*making a connection took longer than 60 ms, DATABASE_POOL_CREATE_TIMEOUT/,
  );
  expect(silent.sockets.length).toBeGreaterThan(1);
});

it('tries again when connections are lost while they are made, and says so', async () => {
  const { host, port } = place.target;
  let refused = 0;
  const starting = await listen((socket) => {
    if (refused++ < 3) socket.end();
    else handOn(socket, host, port);
  });
  const url = addressed(starting.port);
  expect((await pool({ url, createRetryIntervalMs: 10 }).query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  expect(refused).toBe(4);

  const closing = await listen((socket) => socket.end());
  const away = pool({ url: closing.url, acquireTimeoutMs: 200, createRetryIntervalMs: 20 });
  const error = await failureOf(away.query('SELECT 1'));
  expect(error?.message).toMatch(
    /within 200 ms.*the server takes none \(it closed the connection while it was being made\)/,
  );
});

it('says that all are in use only when they are', async () => {
  const silent = await listen(() => undefined);
  const stuck = pool({ url: silent.url, max: 2, acquireTimeoutMs: 250, createTimeoutMs: 20_000 });
  const waiting = await Promise.all(Array.from({ length: 4 }, () => failureOf(stuck.query('SELECT 1'))));
  for (const error of waiting) {
    expect(error?.message).toMatch(/the server has not finished making 2; 0 of 2 are in use/);
  }
});

it('does not hand on a connection that was released inside a transaction', async () => {
  const one = pool({ max: 1 });
  const first = await one.connect();
  const pid = (await first.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid;
  await first.query(`BEGIN; SET LOCAL app.current_user_id = 'luz'; CREATE TABLE left_open (id int)`);
  first.release();
  const next = await one.query<{ pid: number; user: string | null; left: string | null }>(
    `SELECT pg_backend_pid() AS pid, current_setting('app.current_user_id', true) AS user, to_regclass('left_open') AS left`,
  );
  expect(next.rows[0]?.pid).not.toBe(pid);
  expect(next.rows[0]).toMatchObject({ user: null, left: null });

  // Nor one whose transaction began after the release.
  const hasty = await one.connect();
  const begun = hasty.query('BEGIN');
  hasty.release();
  await begun;
  expect(one.idleCount).toBe(1);
  const after = await one.connect();
  expect(after.getTransactionStatus()).toBe('I');
  after.release();
  expect(one.idleCount).toBe(1);
});

it('keeps a connection whose transaction ended, also in an error', async () => {
  const one = pool({ max: 1 });
  const pid = async (): Promise<unknown> => (await one.query('SELECT pg_backend_pid() AS pid')).rows;
  const before = await pid();
  const client = await one.connect();
  await client.query('BEGIN');
  await expect(client.query('SELECT 1/0')).rejects.toMatchObject({ code: '22012' });
  await client.query('ROLLBACK');
  client.release();
  expect(await pid()).toEqual(before);
});

it('closes idle connections above the minimum after the idle time-out', async () => {
  const idle = pool({ min: 1, max: 4, idleTimeoutMs: 1500 });
  await Promise.all(Array.from({ length: 4 }, () => idle.query('SELECT pg_sleep(0.5)')));
  expect(idle.totalCount).toBe(4);
  await expect.poll(() => idle.totalCount, { timeout: 10_000 }).toBe(1);
});

it('closes within the destroy time-out, cutting off what does not end', async () => {
  const busy = pool({ destroyTimeoutMs: 150 });
  const client = await busy.connect();
  const query = failureOf(client.query('SELECT pg_sleep(30)'));
  const isOver = alarm(100);
  await busy.close();
  expect(isOver()).toBe(true);
  expect((await query)?.message).toMatch(/terminated|closed/i);
});

it('waits for work that ends in time', async () => {
  const busy = pool({ destroyTimeoutMs: 10_000 });
  const client = await busy.connect();
  const query = failureOf(client.query('SELECT pg_sleep(0.2)').finally(() => client.release()));
  await busy.close();
  expect(await query).toBeUndefined();
});

it('tells waiting callers at once that it closes', async () => {
  const full = pool({ max: 1, destroyTimeoutMs: 10_000, acquireTimeoutMs: 20_000 });
  const held = await full.connect();
  const waiting = [failureOf(full.query('SELECT 1')), failureOf(full.connect())];
  const closing = full.close();
  const told = await Promise.all(waiting);
  for (const error of told) expect(error?.message).toMatch(/pool was closed/);
  expect(full.ended).toBe(false);
  held.release();
  await closing;
  expect(full.ended).toBe(true);
  await expect(full.query('SELECT 1')).rejects.toThrow(/pool was closed/);
});

it('closes within the destroy time-out though the server answers nothing any more', async () => {
  const { host, port } = place.target;
  const frozen = await listen((socket) => handOn(socket, host, port));
  const left = pool({ url: addressed(frozen.port), min: 2, destroyTimeoutMs: 150 });
  await Promise.all([left.query('SELECT 1'), left.query('SELECT 1')]);
  expect(left.idleCount).toBe(2);
  for (const socket of frozen.sockets) socket.unpipe();
  const waiting = failureOf(left.query('SELECT 1'));
  await expect.poll(() => left.idleCount).toBe(1);
  // Without its bound this would never end.
  await left.close();
  expect(await waiting).toBeInstanceOf(Error);
});

describe('a process of its own', () => {
  let folder: string;
  beforeAll(() => {
    folder = compileInto('coach-pool-', ['app/pool.ts']);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Runs a script in which `pool` is one on `address`; a process that does not end by itself is killed, and the code is null. */
  function start(address: string, work: string): { child: ChildProcess; code: Promise<number | null> } {
    const script = `const { ApplicationPool, poolSettings } = require('./app/pool.js');
      const pool = new ApplicationPool(poolSettings(process.env)); ${work}`;
    const env = { ...process.env, DATABASE_URL: address, DATABASE_POOL_MIN: '2', DATABASE_POOL_DESTROY_TIMEOUT: '50' };
    const child = spawn(process.execPath, ['-e', script], { cwd: folder, env, timeout: 20_000 });
    return { child, code: once(child, 'exit').then(([code]) => code as number | null) };
  }

  it('is not held by idle connections', async () => {
    expect(await start(url, `pool.query('SELECT 1')`).code).toBe(0);
  });

  it('is not held by a closed pool whose server answers nothing any more', async () => {
    const { host, port } = place.target;
    const frozen = await listen((socket) => handOn(socket, host, port));
    const { child, code } = start(
      addressed(frozen.port),
      `pool.connect().then(() => {
         console.log('in use');
         process.stdin.once('data', () => pool.close().then(() => process.stdin.destroy()));
       });`,
    );
    await once(child.stdout as Readable, 'data');
    for (const socket of frozen.sockets) socket.unpipe();
    child.stdin?.write('close\n');
    expect(await code).toBe(0);
  });
});

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

interface Listening {
  port: number;
  url: string;
  sockets: Socket[];
}

/** Something that accepts connections on a port of its own and does with each what it is told. */
async function listen(each: (socket: Socket) => void, at?: number): Promise<Listening> {
  const sockets: Socket[] = [];
  const port = at ?? (await freePort());
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    each(socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return { port, url: `postgresql://a:b@127.0.0.1:${port}/c`, sockets };
}

/** The test's database by way of another port. */
function addressed(port: number): string {
  const { user, password, database } = place.target;
  return `postgresql://${user}:${password}@127.0.0.1:${port}/${database}`;
}

function handOn(socket: Socket, host: string, port: number): void {
  const onward = connect(port, host);
  onward.on('error', () => undefined);
  socket.pipe(onward).pipe(socket);
  socket.on('close', () => onward.destroy());
}
