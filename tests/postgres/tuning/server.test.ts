import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

import { withClient } from '../../../postgres/connection/client';
import type { ParameterSpec } from '../../../postgres/tuning/parameter';
import { renderRds } from '../../../postgres/tuning/rds';
import { renderConf } from '../../../postgres/tuning/render';
import { equalParameter, parseParameter, splitList } from '../../../postgres/tuning/value';
import { parametersOf, readServerParameters } from '../../../scripts/serverParameters';
import { embeddedBinaries, startCluster, type TestCluster } from '../../support/cluster';

/** A parameter of Debian's own. */
const DISTRIBUTION = ['extension_destdir'];

const hostile = "%m '; zero_damaged_pages = on\nzero_damaged_pages = on\n# \\' \\\\ \t\r\x01\x7f ñ€ \"";
const declared = {
  shared_buffers: '48MB',
  work_mem: '5MB',
  maintenance_work_mem: 70_000,
  effective_cache_size: '1.5GB',
  wal_level: 'replica',
  max_wal_senders: 3,
  wal_keep_size: '512MB',
  wal_buffers: '4MB',
  autovacuum: 'yes',
  autovacuum_max_workers: 3,
  autovacuum_vacuum_threshold: 50,
  autovacuum_vacuum_cost_delay: '1500us',
  checkpoint_completion_target: 0.85,
  checkpoint_timeout: '7min',
  random_page_cost: 1.1,
  statement_timeout: '1.5h',
  log_min_duration_statement: '250ms',
  log_rotation_age: '2d',
  log_file_mode: '0640',
  log_line_prefix: hostile,
  log_statement: 'DDL',
  synchronous_commit: false,
  session_preload_libraries: 'auto_explain',
  search_path: '"$user", "odd ""name", public',
  timezone: 'UTC',
  'pg_stat_statements.max': 2000,
  'pg_stat_statements.track': 'all',
  'app.current_user_id': "x'y\\z",
};

