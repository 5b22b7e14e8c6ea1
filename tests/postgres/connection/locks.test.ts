import { randomBytes } from 'node:crypto';

import { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { LOCK_SCHEMA, withAdvisoryLock, withLock } from '../../../postgres/connection/locks';
import { PlatformError } from '../../../system/errors';
import { freshDatabase, type TestDatabase } from '../../support/database';
import { eventually } from '../../support/eventually';

const APP = `lock_app_${randomBytes(3).toString('hex')}`;
let database: TestDatabase;
let other: Client;
let app: Client;

beforeAll(async () => {
  database = await freshDatabase('lock');
  await database.client
    .query(`CREATE ROLE ${APP} LOGIN PASSWORD 'test'; GRANT CREATE ON DATABASE ${database.target.database} TO ${APP};
    ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO ${APP}; ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO ${APP}`);
  other = await connect({});
  app = await connect({ user: APP, password: 'test' });
});
afterAll(async () => {
  await app.end();
  await other.end().catch(() => undefined);
  await database.client.query(`DROP OWNED BY ${APP} CASCADE; DROP ROLE ${APP}`);
  await database.drop();
});

async function connect(more: object): Promise<Client> {
  const client = new Client({ ...database.target, ...more, application_name: 'the other' });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

async function failure(work: Promise<unknown>): Promise<PlatformError> {
  const error: unknown = await work.catch((thrown: unknown) => thrown);
  if (!(error instanceof PlatformError)) throw new Error(`expected a PlatformError, got ${String(error)}`);
  return error;
}

const pidOf = async (client: Client): Promise<number> =>
  (await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid ?? 0;
const nothing = async (): Promise<void> => {};

it('lets one session in at a time, each lock by itself, also where none had been taken before', async () => {
  const clients = await Promise.all([1, 2, 3, 4].map(() => connect({})));
  let inside = 0;
  let most = 0;
  const work = async (): Promise<void> => {
    most = Math.max(most, (inside += 1));
    await new Promise((resolve) => setTimeout(resolve, 20));
    inside -= 1;
  };
  await Promise.all(clients.map((client) => withLock(client, 'one', 'the work', work, 10_000)));
  expect([most, inside]).toEqual([1, 0]);
  await withLock(other, 'two', 'the work', () => withLock(database.client, 'three', 'the work', nothing));
  await Promise.all(clients.map((client) => client.end()));
  const { rows } = await database.client.query(`SELECT name FROM ${LOCK_SCHEMA}.run_lock`);
  expect(rows).toEqual([]);
});

it('names who holds it and the statement that ends that session, which then frees it', async () => {
  const pid = await pidOf(other);
  let ended: Promise<unknown> = Promise.resolve();
  await new Promise<void>((held) => {
    ended = withLock(other, 'named', 'the work', async () => {
      held();
      await other.query('SELECT pg_sleep(60)');
    }).catch((error: unknown) => error);
  });
  const error = await failure(withLock(database.client, 'named', 'the change', nothing, 1));
  expect(error).toMatchObject({ code: 'lock-held', kind: 'locked', object: 'lock named' });
  expect(error.message).toMatch(
    new RegExp(
      `^Session ${pid} \\(role postgres, application the other, its query began \\d{4}-.*Z\\) holds lock named`,
    ),
  );
  const statement = /SELECT pg_terminate_backend\(\d+\);/.exec(error.remedy)?.[0] ?? '';
  expect((await database.client.query(statement)).rows).toEqual([{ pg_terminate_backend: true }]);
  await ended;
  await eventually('the session is gone', async () =>
    withLock(database.client, 'named', 'the change', () => Promise.resolve(true)).catch(() => undefined),
  );
  other = await connect({});
});

it('cannot be held by a role that merely connects, whatever default privileges give it', async () => {
  await withLock(database.client, 'mine', 'the work', nothing);
  for (const sql of [
    `INSERT INTO ${LOCK_SCHEMA}.run_lock SELECT 'mine', pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()`,
    `BEGIN; LOCK TABLE ${LOCK_SCHEMA}.run_lock`,
    `SELECT * FROM ${LOCK_SCHEMA}.run_lock FOR UPDATE`,
    `DROP SCHEMA ${LOCK_SCHEMA} CASCADE`,
  ]) {
    await expect(app.query(sql)).rejects.toMatchObject({ code: '42501' });
    await app.query('ROLLBACK');
  }
});

it('survives that a right on its schema is given away: the next run takes it back', async () => {
  await database.client.query(`GRANT ALL ON SCHEMA ${LOCK_SCHEMA} TO ${APP}, PUBLIC`);
  await withLock(database.client, 'mine', 'the work', nothing);
  await expect(app.query(`SELECT FROM ${LOCK_SCHEMA}.run_lock`)).rejects.toMatchObject({ code: '42501' });
});

it('is refused in a schema of somebody else, whose triggers would run as the administrator', async () => {
  await database.client.query(`DROP SCHEMA ${LOCK_SCHEMA} CASCADE`);
  await app.query(`CREATE SCHEMA ${LOCK_SCHEMA}`);
  const error = await failure(withLock(database.client, 'mine', 'the work', nothing));
  expect(error).toMatchObject({ code: 'lock-foreign', kind: 'refused', object: LOCK_SCHEMA });
  expect(error.message).toContain(APP);
  const statement = /ALTER SCHEMA .* RENAME TO \w+/.exec(error.remedy)?.[0] ?? '';
  await database.client.query(statement);
  await withLock(database.client, 'mine', 'the work', nothing);
});

it('is refused to a role that may not make it', async () => {
  await database.client.query(
    `DROP SCHEMA ${LOCK_SCHEMA} CASCADE; REVOKE CREATE ON DATABASE ${database.target.database} FROM ${APP}`,
  );
  expect(await failure(withLock(app, 'mine', 'the work', nothing))).toMatchObject({ code: 'lock-denied' });
});

it('an advisory lock that another program shares is waited for so long and no longer, then its holder is named', async () => {
  const key = 72707369;
  await app.query('SELECT pg_advisory_lock($1)', [key]);
  const error = await failure(withAdvisoryLock(database.client, key, 'the migration', nothing, 1000));
  expect(error).toMatchObject({ code: 'lock-held', kind: 'locked', object: `advisory lock ${key}` });
  expect(error.message).toContain(`Session ${await pidOf(app)} (role ${APP}, application the other, its query began 2`);
  expect(error.message).toContain('Waited 1 s.');
  expect(error.remedy).toContain(`SELECT pg_terminate_backend(${await pidOf(app)});`);
  // To a role that may not look into the session of another, it still says which one it is.
  await app.query('SELECT pg_advisory_unlock_all()');
  await database.client.query('SELECT pg_advisory_lock($1)', [key]);
  const seen = await failure(withAdvisoryLock(app, key, 'the migration', nothing));
  expect(seen.message).toContain(
    `Session ${await pidOf(database.client)} (role postgres, application unnamed, its query began at a time this role may not see)`,
  );
  await database.client.query('SELECT pg_advisory_unlock($1)', [key]);
});
