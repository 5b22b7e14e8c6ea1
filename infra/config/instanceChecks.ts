import { missingOnRds } from '../../postgres/extensions/rdsExtensions';
import type { Report } from './report';
import type { Settings } from './settings';
import { PROJECT } from './stackFile';

type Complain = (...problem: Parameters<Report['add']>) => void;

/** From this many GiB on RDS stripes gp3 over volumes, and lets operations and throughput be provisioned. */
const PROVISIONED_FROM_GB = 400;
/** MB a second for each operation a second. */
const THROUGHPUT_PER_IOPS = 0.25;
/** RDS's autoscaling wants a ceiling that is higher by a tenth. */
const lowestCeiling = (storageGb: number): number => Math.ceil((storageGb * 11) / 10);

/** Storage, class and where a restored database comes from. Source of numbers: RDS User Guide, DB instance storage. */
export function checkInstance({ environment, stack, rds, aws, server }: Settings, complain: Complain): void {
  if (environment !== 'prod' || rds === undefined) return;
  const conflict = (key: string, message: string, remedy: string): void =>
    complain('setting-conflict', `rds.${key}`, `coach:rds.${key} ${message}`, remedy);
  const { storageGb, maxStorageGb, iops, throughputMb, restoreSnapshot, restorePointInTime, kmsKeyArn } = rds;
  if (maxStorageGb < storageGb)
    conflict('maxStorageGb', `is ${maxStorageGb}, less than coach:rds.storageGb (${storageGb}).`, 'Raise it.');
  else if (maxStorageGb > storageGb && maxStorageGb < lowestCeiling(storageGb))
    conflict(
      'maxStorageGb',
      `is ${maxStorageGb}, less than a tenth more than coach:rds.storageGb (${storageGb}), which RDS refuses.`,
      `Set it to ${lowestCeiling(storageGb)} or more, or to ${storageGb}: no autoscaling.`,
    );
  for (const [key, value] of Object.entries({ iops, throughputMb }))
    if (value !== undefined && storageGb < PROVISIONED_FROM_GB)
      conflict(
        key,
        `is ${value}, but below ${PROVISIONED_FROM_GB} GiB gp3 has 3000 operations and 125 MB a second, no more and no less.`,
        `Remove it, or set coach:rds.storageGb to ${PROVISIONED_FROM_GB} or more.`,
      );
  if (throughputMb !== undefined && throughputMb > (iops ?? 12_000) * THROUGHPUT_PER_IOPS)
    conflict(
      'throughputMb',
      `is ${throughputMb}; ${iops ?? 12_000} operations a second carry at most ${(iops ?? 12_000) * THROUGHPUT_PER_IOPS}.`,
      'Lower it, or raise coach:rds.iops to four times as much.',
    );
  checkWindows(rds, conflict);
  if (restoreSnapshot !== undefined && restorePointInTime !== undefined)
    conflict(
      'restorePointInTime',
      'and coach:rds.restoreSnapshot are both set; the database is made from one of them.',
      'Remove one of the two.',
    );
  if (restorePointInTime !== undefined) {
    const { instance, time } = restorePointInTime;
    if (instance === `${PROJECT}-${stack}-database`)
      conflict(
        'restorePointInTime.instance',
        `is ${instance}, the name of the instance that would be made: two cannot have it.`,
        'Restore in a stack of another name, or from a snapshot (coach:rds.restoreSnapshot).',
      );
    if (time !== 'latest' && Number.isNaN(Date.parse(time)))
      conflict('restorePointInTime.time', `is ${time}, which is no time.`, 'Write it as 2026-01-31T12:00:00Z.');
  }
  const region = kmsKeyArn?.split(':')[3];
  if (aws !== undefined && region !== undefined && region !== aws.region)
    conflict('kmsKeyArn', `is a key of ${region}; the instance lies in ${aws.region}.`, 'Name a key of that region.');
  const { instanceClass = '' } = server;
  if (/^db\.(m[1-4]|r[3-4]|t[12]|x1e?)\./.test(instanceClass))
    complain(
      'setting-conflict',
      'server.instanceClass',
      `coach:server.instanceClass is ${instanceClass}, a generation that does not run PostgreSQL ${rds.majorVersion}.`,
      'Choose a class of m5, r5, t3 or later (db.t4g.medium).',
    );
}

