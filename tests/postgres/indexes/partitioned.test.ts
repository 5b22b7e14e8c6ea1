import type { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { readIndex, readIndexes } from '../../../postgres/indexes/catalog';
import { dropIndex, ensureIndex, planIndexes } from '../../../postgres/indexes/ensure';
import type { IndexStep } from '../../../postgres/indexes/step';
import type { IndexSpec } from '../../../postgres/spec';
import { freshDatabase, type TestDatabase } from '../../support/database';
import { builderIn, connect, standing } from './support';

const WANTED: IndexSpec = {
  name: 'idx_visit',
  schema: 'public',
  table: 'Visit',
  columns: [{ name: 'student' }, { name: 'at', order: 'desc' }],
};

let database: TestDatabase;
let client: Client;
beforeAll(async () => {
  database = await freshDatabase('partitioned');
  client = database.client;
});
afterAll(() => database.drop());

/** Two years, one of them partitioned again. */
beforeEach(async () => {
  await client.query(`DROP TABLE IF EXISTS "Visit" CASCADE; CREATE TABLE "Visit" (id int, student int, at date, note text) PARTITION BY RANGE (at);
    CREATE TABLE "Visit 2024" PARTITION OF "Visit" FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
    CREATE TABLE "Visit 2025" PARTITION OF "Visit" FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') PARTITION BY LIST (student);
    CREATE TABLE "Visit 2025 a" PARTITION OF "Visit 2025" FOR VALUES IN (1);
    CREATE TABLE "Visit 2025 b" PARTITION OF "Visit 2025" DEFAULT;
    INSERT INTO "Visit" SELECT g, g % 5, '2024-01-01'::date + g % 700 FROM generate_series(1, 1000) g`);
});

const actions = (steps: readonly IndexStep[]): string[] => steps.map((step) => step.action);
/** Tables whose index belongs, at whatever depth, to the index of that name. */
async function covered(name: string): Promise<string[]> {
  const { rows } = await client.query<{ table: string }>(
    `SELECT c.relname AS table FROM pg_partition_tree($1::regclass) t JOIN pg_index i ON i.indexrelid = t.relid AND i.indisvalid
       JOIN pg_class c ON c.oid = i.indrelid ORDER BY 1`,
    [name],
  );
  return rows.map((row) => row.table);
}
const ALL = ['Visit', 'Visit 2024', 'Visit 2025', 'Visit 2025 a', 'Visit 2025 b'];

describe('an index of a partitioned table', () => {
  it('is built partition by partition, concurrently, then attached', async () => {
    const outcome = await ensureIndex(client, WANTED);
    expect(actions(outcome.steps)).toEqual(['build', 'build', 'build', 'attach']);
    expect(outcome.steps.slice(0, 3).every((step) => step.sql[0]?.includes('CONCURRENTLY'))).toBe(true);
    expect(await covered('idx_visit')).toEqual(ALL);
    expect((await ensureIndex(client, WANTED)).action).toBe('none');
    await client.query(
      `CREATE TABLE "Visit 2026" PARTITION OF "Visit" FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')`,
    );
    expect((await ensureIndex(client, WANTED)).action).toBe('none');
  });

  it('does not hold up writers while a partition is being indexed', async () => {
    const holder = await connect(database.target);
    await holder.query(`BEGIN; INSERT INTO "Visit" VALUES (5000, 1, '2024-05-05')`);
    const session = await connect(database.target);
    const building = ensureIndex(session, WANTED);
    await builderIn(client, 'waiting');
    await client.query(
      `SET statement_timeout = 2000; INSERT INTO "Visit" VALUES (5001, 1, '2024-05-06'); RESET statement_timeout`,
    );
    await holder.query('COMMIT');
    await building;
    await Promise.all([holder.end(), session.end()]);
    expect(await covered('idx_visit')).toEqual(ALL);
  });

  it('takes over what an interrupted run built, and builds invalid ones again', async () => {
    const [planned] = await planIndexes(client, [WANTED]);
    const builds = planned?.plan.steps.filter((step) => step.action === 'build') ?? [];
    for (const step of builds) await client.query((step.sql[0] ?? '').replace('CONCURRENTLY ', ''));
    const broken = builds[1]?.index.name ?? '';
    await client.query('UPDATE pg_index SET indisvalid = false WHERE indexrelid = $1::regclass', [`"${broken}"`]);
    const outcome = await ensureIndex(client, WANTED);
    expect(actions(outcome.steps)).toEqual(['drop', 'build', 'attach']);
    expect(await covered('idx_visit')).toEqual(ALL);
    expect((await standing(client)).length).toBe(5);
  });

  it('attaches an equal index that a partition has already', async () => {
    await client.query('CREATE INDEX by_hand ON "Visit 2024" (student, at DESC NULLS FIRST)');
    expect(actions((await ensureIndex(client, WANTED)).steps)).toEqual(['build', 'build', 'attach']);
    expect((await readIndex(client, 'public', 'by_hand'))?.status.attachedTo).toBe('idx_visit');
  });

  it('is replaced whole, with another definition and with other storage', async () => {
    await ensureIndex(client, WANTED);
    const changed = { ...WANTED, columns: [{ name: 'student' }] };
    const outcome = await ensureIndex(client, changed);
    expect(actions(outcome.steps)).toEqual(['build', 'build', 'build', 'attach', 'swap', 'drop']);
    expect((await ensureIndex(client, { ...changed, storage: { fillfactor: 60 } })).action).toBe('replace');
    expect((await ensureIndex(client, { ...changed, storage: { fillfactor: 60 } })).action).toBe('none');
    expect(await covered('idx_visit')).toEqual(ALL);
    expect((await standing(client)).length).toBe(5);
  });

  it('forgets what a killed run built for a definition that is no longer wanted', async () => {
    const [planned] = await planIndexes(client, [WANTED]);
    const [first] = planned?.plan.steps ?? [];
    await client.query((first?.sql[0] ?? '').replace('CONCURRENTLY ', ''));
    await ensureIndex(client, { ...WANTED, columns: [{ name: 'note' }] });
    expect((await readIndexes(client, { schemas: ['public'] })).map((index) => index.keys[0]?.column)).toEqual(
      Array(5).fill('note'),
    );
  });

  it('starts over when a partition was added meanwhile', async () => {
    let added = false;
    const steps: string[] = [];
    const other = await connect(database.target);
    await ensureIndex(client, WANTED, {
      onStep: (step) => {
        steps.push(step.action);
        if (step.action !== 'attach' || added) return;
        added = true;
        void other.query(
          `CREATE TABLE "Visit 2027" PARTITION OF "Visit" FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')`,
        );
      },
    });
    await other.end();
    expect(await covered('idx_visit')).toEqual([...ALL, 'Visit 2027']);
  });

  it('is dropped with its parts, and one of the parts alone is refused', async () => {
    await ensureIndex(client, WANTED);
    const part = (await readIndexes(client, { tables: [{ schema: 'public', name: 'Visit 2024' }] }))[0];
    const place = { schema: 'public', table: 'Visit 2024', name: part?.name ?? '' };
    await expect(dropIndex(client, place)).rejects.toMatchObject({ code: 'index-of-partition', kind: 'refused' });
    expect(await dropIndex(client, WANTED)).toBe(true);
    expect(await standing(client)).toEqual([]);
    expect(await dropIndex(client, WANTED)).toBe(false);
  });

  it('leaves foreign tables out', async () => {
    await client.query(`CREATE EXTENSION IF NOT EXISTS file_fdw; DROP SERVER IF EXISTS files CASCADE;
      CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
      CREATE FOREIGN TABLE "Visit old" PARTITION OF "Visit" FOR VALUES FROM ('2000-01-01') TO ('2001-01-01')
        SERVER files OPTIONS (filename '/dev/null')`);
    const outcome = await ensureIndex(client, WANTED);
    expect(actions(outcome.steps)).toEqual(['build', 'build', 'build', 'attach']);
    expect(outcome.index.status.valid).toBe(true);
    expect(await covered('idx_visit')).toEqual(ALL);
    expect((await standing(client)).length).toBe(5);
  });

  it('says in the plan that a unique one has to contain the partition key', async () => {
    const [planned] = await planIndexes(client, [{ ...WANTED, columns: [{ name: 'student' }], unique: true }]);
    expect(planned?.plan.problems[0]).toMatchObject({
      code: 'index-definition-refused',
      remedy: expect.stringContaining('partition key') as unknown,
    });
  });
});
