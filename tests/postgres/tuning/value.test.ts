import { describe, expect, it } from 'vitest';

import { nearest } from '../../../postgres/tuning/nearest';
import { NEWEST_MAJOR, parameterNames, parameterSpec } from '../../../postgres/tuning/parameter';
import { equalParameter, parseParameter, splitList } from '../../../postgres/tuning/value';

describe('a server parameter', () => {
  it('is as its major has it', () => {
    const majors = [15, 16, 17, 18];
    expect(majors.map((major) => parameterSpec('autovacuum_max_workers', major)?.context)).toEqual([
      'postmaster',
      'postmaster',
      'postmaster',
      'sighup',
    ]);
    expect(majors.map((major) => parameterSpec('maintenance_work_mem', major)?.min)).toEqual([1024, 1024, 64, 64]);
    expect(majors.map((major) => parameterSpec('log_connections', major)?.type)).toEqual([
      'bool',
      'bool',
      'bool',
      'list',
    ]);
    expect(majors.map((major) => parameterSpec('io_method', major)?.name)).toEqual([
      undefined,
      undefined,
      undefined,
      'io_method',
    ]);
  });

  it('is in a major newer than the known ones as in the newest known one', () => {
    const newer = NEWEST_MAJOR + 1;
    for (const name of parameterNames)
      expect(parameterSpec(name, newer), name).toEqual(parameterSpec(name, NEWEST_MAJOR));
    expect(parseParameter('shared_buffers', '256MB', { major: newer }).parameter?.value).toBe(32_768);
    expect(parseParameter('shared_bufers', '256MB', { major: newer }).problem?.code).toBe('parameter-unknown');
    expect(parseParameter('old_snapshot_threshold', 1, { major: newer }).problem?.code).toBe('parameter-not-in-major');
  });
});

describe('parseParameter', () => {
  it.each([
    ['shared_buffers', '256MB', 32_768, '256MB'],
    ['shared_buffers', 32_768, 32_768, '32768'],
    ['shared_buffers', ' 1.5 GB ', 196_608, '1.5 GB'],
    ['effective_cache_size', '1GB', 131_072, '1GB'],
    ['work_mem', '4MB', 4096, '4MB'],
    ['work_mem', '0x100', 256, '0x100'],
    ['work_mem', '0100', 64, '0100'],
    ['wal_keep_size', '512MB', 512, '512MB'],
    ['statement_timeout', '30s', 30_000, '30s'],
    ['statement_timeout', '1.5min', 90_000, '1.5min'],
    ['checkpoint_timeout', '5min', 300, '5min'],
    ['log_rotation_age', '1d', 1440, '1d'],
    ['wal_buffers', -1, -1, '-1'],
    ['checkpoint_completion_target', '0.9', 0.9, '0.9'],
    ['checkpoint_completion_target', 0.9, 0.9, '0.9'],
    ['vacuum_cost_delay', '500us', 0.5, '500us'],
    ['log_file_mode', '0640', 0o640, '0640'],
    ['autovacuum', 'on', true, 'on'],
    ['autovacuum', 'TRUE', true, 'on'],
    ['autovacuum', 'y', true, 'on'],
    ['autovacuum', 1, true, 'on'],
    ['autovacuum', false, false, 'off'],
    ['wal_level', 'REPLICA', 'replica', 'replica'],
    ['synchronous_commit', false, 'off', 'off'],
    ['synchronous_commit', 'remote_apply', 'remote_apply', 'remote_apply'],
    ['ssl_max_protocol_version', '', '', ''],
    ['timezone', 'UTC', 'UTC', 'UTC'],
    ['shared_preload_libraries', 'a, "b,c" ,d', ['a', 'b,c', 'd'], 'a, "b,c" ,d'],
    ['search_path', '"$user", public', ['$user', 'public'], '"$user", public'],
    ['search_path', '', [], ''],
    ['pg_stat_statements.max', 10_000, 10_000, '10000'],
    ['app.current_user_id', 'x', 'x', 'x'],
    ['log_line_prefix', '%m [%p] ', '%m [%p] ', '%m [%p] '],
  ])('%s = %j is %j', (name, value, expected, text) => {
    const { parameter, problem } = parseParameter(name, value);
    expect(problem).toBeUndefined();
    expect(parameter).toMatchObject({ value: expected, text });
  });

  it.each([
    ['shared_buffers', '256mb', /expected a number with one of the units TB, GB, MB, kB, B.*MB, not mb/],
    ['shared_buffers', '64kB', /from 128kB to/],
    ['shared_buffers', '30s', /one of the units TB, GB/],
    ['shared_buffers', 'plenty', /expected a value from 128kB/],
    ['shared_buffers', '', /expected/],
    ['shared_buffers', true, /expected a number/],
    ['shared_buffers', '1e400', /expected/],
    ['shared_buffers', Number.NaN, /expected/],
    ['max_connections', '100MB', /no unit/],
    ['max_connections', 0, /from 1 to 262143/],
    ['max_connections', 2.5, /a whole number from 1/],
    ['autovacuum', 'maybe', /expected on or off/],
    ['autovacuum', 'o', /expected on or off/],
    ['autovacuum', 2, /expected on or off/],
    ['wal_level', 'archive', /expected one of minimal, replica, logical/],
    ['random_page_cost', 'x', /a number of at least 0/],
    ['shared_preload_libraries', 'a,,b', /items separated by commas/],
    ['shared_preload_libraries', '"a', /items separated by commas/],
    ['cluster_name', 'a\0b', /NUL/],
  ])('refuses %s = %j', (name, value, message) => {
    const { problem } = parseParameter(name, value);
    expect(problem).toMatchObject({ code: 'parameter-value', object: name });
    expect(problem?.message).toMatch(message);
  });

  it.each([
    ['shared_bufers', 'shared_buffers'],
    ['work-mem', 'work_mem'],
    ['autovacum', 'autovacuum'],
    ['MaxConnections', 'max_connections'],
    ['wal_kep_size', 'wal_keep_size'],
  ])('suggests for the unknown name %s the known %s', (name, known) => {
    const { problem } = parseParameter(name, 1);
    expect(problem?.code).toBe('parameter-unknown');
    expect(problem?.remedy).toContain(`Did you mean ${known}?`);
  });

  it.each(['__proto__', 'constructor', 'toString', 'x'.repeat(100_000), '', ' ', 'a.b.c', 'a b'])(
    'survives the name %.20j',
    (name) => {
      expect(parseParameter(name, 1).problem?.code).toBe('parameter-unknown');
    },
  );

  it('turns wal_keep_segments into the wal_keep_size it meant', () => {
    expect(parseParameter('wal_keep_segments', 32).problem).toMatchObject({
      code: 'parameter-removed',
      remedy: expect.stringContaining('wal_keep_size: 512MB') as string,
    });
    expect(parseParameter('wal_keep_segments', 'many').problem?.remedy).toContain('segments x 16MB');
  });

  it.each([
    ['transaction_timeout', 16, 'parameter-not-in-major', /PostgreSQL 17 and later/],
    ['io_method', 17, 'parameter-not-in-major', /PostgreSQL 18/],
    ['vacuum_defer_cleanup_age', 16, 'parameter-not-in-major', /one of PostgreSQL 15; this server is PostgreSQL 16/],
    ['old_snapshot_threshold', 17, 'parameter-not-in-major', /one of PostgreSQL 15 to 16/],
    ['wal_keep_segments', 15, 'parameter-removed', /left PostgreSQL in 13/],
  ] as const)('knows that %s is not in PostgreSQL %d', (name, major, code, message) => {
    const { problem } = parseParameter(name, 'x', { major });
    expect(problem?.code).toBe(code);
    expect(problem?.message).toMatch(message);
  });

  it.each(['server_encoding', 'data_checksums', 'transaction_isolation'])('knows that no file can set %s', (name) => {
    const { problem } = parseParameter(name, 'x');
    expect([problem?.code, problem?.object]).toEqual(['parameter-fixed', name]);
    expect(parseParameter(`${name}x`, 'x').problem?.remedy).not.toContain(name);
  });

  it('takes it in the majors that have it', () => {
    expect(parseParameter('transaction_timeout', '1min', { major: 17 }).parameter?.value).toBe(60_000);
    expect(parseParameter('vacuum_defer_cleanup_age', 5, { major: 15 }).parameter?.value).toBe(5);
    expect(parseParameter('maintenance_work_mem', '64kB', { major: 16 }).problem?.message).toMatch(/from 1MB/);
    expect(parseParameter('maintenance_work_mem', '64kB', { major: 17 }).parameter?.value).toBe(64);
  });
});

