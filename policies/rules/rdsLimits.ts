import { named } from '../references';
import { type PolicyResource, type Rule, rule } from '../rule';
import { INSTANCE, PARAMETER_GROUP } from '../types';
import { at, isUnknown, numberAt, shown } from '../values';
import { isPrimary } from './rds';
import { majorOf } from './rdsParameters';

/**
 * gp3 of RDS for PostgreSQL (https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html): below 400 GiB speed is not for sale;
 * from there on 12,000 operations and 500 MiB a second are included.
 */
const GP3 = { minGb: 20, stripedGb: 400, iops: [12_000, 64_000], throughput: [500, 4_000], iopsPerGb: 500 } as const;

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const DAY = 24 * 60;
const WEEK = 7 * DAY;

/** Minutes since Monday 00:00 UTC, the end after the beginning; undefined where it is no window. */
function maintenance(window: unknown): [number, number] | undefined {
  const [, day = '', from = '', lastDay = '', to = ''] =
    /^(\w{3}):(\d\d:\d\d)-(\w{3}):(\d\d:\d\d)$/.exec(String(window).toLowerCase()) ?? [];
  const begins = DAYS.indexOf(day) * DAY + minutes(from);
  const ends = DAYS.indexOf(lastDay) * DAY + minutes(to);
  if (!DAYS.includes(day) || !DAYS.includes(lastDay) || Number.isNaN(begins + ends)) return undefined;
  return [begins, ends <= begins ? ends + WEEK : ends];
}

function backup(window: unknown): [number, number] | undefined {
  const [, from = '', to = ''] = /^(\d\d:\d\d)-(\d\d:\d\d)$/.exec(String(window)) ?? [];
  const begins = minutes(from);
  const ends = minutes(to);
  if (Number.isNaN(begins + ends)) return undefined;
  return [begins, ends <= begins ? ends + DAY : ends];
}

function minutes(time: string): number {
  const [hours, rest] = time.split(':').map(Number);
  if (hours === undefined || rest === undefined || hours > 23 || rest > 59) return Number.NaN;
  return hours * 60 + rest;
}

