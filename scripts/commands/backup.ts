import { InvalidArgumentError, Option } from 'commander';

import type { CommandDefinition } from './definition';

const HELP = `A backup is a folder: pg_dump's directory format, zstd where its program is
installed, with a manifest that says every file's SHA-256 and every table's rows.
--compress=gzip makes one SQL script instead, dump.sql.gz.`;

/** `--retention DAYS`: as the setting, 1 to 3650. */
export const RETENTION = (): Option =>
  new Option('--retention <days>', 'keep each good backup so long (default: coach:backup.retentionDays)').argParser(
    (value) => {
      const days = Number(value);
      if (!/^\d+$/.test(value) || days < 1 || days > 3650)
        throw new InvalidArgumentError('Expected a whole number of days from 1 to 3650.');
      return days;
    },
  );

/** `--s3` of the commands below `backup`. */
export const IN_S3 = (): Option => new Option('--s3', 'those in the bucket of coach:backup.s3').default(false);

export const backup: CommandDefinition = {
  name: 'backup',
  description: 'dumps the database, reads the dump back, removes what is past its time (npm run db:backup)',
  help: HELP,
  options: [
    new Option('--compress [method]', 'zstd, as without it; gzip: one .sql.gz').choices(['zstd', 'gzip']),
    new Option('--upload-s3', 'also to the bucket of coach:backup.s3').default(false),
    RETENTION(),
    new Option('--reason <text>', 'why, for the manifest').default('manual'),
  ],
  finishesSteps: true,
  run: async (context, options) => {
    const { inTask } = await import('../aws/inTask');
    const days = options['retention'] as number | undefined;
    const retention = days === undefined ? [] : ['--retention', String(days)];
    const compress =
      options['compress'] === undefined ? [] : [`--compress=${options['compress'] === 'gzip' ? 'gzip' : 'zstd'}`];
    const remote = await inTask(context, () => ({
      command: ['backup', '--upload-s3', ...compress, ...retention, '--reason', String(options['reason'])],
      changes: false,
    }));
    if (remote !== undefined) return remote;
    const { takeBackup } = await import('../backup/take');
    return takeBackup(context, {
      layout: options['compress'] === 'gzip' ? 'plain' : 'directory',
      uploadS3: options['uploadS3'] === true,
      retentionDays: options['retention'] as number | undefined,
      reason: String(options['reason']),
    });
  },
};
