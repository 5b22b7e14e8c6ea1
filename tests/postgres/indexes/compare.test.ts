import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { readIndex } from '../../../postgres/indexes/catalog';
import { compareIndex, definitionKey } from '../../../postgres/indexes/compare';
import { resolveIndexes } from '../../../postgres/indexes/resolve';
import type { IndexSpec } from '../../../postgres/spec';
import { freshDatabase, type TestDatabase } from '../../support/database';
import { PAIRS, SCHEMA_SQL, UNIQUE_PAIRS } from './pairs';

const ALL = [
  ...PAIRS.map((pair) => ({ ...pair, create: 'CREATE INDEX' })),
  ...UNIQUE_PAIRS.map((pair) => ({ ...pair, create: 'CREATE UNIQUE INDEX' })),
];

describe('comparison', () => {
  let database: TestDatabase;
  let client: Client;

  beforeAll(async () => {
    database = await freshDatabase('index_pairs');
    client = database.client;
    await client.query(SCHEMA_SQL);
  });
  afterAll(() => database.drop());

  it.each(ALL)('$what', async (pair) => {
    const spec: IndexSpec = { name: 'pair', schema: 'public', table: 'Student', columns: [], ...pair.wanted };
    await client.query(`${pair.create} pair ${pair.actual}`);
    try {
      const [resolution] = await resolveIndexes(client, [spec]);
      const actual = await readIndex(client, 'public', 'pair');
      expect(resolution?.problems).toEqual([]);
      if (resolution?.wanted === undefined || actual === undefined) throw new Error('nothing to compare');
      const { description } = resolution.wanted;
      expect(compareIndex(description, actual).map((difference) => difference.property)).toEqual(pair.differs);
      // The text that stands for a definition agrees with the comparison.
      expect(definitionKey(description) === definitionKey(actual)).toBe(pair.differs.length === 0);
    } finally {
      await client.query('DROP INDEX pair');
    }
  });
});
