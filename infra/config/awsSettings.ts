import {
  type About,
  list,
  object,
  optional,
  record,
  required,
  scalar,
  type Schema,
  section,
  setting,
} from '../../postgres/spec/schema';
import { flag, line, oneOf, wholeNumber } from '../../postgres/spec/values';
import { REGIONS } from './awsRegions';

const IN_PROD: About = { only: ['prod'], elsewhere: 'Only prod lies on AWS.' };
const MAJORS = [15, 16, 17, 18] as const;
export type RdsMajor = (typeof MAJORS)[number];

const region = scalar(
  'a region with three zones that has all that prod uses (eu-west-1)',
  (value) => (typeof value === 'string' && REGIONS.has(value) ? value : undefined),
  'AWS region',
);
const idOf = (what: string, prefix: string): Schema<string> =>
  line(`the id of ${what} (${prefix}-0123456789abcdef0)`, 40, new RegExp(`^${prefix}-([0-9a-f]{8}|[0-9a-f]{17})$`));
const cidr = line('an IPv4 network in CIDR notation (10.64.0.0/16)', 18, /^(\d{1,3}\.){3}\d{1,3}\/\d{1,2}$/);
const arn = (service: string): Schema<string> =>
  line(`the ARN of a ${service} resource`, 2048, new RegExp(`^arn:aws[\\w-]*:${service}:[\\w-]*:\\d{12}:\\S+$`));
const gibibytes = (min: number, max: number): Schema<number> => wholeNumber(min, max, 'GiB');
const major: Schema<RdsMajor> = scalar(`a major version, one of ${MAJORS.join(', ')}`, (value) =>
  MAJORS.find((one) => one === value || String(one) === value),
);
/** What CloudWatch Logs takes. */
export const LOG_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];
const logDays: Schema<number> = scalar(
  `days that CloudWatch Logs knows: ${LOG_DAYS.join(', ')}`,
  (value) => LOG_DAYS.find((days) => days === value || String(days) === value),
  'days',
);
const intervals = [0, 1, 5, 10, 15, 30, 60];
const interval: Schema<number> = scalar(
  `one of ${intervals.join(', ')} seconds (0: off)`,
  (value) => intervals.find((seconds) => seconds === value || String(seconds) === value),
  intervals.join(', '),
);
const dailyWindow = line(
  'a window of a day in UTC (01:00-02:00)',
  11,
  /^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$/,
);
const weeklyWindow = line(
  'a window of a week in UTC (sun:05:00-sun:06:00)',
  19,
  /^(mon|tue|wed|thu|fri|sat|sun):([01]\d|2[0-3]):[0-5]\d-(mon|tue|wed|thu|fri|sat|sun):([01]\d|2[0-3]):[0-5]\d$/,
);
const instant = line(
  '`latest`, or a time in UTC (2026-01-31T12:00:00Z)',
  20,
  /^latest$|^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
);

const network = section(
  {
    vpcId: optional(idOf('a VPC', 'vpc'), 'a new VPC', 'an existing VPC', {
      change: 'would replace the database: refused',
    }),
    privateSubnetIds: setting(
      list(idOf('a subnet', 'subnet'), { unique: [] }),
      [],
      'its private subnets, in two zones or more',
    ),
    routeTableIds: setting(
      list(idOf('a route table', 'rtb'), { unique: [] }),
      [],
      'their route tables, for the S3 endpoint',
    ),
    endpoints: optional(
      flag,
      '`true` in a new VPC; has to be said of an existing one',
      'endpoints for AWS’s services; false: the existing VPC reaches them already',
    ),
    cidr: setting(cidr, '10.64.0.0/16', 'of a new VPC; each zone gets a quarter', {
      change: 'would replace the database: refused',
    }),
    zones: setting(
      list(line('a zone’s letter', 1, /^[a-z]$/), { unique: [] }),
      [],
      'letters of three zones of a new VPC; none: those of the region',
    ),
    clientSecurityGroupIds: setting(
      list(idOf('a security group', 'sg'), { unique: [] }),
      [],
      'who reaches the database: the application’s',
    ),
    clientCidrs: setting(list(cidr, { unique: [] }), [], 'networks that reach it'),
    flowLogDays: setting(logDays, 90, 'how long flow logs stay'),
  },
  { ...IN_PROD, change: 'in place' },
);

const task = section(
  {
    cpu: setting(
      oneOf('512', '1024', '2048', '4096', '8192', '16384'),
      '1024',
      'units of the scheduled task; 1024 is one vCPU',
    ),
    memoryMb: setting(wholeNumber(1024, 122_880, 'MiB'), 2048, 'of the task; what Fargate takes depends on `cpu`'),
    scratchGb: setting(gibibytes(21, 200), 50, 'disk of the task: a backup lies there until it is in S3'),
    timeLimitHours: setting(wholeNumber(1, 48, 'hours'), 6, 'a task that runs longer is stopped, and has failed'),
    imageTag: optional(
      line('a tag of the image', 128, /^\w[\w.-]*$/),
      'this project’s version',
      'which image of its repository the task runs',
    ),
  },
  { ...IN_PROD, change: 'with the next task' },
);

