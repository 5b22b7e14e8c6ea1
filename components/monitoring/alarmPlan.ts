import { machineOfInstanceClass } from '../../postgres/tuning/machine';

/** Thresholds, as `coach:aws.alarms` has them. */
export interface AlarmSettings {
  cpuPercent: number;
  freeStoragePercent: number;
  storageDaysToFull: number;
  freeMemoryPercent: number;
  replicaLagSeconds: number;
  backupAgeHours: number;
}

export interface AlarmPlanArgs {
  settings: AlarmSettings;
  /** The instance's and each replica's. */
  instanceClass: string;
  identifier: string;
  replicaIdentifiers: readonly string[];
  storageGb: number;
  /** Above `storageGb`: RDS grows the storage by itself up to here. */
  maxStorageGb: number;
  /** Absent: there is none. */
  proxyName?: string | undefined;
  functionName: string;
  functionTimeoutSeconds: number;
  /** Absent: no backup is scheduled. */
  backups?: { metric: Metric; scheduleGroup: string } | undefined;
}

export interface Metric {
  namespace: string;
  metricName: string;
  dimensions?: Record<string, string>;
}

/** What CloudWatch compares: the statistic of a metric over each period, or an expression over `m`, which is that statistic. */
export interface AlarmDescription {
  name: string;
  /** What happened and what to do: all that a mail shows. */
  description: string;
  metric: Metric;
  statistic: 'Average' | 'Maximum' | 'Minimum' | 'Sum';
  expression?: string;
  comparison: 'GreaterThanThreshold' | 'LessThanThreshold';
  threshold: number;
  periodSeconds: number;
  /** This many of the last `periods`. */
  datapoints: number;
  periods: number;
  /**
   * breaching: silence is the fault itself. notBreaching: the service writes the metric only when there is something to count. ignore: a gap
   * says nothing, and must not end an alarm that stands.
   */
  missing: 'breaching' | 'notBreaching' | 'ignore';
}

const MINUTE = 60;
const FIVE_MINUTES = 5 * MINUTE;
const HOUR = 60 * MINUTE;
const GIB = 1024 ** 3;

/** Every alarm of a stack: what CloudWatch alone sees, as plain data. */
export function alarmPlan(args: AlarmPlanArgs): AlarmDescription[] {
  const { identifier, replicaIdentifiers, functionName, functionTimeoutSeconds, proxyName, backups, settings } = args;
  return [
    ...[identifier, ...replicaIdentifiers].flatMap((instance) => [
      ...ofStorage(instance, args),
      ...ofMachine(instance, args),
    ]),
    ...replicaIdentifiers.map((replica) => lag(replica, settings.replicaLagSeconds)),
    ...ofFunction(functionName, functionTimeoutSeconds),
    ...(proxyName === undefined ? [] : [pinned(proxyName)]),
    ...(backups === undefined ? [] : ofBackups(backups, settings.backupAgeHours)),
  ];
}

const ofInstance = (metricName: string, instance: string): Metric => ({
  namespace: 'AWS/RDS',
  metricName,
  dimensions: { DBInstanceIdentifier: instance },
});
const forFifteenMinutes = { periodSeconds: FIVE_MINUTES, datapoints: 3, periods: 3 };
const onceInFiveMinutes = { periodSeconds: FIVE_MINUTES, datapoints: 1, periods: 1 };

/** RDS grows a storage below which a tenth is free, so with autoscaling less than that for half an hour means that it did not. */
const GROWTH_PERCENT = 10;

function ofStorage(instance: string, { settings, storageGb, maxStorageGb }: AlarmPlanArgs): AlarmDescription[] {
  const grows = maxStorageGb > storageGb;
  const percent = grows ? Math.min(settings.freeStoragePercent, GROWTH_PERCENT) : settings.freeStoragePercent;
  const { storageDaysToFull: days } = settings;
  const raise = grows
    ? `RDS grows it up to coach:rds.maxStorageGb (${maxStorageGb} GiB), at most once in six hours: raise that, or remove data.`
    : 'Raise coach:rds.storageGb (and maxStorageGb with it, so that RDS grows it by itself), or remove data.';
  const metric = ofInstance('FreeStorageSpace', instance);
  return [
    {
      name: `${instance}-storage`,
      description: `Less than ${percent} % of ${storageGb} GiB is free on ${instance}. When none is left, the database stops. ${raise}`,
      metric,
      statistic: 'Minimum',
      comparison: 'LessThanThreshold',
      threshold: (storageGb * GIB * percent) / 100,
      periodSeconds: FIVE_MINUTES,
      datapoints: 6,
      periods: 6,
      missing: 'ignore',
    },
    {
      name: `${instance}-storage-days`,
      description: `At the speed of the last day the storage of ${instance} is full in less than ${days} days. Find what grows (a replication slot, a log, a table). ${raise}`,
      metric,
      statistic: 'Average',
      // Bytes a second, over 24 hours; growth by RDS makes it positive, and then nothing is said for a day.
      expression: 'IF(AVG(RATE(m)) < 0, m / (0 - AVG(RATE(m))) / 86400, 9999)',
      comparison: 'LessThanThreshold',
      threshold: days,
      periodSeconds: HOUR,
      datapoints: 3,
      periods: 24,
      missing: 'ignore',
    },
  ];
}