describe('equalParameter', () => {
  it.each([
    ['shared_buffers', '256MB', '262144kB', true],
    ['shared_buffers', '256MB', 32_768, true],
    ['shared_buffers', '256MB', '0.25GB', true],
    ['shared_buffers', '256MB', '255MB', false],
    ['autovacuum', 'on', true, true],
    ['autovacuum', 'on', 1, true],
    ['autovacuum', 'on', 'off', false],
    ['wal_level', 'Replica', 'replica', true],
    ['statement_timeout', '1min', 60_000, true],
    ['checkpoint_completion_target', '0.9', 0.9, true],
    ['seq_page_cost', 1, '1.0', true],
    ['random_page_cost', 1.23456789, '1.23457', true],
    ['shared_preload_libraries', 'a,b', 'a, b', true],
    ['shared_preload_libraries', 'a,b', 'b,a', false],
    ['shared_preload_libraries', 'a,b', 'a', false],
    ['search_path', '"$user", public', '"$user",public', true],
    ['TimeZone', 'UTC', 'utc', false],
    ['app.flag', true, 'on', true],
    ['nonsense', 1, '1', true],
    ['nonsense', 1, 2, false],
  ])('%s: %j and %j -> %s', (name, a, b, equal) => {
    expect(equalParameter(name, a, b)).toBe(equal);
    expect(equalParameter(name, b, a)).toBe(equal);
  });
});

describe('splitList', () => {
  it('is quick on hostile text', () => {
    // Quadratic work on these would outlast the time of a test.
    expect(splitList(`${' '.repeat(1_000_000)}"`)).toBeUndefined();
    expect(splitList('",'.repeat(1_000_000))).toBeUndefined();
  });
});

describe('nearest', () => {
  it('offers nothing far away', () => {
    expect(nearest('banana', ['shared_buffers', 'port'])).toBeUndefined();
    expect(nearest('prot', ['shared_buffers', 'port'])).toBe('port');
  });
});
