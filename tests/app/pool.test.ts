import { connect, createServer, type Server, type Socket } from 'node:net';

import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';

import { ApplicationPool, type PoolSettings, poolSettings } from '../../app/pool';
import { freePort } from '../support/cluster';
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

async function timed(work: Promise<unknown>): Promise<{ ms: number; error: Error | undefined }> {
  const started = performance.now();
  const error = await work.then(
    () => undefined,
    (reason: Error) => reason,
  );
  return { ms: performance.now() - started, error };
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
});

it('lets a caller wait no longer than the acquire time-out, and says for what', async () => {
  const full = pool({ max: 1, acquireTimeoutMs: 150 });
  const held = await full.connect();
  const { ms, error } = await timed(full.query('SELECT 1'));
  expect(error?.message).toMatch(/No database connection within 150 ms \(DATABASE_POOL_TIMEOUT\): all 1 are in use/);
  expect(ms).toBeGreaterThan(140);
  expect(ms).toBeLessThan(1500);
  held.release();
  expect((await full.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
});

it('tries again while the server is not there, with the pause, until it is', async () => {
  const port = await freePort();
  const { host, port: real, user, password, database } = place.target;
  const waiting = pool({
    url: `postgresql://${user}:${password}@127.0.0.1:${port}/${database}`,
    acquireTimeoutMs: 10_000,
    createRetryIntervalMs: 20,
  });
  const answer = waiting.query('SELECT 1 AS one');
  await new Promise((resolve) => setTimeout(resolve, 150));
  const proxy = await forward(port, host, real);
  try {
    expect((await answer).rows).toEqual([{ one: 1 }]);
  } finally {
    await waiting.close();
    proxy.close();
  }
});

it('gives up at the acquire time-out while the server stays away', async () => {
  const port = await freePort();
  const away = pool({ url: `postgresql://a:b@127.0.0.1:${port}/c`, acquireTimeoutMs: 200, createRetryIntervalMs: 30 });
  const { ms, error } = await timed(away.query('SELECT 1'));
  expect(error?.message).toMatch(/within 200 ms.*the server takes none \(.*ECONNREFUSED/);
  expect(ms).toBeLessThan(1500);
});

it('does not try a wrong password again', async () => {
  const wrong = pool({ url: url.replace(':test@', ':wrong@'), createRetryIntervalMs: 5000 });
  const { ms, error } = await timed(wrong.query('SELECT 1'));
  expect(error).toMatchObject({ code: '28P01' });
  expect(ms).toBeLessThan(2500);
});

it('bounds one connection’s making by the create time-out', async () => {
  const sockets: Socket[] = [];
  const port = await freePort();
  const silent = createServer((socket) => sockets.push(socket)).listen(port, '127.0.0.1');
  const stuck = pool({ url: `postgresql://a:b@127.0.0.1:${port}/c`, createTimeoutMs: 100, acquireTimeoutMs: 20_000 });
  const { ms, error } = await timed(stuck.query('SELECT 1'));
  expect(error?.message).toMatch(/timeout/i);
  expect(ms).toBeLessThan(3000);
  for (const socket of sockets) socket.destroy();
  silent.close();
});

it('closes idle connections above the minimum after the idle time-out', async () => {
  const idle = pool({ min: 1, max: 4, idleTimeoutMs: 1500 });
  await Promise.all(Array.from({ length: 4 }, () => idle.query('SELECT pg_sleep(0.5)')));
  expect(idle.totalCount).toBe(4);
  await expect.poll(() => idle.totalCount, { timeout: 10_000 }).toBe(1);
});

it('closes within the destroy time-out, cutting off what does not end', async () => {
  const busy = pool({ destroyTimeoutMs: 150 });
  const query = timed(busy.query('SELECT pg_sleep(30)'));
  await expect.poll(() => busy.totalCount).toBe(1);
  const { ms } = await timed(busy.close());
  expect(ms).toBeGreaterThan(140);
  expect(ms).toBeLessThan(2000);
  expect((await query).error?.message).toMatch(/terminated|closed/i);
});

it('waits for work that ends in time', async () => {
  const busy = pool({ destroyTimeoutMs: 10_000 });
  const query = timed(busy.query('SELECT pg_sleep(0.2)'));
  await expect.poll(() => busy.totalCount).toBe(1);
  await busy.close();
  expect((await query).error).toBeUndefined();
});

/** Listens on `port` and hands every connection on. */
function forward(port: number, host: string, target: number): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      const onward = connect(target, host);
      socket.pipe(onward).pipe(socket);
      for (const end of [socket, onward]) end.on('error', () => undefined);
    });
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
