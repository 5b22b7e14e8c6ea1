import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { applyLoginSettings, loginSettingSteps } from '../../../postgres/roles/loginSettings';
import { embeddedBinaries, installedBinaries, startCluster, type TestCluster } from '../../support/cluster';

const suffix = randomBytes(4).toString('hex');
const [app, migrator, guest] = [`ls_app_${suffix}`, `ls_migrator_${suffix}`, `ls_guest_${suffix}`];
const database = `ls_${suffix}`;
const SPEC = { database, roles: [app, migrator] };

/** Settings by hand, and what the plan says of each. */
const BY_HAND: [string, string[]][] = [
  [
    `ALTER DATABASE ${database} SET search_path = 'nowhere'`,
    [`database ${database}: RESET search_path (it is nowhere)`],
  ],
  [`ALTER ROLE ${app} SET work_mem = '2GB'`, [`role ${app}: RESET work_mem (it is 2GB)`]],
  [
    `ALTER ROLE ${migrator} IN DATABASE ${database} SET role = 'none'`,
    [`role ${migrator} in database ${database}: RESET role (it is none)`],
  ],
  [
    `ALTER ROLE ALL SET default_transaction_read_only = on`,
    ['all roles: RESET default_transaction_read_only (it is on)'],
  ],
  [
    `ALTER DATABASE ${database} SET session_replication_role = replica`,
    [`database ${database}: RESET session_replication_role (it is replica)`],
  ],
  [
    `ALTER ROLE ${app} SET app.current_user_id = 'u1, "u2"'`,
    [`role ${app}: RESET app.current_user_id (it is u1, "u2")`],
  ],
  [`ALTER SYSTEM SET search_path = 'nowhere'`, ['server: ALTER SYSTEM RESET search_path', 'server: reload']],
  [
    `ALTER SYSTEM SET session_replication_role = replica`,
    ['server: ALTER SYSTEM RESET session_replication_role', 'server: reload'],
  ],
];
/** From PostgreSQL 17 on. */
const LATER: typeof BY_HAND = [
  [`ALTER DATABASE ${database} SET event_triggers = off`, [`database ${database}: RESET event_triggers (it is off)`]],
  [`ALTER ROLE ${migrator} SET event_triggers = off`, [`role ${migrator}: RESET event_triggers (it is off)`]],
  [`ALTER SYSTEM SET event_triggers = off`, ['server: ALTER SYSTEM RESET event_triggers', 'server: reload']],
];

const SERVERS = [installedBinaries(), embeddedBinaries()].filter((binaries) => binaries !== undefined);

