import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

import { defaultParameters } from '../../../infra/config/defaults';
import { effectiveParameters } from '../../../infra/config/parameters';
import { parseSettings } from '../../../infra/config/parse';
import type { Settings } from '../../../infra/config/settings';
import { PROJECT, readStackFile } from '../../../infra/config/stackFile';
import { renderRds } from '../../../postgres/tuning/rds';

const root = join(__dirname, '../../..');
const stackFile = (stack: string): string => readFileSync(join(root, `Pulumi.${stack}.yaml`), 'utf8');

function settingsOf(stack: string, raw: Record<string, unknown> = {}): Settings {
  const { settings, problems } = parseSettings(raw, stack);
  if (settings === undefined) throw new Error(JSON.stringify(problems));
  return settings;
}

describe('Pulumi.yaml', () => {
  it('runs the compiled program as project coach, with its state in this folder', () => {
    expect(parse(readFileSync(join(root, 'Pulumi.yaml'), 'utf8'))).toMatchObject({
      name: PROJECT,
      runtime: { name: 'nodejs', options: { typescript: false } },
      main: 'dist/infra/index.js',
      backend: { url: 'file://./.coachdb/state' },
    });
  });
});

describe.each(['local', 'dev', 'prod'])('Pulumi.%s.yaml', (stack) => {
  it('parses without a problem and names its environment', () => {
    const file = readStackFile(stackFile(stack), `Pulumi.${stack}.yaml`);
    expect(file.problems).toEqual([]);
    const { settings, problems } = parseSettings(file.raw, stack);
    expect(problems).toEqual([]);
    expect(settings?.environment).toBe(stack);
  });

  it('says nothing that is not also the default, but for the parameters of prod', () => {
    const { raw } = readStackFile(stackFile(stack), stack);
    const { parameters, ...rest } = settingsOf(stack, raw);
    expect({ ...rest, parameters: {} }).toEqual(settingsOf(stack));
    expect(parameters).toEqual(stack === 'prod' ? { max_wal_senders: 20, 'rds.force_ssl': 1 } : {});
  });

  it('means the same as Pulumi’s runtime hands it over: structured values as JSON text, the rest as text', () => {
    const { raw } = readStackFile(stackFile(stack), stack);
    const asText = Object.fromEntries(
      Object.entries(raw).map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
    );
    expect(parseSettings(asText, stack)).toEqual(parseSettings(raw, stack));
  });
});

