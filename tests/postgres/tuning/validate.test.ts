import { describe, expect, it } from 'vitest';

import { autoTune, tunedParameters } from '../../../postgres/tuning/autoTune';
import { machineOfInstanceClass } from '../../../postgres/tuning/machine';
import { validateParameters } from '../../../postgres/tuning/validate';
import { parseParameter } from '../../../postgres/tuning/value';

const GIB = 1024 ** 3;
const machine = { memoryBytes: 2 * GIB, cpus: 2 };

describe('validateParameters', () => {
  it('finds nothing wrong with good parameters', () => {
    expect(
      validateParameters({ shared_buffers: '512MB', wal_level: 'replica', 'pg_stat_statements.max': 5000 }, machine),
    ).toEqual([]);
  });

  it('reports every problem at once, each with the thing, the value and a remedy', () => {
    const problems = validateParameters(
      {
        shared_buffers: '64GB',
        work_mem: '4mb',
        wal_keep_segments: 32,
        shared_bufers: '1MB',
        wal_level: 'minimal',
        transaction_timeout: '1s',
      },
      machine,
      { major: 15 },
    );
    expect(problems.map(({ code, object }) => `${code} ${object}`).sort()).toEqual([
      'parameter-conflict wal_level',
      'parameter-exceeds-memory shared_buffers',
      'parameter-not-in-major transaction_timeout',
      'parameter-removed wal_keep_segments',
      'parameter-unknown shared_bufers',
      'parameter-value work_mem',
    ]);
    for (const { remedy } of problems) expect(remedy).not.toBe('');
    const memory = problems.find(({ object }) => object === 'shared_buffers');
    expect(memory?.message).toContain('more than the 2048MB of memory');
    expect(memory?.remedy).toContain('512MB');
  });

  it.each([
    [{ shared_buffers: '2GB' }, undefined],
    [{ shared_buffers: '2049MB' }, 'shared_buffers'],
    [{ max_connections: 3 }, 'max_connections'],
    [{ max_connections: 10, superuser_reserved_connections: 5, reserved_connections: 5 }, 'max_connections'],
    [{ max_connections: 4 }, undefined],
    [{ wal_level: 'minimal', max_wal_senders: 0 }, undefined],
    [{ wal_level: 'minimal', max_wal_senders: 0, archive_mode: 'on' }, 'wal_level'],
    [{ wal_level: 'minimal', max_wal_senders: 0, summarize_wal: true }, 'wal_level'],
    [{ min_wal_size: '16MB' }, 'min_wal_size'],
    [{ max_wal_size: '31MB' }, 'max_wal_size'],
    [{ max_wal_size: '32MB' }, undefined],
    [{ vacuum_buffer_usage_limit: '64kB' }, 'vacuum_buffer_usage_limit'],
    [{ vacuum_buffer_usage_limit: 0 }, undefined],
    [{ timezone: 'UTC', TimeZone: 'UTC' }, 'TimeZone'],
  ])('%j -> %s', (parameters, object) => {
    const problems = validateParameters(parameters, machine);
    expect(problems.map((problem) => problem.object)).toEqual(object === undefined ? [] : [object]);
  });

  // Written out: what is left out of the list would be taken from the settings.
  it.each([
    'listen_addresses',
    'port',
    'data_directory',
    'config_file',
    'hba_file',
    'ident_file',
    'external_pid_file',
    'unix_socket_directories',
    'unix_socket_group',
    'unix_socket_permissions',
    'password_encryption',
    'Password_Encryption',
  ])('refuses %s, which the platform decides', (name) => {
    const [problem, ...others] = validateParameters({ [name]: 'md5' });
    expect([problem?.code, problem?.object, others]).toEqual(['parameter-decided', name, []]);
    expect(problem?.remedy).toMatch(/^Remove it\. ./);
  });

  it('does not judge memory it does not know', () => {
    expect(validateParameters({ shared_buffers: '64GB' })).toEqual([]);
  });

  it('names the instance class', () => {
    const [problem] = validateParameters({ shared_buffers: '2GB' }, machineOfInstanceClass('db.t4g.micro'));
    expect(problem?.message).toContain('instance class db.t4g.micro');
  });
});

describe('machineOfInstanceClass', () => {
  it.each([
    ['db.t3.micro', 1, 2],
    ['db.t4g.medium', 4, 2],
    ['db.t4g.2xlarge', 32, 8],
    ['db.m6g.large', 8, 2],
    ['db.m7g.xlarge', 16, 4],
    ['db.r6g.large', 16, 2],
    ['db.r6i.24xlarge', 768, 96],
    ['db.x2g.large', 32, 2],
  ])('%s has %d GiB and %d vCPUs', (name, gib, cpus) => {
    expect(machineOfInstanceClass(name)).toMatchObject({ memoryBytes: gib * GIB, cpus });
  });

  it.each(['', 'db.t4g', 'm6g.large', 'db.q9.large', 'db.t4g.constructor', 'db.m6g.huge'])(
    'does not know %j',
    (name) => {
      expect(machineOfInstanceClass(name)).toBeUndefined();
    },
  );
});

describe('autoTune', () => {
  it('sizes by the documented rules and gives the source of each', () => {
    const { parameters, applied } = autoTune({ memoryBytes: 16 * GIB, cpus: 8 });
    expect(parameters).toEqual({
      shared_buffers: '4096MB',
      effective_cache_size: '12288MB',
      maintenance_work_mem: '1024MB',
      max_parallel_workers: 8,
      max_parallel_workers_per_gather: 4,
      max_parallel_maintenance_workers: 4,
      // 12288 MB over 3 sorts of 100 connections and 8 workers.
      work_mem: '37MB',
    });
    for (const rule of applied)
      expect(
        [rule.rule, rule.source].every((text) => text.length > 5),
        rule.name,
      ).toBe(true);
    expect(applied.map(({ name }) => name)).toEqual(Object.keys(parameters));
  });

  it('lets explicit values win, and reckons with them', () => {
    const { parameters, applied } = autoTune(
      { memoryBytes: 16 * GIB, cpus: 8 },
      { shared_buffers: '8GB', max_connections: 400, work_mem: '5MB', fsync: true },
    );
    expect(parameters).toMatchObject({ shared_buffers: '8GB', max_connections: 400, work_mem: '5MB', fsync: true });
    expect(applied.map(({ name }) => name)).not.toContain('work_mem');
    const sized = autoTune({ memoryBytes: 16 * GIB, cpus: 8 }, { shared_buffers: '8GB', max_connections: 192 });
    expect(sized.parameters.work_mem).toBe('13MB');
  });

  it.each([
    [256 * 1024 ** 2, 1],
    [GIB, 1],
    [2 * GIB, 2],
    [64 * GIB, 16],
    [3072 * GIB, 192],
  ])('gives good parameters for %d bytes and %d processors', (memoryBytes, cpus) => {
    const { parameters } = autoTune({ memoryBytes, cpus });
    expect(validateParameters(parameters, { memoryBytes, cpus })).toEqual([]);
    const work = parseParameter('work_mem', parameters.work_mem ?? 0).parameter?.value;
    expect(work).toBeGreaterThanOrEqual(4096);
    for (const name of Object.keys(parameters)) expect(tunedParameters).toContain(name);
  });
});
