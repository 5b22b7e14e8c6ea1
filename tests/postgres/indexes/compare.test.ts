import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

import { readIndex } from '../../../postgres/indexes/catalog';
import { compareIndex, definitionKey } from '../../../postgres/indexes/compare';
import { resolveIndexes } from '../../../postgres/indexes/resolve';
import type { IndexSpec } from '../../../postgres/spec';
import { embeddedBinaries, startCluster, type TestCluster } from '../../support/cluster';
import { PAIRS, SCHEMA_SQL, UNIQUE_PAIRS } from './pairs';

const ALL = [
  ...PAIRS.map((pair) => ({ ...pair, create: 'CREATE INDEX' })),
  ...UNIQUE_PAIRS.map((pair) => ({ ...pair, create: 'CREATE UNIQUE INDEX' })),
];
const NEWER = embeddedBinaries();

describe.each(['installed', 'newer'])('comparison on the %s PostgreSQL', (which) => {
  let own: TestCluster | undefined;
  let client: Client;
  let skipped = '';

  beforeAll(async () => {
    const installed = inject('cluster');
    if (which === 'newer') {
      if (NEWER === undefined) {
        skipped = 'no PostgreSQL binaries from npm';
        return;
      }
      own = await startCluster(NEWER);
      if (own.major === installed.major) skipped = `both are PostgreSQL ${own.major}`;
    }
    const { host, port, user, password } = own ?? installed;
    const admin = new Client({ host, port, user, password, database: 'postgres' });
    await admin.connect();
    await admin.query('CREATE DATABASE index_pairs');
    await admin.end();
    client = new Client({ host, port, user, password, database: 'index_pairs' });
    await client.connect();
    await client.query(SCHEMA_SQL);
  });

  afterAll(async () => {
    await client?.end();
    await own?.stop();
    if (which === 'installed') {
      const { host, port, user, password } = inject('cluster');
      const admin = new Client({ host, port, user, password, database: 'postgres' });
      await admin.connect();
      await admin.query('DROP DATABASE index_pairs');
      await admin.end();
    }
  });

  it.for(ALL)('$what', async (pair, context) => {
    if (skipped !== '') return context.skip(skipped);
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
