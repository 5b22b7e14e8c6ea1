import type { Settings } from '../../infra/config/settings';

type Schedule = Settings['backup']['schedule'];

/** What runs by the clock. */
export interface Job {
  name: string;
  setting: Exclude<keyof Schedule, 'timeZone'>;
  /** Words of the command line. */
  command: readonly string[];
  /** Left out where coach:backup.enabled is false. */
  isBackup: boolean;
}

export const JOBS: readonly Job[] = [
  { name: 'backup', setting: 'backup', command: ['backup', '--reason', 'schedule'], isBackup: true },
  { name: 'upload', setting: 'upload', command: ['backup', '--upload-s3', '--reason', 'schedule'], isBackup: true },
  { name: 'clean-logs', setting: 'cleanLogs', command: ['cron', 'clean-logs'], isBackup: false },
  { name: 'health', setting: 'health', command: ['status'], isBackup: false },
];

export interface ScheduledJob extends Job {
  /** Five fields. */
  time: string;
  /** Why its line does nothing, without a full stop; null: it works. */
  waitsFor: string | null;
}

export interface LeftOut {
  name: string;
  /** Without a full stop. */
  reason: string;
}

const NO_BUCKET = 'coach:backup.s3 names no bucket yet';

/** Which jobs the settings ask for, and why not the others. */
export function scheduleOf({ backup }: Pick<Settings, 'backup'>): { jobs: ScheduledJob[]; leftOut: LeftOut[] } {
  const jobs: ScheduledJob[] = [];
  const leftOut: LeftOut[] = [];
  for (const job of JOBS) {
    const time = backup.schedule[job.setting];
    if (job.isBackup && !backup.enabled) leftOut.push({ name: job.name, reason: 'coach:backup.enabled is false' });
    else if (time === 'off') leftOut.push({ name: job.name, reason: `coach:backup.schedule.${job.setting} is off` });
    else jobs.push({ ...job, time, waitsFor: job.name === 'upload' && backup.s3 === undefined ? NO_BUCKET : null });
  }
  return { jobs, leftOut };
}
