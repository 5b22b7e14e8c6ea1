import { Option } from 'commander';

import type { CommandDefinition } from './definition';
import { DETAILED_EXIT_CODE, YES } from './deployment';

const DRY_RUN = (): Option => new Option('--dry-run', 'print what would change in the crontab').default(false);

export const cronInstall: CommandDefinition = {
  name: 'cron install',
  description: 'backups, log clean-up and health check into this account’s crontab',
  options: [YES(), DRY_RUN(), DETAILED_EXIT_CODE()],
  help: 'Times are those of coach:backup.schedule. Other lines of the crontab stay as they are.',
  run: async (context, options) => (await import('../cron/install')).installSchedule(context, options),
};

export const cronList: CommandDefinition = {
  name: 'cron list',
  description: 'what runs by the clock, when next, and how it ended the last time',
  run: async (context) => (await import('../cron/list')).listSchedule(context),
};

export const cronRemove: CommandDefinition = {
  name: 'cron remove',
  description: 'take the stack’s lines out of this account’s crontab',
  options: [
    YES(),
    DRY_RUN(),
    DETAILED_EXIT_CODE(),
    new Option('--folder <folder>', 'lines of the checkout that lay there, in place of this one’s'),
  ],
  run: async (context, options) => (await import('../cron/install')).removeSchedule(context, options),
};

export const cronRun: CommandDefinition = {
  name: 'cron run',
  description: 'what a line of the crontab starts: one job, into its log',
  arguments: ['<job>'],
  options: [new Option('--now', 'whatever the time is in coach:backup.schedule.timeZone').default(false)],
  help: `Jobs: backup, upload, clean-logs, health. What a job prints goes into
.coachdb/<stack>/logs/cron-JOB-DATE.log; its exit code is that of its command. A
job that is still running is not started again (exit code 75).`,
  finishesSteps: true,
  run: async (context, options, [job = '']) =>
    (await import('../cron/run')).runJob(context, job, options['now'] === true),
};

export const cronCleanLogs: CommandDefinition = {
  name: 'cron clean-logs',
  description: 'remove log files older than coach:backup.logRetentionDays',
  run: async (context) => (await import('../cron/cleanLogs')).cleanLogs(context),
};
