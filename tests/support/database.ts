import { randomBytes } from 'node:crypto';

import { Client } from 'pg';
import { inject } from 'vitest';

export interface TestDatabase {
  target: { host: string; port: number; database: string; user: string; password: string };
  /** A connected superuser client; closed by `drop`. */
  client: Client;
  /** `after`: SQL for what depended on the database, as its roles. */
  drop(after?: string): Promise<void>;
}

/** Where a superuser logs in. */
export type TestServer = Pick<TestDatabase['target'], 'host' | 'port' | 'user' | 'password'>;

/**
 * A new database, by default empty and on the run's server; call `drop` in afterAll. Roles are shared by the server: give them unique names.
 * To a `template` nobody may be connected.
 */
export async function freshDatabase(
  prefix = 'test',
  { host, port, user, password }: TestServer = inject('cluster'),
  template = 'template1',
): Promise<TestDatabase> {
  const database = `${prefix}_${randomBytes(5).toString('hex')}`;
  const admin = new Client({ host, port, user, password, database: 'postgres' });
  await admin.connect();
  await admin.query(`CREATE DATABASE "${database}" TEMPLATE "${template}"`);
  const client = new Client({ host, port, user, password, database });
  await client.connect();
  return {
    target: { host, port, database, user, password },
    client,
    drop: async (after) => {
      await client.end().catch(() => undefined);
      await admin.query(`DROP DATABASE IF EXISTS "${database}" WITH (FORCE)`);
      if (after !== undefined) await admin.query(after);
      await admin.end();
    },
  };
}
