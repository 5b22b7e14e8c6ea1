import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Properties, type ResourceProvider, UNKNOWN } from '../../../../engine/apply/provider';
import { createPostgresqlProvider } from '../../../../engine/apply/providers/postgresql';
import { failureOf, TestRoles } from '../../../postgres/roles/support';
import { freshDatabase, type TestDatabase } from '../../../support/database';
import { configOf, Driven, EXTENSION, GRANT, ROLE } from './driven';

const roles = new TestRoles();

describe('connections of the stand-in', () => {
  let own: ResourceProvider;
  let base: TestDatabase;
  let client: Client;
  let database: string;
  let account: string;
  const made = (type: string, given: Properties): Driven => new Driven(own, type, given);
  const sessions = async (what: string): Promise<object[]> =>
    (await client.query<object>(`SELECT ${what} FROM pg_stat_activity WHERE usename = $1`, [account])).rows;
  beforeAll(async () => {
    base = await freshDatabase('connections');
    ({ client } = base);
    ({ database } = base.target);
    account = await roles.make(client, 'deployer', `SUPERUSER LOGIN PASSWORD 'x'`);
    own = createPostgresqlProvider(configOf({ username: account, password: 'x' }));
  });
  afterAll(async () => {
    await own.close();
    await roles.drop(client);
    await base.drop();
  });

  it('opened one for each database, when it is needed, and closed at the end', async () => {
    await own.check(ROLE, undefined, { name: 'x' });
    expect(await sessions('pid')).toHaveLength(0);
    const resource = made(GRANT, { role: 'public', database, objectType: 'database', privileges: [] });
    await resource.create();
    for (let time = 0; time < 5; time += 1) await resource.drift();
    expect(await sessions('pid')).toHaveLength(1);
    await own.close();
    await expect.poll(() => sessions('pid')).toHaveLength(0);
  });

  it('opened again when the server has ended them', async () => {
    const resource = await made(ROLE, { name: roles.name('survivor') }).create();
    const extension = await made(EXTENSION, { name: 'pg_trgm', database }).create();
    for (let round = 0; round < 3; round += 1) {
      expect(await sessions('pg_terminate_backend(pid)')).toHaveLength(2);
      expect([await resource.drift(), await extension.drift()]).toEqual([[], []]);
    }
    await extension.delete();
  });
  it('of an account with too few rights are explained', async () => {
    const weak = await roles.make(client, 'weak', `LOGIN PASSWORD 'x'`);
    for (const superuser of ['true', 'false']) {
      const provider = createPostgresqlProvider(configOf({ username: weak, password: 'x', superuser }));
      const failure = await failureOf(provider.create(ROLE, { name: roles.name('never') }));
      expect([failure.code, failure.remedy]).toEqual(['privilege-missing', expect.stringContaining('adminUser')]);
      await provider.close();
    }
    const provider = createPostgresqlProvider(configOf({ username: weak, password: 'x' }));
    const failure = await failureOf(provider.read(ROLE, account, { name: account }, { name: account }));
    expect([failure.code, failure.message]).toEqual(['privilege-missing', expect.stringContaining(account)]);
    await provider.close();
  });

  it('connects only in ways it knows, and looks at unknown values when it has to', async () => {
    const fails = async (more: Properties): Promise<string[]> => {
      const own = createPostgresqlProvider(configOf(more));
      const failure = await failureOf(own.read(ROLE, 'x', { name: 'x' }, { name: 'x' }));
      return [failure.code, failure.message];
    };
    expect(await fails({ scheme: 'awspostgres' })).toEqual(['property-unsupported', expect.stringContaining('scheme')]);
    expect(await fails({ sslmode: 'prefer' })).toEqual(['property-unsupported', expect.stringContaining('prefer')]);
    expect((await fails({ password: 'wrong' }))[0]).toBe('password-refused');
    expect((await fails({ port: '1' }))[0]).toBe('server-unreachable');
    const unknown = createPostgresqlProvider(configOf({ port: UNKNOWN, scheme: 'postgres' }));
    expect((await unknown.check(ROLE, undefined, { name: 'x' })).failures).toEqual([]);
  });
});