export const rdsLimitRules: readonly Rule[] = [
  rule('rds-family', {
    title: 'An instance’s parameter group is of the family of its major version',
    types: [INSTANCE],
    find: ({ inputs }, graph) => {
      const group = named(graph, inputs['parameterGroupName'], PARAMETER_GROUP);
      const { engineVersion } = inputs;
      const major = typeof engineVersion === 'string' ? /^\d+/.exec(engineVersion)?.[0] : undefined;
      const family = group === undefined ? undefined : majorOf(group);
      if (group === undefined || family === undefined || major === undefined || family === Number(major)) return [];
      return [`engineVersion is ${major}, but ${group.name} is of family ${shown(group.inputs['family'])}`];
    },
  }),
  rule('rds-major-alone', {
    title: 'The major version alone is declared: a minor would fight automatic upgrades',
    types: [INSTANCE],
    where: isPrimary,
    find: ({ inputs }) => {
      const { engine, engineVersion } = inputs;
      return engine === 'postgres' && /^\d+$/.test(String(engineVersion))
        ? []
        : [
            `engine and engineVersion are ${shown(engine)} and ${shown(engineVersion)}; expected "postgres" and a major`,
          ];
    },
  }),
  rule('rds-windows', {
    title: 'Backup and maintenance windows are half an hour or more, in UTC, and do not overlap',
    types: [INSTANCE],
    where: isPrimary,
    find: ({ inputs }) => {
      const { backupWindow, maintenanceWindow } = inputs;
      if (isUnknown(backupWindow) || isUnknown(maintenanceWindow)) return [];
      const daily = backup(backupWindow);
      const weekly = maintenance(maintenanceWindow);
      if (daily === undefined) return [`backupWindow is ${shown(backupWindow)}; expected hh:mm-hh:mm`];
      if (weekly === undefined)
        return [`maintenanceWindow is ${shown(maintenanceWindow)}; expected ddd:hh:mm-ddd:hh:mm`];
      const short = [daily, weekly].some(([from, to]) => to - from < 30);
      // From the day before Monday, since either may go over midnight or over the week's end.
      const meets = Array.from({ length: 16 }, (_, day) => (day - 1) * DAY).some(
        (day) => day + daily[0] < weekly[1] && weekly[0] < day + daily[1],
      );
      return [
        ...(short ? [`${shown(backupWindow)} or ${shown(maintenanceWindow)} is shorter than 30 minutes`] : []),
        ...(meets
          ? [`backupWindow ${shown(backupWindow)} overlaps maintenanceWindow ${shown(maintenanceWindow)}`]
          : []),
      ];
    },
  }),
  rule('rds-storage', {
    title: 'Storage is gp3 of 20 GiB or more; its speed is provisioned from 400 GiB on, within RDS’s limits',
    types: [INSTANCE],
    where: isPrimary,
    find: storageProblems,
  }),
  rule('rds-autoscaling', {
    title: 'Where storage grows by itself, it may grow by a tenth or more (RDS refuses less)',
    types: [INSTANCE],
    where: ({ inputs }) => numberAt(inputs, 'maxAllocatedStorage') !== undefined,
    find: ({ inputs }) => {
      const size = numberAt(inputs, 'allocatedStorage') ?? 0;
      const most = numberAt(inputs, 'maxAllocatedStorage') ?? 0;
      // 0 is the provider's word for no autoscaling.
      return most === 0 || most >= Math.ceil(size * 1.1)
        ? []
        : [`maxAllocatedStorage is ${most}, allocatedStorage ${size}; expected ${Math.ceil(size * 1.1)} or more, or 0`];
    },
  }),
  rule('rds-backup-limit', {
    title: 'No automated backup is kept for longer than RDS can: 35 days',
    types: [INSTANCE],
    find: ({ inputs }) =>
      (numberAt(inputs, 'backupRetentionPeriod') ?? 0) > 35
        ? [`backupRetentionPeriod is ${shown(inputs['backupRetentionPeriod'])}; expected 35 or less`]
        : [],
  }),
  rule('rds-insights', {
    title: 'Database Insights keep what their mode wants: advanced 465 days, standard 7 or months of 31 days',
    types: [INSTANCE],
    where: ({ inputs }) =>
      inputs['databaseInsightsMode'] !== undefined || inputs['performanceInsightsEnabled'] === true,
    find: ({ inputs }) => {
      const mode = at(inputs, 'databaseInsightsMode');
      const days = numberAt(inputs, 'performanceInsightsRetentionPeriod') ?? 7;
      const isKnown = days === 7 || days === 731 || (days % 31 === 0 && days >= 31 && days <= 23 * 31);
      const fits = mode === 'advanced' ? days >= 465 && inputs['performanceInsightsEnabled'] === true : true;
      return isKnown && fits
        ? []
        : [
            `databaseInsightsMode is ${shown(mode)} with ${days} days; expected 465 for advanced, 7 or n x 31 for standard`,
          ];
    },
  }),
];

function storageProblems({ inputs }: PolicyResource): string[] {
  const size = numberAt(inputs, 'allocatedStorage');
  const iops = numberAt(inputs, 'iops');
  const throughput = numberAt(inputs, 'storageThroughput');
  // From a snapshot or another instance's backups it is as large as there.
  if (size === undefined) return [];
  const problems: string[] = [];
  if (inputs['storageType'] !== 'gp3') problems.push(`storageType is ${shown(inputs['storageType'])}; expected "gp3"`);
  if (size < GP3.minGb) problems.push(`allocatedStorage is ${size}; expected ${GP3.minGb} or more`);
  if (iops === undefined && throughput === undefined) return problems;
  if (size < GP3.stripedGb) {
    return [
      ...problems,
      `iops and storageThroughput are for ${GP3.stripedGb} GiB or more; allocatedStorage is ${size}`,
    ];
  }
  const within = (name: string, value: number | undefined, [min, max]: readonly [number, number]): void => {
    if (value !== undefined && (value < min || value > max))
      problems.push(`${name} is ${value}; expected ${min} to ${max}`);
  };
  within('iops', iops, GP3.iops);
  within('storageThroughput', throughput, GP3.throughput);
  if (iops !== undefined && iops > size * GP3.iopsPerGb) {
    problems.push(`iops is ${iops}; expected ${size * GP3.iopsPerGb} or less for ${size} GiB`);
  }
  if (throughput !== undefined && throughput > (iops ?? GP3.iops[0]) / 4) {
    problems.push(`storageThroughput is ${throughput}; expected a quarter of iops (${iops ?? GP3.iops[0]}) or less`);
  }
  return problems;
}
