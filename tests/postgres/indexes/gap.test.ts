import type { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { ensureIndex } from '../../../postgres/indexes/ensure';
import type { IndexProgress } from '../../../postgres/indexes/progress';
import type { IndexSpec } from '../../../postgres/spec';
import { freshDatabase, type TestDatabase } from '../../support/database';
import { builderIn, connect, standing } from './support';

let database: TestDatabase;
let client: Client;

beforeAll(async () => {
  database = await freshDatabase('gap');
  client = database.client;
  await client.query(`CREATE TABLE "Student" (id int PRIMARY KEY, location text, language text, n int DEFAULT 0);
    INSERT INTO "Student" SELECT g, 'L' || g % 500, 'es' FROM generate_series(1, 30000) g;
    CREATE INDEX idx_location ON "Student" (location)`);
});
afterAll(() => database.drop());

const spec = (columns: string[], more: Partial<IndexSpec> = {}): IndexSpec => ({
  name: 'idx_location',
  schema: 'public',
  table: 'Student',
  columns: columns.map((name) => ({ name })),
  ...more,
});

/** A session that works over and over until stopped, and how often. */
function repeating(session: Client, round: (count: number) => Promise<void>): () => Promise<{ rounds: number }> {
  let stopped = false;
  let rounds = 0;
  const running = (async () => {
    while (!stopped) {
      await round(rounds);
      rounds += 1;
    }
    await session.end();
  })();
  return async () => {
    stopped = true;
    await running;
    return { rounds };
  };
}

/** Every kind of work on the table at once. `holdMs`: how long each of two overlapping transactions keeps its lock on the table. */
async function underLoad(holdMs: number, work: () => Promise<void>) {
  const [reader, writer, inserter, ...holders] = await Promise.all(
    ['reader', 'writer', 'inserter', 'holder', 'holder'].map((name) => connect(database.target, name)),
  );
  if (reader === undefined || writer === undefined || inserter === undefined) throw new Error('no sessions');
  let gaps = 0;
  await reader.query('SET enable_seqscan = off');
  const reading = repeating(reader, async () => {
    const { rows } = await reader.query<{ serving: number }>(
      `SELECT count(*)::int AS serving FROM pg_index WHERE indrelid = '"Student"'::regclass AND indisvalid
        AND indexrelid = to_regclass('idx_location') AND indkey[0] =
          (SELECT attnum FROM pg_attribute WHERE attrelid = indrelid AND attname = 'location')`,
    );
    const plan = await reader.query<{ 'QUERY PLAN': string }>(`EXPLAIN SELECT * FROM "Student" WHERE location = 'L7'`);
    if (rows[0]?.serving !== 1 || !plan.rows.some((row) => row['QUERY PLAN'].includes('idx_location'))) gaps += 1;
  });
  // What waits for a lock longer than this fails, and with it the test; time lost to a busy machine does not count.
  for (const session of [writer, inserter]) await session.query(`SET lock_timeout = ${holdMs * 0.75}`);
  const writing = repeating(writer, async (count) => {
    await writer.query('UPDATE "Student" SET n = n + 1, location = $1 WHERE id = $2', [
      `W${count}`,
      1 + (count % 1000),
    ]);
  });
  const inserting = repeating(inserter, async (count) => {
    await inserter.query(`INSERT INTO "Student" VALUES ($1, 'new', 'qu')`, [1_000_000 + count]);
  });
  const holding = holders.map((session, index) =>
    repeating(session, async () => {
      await session.query('BEGIN');
      await session.query('UPDATE "Student" SET n = n + 1 WHERE id = $1', [20_000 + index]);
      // Half a turn apart, so that at no moment nobody holds the table.
      await session.query('SELECT pg_sleep($1)', [(holdMs / 1000) * (index === 0 ? 1 : 0.7)]);
      await session.query('COMMIT');
    }),
  );
  const working = work();
  await working.catch(() => undefined);
  await Promise.all(holding.map((stop) => stop()));
  const [read, written, inserted] = await Promise.all([reading(), writing(), inserting()]);
  await working;
  await client.query('DELETE FROM "Student" WHERE id >= 1000000');
  return { gaps, read, written, inserted };
}

it('replaces an index without a moment without one, and nobody waits for it', async () => {
  const seen = await underLoad(1600, async () => {
    expect((await ensureIndex(client, spec(['location', 'language']), { lockTimeoutMs: 500 })).action).toBe('replace');
  });
  expect(seen.gaps).toBe(0);
  expect(seen.read.rounds).toBeGreaterThan(10);
  // Behind a plain CREATE or DROP INDEX writers would wait for the transactions that hold the table, 1.6 s each.
  expect(seen.written.rounds).toBeGreaterThan(10);
  expect(seen.inserted.rounds).toBeGreaterThan(10);
  expect(await standing(client)).toEqual([['idx_location', 'location,language', true]]);
});

it('keeps what a unique index enforces while it is replaced', async () => {
  await client.query('CREATE UNIQUE INDEX idx_n ON "Student" (id, n)');
  const violator = await connect(database.target);
  await client.query('ALTER TABLE "Student" DROP CONSTRAINT "Student_pkey"');
  let admitted = 0;
  const violating = repeating(violator, async () => {
    await violator.query(`INSERT INTO "Student" SELECT id, 'twice', 'es', n FROM "Student" WHERE id = 2000`).then(
      () => (admitted += 1),
      () => undefined,
    );
  });
  const unique: IndexSpec = {
    name: 'idx_n',
    schema: 'public',
    table: 'Student',
    columns: [{ name: 'n' }, { name: 'id' }],
    unique: true,
  };
  expect((await ensureIndex(client, unique)).action).toBe('replace');
  expect((await violating()).rounds).toBeGreaterThan(3);
  expect(admitted).toBe(0);
});

it('shows progress, and whom a build waits for', async () => {
  const holder = await connect(database.target, 'long report');
  await holder.query(`BEGIN; UPDATE "Student" SET n = 0 WHERE id = 5`);
  const seen: IndexProgress[] = [];
  const building = ensureIndex(client, spec(['language'], { name: 'idx_language' }), {
    watch: database.target,
    onProgress: (progress) => {
      seen.push(progress);
      if (seen.length === 2) void holder.query('COMMIT');
    },
  });
  await building;
  await holder.end();
  expect(seen[0]).toMatchObject({
    index: { schema: 'public', name: 'idx_language' },
    phase: 'waiting for writers before build',
    waitingFor: expect.stringMatching(/^process \d+ \(long report, idle in transaction/) as unknown,
  });
  const after = seen.length;
  await new Promise((resolve) => setTimeout(resolve, 700));
  expect(seen.length).toBe(after);
});

it('builds all the same where progress cannot be watched', async () => {
  const holder = await connect(database.target);
  // Statistics do not change within a transaction, so another session looks.
  const watcher = await connect(database.target);
  await holder.query(`BEGIN; UPDATE "Student" SET n = 0 WHERE id = 5`);
  const building = ensureIndex(client, spec(['language', 'n'], { name: 'idx_quiet' }), {
    watch: { ...database.target, port: 1 },
    onProgress: () => undefined,
  });
  await builderIn(watcher, 'waiting');
  await new Promise((resolve) => setTimeout(resolve, 700));
  await holder.query('COMMIT');
  await Promise.all([holder.end(), watcher.end()]);
  expect((await building).index.status.valid).toBe(true);
});
