import { rmSync } from 'node:fs';

import type { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';

import { ensureIndex } from '../../../postgres/indexes/ensure';
import type { ConnectionTarget, IndexSpec } from '../../../postgres/spec';
import { embeddedBinaries, startCluster } from '../../support/cluster';
import { compileInto } from '../../support/compiled';
import { freshDatabase, type TestDatabase } from '../../support/database';
import { eventually } from '../../support/eventually';
import { builderIn, type Building, connect, standing, startBuilding } from './support';

const WANTED: IndexSpec = {
  name: 'idx_student',
  schema: 'public',
  table: 'Student',
  columns: [{ name: 'location' }, { name: 'language' }],
};
const SETTLED = [['idx_student', 'location,language', true]];

let database: TestDatabase;
let client: Client;
let compiled: string;

beforeAll(async () => {
  compiled = compileInto('coach-index-', ['postgres/connection/client.ts', 'postgres/indexes/ensure.ts']);
  database = await freshDatabase('crash');
  client = database.client;
});
afterAll(async () => {
  rmSync(compiled, { recursive: true });
  await database.drop();
});

/** The table with an index of another definition, so that each run has a replacement to make: build, swap, drop. */
async function fill(on: Client): Promise<void> {
  await on.query(`DROP TABLE IF EXISTS "Student"; CREATE TABLE "Student" (id int PRIMARY KEY, location text, language text);
    INSERT INTO "Student" SELECT g, 'L' || g % 50, 'es' FROM generate_series(1, 2000) g;
    CREATE INDEX idx_student ON "Student" (location)`);
}
beforeEach(() => fill(client));

/** Closed with the test, however that ends: what it holds must not keep the next one waiting. */
async function session(target: ConnectionTarget = database.target): Promise<Client> {
  const opened = await connect(target);
  onTestFinished(() => opened.end().catch(() => undefined));
  return opened;
}

function building(stopAt?: number): Building {
  const started = startBuilding({ compiled, target: database.target, spec: WANTED, ...(stopAt && { stopAt }) });
  onTestFinished(() => started.kill());
  return started;
}

describe('SIGKILL of the building process', () => {
  it.each([1, 2, 3])('before step %i: the next run converges, nothing doubled', async (stopAt) => {
    const killed = building(stopAt);
    await killed.said(`step ${stopAt}`);
    expect(await standing(client)).not.toEqual(SETTLED);
    await killed.kill();
    await ensureIndex(client, WANTED);
    expect(await standing(client)).toEqual(SETTLED);
  });

  it('in mid-build: the server finishes, the next run waits for it and goes on from there', async () => {
    const writer = await session();
    await writer.query(`BEGIN; UPDATE "Student" SET language = 'qu' WHERE id = 1`);
    const killed = building();
    const pid = await builderIn(client, 'waiting for writers before build');
    await killed.kill();
    const run = ensureIndex(client, WANTED);
    // The killed client's server process is still at work, and the new run leaves it alone.
    await new Promise((resolve) => setTimeout(resolve, 400));
    const alive = await writer.query('SELECT FROM pg_stat_activity WHERE pid = $1', [pid]);
    expect(alive.rowCount).toBe(1);
    await writer.query('COMMIT');
    await writer.end();
    expect((await run).steps.map((step) => step.action)).toEqual(['swap', 'drop']);
    expect(await standing(client)).toEqual(SETTLED);
  });
});

describe('pg_terminate_backend', () => {
  it.each([
    ['waiting for writers before build', `UPDATE "Student" SET language = 'qu' WHERE id = 1`, 'build'],
    ['waiting for old snapshots', 'SELECT count(*) FROM pg_class', 'build'],
  ])('in phase "%s": an error that says what to do, then the next run converges', async (phase, holding) => {
    const holder = await session();
    await holder.query(`BEGIN ISOLATION LEVEL REPEATABLE READ; ${holding}`);
    const builder = await session();
    const failed = ensureIndex(builder, WANTED).catch((error: unknown) => error);
    const pid = await builderIn(client, phase);
    await client.query('SELECT pg_terminate_backend($1)', [pid]);
    expect(await failed).toMatchObject({
      code: 'index-build-interrupted',
      remedy: expect.stringContaining('again') as unknown,
    });
    const [left] = (await standing(client)).filter(([name]) => name !== 'idx_student');
    expect(left?.[2]).toBe(false);
    await holder.end();
    await builder.end();
    const outcome = await ensureIndex(client, WANTED);
    expect(outcome.steps.map((step) => step.action)).toEqual(['drop', 'build', 'swap', 'drop']);
    expect(await standing(client)).toEqual(SETTLED);
  });

  it('while the old index is being dropped: the next run tidies', async () => {
    const builder = await session();
    // A transaction that begins after the build and has used the table keeps the old index from going.
    const holder = await session();
    const query = builder.query.bind(builder) as (...args: unknown[]) => Promise<unknown>;
    const heldFirst = async (...args: unknown[]): Promise<unknown> => {
      if (JSON.stringify(args[0]).includes('DROP INDEX')) await holder.query('BEGIN; SELECT count(*) FROM "Student"');
      return query(...args);
    };
    Object.defineProperty(builder, 'query', { value: heldFirst, configurable: true });
    const failed = ensureIndex(builder, WANTED).catch((error: unknown) => error);
    const pid = await eventually('the drop waits', async () => {
      const { rows } = await client.query<{ pid: number }>(
        `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'DROP INDEX%' AND wait_event_type = 'Lock'`,
      );
      return rows[0]?.pid;
    });
    await client.query('SELECT pg_terminate_backend($1)', [pid]);
    expect(await failed).toMatchObject({ code: 'index-build-interrupted' });
    expect((await standing(client)).length).toBe(2);
    await holder.end();
    await builder.end();
    expect((await ensureIndex(client, WANTED)).action).toBe('tidy');
    expect(await standing(client)).toEqual(SETTLED);
  });

  it('of a first build: the invalid leftover is built again', async () => {
    await client.query('DROP INDEX idx_student');
    const holder = await session();
    await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class');
    const builder = await session();
    const failed = ensureIndex(builder, WANTED).catch((error: unknown) => error);
    await client.query('SELECT pg_terminate_backend($1)', [await builderIn(client, 'waiting for old snapshots')]);
    await failed;
    expect(await standing(client)).toEqual([['idx_student', 'location,language', false]]);
    await holder.end();
    await builder.end();
    expect((await ensureIndex(client, WANTED)).action).toBe('rebuild');
    expect(await standing(client)).toEqual(SETTLED);
  });
});

const NEWER = embeddedBinaries();

it.skipIf(NEWER === undefined)(
  'a crash of the server in mid-build: the next run converges (npm binaries)',
  async () => {
    const cluster = await startCluster(NEWER ?? '', 'synchronous_commit = on\n');
    try {
      const { host, port, user, password } = cluster;
      const target = { host, port, user, password, database: 'postgres' };
      const watcher = await session(target);
      await fill(watcher);
      const holder = await session(target);
      await holder.query(`BEGIN; UPDATE "Student" SET language = 'qu' WHERE id = 1`);
      const builder = await session(target);
      const failed = ensureIndex(builder, WANTED).catch((error: unknown) => error);
      // The death of one server process takes the whole server down; it recovers by itself.
      process.kill(await builderIn(watcher, 'waiting'), 'SIGKILL');
      expect(await failed).toMatchObject({ code: 'index-build-interrupted' });
      const after = await eventually('the server is back', () => connect(target).catch(() => undefined));
      expect((await standing(after)).some(([, , valid]) => !valid)).toBe(true);
      await ensureIndex(after, WANTED);
      expect(await standing(after)).toEqual(SETTLED);
      await after.end();
      await Promise.all([watcher, holder, builder].map((one) => one.end().catch(() => undefined)));
    } finally {
      await cluster.stop();
    }
  },
);

describe('two at once', () => {
  it('of the same index: one builds, the other finds it', async () => {
    const sessions = await Promise.all([1, 2, 3].map(() => session()));
    const outcomes = await Promise.all(sessions.map((session) => ensureIndex(session, WANTED)));
    expect(outcomes.map((outcome) => outcome.action).sort()).toEqual(['none', 'none', 'replace']);
    expect(await standing(client)).toEqual(SETTLED);
    await Promise.all(sessions.map((session) => session.end()));
  });

  it('on one table, both new: both stand', async () => {
    const sessions = await Promise.all([1, 2].map(() => session()));
    const other = { ...WANTED, name: 'idx_language', columns: [{ name: 'lower(language)', expression: true }] };
    await Promise.all([ensureIndex(sessions[0] ?? client, WANTED), ensureIndex(sessions[1] ?? client, other)]);
    expect((await standing(client)).map(([name]) => name)).toEqual(['idx_language', 'idx_student']);
    await Promise.all(sessions.map((session) => session.end()));
  });

  it('the second gives up after its time, as locked', async () => {
    const holder = await session();
    await holder.query(`BEGIN; UPDATE "Student" SET language = 'qu' WHERE id = 1`);
    const first = await session();
    const building = ensureIndex(first, WANTED);
    await builderIn(client, 'waiting');
    await expect(ensureIndex(client, WANTED, { waitMs: 100 })).rejects.toMatchObject({ kind: 'locked' });
    await holder.end();
    await building;
    await first.end();
  });

  it('leaves alone what somebody else is building by hand', async () => {
    await client.query('DROP INDEX idx_student');
    const holder = await session();
    await holder.query(`BEGIN; UPDATE "Student" SET language = 'qu' WHERE id = 1`);
    const byHand = await session();
    const building = byHand.query('CREATE INDEX CONCURRENTLY idx_student ON "Student" (location, language)');
    const pid = await builderIn(client, 'waiting');
    const error: unknown = await ensureIndex(client, WANTED).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'index-being-built',
      kind: 'locked',
      message: expect.stringContaining(String(pid)) as unknown,
    });
    await holder.end();
    await building;
    await byHand.end();
    expect((await ensureIndex(client, WANTED)).action).toBe('none');
  });
});
