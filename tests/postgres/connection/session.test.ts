import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest';

import { openClient, withClient } from '../../../postgres/connection/client';
import { pinSession, startupSettings } from '../../../postgres/connection/session';
import { SqlState } from '../../../postgres/connection/sqlstate';
import type { ConnectionTarget } from '../../../postgres/spec';
import { startCluster, type TestCluster } from '../../support/cluster';
import { ENVIRONMENT, type Level, type OddSetting, oddSettings, setting } from '../../support/surroundings';

/** The server's own affair: limits, costs and choices of plans, logs, statistics, storage of WAL. No answer depends on them. */
const OF_THE_SERVER = [
  /^(enable|geqo|cpu|parallel|min_parallel|max_parallel|jit_|vacuum|log_|track_|debug_|trace_|tcp_|wal_|commit_|update_|pg_stat_statements)/,
  /(^work_mem|_cost|_work_mem|_(concurrency|collapse_limit|fraction|size|limit|target|buffers|threshold|factor|flush_after))$/,
  /^(force_parallel_mode|hash_mem_multiplier|gin_pending_list_limit|file_copy_method|stats_fetch_consistency|compute_query_id|deadlock_timeout)$/,
  /^(client_connection_check_interval|scram_iterations|md5_password_warnings|icu_validation_level|default_text_search_config)$/,
  /^(allow_in_place_tablespaces|allow_system_table_mods|backtrace_functions|dynamic_library_path|extension_control_path)$/,
  /^(ignore_checksum_failure|zero_damaged_pages|ignore_system_indexes|lc_messages|max_stack_depth|io_combine_limit)$/,
];
const isOfTheServer = (name: string): boolean =>
  !/^(idle_|lock_|statement_|transaction_)|^gin_fuzzy/.test(name) &&
  OF_THE_SERVER.some((pattern) => pattern.test(name));

/** A role who is no superuser keeps these as they are: PostgreSQL lets nobody else set them. */
const SUPERUSERS = ['event_triggers', 'lo_compat_privileges', 'session_replication_role'];

const OF_A_TRANSACTION = ['transaction_deferrable', 'transaction_isolation'];

const PLAIN = 'session_plain';
let cluster: TestCluster;
let admin: ConnectionTarget;
let plain: ConnectionTarget;
let odd: OddSetting[];

beforeAll(async () => {
  cluster = await startCluster(inject('cluster').binaries);
  const { host, port, user, password } = cluster;
  admin = { host, port, user, password, database: 'surroundings' };
  plain = { ...admin, user: PLAIN, password: 'plain' };
  await withClient({ ...admin, database: 'postgres' }, (client) => client.query('CREATE DATABASE surroundings'));
  odd = await withClient(admin, async (client) => {
    await client.query(`CREATE ROLE ${PLAIN} LOGIN PASSWORD 'plain'`);
    return oddSettings(client);
  });
});
afterEach(() => vi.unstubAllEnvs());
afterAll(() => cluster.stop());

/** What the session has of everything that can be set from outside. */
async function settingsOf(client: Client): Promise<Record<string, string | null>> {
  const { rows } = await client.query<{ name: string; value: string | null }>(
    `SELECT name, current_setting(name) AS value FROM pg_settings
     UNION ALL SELECT name, current_setting(name, true) FROM (VALUES ('role'), ('app.current_user_id')) AS unlisted (name)`,
  );
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
}

/** Sets everything at once at that level; what PostgreSQL does not take there comes back. */
async function surround(level: Level, role: string): Promise<string[]> {
  return withClient(admin, async (client) => {
    const refused: string[] = [];
    for (const { name, value } of odd)
      await client
        .query(setting(level, name, { database: admin.database, role }, value))
        .catch(() => refused.push(name));
    if (level === 'server') await client.query('SELECT pg_reload_conf()');
    return refused;
  });
}

async function clear(level: Level, role: string): Promise<void> {
  const whole = { server: 'SYSTEM', database: 'DATABASE surroundings', role: `ROLE ${role}` }[level];
  await withClient(admin, async (client) => {
    await client.query(`ALTER ${whole} RESET ALL`);
    if (level === 'server') await client.query("ALTER SYSTEM SET port = '" + cluster.port + "'");
    if (level === 'server') await client.query('SELECT pg_reload_conf()');
  });
}

