import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { dropIndex, ensureIndex, planIndexes } from '../../../postgres/indexes/ensure';
import type { IndexSpec } from '../../../postgres/spec';
import { freshDatabase, type TestDatabase } from '../../support/database';
import { standing } from './support';

const WANTED: IndexSpec = { name: 'idx_visit', schema: 'public', table: 'Visit', columns: [{ name: 'student' }] };

let database: TestDatabase;
let client: Client;
beforeAll(async () => {
  database = await freshDatabase('partitioned');
  client = database.client;
  await client.query(`CREATE TABLE "Visit" (id int, student int, at date) PARTITION BY RANGE (at);
    CREATE TABLE "Visit 2024" PARTITION OF "Visit" FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')`);
});
afterAll(() => database.drop());

describe('an index of a partitioned table', () => {
  it('is refused, by the plan and by the work, and nothing is made', async () => {
    const [planned] = await planIndexes(client, [WANTED]);
    expect(planned?.plan).toMatchObject({ action: 'refused', problems: [{ code: 'index-table-partitioned' }] });
    await expect(ensureIndex(client, WANTED)).rejects.toMatchObject({
      code: 'index-table-partitioned',
      kind: 'refused',
      object: 'public.idx_visit',
      remedy: expect.stringContaining('make it in a migration') as unknown,
    });
    expect(await standing(client)).toEqual([]);
  });

  it('of one partition is made, and one that is part of the whole stays', async () => {
    const own = { ...WANTED, table: 'Visit 2024' };
    expect((await ensureIndex(client, own)).action).toBe('create');
    expect(await dropIndex(client, own)).toBe(true);
    await client.query('CREATE INDEX part ON "Visit 2024" (student); CREATE INDEX idx_visit ON "Visit" (student)');
    await expect(dropIndex(client, { ...own, name: 'part' })).rejects.toMatchObject({
      code: 'index-of-partition',
      kind: 'refused',
    });
  });

  it('that an older version made is dropped with its parts', async () => {
    expect(await dropIndex(client, WANTED)).toBe(true);
    expect(await standing(client)).toEqual([]);
    expect(await dropIndex(client, WANTED)).toBe(false);
  });
});
