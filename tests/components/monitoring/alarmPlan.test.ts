import { runInNewContext } from 'node:vm';

import { describe, expect, it } from 'vitest';

import { type AlarmDescription, alarmPlan, type AlarmPlanArgs } from '../../../components/monitoring/alarmPlan';

const GIB = 1024 ** 3;
const ARGS: AlarmPlanArgs = {
  settings: {
    cpuPercent: 85,
    freeStoragePercent: 15,
    storageDaysToFull: 7,
    freeMemoryPercent: 8,
    replicaLagSeconds: 300,
    backupAgeHours: 26,
  },
  instanceClass: 'db.t4g.medium',
  identifier: 'coach-prod-database',
  replicaIdentifiers: ['coach-prod-database-replica-1'],
  storageGb: 100,
  maxStorageGb: 500,
  proxyName: 'coach-prod-proxy',
  functionName: 'coach-prod-migration',
  functionTimeoutSeconds: 900,
  backups: { metric: { namespace: 'coach-prod', metricName: 'BackupsDone' }, scheduleGroup: 'coach-prod-backup' },
};

function named(name: string, changed: Partial<AlarmPlanArgs> = {}): AlarmDescription {
  const found = alarmPlan({ ...ARGS, ...changed }).filter((alarm) => alarm.name === name);
  expect(found, name).toHaveLength(1);
  return found[0] as AlarmDescription;
}
const names = (changed: Partial<AlarmPlanArgs> = {}): string[] =>
  alarmPlan({ ...ARGS, ...changed }).map(({ name }) => name);

describe('alarms', () => {
  it('are of every part, each with a name of its own, within what CloudWatch takes', () => {
    const plan = alarmPlan(ARGS);
    expect(new Set(plan.map(({ name }) => name)).size).toBe(plan.length);
    for (const { name, description, periods, datapoints, periodSeconds } of plan) {
      expect(description.length, name).toBeLessThan(1024);
      expect(datapoints, name).toBeLessThanOrEqual(periods);
      // In periods below an hour it looks back one day, else seven.
      expect(periods * periodSeconds, name).toBeLessThanOrEqual(periodSeconds < 3600 ? 86_400 : 7 * 86_400);
      // What happened, then what to do.
      expect(description, name).toMatch(/\. (?:.*[ ,.])?(?:[Ss]et|[Rr]aise|[Rr]un|Find|Look|Lower|Use|Split|Read) /);
    }
  });

  it('storage: what is declared where it does not grow; where it does, what RDS should have mended', () => {
    const fixed = named('coach-prod-database-storage', { maxStorageGb: 100 });
    expect(fixed.threshold).toBe(15 * GIB);
    expect(fixed.description).toContain('Raise coach:rds.storageGb');
    const growing = named('coach-prod-database-storage');
    expect(growing.threshold).toBe(10 * GIB);
    expect(growing.description).toContain('coach:rds.maxStorageGb (500 GiB)');
    expect(
      named('coach-prod-database-storage', { settings: { ...ARGS.settings, freeStoragePercent: 5 } }).threshold,
    ).toBe(5 * GIB);
  });

  it('time to full is free storage over the slope of a day', () => {
    const { expression = '', threshold, periods, periodSeconds } = named('coach-prod-database-storage-days');
    expect(periods * periodSeconds).toBe(86_400);
    const daysToFull = (hourly: number[]): number => {
      const rates = hourly.slice(1).map((free, at) => (free - (hourly[at] ?? 0)) / periodSeconds);
      const average = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
      const script = expression
        .replaceAll('AVG(RATE(m))', `(${average})`)
        .replaceAll(/\bm\b/g, String(hourly.at(-1)))
        .replace(/^IF\((.*), (.*), (\d+)\)$/, '($1) ? ($2) : $3');
      return Number(runInNewContext(script));
    };
    const day = (perHour: number): number[] => Array.from({ length: 24 }, (_, hour) => 50 * GIB + hour * perHour);
    // 1 GiB an hour, 27 GiB left: a little more than a day.
    expect(daysToFull(day(-GIB))).toBeCloseTo(27 / 24, 5);
    expect(daysToFull(day(-GIB))).toBeLessThan(threshold);
    expect(daysToFull(day(-GIB / 100))).toBeGreaterThan(threshold);
    expect(daysToFull(day(GIB))).toBe(9999);
    expect(daysToFull(day(0))).toBe(9999);
  });

  it('memory is a share of that of the class; a class that nobody knows has no such alarm', () => {
    expect(named('coach-prod-database-memory').threshold).toBe(Math.round(0.08 * 4 * GIB));
    expect(names({ instanceClass: 'db.z1d.large' })).not.toContain('coach-prod-database-memory');
  });

  it('balances are watched where the class has them', () => {
    expect(named('coach-prod-database-cpu-credits').threshold).toBe(48);
    const balances = (instanceClass: string): string[] =>
      names({ instanceClass, replicaIdentifiers: [] }).filter((name) => /credits|balance/.test(name));
    expect(balances('db.t4g.medium')).toHaveLength(3);
    expect(balances('db.m7g.large')).toEqual(['coach-prod-database-io-balance', 'coach-prod-database-byte-balance']);
    expect(balances('db.r6g.4xlarge')).toEqual([]);
    expect(balances('db.r6g.12xlarge')).toEqual([]);
  });

  it('an instance or replica that reports nothing is an alarm, a function that was not asked is none', () => {
    expect(named('coach-prod-database-cpu').missing).toBe('breaching');
    expect(named('coach-prod-database-replica-1-lag')).toMatchObject({ missing: 'breaching', threshold: 300 });
    expect(named('coach-prod-migration-errors')).toMatchObject({ missing: 'notBreaching', threshold: 0 });
    expect(named('coach-prod-migration-duration').threshold).toBe(810_000);
  });

  it('a backup is missed when none of the last 26 hours has one', () => {
    expect(named('coach-prod-backup-age')).toMatchObject({
      periodSeconds: 3600,
      periods: 26,
      datapoints: 26,
      statistic: 'Sum',
      comparison: 'LessThanThreshold',
      threshold: 1,
      missing: 'breaching',
    });
    expect(names({ backups: undefined }).filter((name) => name.includes('backup'))).toEqual([]);
  });

  it('without a proxy none of its sessions is pinned', () => {
    expect(named('coach-prod-proxy-pinned').metric.dimensions).toEqual({ ProxyName: 'coach-prod-proxy' });
    expect(names({ proxyName: undefined }).filter((name) => name.includes('pinned'))).toEqual([]);
  });
});
