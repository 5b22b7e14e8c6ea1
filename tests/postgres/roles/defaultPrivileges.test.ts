import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { quoteIdentifier } from '../../../postgres/connection/quote';
import { applyDefaultPrivileges, readDefaultPrivileges, revokeDefaultPrivileges } from '../../../postgres/roles/grants';
import type { DefaultPrivilegesSpec } from '../../../postgres/spec';
import { freshDatabase, type TestDatabase } from '../../support/database';
import { failureOf, TestRoles } from './support';

const roles = new TestRoles();

describe('default privileges', () => {
  let base: TestDatabase;
  let client: Client;
  let owner: string;
  let role: string;
  beforeAll(async () => {
    base = await freshDatabase('defaults');
    ({ client } = base);
    owner = await roles.make(client, 'own"er');
    role = await roles.make(client, "reader's");
    await client.query(`GRANT CREATE ON SCHEMA public TO ${quoteIdentifier(owner)}`);
  });
  afterAll(async () => {
    await roles.drop(client);
    await base.drop();
  });
  const spec = (privileges: string[], more: Partial<DefaultPrivilegesSpec> = {}): DefaultPrivilegesSpec => ({
    owner,
    role,
    schema: 'public',
    objectType: 'table',
    privileges,
    ...more,
  });
  const now = async (defaults: DefaultPrivilegesSpec): Promise<string[] | undefined> =>
    (await readDefaultPrivileges(client, defaults))?.privileges;
  const apply = (defaults: DefaultPrivilegesSpec): Promise<unknown> => applyDefaultPrivileges(client, defaults);

  it.each([
    ['table', ['INSERT', 'SELECT'], ['DELETE']],
    ['sequence', ['USAGE'], ['SELECT', 'UPDATE']],
    ['function', ['EXECUTE'], ['EXECUTE']],
  ] as const)('on %ss are given, changed and taken, with a schema and without', async (objectType, first, second) => {
    for (const schema of ['public', '']) {
      for (const privileges of [first, second, []]) {
        const defaults = spec([...privileges], { objectType, schema });
        await apply(defaults);
        expect(await now(defaults), schema).toEqual(privileges);
      }
    }
  });

  it('act on what the owner makes later, and on nothing of others', async () => {
    await apply(spec(['SELECT']));
    await client.query(
      `SET ROLE ${quoteIdentifier(owner)}; CREATE TABLE by_owner (id int); RESET ROLE; CREATE TABLE by_other (id int)`,
    );
    const { rows } = await client.query(
      `SELECT has_table_privilege($1, 'by_owner', 'SELECT') AS own, has_table_privilege($1, 'by_other', 'SELECT') AS other`,
      [role],
    );
    expect(rows).toEqual([{ own: true, other: false }]);
  });

  it('changed by hand are seen and put back', async () => {
    const defaults = spec(['INSERT', 'SELECT']);
    await apply(defaults);
    const alter = `ALTER DEFAULT PRIVILEGES FOR ROLE ${quoteIdentifier(owner)} IN SCHEMA public`;
    await client.query(`${alter} REVOKE INSERT ON TABLES FROM ${quoteIdentifier(role)}`);
    expect(await now(defaults)).toEqual(['SELECT']);
    await client.query(`${alter} GRANT DELETE ON TABLES TO ${quoteIdentifier(role)} WITH GRANT OPTION`);
    expect(await readDefaultPrivileges(client, defaults)).toEqual({
      privileges: ['DELETE', 'SELECT'],
      withGrantOption: true,
    });
    await apply(defaults);
    expect(await readDefaultPrivileges(client, defaults)).toEqual({
      privileges: ['INSERT', 'SELECT'],
      withGrantOption: false,
    });
  });

  it('of what does not exist do not exist, and need no taking back', async () => {
    for (const more of [{ role: 'nobody there' }, { owner: 'nobody there' }, { schema: 'nowhere' }]) {
      expect(await now(spec(['SELECT'], more))).toBeUndefined();
      await revokeDefaultPrivileges(client, spec(['SELECT'], more));
      expect(['object-missing', 'schema-missing']).toContain((await failureOf(apply(spec(['SELECT'], more)))).code);
    }
    await revokeDefaultPrivileges(client, spec(['SELECT']));
    expect(await now(spec([]))).toEqual([]);
  });
});
