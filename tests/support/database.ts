import { randomBytes } from 'node:crypto';

import { Client } from 'pg';
import { inject } from 'vitest';

export interface TestDatabase {
  target: { host: string; port: number; database: string; user: string; password: string };
  /** A connected superuser client; closed by `drop`. */
  client: Client;
  drop(): Promise<void>;
}

/** Where a superuser logs in. */
export type TestServer = Pick<TestDatabase['target'], 'host' | 'port' | 'user' | 'password'>;

/**
 * A new, empty database, by default on the run's server; call `drop` in afterAll. Roles are shared by the server: give them unique names.
 */
export async function freshDatabase(
  prefix = 'test',
  { host, port, user, password }: TestServer = inject('cluster'),
): Promise<TestDatabase> {
  const database = `${prefix}_${randomBytes(5).toString('hex')}`;
  const admin = new Client({ host, port, user, password, database: 'postgres' });
  await admin.connect();
  await admin.query(`CREATE DATABASE "${database}"`);
  const client = new Client({ host, port, user, password, database });
  await client.connect();
  return {
    target: { host, port, database, user, password },
    client,
    drop: async () => {
      await client.end().catch(() => undefined);
      await admin.query(`DROP DATABASE IF EXISTS "${database}" WITH (FORCE)`);
      await admin.end();
    },
  };
}
