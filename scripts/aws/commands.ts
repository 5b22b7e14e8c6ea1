import { PlatformError } from '../../system/errors';
import type { RestoreRequest } from '../backup/restore';
import type { CommandContext, CommandResult } from '../command';
import type { TransferRequest } from '../transfer';
import { inTask } from './inTask';

/** `restore` of prod: asked here, done there. */
export const restoreInTask = (
  context: CommandContext,
  { id, from, foreign, dropOld }: RestoreRequest,
): Promise<CommandResult | undefined> =>
  inTask(context, ({ settings, name }) => {
    if (from !== undefined) requireInS3('--from', from, 'a backup of `backup list --stack prod`');
    const what = from ?? id;
    const onlyDrops = dropOld && what === undefined;
    return {
      command: [
        'restore',
        ...(id === undefined ? [] : [id]),
        ...(from === undefined ? [] : ['--from', from]),
        ...(foreign ? ['--foreign'] : []),
        ...(dropOld ? ['--drop-old'] : []),
        '--yes',
      ],
      changes: true,
      question: () =>
        onlyDrops
          ? `The databases of stack ${name} that restores have put aside would be dropped. Go on?`
          : `Database ${settings.database.name} of stack ${name} would be replaced by ${what === undefined ? 'its newest backup' : `backup ${what}`}; its sessions are ended, ` +
            `and it is kept under another name${dropOld ? ' until this has succeeded, then dropped' : ''}. Go on?`,
    };
  });

/** `transfer` into prod: the source is a file in the bucket of backups, which the task may read. */
export const transferInTask = (context: CommandContext, request: TransferRequest): Promise<CommandResult | undefined> =>
  inTask(context, ({ settings, name }) => {
    const { from, mode, tables, exclude, policies, truncate, deploy, createSchema, detailedExitCode } = request;
    const { bucket = 'BUCKET', prefix = name } = settings.backup.s3 ?? {};
    requireInS3('--from', from, `the file: \`aws s3 cp ${from} s3://${bucket}/${prefix}/transfer/\``);
    if (deploy)
      throw new PlatformError(
        'usage',
        '--deploy: the task has no migrations; in prod the migration function applies them.',
        'Run `npm run db:deploy` first, then this without --deploy.',
        { kind: 'usage', object: '--deploy' },
      );
    const each = (flag: string, values: readonly string[]): string[] => values.flatMap((value) => [flag, value]);
    return {
      command: [
        'transfer',
        ...['--from', from],
        ...(mode === 'dry-run' ? ['--dry-run'] : mode === 'verify' ? ['--verify-only'] : []),
        ...each('--tables', tables),
        ...each('--exclude', exclude),
        ...each('--on', policies),
        ...(truncate ? ['--truncate'] : []),
        ...(createSchema ? ['--create-schema'] : []),
        ...(detailedExitCode ? ['--detailed-exitcode'] : []),
        '--yes',
      ],
      changes: true,
      ...(truncate && mode === 'load'
        ? {
            question: () =>
              `All rows of the tables of ${from} in database ${settings.database.name} of stack ${name} would be replaced. Go on?`,
          }
        : {}),
    };
  });

function requireInS3(option: string, value: string, how: string): void {
  if (value.startsWith('s3://')) return;
  throw new PlatformError(
    'usage',
    `${option} ${value} is on this machine; prod's database is reached by its task, which reads its bucket alone.`,
    `Give s3://... of ${how}.`,
    { kind: 'usage', object: option },
  );
}
