import { floorBytes } from '../../postgres/backup/freeSpace';
import { s3 } from '../../postgres/backup/s3/settings';
import {
  type About,
  list,
  object,
  optional,
  required,
  scalar,
  type Schema,
  section,
  setting,
} from '../../postgres/spec/schema';
import { flag, line, wholeNumber } from '../../postgres/spec/values';
import { bucket } from './bucketSettings';
import { cronTime, timeZone } from './cronTime';

const days = wholeNumber(1, 3650, 'days');

/** Any disk will do: only the text is looked at. */
const isFloor = (value: string): boolean => floorBytes(value, 1) !== undefined;

const floor: Schema<string> = scalar(
  'a share of the disk (5%) or a size in MB, GB or TB (20GB)',
  (value) => (typeof value === 'string' && isFloor(value) ? value : undefined),
  '`5%`, `20GB`',
);

const NEXT_ROTATION: About = { change: 'with the next backup or `coachdb backup prune`' };

const schedule = section(
  {
    backup: setting(cronTime, '0 2 * * *', 'a backup'),
    upload: setting(cronTime, '0 3 * * 0', 'a backup that goes to S3 as well'),
    cleanLogs: setting(cronTime, '0 4 * * 0', 'removes log files older than `backup.logRetentionDays`'),
    health: setting(cronTime, '*/30 * * * *', 'looks at what runs: `coachdb status`'),
    timeZone: optional(timeZone, 'the zone of the machine', 'the zone of these times'),
  },
  { change: 'with the next `coachdb cron install`' },
);

/** `coach:backup`. */
export const backup = section(
  {
    enabled: setting(flag, true, '`BACKUP_ENABLED`'),
    retentionDays: setting(days, 7, 'how long each good one stays; `BACKUP_RETENTION_DAYS`'),
    compress: setting(flag, true, '`BACKUP_COMPRESS`; by zstd where that program is installed, else by gzip'),
    directory: optional(
      line('a folder, absolute or below the project', 4096),
      '`.coachdb/<stack>/backups`',
      'where backups lie',
      { change: 'at the next backup; those of before stay where they are' },
    ),
    signingKeyFile: optional(
      line('a file, absolute or below the project', 4096),
      'not signed',
      'a key of 32 bytes or more, which signs each manifest',
      { change: 'at the next backup; manifests without it are refused from then on' },
    ),
    age: optional(
      object({
        recipients: required(
          list(line('a public key of age (age1...)', 4096, /^age1[02-9ac-hj-np-z]{50,4000}$/), {
            unique: [],
            atLeast: 1,
          }),
          'who can decrypt the backups',
        ),
        identityFile: optional(
          line('a file, absolute or below the project', 4096),
          'backups are made and not read here',
          'their secret keys, to restore',
        ),
      }),
      'not encrypted',
      'encrypts every file of a backup',
      { change: 'at the next backup; earlier ones stay as they are' },
    ),
    weekly: setting(
      wholeNumber(0, 520, 'weeks'),
      5,
      'how long the first good one of an ISO week stays; 0: no longer than the others',
      NEXT_ROTATION,
    ),
    monthly: setting(
      wholeNumber(0, 120, 'months'),
      12,
      'how long the first good one of a month stays; 0: no longer than the others',
      NEXT_ROTATION,
    ),
    minimum: setting(
      wholeNumber(1, 1000, 'backups'),
      2,
      'how many of the newest good ones stay whatever their age',
      NEXT_ROTATION,
    ),
    minimumFree: setting(
      floor,
      '5%',
      'less free space than this: what the rotation removes goes before the next backup is made',
      NEXT_ROTATION,
    ),
    s3: optional(s3, 'no S3', 'a bucket for backups', {
      change: 'with the next backup; what is in the old bucket stays',
    }),
    bucket,
    schedule,
    logRetentionDays: setting(days, 30, 'how long log files stay', { change: 'when the logs are next cleaned' }),
  },
  { change: 'with the next `coachdb env`' },
);
