import type { FolderBackup } from '../../postgres/backup/folder';
import { type CommandResult, done } from '../command';
import { renderText } from '../report/text';
import { IN_S3 } from './backup';
import type { CommandDefinition } from './definition';

export const backupList: CommandDefinition = {
  name: 'backup list',
  printsData: true,
  description: 'the backups there are, oldest first, and how good each is known to be',
  options: [IN_S3()],
  run: async (context, options): Promise<CommandResult> => {
    if (options['s3'] !== true) {
      const { inTask } = await import('../aws/inTask');
      const remote = await inTask(context, () => ({ command: ['backup', 'list'], changes: false }));
      if (remote !== undefined) return remote;
    }
    const { readBackups } = await import('../../postgres/backup/folder');
    const { openWorkplace } = await import('../backup/workplace');
    const startedAt = new Date();
    const { directory, key, stack } = openWorkplace(context);
    if (options['s3'] === true || stack.task !== undefined) {
      const { listBucket } = await import('../backup/s3Commands');
      return listBucket(context);
    }
    const backups = readBackups(directory, key);
    const document = {
      title: `Backups of stack ${stack.name}`,
      status: 'ok' as const,
      stack: stack.name,
      startedAt,
      durationMs: Date.now() - startedAt.getTime(),
      summary: summaryOf(backups),
      facts: [{ label: 'Folder', value: directory }],
      sections: backups.length === 0 ? [] : [{ heading: 'Backups', tables: [tableOf(backups)] }],
      problems: [],
    };
    return done((display) => renderText(document, display), { directory, backups: backups.map(fieldsOf) });
  },
};

function summaryOf(backups: readonly FolderBackup[]): string {
  const good = backups.filter(({ state }) => state === 'good').length;
  if (backups.length === 0) return 'There is none: `npm run db:backup` makes one.';
  return good === backups.length ? `${good}, all good.` : `${good} of ${backups.length} are good.`;
}

const tableOf = (backups: readonly FolderBackup[]) => ({
  caption: 'Oldest first',
  columns: [
    { heading: 'Backup', kind: 'text' as const },
    { heading: 'State', kind: 'text' as const },
    { heading: 'For', kind: 'text' as const },
    { heading: 'Size', kind: 'bytes' as const },
    { heading: 'Time', kind: 'seconds' as const },
    { heading: 'Restored', kind: 'text' as const },
  ],
  rows: backups.map((one) => [
    one.id,
    `${one.state}${one.pinned ? ', pinned' : ''}`,
    one.state === 'incomplete' ? null : one.generation,
    one.state === 'incomplete' ? null : one.bytes,
    one.state === 'incomplete' ? null : one.durationMs / 1000,
    one.restored === undefined
      ? 'never'
      : `${one.restored.at.toISOString().slice(0, 10)}${one.restored.ok ? '' : ', FAILED'}`,
  ]),
});

export const fieldsOf = (one: FolderBackup): Record<string, unknown> => ({
  id: one.id,
  state: one.state,
  problem: one.problem ?? null,
  generation: one.generation,
  startedAt: one.startedAt.toISOString(),
  durationMs: one.durationMs,
  bytes: one.bytes,
  pinned: one.pinned,
  folder: one.folder,
  reason: one.manifest?.reason ?? null,
  verifications: one.notes.verifications,
});
