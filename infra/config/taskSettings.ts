import { awsCron } from './awsCron';
import type { Report } from './report';
import type { Settings } from './settings';

/** Of the stack's settings what the commands in the task read (backups, restore, transfer): nothing else makes a new task definition. */
export function taskSettings({ database, roles, backup, transfer, audit }: Settings): Record<string, unknown> {
  const { retentionDays, compress, weekly, monthly, minimum, minimumFree, s3 } = backup;
  const kept = { retentionDays, compress, weekly, monthly, minimum, minimumFree };
  return {
    database,
    roles,
    transfer,
    audit,
    // A profile is of the machine that names it.
    backup: { ...kept, s3: { ...s3, profile: undefined } },
  };
}

/**
 * When prod backs up, in the fields of EventBridge Scheduler. There every backup goes to S3, so the second time is one more backup and no other kind: in
 * a zone that skips an hour of a Sunday in March it is the one that is made.
 */
export function taskSchedules({ backup: { enabled, schedule } }: Pick<Settings, 'backup'>): TaskSchedule[] {
  if (!enabled) return [];
  const times = { daily: schedule.backup, weekly: schedule.upload };
  return Object.entries(times).flatMap(([name, fields]) => {
    const expression = fields === 'off' ? undefined : awsCron(fields);
    return expression === undefined ? [] : [{ name, expression }];
  });
}

export interface TaskSchedule {
  /** `daily`, `weekly`. */
  name: string;
  expression: string;
}

/** GiB of memory that Fargate offers for so many units of CPU: from, to, in steps of. */
const MEMORY: Record<string, readonly [from: number, to: number, step: number]> = {
  512: [1, 4, 1],
  1024: [2, 8, 1],
  2048: [4, 16, 1],
  4096: [8, 30, 1],
  8192: [16, 60, 4],
  16384: [32, 120, 8],
};

/** What the task could not do. */
export function checkTask(
  { environment, backup, aws }: Settings,
  complain: (...problem: Parameters<Report['add']>) => void,
): void {
  if (environment !== 'prod') return;
  const { cpu = '', memoryMb = 0 } = aws?.task ?? {};
  const [from, to, step] = MEMORY[cpu] ?? [0, 0, 1];
  const gibibytes = memoryMb / 1024;
  if (aws !== undefined && (gibibytes < from || gibibytes > to || (gibibytes - from) % step !== 0))
    complain(
      'setting-conflict',
      'aws.task.memoryMb',
      `coach:aws.task.memoryMb is ${memoryMb}; with cpu ${cpu} Fargate has ${from * 1024} to ${to * 1024} MiB, in steps of ${step * 1024}.`,
      'Choose one of these, or another coach:aws.task.cpu.',
    );
  for (const key of ['backup', 'upload'] as const) {
    const fields = backup.schedule[key];
    if (fields !== 'off' && awsCron(fields) === undefined)
      complain(
        'setting-conflict',
        `backup.schedule.${key}`,
        `coach:backup.schedule.${key} is ${fields}: a day of the month and a day of the week, of which AWS's Scheduler knows one at a time.`,
        'Write * for one of the two.',
      );
  }
  for (const [key, value] of Object.entries({ age: backup.age, signingKeyFile: backup.signingKeyFile })) {
    if (value !== undefined)
      complain(
        'setting-conflict',
        `backup.${key}`,
        `coach:backup.${key} needs a file of keys, which the task that backs up and restores in prod has not.`,
        'Leave it out: the bucket encrypts with a key of KMS, keeps every version and locks it.',
      );
  }
}