function ofMachine(instance: string, { settings, instanceClass }: AlarmPlanArgs): AlarmDescription[] {
  const { cpuPercent, freeMemoryPercent } = settings;
  const larger = 'or set a larger coach:server.instanceClass.';
  const memoryBytes = machineOfInstanceClass(instanceClass)?.memoryBytes;
  const cpu: AlarmDescription = {
    name: `${instance}-cpu`,
    description: `The processors of ${instance} are busy by more than ${cpuPercent} % for 15 minutes, or the instance reports nothing: it is down or stopped. See what runs in Database Insights, ${larger}`,
    metric: ofInstance('CPUUtilization', instance),
    statistic: 'Average',
    comparison: 'GreaterThanThreshold',
    threshold: cpuPercent,
    ...forFifteenMinutes,
    missing: 'breaching',
  };
  const memory = (bytes: number): AlarmDescription => ({
    name: `${instance}-memory`,
    description: `Less than ${freeMemoryPercent} % of the memory of ${instance} (${instanceClass}) is free for 15 minutes. Lower work_mem or the number of connections, ${larger}`,
    metric: ofInstance('FreeableMemory', instance),
    statistic: 'Average',
    comparison: 'LessThanThreshold',
    threshold: Math.round((bytes * freeMemoryPercent) / 100),
    ...forFifteenMinutes,
    missing: 'ignore',
  });
  return [cpu, ...(memoryBytes === undefined ? [] : [memory(memoryBytes)]), ...ofBalances(instance, instanceClass)];
}

/** Credits that a burstable class earns in an hour; it keeps at most those of a day. */
const CREDITS_AN_HOUR: Record<string, number> = {
  micro: 12,
  small: 24,
  medium: 24,
  large: 36,
  xlarge: 96,
  '2xlarge': 192,
};
/** From here on a class has its whole bandwidth to the storage at any time. */
const WHOLE_BANDWIDTH = /\.(?:[4-9]|\d\d)xlarge$|\.metal/;
const LOW_BALANCE_PERCENT = 20;

/** What a class may use beyond its own share for a while, where it has such a balance. */
function ofBalances(instance: string, instanceClass: string): AlarmDescription[] {
  const low = { comparison: 'LessThanThreshold', ...forFifteenMinutes } as const;
  const [, size = ''] = /^db\.t\d+[a-z]*\.(\w+)$/.exec(instanceClass) ?? [];
  const credits = CREDITS_AN_HOUR[size];
  const storage = (kind: string, metricName: string, what: string): AlarmDescription => ({
    name: `${instance}-${kind}`,
    description: `${instance} has used more than ${100 - LOW_BALANCE_PERCENT} % of what ${instanceClass} may ${what} beyond its own share; without any it is held to that share. Find the statements that read and write most, or set a larger coach:server.instanceClass.`,
    metric: ofInstance(metricName, instance),
    statistic: 'Minimum',
    threshold: LOW_BALANCE_PERCENT,
    ...low,
    missing: 'notBreaching',
  });
  return [
    ...(credits === undefined
      ? []
      : [
          {
            name: `${instance}-cpu-credits`,
            description: `${instance} has less than two hours' earnings of CPU credits left. At none it goes on and each further hour of a processor is billed. Set a class without credits (db.m, db.r) if this is its everyday load.`,
            metric: ofInstance('CPUCreditBalance', instance),
            statistic: 'Minimum' as const,
            threshold: 2 * credits,
            ...low,
            // A new instance starts with none, and writes the metric from then on.
            missing: 'ignore' as const,
          },
        ]),
    ...(WHOLE_BANDWIDTH.test(instanceClass)
      ? []
      : [
          storage('io-balance', 'EBSIOBalance%', 'read and write'),
          storage('byte-balance', 'EBSByteBalance%', 'transfer'),
        ]),
  ];
}

