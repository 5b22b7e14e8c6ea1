import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { quoteIdentifier } from '../../../postgres/connection/quote';
import { dropDatabase, ensureDatabase, planDatabase, renameDatabase } from '../../../postgres/roles/applyDatabase';
import { type DatabaseAttributes, readDatabase, sameSpelling } from '../../../postgres/roles/database';
import { freshDatabase, type TestDatabase } from '../../support/database';
import { failureOf, TestRoles } from './support';

const roles = new TestRoles();

describe('databases', () => {
  let base: TestDatabase;
  let client: Client;
  let owner: string;
  const made: string[] = [];
  const wanted = (name: string, more: Partial<DatabaseAttributes> = {}): DatabaseAttributes => {
    made.push(name);
    return { name, connectionLimit: -1, allowConnections: true, ...more };
  };
  const stepsLeft = async (database: DatabaseAttributes): Promise<string[]> =>
    planDatabase(database, await readDatabase(client, database.name)).map(({ action }) => action);

  beforeAll(async () => {
    base = await freshDatabase('databases');
    ({ client } = base);
    owner = await roles.make(client, 'own"er');
  });
  afterAll(async () => {
    for (const name of made) {
      const database = await readDatabase(client, name);
      if (database === undefined) continue;
      if (database.isTemplate) await client.query(`ALTER DATABASE ${quoteIdentifier(name)} IS_TEMPLATE false`);
      await client.query(`DROP DATABASE ${quoteIdentifier(name)} WITH (FORCE)`);
    }
    await roles.drop(client);
    await base.drop();
  });

  it('are made as declared, put back, and adopted', async () => {
    const database = wanted(`db "ünï'" ${roles.suffix}`, {
      owner,
      encoding: 'UTF8',
      lcCollate: 'C',
      lcCtype: 'C.UTF-8',
      connectionLimit: 5,
      isTemplate: true,
    });
    await ensureDatabase(client, database);
    const tablespaceName = 'pg_default';
    expect(await readDatabase(client, database.name)).toEqual({ ...database, tablespaceName });
    const byHand = ['OWNER TO postgres', 'CONNECTION LIMIT 1', 'ALLOW_CONNECTIONS false', 'IS_TEMPLATE false'];
    for (const change of byHand) {
      await client.query(`ALTER DATABASE ${quoteIdentifier(database.name)} ${change}`);
      expect(await stepsLeft(database), change).toHaveLength(1);
      await ensureDatabase(client, database);
      expect(await stepsLeft(database), change).toEqual([]);
    }
    await ensureDatabase(client, { ...database, lcCtype: 'C.utf8', encoding: 'utf-8' });
    await dropDatabase(client, database.name);
    await dropDatabase(client, database.name);
    expect(await readDatabase(client, database.name)).toBeUndefined();
  });

  it('with another encoding or locale are not adopted', async () => {
    const name = `locale_${roles.suffix}`;
    await ensureDatabase(client, wanted(name, { lcCollate: 'C', lcCtype: 'C' }));
    for (const more of [{ lcCollate: 'C.UTF-8' }, { encoding: 'LATIN1' }]) {
      const failure = await failureOf(ensureDatabase(client, wanted(name, more)));
      expect([failure.code, failure.kind]).toEqual(['database-incompatible', 'refused']);
      expect(failure.message).toContain(Object.values(more)[0]);
    }
    expect(sameSpelling('en_US.UTF-8', 'en_US.utf8')).toBe(true);
    expect(sameSpelling('en_US.UTF-8', 'en_GB.UTF-8')).toBe(false);
  });

  it('whose drop was interrupted are named', async () => {
    const name = `broken_${roles.suffix}`;
    await ensureDatabase(client, wanted(name));
    await client.query('UPDATE pg_database SET datconnlimit = -2 WHERE datname = $1', [name]);
    const failure = await failureOf(ensureDatabase(client, wanted(name)));
    expect([failure.code, failure.object]).toEqual(['database-invalid', name]);
  });

  it('in use are neither dropped nor renamed, and who uses them is named', async () => {
    const name = `busy_${roles.suffix}`;
    const renamed = `renamed_${roles.suffix}`;
    await ensureDatabase(client, wanted(name));
    const session = new Client({ ...base.target, database: name, application_name: 'the coach' });
    await session.connect();
    for (const work of [dropDatabase, renameDatabase]) {
      const failure = await failureOf(work(client, name, renamed));
      expect(failure.code).toBe('database-in-use');
      expect(failure.message).toMatch(/postgres \(process \d+, the coach\)/);
    }
    await session.query('SELECT 1');
    await session.end();
    made.push(renamed);
    await renameDatabase(client, name, renamed);
    expect((await readDatabase(client, renamed))?.name).toBe(renamed);
    await renameDatabase(client, name, renamed);
  });

  it('are made once by two that try at once', async () => {
    const database = wanted(`twice_${roles.suffix}`, { owner });
    const second = new Client(base.target);
    await second.connect();
    await Promise.all([ensureDatabase(client, database), ensureDatabase(second, database)]);
    await second.end();
    expect(await stepsLeft(database)).toEqual([]);
  });

  it('of an owner who does not exist are not made', async () => {
    const database = wanted(`orphan_${roles.suffix}`, { owner: 'nobody there' });
    expect((await failureOf(ensureDatabase(client, database))).code).toBe('object-missing');
    expect(await readDatabase(client, database.name)).toBeUndefined();
  });
});
