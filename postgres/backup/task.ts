/** The variable that holds the task's description: with it set, `coachdb` reads no settings file, state or passphrase. */
export const TASK_VARIABLE = 'COACH_TASK';

/** What is told to the task that runs `coachdb` beside a database on AWS, as JSON. Nothing in it is secret. */
export interface TaskDescription<T = string> {
  project: string;
  stack: string;
  region: string;
  /** Of the instance itself: a pooler is nothing for a dump. */
  host: T;
  port: number;
  database: string;
  /** Where the administrator's password is; only a task that restores may read it. */
  masterSecret: T;
  /** That backups go to, and that `transfer` reads from. */
  bucket: T;
  /** The parsed settings that its commands read: `taskSettings` of infra/config. */
  settings: Record<string, unknown>;
}

/** The last line of a task: what alarms and whoever follows the log look for. */
export interface TaskOutcome {
  command: string;
  stack: string;
  status: string;
  exitCode: number;
}

/** CloudWatch Logs' filter for the last line of a backup that was read back and is in the bucket. */
export const BACKUP_DONE = '{ $.command = "backup" && $.exitCode = 0 }';