/** Without writes a replica's lag goes up to five minutes and down again, with each segment that RDS closes: so the average counts. */
const lag = (replica: string, seconds: number): AlarmDescription => ({
  name: `${replica}-lag`,
  description: `${replica} is more than ${seconds} s behind, or does not say how far: it no longer replicates. Look for long queries on it and for what the instance writes; it can be made anew by removing and adding it (coach:rds.replicas).`,
  metric: ofInstance('ReplicaLag', replica),
  statistic: 'Average',
  comparison: 'GreaterThanThreshold',
  threshold: seconds,
  ...forFifteenMinutes,
  missing: 'breaching',
});

/** Of a run that ended by itself the report says more; these tell of one that nobody waited for. */
function ofFunction(functionName: string, timeoutSeconds: number): AlarmDescription[] {
  const metric = (metricName: string): Metric => ({
    namespace: 'AWS/Lambda',
    metricName,
    dimensions: { FunctionName: functionName },
  });
  const counted = { comparison: 'GreaterThanThreshold', ...onceInFiveMinutes, missing: 'notBreaching' } as const;
  return [
    {
      name: `${functionName}-errors`,
      description: `The migration function failed or ran into its time limit. Read its log (/aws/lambda/${functionName}); run \`npm run coachdb -- status\`, then \`npm run db:deploy\`, which goes on from there.`,
      metric: metric('Errors'),
      statistic: 'Sum',
      threshold: 0,
      ...counted,
    },
    {
      name: `${functionName}-throttles`,
      description: `The migration function was asked for while it ran: one run at a time is allowed. Whoever was turned away runs \`npm run db:deploy\` again when the other one is done.`,
      metric: metric('Throttles'),
      statistic: 'Sum',
      threshold: 0,
      ...counted,
    },
    {
      name: `${functionName}-duration`,
      description: `A run of the migration function took more than nine tenths of its ${timeoutSeconds} s. Split what is left into smaller migrations before one no longer fits.`,
      metric: metric('Duration'),
      statistic: 'Maximum',
      threshold: timeoutSeconds * 900,
      ...counted,
    },
  ];
}

const pinned = (proxyName: string): AlarmDescription => ({
  name: `${proxyName}-pinned`,
  description: `A session has been pinned to its connection of ${proxyName} for 15 minutes: something sets session variables, names prepared statements, listens or takes session advisory locks. Use SET LOCAL (asApplicationUser does); the proxy's log (/aws/rds/proxy/${proxyName}) names the reason.`,
  metric: {
    namespace: 'AWS/RDS',
    metricName: 'DatabaseConnectionsCurrentlySessionPinned',
    dimensions: { ProxyName: proxyName },
  },
  statistic: 'Minimum',
  comparison: 'GreaterThanThreshold',
  threshold: 0,
  ...forFifteenMinutes,
  missing: 'notBreaching',
});

/**
 * An alarm looks back seven days at most, in periods of an hour or more. So a success within 26 hours is one in the last 26 periods of an hour: the
 * alarm wants all of them empty, and an hour without one has no data at all.
 */
function ofBackups(
  { metric, scheduleGroup }: NonNullable<AlarmPlanArgs['backups']>,
  hours: number,
): AlarmDescription[] {
  return [
    {
      name: `${scheduleGroup}-age`,
      description: `No backup has succeeded for ${hours} hours. Read the task's log (/ecs/${scheduleGroup}), mend what it says, and run \`npm run coachdb -- backup\`. After a first \`npm run up\`: push the task's image (docs/prod.md).`,
      metric,
      statistic: 'Sum',
      comparison: 'LessThanThreshold',
      threshold: 1,
      periodSeconds: HOUR,
      datapoints: hours,
      periods: hours,
      missing: 'breaching',
    },
    ...(['InvocationDroppedCount', 'TargetErrorCount'] as const).map((metricName): AlarmDescription => {
      const dropped = metricName === 'InvocationDroppedCount';
      return {
        name: `${scheduleGroup}-${dropped ? 'dropped' : 'start-failed'}`,
        description: `The schedule ${dropped ? 'gave up starting' : 'could not start'} the backup task${dropped ? '' : '; it tries for two hours'}. Look for its roles, its image and for capacity of Fargate in CloudTrail (RunTask); run \`npm run coachdb -- backup\` when it is mended.`,
        metric: { namespace: 'AWS/Scheduler', metricName, dimensions: { ScheduleGroup: scheduleGroup } },
        statistic: 'Sum',
        comparison: 'GreaterThanThreshold',
        threshold: 0,
        ...onceInFiveMinutes,
        missing: 'notBreaching',
      };
    }),
  ];
}