const percent = wholeNumber(1, 100, 'percent');
const alarms = section(
  {
    emails: setting(
      list(line('an e-mail address', 254, /^[^@\s]+@[^@\s]+\.[^@\s]+$/), { unique: [] }),
      [],
      'who is told; each confirms once by mail',
    ),
    cpuPercent: setting(percent, 85, 'of the instance’s CPU, for 15 minutes'),
    freeStoragePercent: setting(
      percent,
      15,
      'of the storage that has to be free; at most 10 where RDS grows it by itself, which it does from there on',
    ),
    storageDaysToFull: setting(
      wholeNumber(1, 90, 'days'),
      7,
      'until the storage is full, at the speed of the last day',
    ),
    freeMemoryPercent: setting(percent, 8, 'of the instance’s memory that has to be free'),
    replicaLagSeconds: setting(wholeNumber(1, 86_400, 'seconds'), 300, 'a replica may be behind'),
    backupAgeHours: setting(wholeNumber(1, 168, 'hours'), 26, 'since the last successful backup'),
  },
  { ...IN_PROD, change: 'in place' },
);

/** `coach:aws`. */
const aws = object(
  {
    region: setting(region, 'eu-west-1', 'where everything lies', {
      change: 'is another deployment: make a new stack instead',
    }),
    accountId: optional(
      line('an account of 12 digits', 12, /^\d{12}$/),
      'any account',
      'the only account it is deployed to',
      { change: 'refused in another account' },
    ),
    protect: setting(flag, true, 'database, keys and buckets cannot be deleted: neither by Pulumi nor by RDS', {
      change: 'in place',
    }),
    tags: setting(record(line('a tag’s value', 256), 'tags'), {}, 'of everything, beside `project` and `stack`', {
      change: 'in place',
    }),
    network,
    task,
    alarms,
  },
  IN_PROD,
);

/** `coach:rds`, the instance. Its class is `coach:server.instanceClass`, its parameters `coach:parameters`. */
const rds = object(
  {
    majorVersion: setting(major, 17, 'of PostgreSQL; RDS chooses the minor', {
      change: 'a major upgrade: docs/prod.md',
    }),
    storageGb: setting(gibibytes(20, 65_536), 100, 'gp3', { change: 'grows in place; cannot shrink' }),
    maxStorageGb: setting(gibibytes(20, 65_536), 500, 'where autoscaling ends; equal to `storageGb`: no autoscaling', {
      change: 'in place',
    }),
    iops: optional(wholeNumber(12_000, 64_000, 'operations a second'), 'gp3’s own', 'provisioned; from 400 GiB on', {
      change: 'in place',
    }),
    throughputMb: optional(wholeNumber(500, 4_000, 'MB a second'), 'gp3’s own', 'provisioned; from 400 GiB on', {
      change: 'in place',
    }),
    multiAz: setting(flag, true, 'a standby in another zone', { change: 'in place' }),
    replicas: setting(wholeNumber(0, 5, 'read replicas'), 0, 'read replicas, of the same class', {
      change: 'made or removed',
    }),
    proxy: setting(flag, true, 'RDS Proxy; false: the application connects to the instance', {
      change: 'the application needs the new `env`',
    }),
    kmsKeyArn: optional(arn('kms'), 'a key of its own', 'encrypts storage, snapshots and insights', {
      change: 'would replace the database: refused',
    }),
    backupRetentionDays: setting(wholeNumber(1, 35, 'days'), 14, 'how far back point-in-time recovery goes', {
      change: 'in place',
    }),
    backupWindow: setting(dailyWindow, '00:30-01:00', 'when RDS takes its snapshot', { change: 'in place' }),
    maintenanceWindow: setting(weeklyWindow, 'sun:05:00-sun:05:30', 'when RDS may restart', { change: 'in place' }),
    monitoringIntervalSeconds: setting(interval, 60, 'enhanced monitoring', { change: 'in place' }),
    insights: setting(
      oneOf('standard', 'advanced'),
      'standard',
      'Database Insights; advanced keeps 465 days and costs by vCPU',
      { change: 'in place' },
    ),
    logDays: setting(logDays, 90, 'how long logs of server, function and tasks stay', { change: 'in place' }),
    restoreSnapshot: optional(
      line('a snapshot’s name or ARN', 512, /^[A-Za-z][\w:-]*$/),
      'a new database',
      'made from this snapshot; only read when the instance is made',
      { change: 'none once it is made' },
    ),
    restorePointInTime: optional(
      object({
        instance: required(line('an instance’s name', 63, /^[a-z][a-z0-9-]*$/), 'whose backups'),
        time: required(instant, 'to when'),
      }),
      'a new database',
      'made from the automated backups of another instance; only read when the instance is made',
      { change: 'none once it is made' },
    ),
  },
  IN_PROD,
);

/** Prod's alone: elsewhere they are absent. */
export const awsSettings = (environment: string) =>
  optional(aws, 'nothing', 'account, network and alarms', { ...IN_PROD, change: 'in place' }, inProd(environment));
export const rdsSettings = (environment: string) =>
  optional(rds, 'nothing', 'the instance', { ...IN_PROD, change: 'in place' }, inProd(environment));

const inProd = (environment: string): Record<string, never> | undefined => (environment === 'prod' ? {} : undefined);