describe.each([
  ['the run’s own binaries', () => inject('cluster').binaries],
  ['the npm binaries', embeddedBinaries],
])('against %s', (what, find) => {
  let cluster: TestCluster | undefined;
  let major = 0;

  beforeAll(async () => {
    const binaries = find();
    if (binaries === undefined) return;
    cluster = await startCluster(binaries, renderConf(declared));
    ({ major } = cluster);
  });
  afterAll(() => cluster?.stop());

  const connected = async (skip: (note: string) => never, work: (client: Client) => Promise<void>): Promise<void> => {
    if (cluster === undefined) return skip(`${what} are not installed (npm ci brings the npm ones)`);
    const { host, port, user, password } = cluster;
    // As anybody connects: the platform's own sessions pin some of the parameters.
    const client = new Client({ host, port, user, password, database: 'postgres' });
    await client.connect();
    await work(client).finally(() => client.end());
  };

  it('shows every parameter as parameters.json has it for its major, and no other', (context) =>
    connected(context.skip, async (client) => {
      const shown = await readServerParameters(client);
      const own = shown.filter(({ name }) => !DISTRIBUTION.includes(name));
      expect(own.map(comparable)).toEqual(parametersOf(major).map(comparable));
    }));

  it('accepts a rendered file, reads back equal values, and no hostile text breaks out of it', (context) =>
    connected(context.skip, async (client) => {
      const errors = await client.query('SELECT name, setting, error FROM pg_file_settings WHERE error IS NOT NULL');
      expect(errors.rows).toEqual([]);
      const names = await client.query<{ name: string }>(
        `SELECT DISTINCT name FROM pg_file_settings WHERE sourcefile LIKE '%auto.conf' ORDER BY 1`,
      );
      const own = [
        'full_page_writes',
        'fsync',
        'idle_in_transaction_session_timeout',
        'listen_addresses',
        'lock_timeout',
        'max_connections',
        'port',
        'shared_preload_libraries',
        'unix_socket_directories',
      ];
      const spelt = Object.keys(declared).map((name) => (name === 'timezone' ? 'TimeZone' : name));
      expect(names.rows.map(({ name }) => name).sort()).toEqual([...own, ...spelt].sort());
      for (const [name, value] of Object.entries(declared)) {
        const { rows } = await client.query<{ shown: string; setting: string | null }>(
          `SELECT current_setting($1) AS shown, (SELECT setting FROM pg_settings WHERE lower(name) = lower($1)) AS setting`,
          [name],
        );
        const [row] = rows;
        for (const read of [row?.setting ?? row?.shown ?? '', row?.shown ?? ''])
          expect(equalParameter(name, value, read, { major }), `${name}: ${read}`).toBe(true);
      }
    }));

  it('runs with the values of RDS’s parameter group for the same settings, in the same units', (context) =>
    connected(context.skip, async (client) => {
      const { parameters, notices } = renderRds(declared, { major });
      expect(notices.map(({ name }) => name)).toEqual(['log_file_mode', 'wal_level']);
      expect(parameters.length + notices.length).toBe(Object.keys(declared).length);
      for (const { name, value } of parameters) {
        const { rows } = await client.query<{ vartype: string | null; setting: string }>(
          `SELECT vartype, coalesce(setting, current_setting($1)) AS setting FROM (SELECT 1) one
             LEFT JOIN pg_settings ON lower(name) = lower($1)`,
          [name],
        );
        const { vartype = null, setting = '' } = rows[0] ?? {};
        if (vartype === 'integer' || vartype === 'real') expect(Number(value), name).toBe(Number(setting));
        else if (vartype === 'bool') expect(value, name).toBe(setting === 'on' ? '1' : '0');
        else if (name === 'search_path') expect(splitList(value)).toEqual(splitList(setting));
        else expect(value, name).toBe(setting);
      }
    }));

  it('reads numbers, units and words exactly as the server does', (context) =>
    connected(context.skip, async (client) => {
      const numbers = [
        '0',
        '1',
        '-1',
        '7',
        '08',
        '010',
        '0x1F',
        '0x',
        '1.5',
        '.5',
        '5.',
        '1e2',
        '1E-1',
        '2.5e1',
        '-0',
        '+3',
        '',
        ' ',
        'x',
        '1 2',
        '1e',
        '99999999999',
        'inf',
        'nan',
      ];
      const units = ['', 'B', 'kB', 'MB', 'GB', 'TB', 'KB', 'us', 'ms', 's', 'min', 'h', 'd', ' MB ', ' s'];
      const quantities = numbers.flatMap((number) => units.map((unit) => `${number}${unit}`));
      const words = [
        'on',
        'off',
        'ON',
        'true',
        'fal',
        't',
        'f',
        'o',
        'yes',
        'n',
        '1',
        '0',
        '2',
        '',
        ' on',
        'onn',
        'local',
        'LOCAL',
        'auto',
      ];
      const cases: [string, string[]][] = [
        ...[
          'work_mem',
          'temp_buffers',
          'statement_timeout',
          'idle_session_timeout',
          'vacuum_cost_delay',
          'cpu_tuple_cost',
          'commit_siblings',
          'log_temp_files',
          'effective_cache_size',
          'wal_skip_threshold',
          'geqo_seed',
        ].map((name): [string, string[]] => [name, quantities]),
        ...['enable_sort', 'synchronous_commit', 'constraint_exclusion', 'bytea_output'].map(
          (name): [string, string[]] => [name, words],
        ),
      ];
      const different: string[] = [];
      for (const [name, values] of cases) {
        // One round trip for each parameter: a refused value is caught inside.
        const { rows } = await client.query<{ value: string; setting: string | null }>(
          `SELECT value, tuning_test.tried($1, value) AS setting FROM unnest($2::text[]) AS value`,
          [name, values],
        );
        for (const { value, setting } of rows) {
          const read = parseParameter(name, value, { major }).parameter;
          // Documented differences: a fraction without a unit is taken for a mistake, and spaces around a word are forgiven.
          const stricter =
            read === undefined && setting !== null && /^[+-]?(\d+\.\d*|\.\d+|\d+[eE].*|\d.*[eE].*)$/.test(value);
          const milder = read !== undefined && setting === null && value !== value.trim();
          const equal =
            (read === undefined) === (setting === null) &&
            (setting === null || equalParameter(name, value, setting, { major }));
          if (!equal && !stricter && !milder)
            different.push(`${name} = ${JSON.stringify(value)}: server ${setting}, here ${String(read?.value)}`);
        }
      }
      expect(different).toEqual([]);
    }));

  beforeAll(async () => {
    if (cluster === undefined) return;
    // pg_temp functions live as long as one session; a plain function in this throw-away server serves every test.
    await withClient({ ...cluster, database: 'postgres' }, (client) => client.query(TRIED));
  });
});

/** The order of an enum's values says nothing. */
const comparable = ({ values, ...spec }: ParameterSpec): unknown => ({ ...spec, values: [...(values ?? [])].sort() });

const TRIED = `
  CREATE SCHEMA tuning_test;
  CREATE FUNCTION tuning_test.tried(parameter text, value text) RETURNS text LANGUAGE plpgsql AS $$
  BEGIN
    PERFORM set_config(parameter, value, true);
    RETURN (SELECT setting FROM pg_settings WHERE name = parameter);
  EXCEPTION WHEN invalid_parameter_value THEN
    RETURN NULL;
  END $$`;
