import type { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { withSharedClient } from '../../../postgres/connection/shared';
import { freshDatabase, type TestDatabase } from '../../support/database';

let database: TestDatabase;
beforeAll(async () => {
  database = await freshDatabase('shared');
});
afterAll(() => database.drop());

const look = async (client: Client): Promise<unknown> => {
  const { rows } = await client.query<Record<string, unknown>>(
    `SELECT pg_backend_pid() AS pid, current_user = session_user AS "isSelf", current_setting('statement_timeout') AS timeout,
            current_setting('session_replication_role') AS replication, to_regclass('pg_temp.scratch')::text AS scratch,
            (SELECT count(*)::int FROM pg_prepared_statements) AS prepared,
            (SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS locks`,
  );
  return rows[0];
};

it('a connection that is used again has nothing of its user before', async () => {
  // What a role sets for itself comes back with DISCARD ALL, and is pinned again.
  const { user } = database.target;
  await database.client.query(
    `ALTER ROLE "${user}" IN DATABASE "${database.target.database}" SET session_replication_role = replica`,
  );
  const first = await withSharedClient(database.target, async (client) => {
    const before = await look(client);
    await client.query(`CREATE TEMP TABLE scratch (); PREPARE p AS SELECT 1; SET statement_timeout = '1h';
      SELECT pg_advisory_lock(4711); SET ROLE pg_monitor`);
    return before;
  });
  expect(first).toMatchObject({ isSelf: true, replication: 'origin', scratch: null });
  expect(await withSharedClient(database.target, look)).toEqual(first);
});

it('a connection whose user failed is not used again', async () => {
  const pids: unknown[] = [];
  const failing = withSharedClient(database.target, async (client) => {
    pids.push(await look(client));
    throw new Error('the work failed');
  });
  await expect(failing).rejects.toThrow('the work failed');
  await withSharedClient(database.target, async (client) => pids.push(await look(client)));
  const [one, other] = pids as { pid: number }[];
  expect(one?.pid).not.toBe(other?.pid);
});