type Conflict = (key: string, message: string, remedy: string) => void;

const DAY = 24 * 60;
const WEEK = 7 * DAY;
const SHORTEST_WINDOW = 30;
const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

function checkWindows({ backupWindow, maintenanceWindow }: NonNullable<Settings['rds']>, conflict: Conflict): void {
  const backup = minutes(backupWindow, DAY);
  const maintenance = minutes(maintenanceWindow, WEEK);
  for (const [key, text, { length }] of [
    ['backupWindow', backupWindow, backup],
    ['maintenanceWindow', maintenanceWindow, maintenance],
  ] as const)
    if (length < SHORTEST_WINDOW)
      conflict(key, `is ${text}, ${length} minutes; RDS wants ${SHORTEST_WINDOW} or more.`, 'Make it longer.');
  const daily = DAYS.map((_, day) => ({ ...backup, from: backup.from + day * DAY }));
  // A window over the end of the week goes on at its beginning.
  const meets = daily.some(({ from, length }) =>
    [-WEEK, 0, WEEK].some((shift) => {
      const start = maintenance.from + shift;
      return from < start + maintenance.length && start < from + length;
    }),
  );
  if (meets)
    conflict(
      'maintenanceWindow',
      `is ${maintenanceWindow} and overlaps coach:rds.backupWindow (${backupWindow}), which RDS refuses.`,
      'Move one of the two.',
    );
}

/** Minutes from midnight, or from Monday's. */
function minutes(window: string, cycle: number): { from: number; length: number } {
  const at = (text: string): number => {
    const [hour = 0, minute = 0] = text.slice(-5).split(':').map(Number);
    return Math.max(0, DAYS.indexOf(text.slice(0, 3))) * DAY + hour * 60 + minute;
  };
  const middle = window.length === 11 ? 5 : 9;
  const [from, to] = [at(window.slice(0, middle)), at(window.slice(middle + 1))];
  return { from, length: (to - from + cycle) % cycle };
}

/** Names that RDS would not take, or that a scanner knows by heart. */
export function checkRdsNames({ environment, stack, database, aws }: Settings, complain: Complain): void {
  if (environment !== 'prod') return;
  const conflict = (path: string, message: string, remedy: string): void =>
    complain('setting-conflict', path, `coach:${path} is ${message}`, remedy);
  if (['postgres', 'admin', 'administrator', 'root'].includes(database.adminUser))
    conflict(
      'database.adminUser',
      `${database.adminUser}, the first name that anybody tries; another one would replace the instance later on.`,
      'Choose another one (coach_admin).',
    );
  if (database.adminUser.includes('-'))
    conflict('database.adminUser', `${database.adminUser}; RDS takes letters, digits and _.`, 'Leave - out.');
  if (database.name.includes('-'))
    conflict('database.name', `${database.name}; RDS takes letters, digits and _.`, 'Leave - out.');
  if (database.port === 5432)
    conflict(
      'database.port',
      '5432, the first port that anybody tries; another one would restart the instance later on.',
      'Choose another one (15432). The application’s stays 5432: it is the Proxy’s.',
    );
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(stack) || stack.length > 20)
    conflict(
      'environment',
      `prod, but the stack’s name begins names of AWS: at most 20 lower-case letters, digits and single -, which ${JSON.stringify(stack.slice(0, 60))} is not.`,
      'Make a stack of another name.',
    );
  for (const key of Object.keys(aws?.tags ?? {}))
    if (/^aws:/i.test(key) || ['project', 'stack'].includes(key))
      conflict('aws.tags', `with key ${key}, which ${key.includes(':') ? 'AWS' : 'this program'} sets.`, 'Remove it.');
}

/** RDS lists what can be created, and ends extensions with majors. */
export function checkRdsExtensions({ environment, rds, extensions }: Settings, complain: Complain): void {
  if (environment !== 'prod' || rds === undefined) return;
  extensions.forEach(({ name }, index) => {
    const missing = missingOnRds(name, rds.majorVersion);
    if (missing !== undefined)
      complain('extension-not-on-rds', `extensions[${index}]`, missing, `Remove it from coach:extensions.`);
  });
}
