import type { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { privileges } from '../../../infra/resources/handlers/privileges';
import { freshDatabase, type TestDatabase } from '../../support/database';

const [STAYS, GOES] = ['privileges_stays', 'privileges_goes'];
let database: TestDatabase;
let client: Client;
beforeAll(async () => {
  database = await freshDatabase('privileges_resource');
  client = database.client;
  await client.query(
    `CREATE ROLE ${STAYS}; CREATE ROLE ${GOES}; CREATE TABLE t (id int); GRANT SELECT ON t TO ${STAYS}, ${GOES}`,
  );
});
afterAll(async () => {
  await client.query(`DROP OWNED BY ${STAYS}, ${GOES}; DROP ROLE ${STAYS}, ${GOES}`);
  await database.drop();
});

it('takes from a role that is no longer declared what it holds, so that it can be dropped', async () => {
  const declared = (roles: string[]) => ({
    roles,
    schemas: ['public'],
    grants: roles.map((role) => ({
      role,
      objectType: 'table' as const,
      schema: 'public',
      objects: [],
      privileges: ['SELECT'],
    })),
    defaultPrivileges: [],
    trail: 'trail',
    connection: database.target,
  });
  const olds = declared([STAYS, GOES]);
  const news = declared([STAYS]);
  const { inputs } = await privileges.check(olds, { ...news, __preview: true });
  expect(inputs.plan).toContain(`revoke SELECT on table public.t from ${GOES}`);
  expect(await privileges.diff('id', olds, inputs)).toEqual({ changes: true });
  await privileges.update('id', olds, news);
  const { rows } = await client.query(
    `SELECT has_table_privilege($1, 't', 'SELECT') AS stays, has_table_privilege($2, 't', 'SELECT') AS goes`,
    [STAYS, GOES],
  );
  expect(rows[0]).toEqual({ stays: true, goes: false });
  expect(await privileges.diff('id', news, news)).toEqual({ changes: false });
});