describe('the defaults', () => {
  it('are the ones of the founding document', () => {
    const { database, roles, extensions, indexes, audit, pool, backup } = settingsOf('local');
    expect(database.name).toBe('inclusive_ai');
    expect(roles.application).toEqual({ name: 'inclusive', connectionLimit: 20 });
    expect(defaultParameters()).toEqual({
      shared_buffers: '256MB',
      effective_cache_size: '1GB',
      work_mem: '4MB',
      wal_level: 'replica',
      max_wal_senders: 3,
      wal_keep_size: '512MB',
      autovacuum: 'on',
      autovacuum_max_workers: 3,
      autovacuum_vacuum_threshold: 50,
      shared_preload_libraries: 'pg_stat_statements',
    });
    expect(extensions).toEqual([
      { name: 'uuid-ossp' },
      { name: 'pg_trgm' },
      { name: 'btree_gin' },
      { name: 'pg_stat_statements' },
    ]);
    expect(indexes).toEqual([
      { name: 'idx_student_location', schema: 'public', table: 'Student', columns: [{ name: 'location' }] },
      { name: 'idx_student_language', schema: 'public', table: 'Student', columns: [{ name: 'language' }] },
      {
        name: 'idx_completed_lesson_student',
        schema: 'public',
        table: 'CompletedLesson',
        columns: [{ name: 'studentId' }],
      },
      { name: 'idx_assessment_student', schema: 'public', table: 'Assessment', columns: [{ name: 'studentId' }] },
      { name: 'idx_user_email', schema: 'public', table: 'User', columns: [{ name: 'email' }] },
    ]);
    expect(audit).toMatchObject({ schema: 'audit', table: 'audit_log' });
    expect(audit.tables.map(({ table, enabled }) => [table, enabled])).toEqual([
      ['User', true],
      ['Student', true],
      ['CompletedLesson', true],
      ['Assessment', true],
    ]);
    expect(pool).toEqual({
      min: 2,
      max: 10,
      acquireTimeoutMs: 30_000,
      createTimeoutMs: 30_000,
      destroyTimeoutMs: 5_000,
      idleTimeoutMs: 30_000,
      reapIntervalMs: 1_000,
      createRetryIntervalMs: 200,
    });
    expect(backup).toEqual({
      enabled: true,
      retentionDays: 7,
      compress: true,
      weekly: 5,
      monthly: 12,
      minimum: 2,
      minimumFree: '5%',
      bucket: {},
      schedule: { backup: '0 2 * * *', upload: '0 3 * * 0', cleanLogs: '0 4 * * 0', health: '*/30 * * * *' },
      logRetentionDays: 30,
    });
  });

  it('differ between environments only where the design says so', () => {
    const [local, dev, prod] = ['local', 'dev', 'prod'].map((stack) => settingsOf(stack));
    expect([local, dev, prod].map((one) => [one?.database.access, one?.migrations.apply])).toEqual([
      ['direct', 'always'],
      ['direct', 'always'],
      ['function', 'initial'],
    ]);
    expect(
      [local, dev, prod].map((one) => [one?.database.host, one?.database.port, one?.server.instanceClass]),
    ).toEqual([
      [undefined, undefined, undefined],
      ['127.0.0.1', 5432, undefined],
      [undefined, 15432, 'db.t4g.medium'],
    ]);
    for (const [one, stack] of [
      [local, 'local'],
      [dev, 'dev'],
      [prod, 'prod'],
    ] as const) {
      const shared = { ...one, aws: undefined, rds: undefined };
      expect({ ...shared, stack: '', environment: '', server: {}, database: {}, migrations: {} }, stack).toEqual({
        ...local,
        stack: '',
        environment: '',
        server: {},
        database: {},
        migrations: {},
      });
    }
  });

  it('are fresh copies: changing one changes no other', () => {
    settingsOf('local').indexes.pop();
    defaultParameters().work_mem = 1;
    expect(settingsOf('local').indexes).toHaveLength(5);
    expect(defaultParameters().work_mem).toBe('4MB');
  });

  it('reach the parameter group of prod as integers', () => {
    const { raw } = readStackFile(stackFile('prod'), 'prod');
    const { parameters, notices } = renderRds(effectiveParameters(settingsOf('prod', raw)));
    expect(Object.fromEntries(parameters.map(({ name, value }) => [name, value]))).toMatchObject({
      shared_buffers: '32768',
      effective_cache_size: '131072',
      work_mem: '4096',
      max_wal_senders: '20',
      wal_keep_size: '512',
      'rds.force_ssl': '1',
    });
    expect(notices.map(({ name, outcome }) => [name, outcome])).toEqual([['wal_level', 'satisfied']]);
  });
});

describe('effectiveParameters', () => {
  const machine = { memoryBytes: 16 * 1024 ** 3, cpus: 4 };

  it('lets the file win over the sizes, and the sizes over the defaults', () => {
    const auto = settingsOf('local', { tuning: 'auto', parameters: { work_mem: '7MB' } });
    expect(effectiveParameters(auto, machine)).toMatchObject({
      shared_buffers: '4096MB',
      work_mem: '7MB',
      wal_keep_size: '512MB',
    });
    expect(effectiveParameters({ ...auto, tuning: 'explicit' }, machine)).toMatchObject({
      shared_buffers: '256MB',
      work_mem: '7MB',
    });
  });

  it('sizes prod by its instance class, whatever machine deploys', () => {
    const prod = settingsOf('prod', { tuning: 'auto', server: { instanceClass: 'db.r6g.large' } });
    expect(effectiveParameters(prod, machine).shared_buffers).toBe('4096MB');
    expect(effectiveParameters(prod).shared_buffers).toBe('4096MB');
  });

  it('refuses to guess', () => {
    expect(() => effectiveParameters(settingsOf('local', { tuning: 'auto' }))).toThrow(
      expect.objectContaining({ code: 'machine-unknown', kind: 'usage' }),
    );
  });
});
