import { describe, expect, it } from 'vitest';

import { parameterSpec } from '../../../postgres/tuning/parameter';
import { rdsApply, renderRds } from '../../../postgres/tuning/rds';
import { unavailableOnRds } from '../../../postgres/tuning/rdsParameters';

const valueOf = (name: string, value: string | number | boolean): unknown => {
  const { parameters, notices } = renderRds({ [name]: value });
  return parameters.length === 1 ? [parameters[0]?.value, parameters[0]?.applyMethod] : notices[0]?.outcome;
};

describe('renderRds', () => {
  it.each([
    ['shared_buffers', '256MB', ['32768', 'pending-reboot']],
    ['effective_cache_size', '1GB', ['131072', 'immediate']],
    // RDS's own default: beside `immediate` it would differ for ever.
    ['work_mem', '4MB', ['4096', 'pending-reboot']],
    ['work_mem', '5MB', ['5120', 'immediate']],
    ['maintenance_work_mem', '64MB', ['65536', 'immediate']],
    ['max_wal_size', '1GB', ['1024', 'immediate']],
    ['wal_buffers', '16MB', ['2048', 'pending-reboot']],
    ['wal_keep_size', '512MB', ['512', 'immediate']],
    ['statement_timeout', '30s', ['30000', 'immediate']],
    ['autovacuum', 'on', ['1', 'pending-reboot']],
    ['autovacuum', 'off', ['0', 'immediate']],
    ['autovacuum_max_workers', 3, ['3', 'pending-reboot']],
    ['autovacuum_vacuum_threshold', 50, ['50', 'pending-reboot']],
    ['autovacuum_freeze_max_age', 200_000_000, ['200000000', 'pending-reboot']],
    ['max_connections', 200, ['200', 'pending-reboot']],
    ['max_wal_senders', 20, ['20', 'pending-reboot']],
    ['track_activity_query_size', '4kB', ['4096', 'pending-reboot']],
    ['temp_file_limit', '1GB', ['1048576', 'pending-reboot']],
    ['checkpoint_completion_target', 0.9, ['0.9', 'immediate']],
    ['rds.force_ssl', 1, ['1', 'pending-reboot']],
    ['rds.force_ssl', true, ['1', 'pending-reboot']],
    ['rds.logical_replication', true, ['1', 'pending-reboot']],
    ['shared_preload_libraries', 'pg_stat_statements, pgaudit', ['pg_stat_statements,pgaudit', 'pending-reboot']],
    ['search_path', '"$user", "Odd ""name", public', ['$user,"Odd ""name",public', 'immediate']],
    ['pg_stat_statements.track', 'ALL', ['all', 'immediate']],
    ['pg_stat_statements.max', 10_000, ['10000', 'pending-reboot']],
    ['some_extension.size', 5, ['5', 'pending-reboot']],
    ['fsync', true, 'satisfied'],
    ['fsync', false, 'refused'],
    ['wal_level', 'replica', 'satisfied'],
    ['wal_level', 'minimal', 'refused'],
    ['listen_addresses', '*', 'refused'],
    ['archive_command', 'true', 'refused'],
    ['work_mem', '4mb', 'refused'],
    ['wal_keep_segments', 32, 'refused'],
  ])('%s = %j -> %j', (name, value, expected) => {
    expect(valueOf(name, value)).toEqual(expected);
  });

  it('maps wal_level logical to the parameter that raises it, and says so', () => {
    expect(renderRds({ wal_level: 'logical' })).toEqual({
      parameters: [{ name: 'rds.logical_replication', value: '1', applyMethod: 'pending-reboot' }],
      notices: [expect.objectContaining({ name: 'wal_level', outcome: 'replaced' })],
    });
  });

  it('keeps the libraries RDS can preload and names the one it cannot', () => {
    const { parameters, notices } = renderRds({ shared_preload_libraries: 'timescaledb,pg_cron' });
    expect(parameters).toEqual([{ name: 'shared_preload_libraries', value: 'pg_cron', applyMethod: 'pending-reboot' }]);
    expect(notices).toEqual([
      expect.objectContaining({ outcome: 'refused', reason: expect.stringContaining('timescaledb') as string }),
    ]);
  });

  it('accounts for every declared parameter, once', () => {
    const declared = { fsync: false, work_mem: '4MB', wal_level: 'minimal', TimeZone: 'UTC', nonsense: 1 };
    const { parameters, notices } = renderRds(declared);
    expect([...parameters.map(({ name }) => name), ...notices.map(({ name }) => name)].sort()).toEqual(
      ['fsync', 'nonsense', 'timezone', 'wal_level', 'work_mem'].sort(),
    );
  });

  it('sends what differs between majors for a reboot, unless the major is known', () => {
    const spec = parameterSpec('autovacuum_max_workers');
    if (spec === undefined) throw new Error('the table lacks autovacuum_max_workers');
    expect(rdsApply(spec)).toBe('static');
    expect([rdsApply(spec, 17), rdsApply(spec, 18)]).toEqual(['static', 'dynamic']);
  });

  it('names only parameters that exist', () => {
    for (const name of unavailableOnRds.keys()) expect(parameterSpec(name), name).toBeDefined();
  });
});