describe.each(['database', 'role', 'server'] as const)('settings of %s', (level) => {
  it.each(['a superuser', 'another role'])('reach no session of the platform of %s', async (who) => {
    const target = who === 'a superuser' ? admin : plain;
    const before = await withClient(target, settingsOf);
    const refused = await surround(level, target.user);
    try {
      // What is refused is refused everywhere: nothing of what the test is for is left out.
      expect(refused).toEqual(
        level === 'server' ? [...OF_A_TRANSACTION, 'transaction_read_only', 'role'] : OF_A_TRANSACTION,
      );
      const after = await withClient(target, settingsOf);
      const reached = odd
        .map(({ name }) => name)
        .filter((name) => !isOfTheServer(name) && before[name] !== after[name]);
      expect(reached).toEqual(who === 'a superuser' ? [] : reached.filter((name) => SUPERUSERS.includes(name)));
    } finally {
      await clear(level, target.user);
    }
  });
});

it('a session for scripts has what any other client would have, but for what would end it, and pins the rest when asked', async () => {
  await surround('database', admin.user);
  try {
    const client = await openClient(admin, { session: 'script' });
    const platform = await withClient(admin, settingsOf);
    expect(await settingsOf(client)).toMatchObject({
      DateStyle: platform['DateStyle'],
      search_path: platform['search_path'],
    });
    await client.query('RESET ALL');
    const kept = new Set([...Object.keys(startupSettings('script')), 'application_name', 'client_encoding', 'role']);
    const found = await settingsOf(client);
    const expected = odd.filter(({ name }) => !kept.has(name) && !isOfTheServer(name));
    expect(expected.length).toBeGreaterThan(30);
    for (const { name, value } of expected) expect({ name, value: found[name] }).toEqual({ name, value });
    // Whoever pins has said before who works.
    await client.query('SET ROLE NONE');
    await pinSession(client, 'script');
    const pinned = await settingsOf(client);
    expect(Object.keys(pinned).filter((name) => !isOfTheServer(name) && pinned[name] !== platform[name])).toEqual([]);
    await client.end();
  } finally {
    await clear('database', admin.user);
  }
});

it('a library that every session of the role loads, and that is not there, keeps the platform out of nothing', async () => {
  await withClient(admin, (client) => client.query(`ALTER ROLE ${PLAIN} SET local_preload_libraries = 'nowhere'`));
  try {
    await expect(new Client(plain).connect()).rejects.toMatchObject({ code: SqlState.undefinedFile });
    expect(await withClient(plain, (client) => client.query('SELECT'))).toMatchObject({ rowCount: 1 });
  } finally {
    await clear('role', PLAIN);
  }
});

describe('the environment', () => {
  it.each(Object.entries(ENVIRONMENT))('%s=%s reaches no session', async (name, value) => {
    const usual = await withClient(plain, settingsOf);
    vi.stubEnv(name, value);
    const where = 'SELECT current_user, current_database(), inet_server_port() AS port, pg_backend_pid() > 0 AS live';
    await withClient(plain, async (client) => {
      expect(await settingsOf(client)).toEqual(usual);
      const { rows } = await client.query(where);
      expect(rows).toEqual([{ current_user: PLAIN, current_database: admin.database, port: cluster.port, live: true }]);
    });
  });

  it('gives no password and no address to a target that has none', async () => {
    vi.stubEnv('PGPASSWORD', 'plain');
    const { host, port, database, user } = plain;
    for (const target of [
      { host, port, database, user },
      { ...plain, password: '' },
    ]) {
      const refusal: unknown = await openClient(target).catch((error: unknown) => error);
      expect(refusal).toMatchObject({ code: 'password-missing', object: PLAIN });
    }
    vi.stubEnv('PGHOST', cluster.host);
    await expect(openClient({ ...plain, host: '' })).rejects.toMatchObject({
      code: 'target-incomplete',
      object: 'host',
    });
    vi.stubEnv('PGDATABASE', admin.database);
    await expect(openClient({ ...plain, database: '' })).rejects.toMatchObject({ code: 'target-incomplete' });
  });
});