// A server of their own: ALTER SYSTEM and ALTER ROLE ALL concern everybody.
describe.each(SERVERS)('settings at login that nobody declared (%s)', (binaries) => {
  let cluster: TestCluster;
  let client: Client;
  const cases = (): typeof BY_HAND => (cluster.major >= 17 ? [...BY_HAND, ...LATER] : BY_HAND);
  const actions = async (): Promise<string[]> => (await loginSettingSteps(client, SPEC)).map(({ action }) => action);

  beforeAll(async () => {
    cluster = await startCluster(binaries);
    const { host, port, user, password } = cluster;
    client = new Client({ host, port, user, password, database: 'postgres' });
    await client.connect();
    for (const name of [app, migrator, guest]) await client.query(`CREATE ROLE ${name}`);
    await client.query(`CREATE DATABASE ${database}`);
    // Attributes of a role, which its own resource keeps; what others set for themselves; another database's.
    await client.query(`ALTER ROLE ${migrator} SET role = '${app}'; ALTER ROLE ${app} SET statement_timeout = '1s';
      ALTER ROLE ${guest} SET search_path = mine; ALTER ROLE ${guest} IN DATABASE ${database} SET work_mem = '8MB';
      ALTER ROLE ${app} IN DATABASE postgres SET work_mem = '8MB'; ALTER DATABASE postgres SET work_mem = '9MB'`);
    await client.query(`ALTER SYSTEM SET maintenance_work_mem = '77MB'`);
  });
  afterAll(async () => {
    await client.end();
    await cluster.stop();
  });

  const kept = async (): Promise<unknown[]> => {
    const { rows } = await client.query<Record<string, unknown>>(
      'SELECT setdatabase, setrole, setconfig FROM pg_db_role_setting ORDER BY 1, 2',
    );
    return rows;
  };

  it('are named one by one, and reset; what others set for themselves stays', async () => {
    const before = await kept();
    expect(await actions()).toEqual([]);
    for (const [statement, said] of cases()) {
      await client.query(statement);
      expect(await actions(), statement).toEqual(said);
      await applyLoginSettings(client, SPEC);
      expect(await actions(), statement).toEqual([]);
      expect(await kept(), statement).toEqual(before);
    }
    expect(readFileSync(join(cluster.dataDirectory, 'postgresql.auto.conf'), 'utf8')).toMatch(
      /^maintenance_work_mem = '77MB'$/m,
    );
  });

  it('options of memberships are those of a plain GRANT, whoever granted', async (context) => {
    const memberships = async (): Promise<unknown[]> =>
      (
        await client.query<Record<string, unknown>>(
          "SELECT to_jsonb(m) - 'oid' AS options FROM pg_auth_members m ORDER BY 1",
        )
      ).rows;
    await client.query(`GRANT ${guest} TO ${app}; ALTER ROLE ${migrator} NOINHERIT; GRANT ${app} TO ${migrator}`);
    expect(await actions()).toEqual([]);
    if (cluster.major < 16) return context.skip('memberships have no options before 16');
    const grantor = `ls_grantor_${suffix}`;
    await client.query(`CREATE ROLE ${grantor}; GRANT ${app} TO ${grantor} WITH ADMIN OPTION;
      SET ROLE ${grantor}; GRANT ${app} TO ${migrator} WITH SET TRUE, INHERIT FALSE; RESET ROLE`);
    const before = await memberships();
    for (const [statement, said] of [
      [`GRANT ${app} TO ${migrator} WITH SET FALSE`, [`membership of ${migrator} in ${app}: SET TRUE, INHERIT FALSE`]],
      [
        `GRANT ${app} TO ${migrator} WITH INHERIT TRUE`,
        [`membership of ${migrator} in ${app}: SET TRUE, INHERIT FALSE`],
      ],
      [
        `GRANT ${guest} TO ${app} WITH INHERIT FALSE, SET FALSE`,
        [`membership of ${app} in ${guest}: SET TRUE, INHERIT TRUE`],
      ],
      [
        `SET ROLE ${grantor}; GRANT ${app} TO ${migrator} WITH INHERIT TRUE; RESET ROLE`,
        [`membership of ${migrator} in ${app}: SET TRUE, INHERIT FALSE`],
      ],
      // A membership of somebody else.
      [`GRANT ${guest} TO ${grantor} WITH SET FALSE; REVOKE ${guest} FROM ${grantor}`, []],
    ] as const) {
      await client.query(statement);
      expect(await actions(), statement).toEqual(said);
      await applyLoginSettings(client, SPEC);
      expect(await memberships(), statement).toEqual(before);
    }
  });

  it('are reset all at once, and the server has read it', async () => {
    const before = await kept();
    for (const [statement] of cases()) await client.query(statement);
    await client.query('SELECT pg_reload_conf()');
    await applyLoginSettings(client, SPEC);
    expect(await kept()).toEqual(before);
    const { host, port, user, password } = cluster;
    for (let tries = 0; ; tries += 1) {
      const fresh = new Client({ host, port, user, password, database });
      await fresh.connect();
      const { rows } = await fresh.query<{ path: string }>(`SELECT current_setting('search_path') AS path`);
      await fresh.end();
      if (rows[0]?.path === '"$user", public' || tries === 100) {
        expect(rows[0]?.path).toBe('"$user", public');
        break;
      }
    }
  });
});
