import { type CommandResult, done } from '../command';
import { IN_S3 } from './backup';
import type { CommandDefinition } from './definition';

const pinning = (name: 'pin' | 'unpin', description: string): CommandDefinition => ({
  name: `backup ${name}`,
  description,
  arguments: ['<id>'],
  options: [IN_S3()],
  run: async (context, options, [id = '']): Promise<CommandResult> => {
    if (options['s3'] === true) return (await import('../backup/s3Commands')).pinS3(context, id, name === 'pin');
    const { writeNotes } = await import('../../postgres/backup/folder');
    const { openWorkplace } = await import('../backup/workplace');
    const { chooseBackup } = await import('../backup/choose');
    const workplace = openWorkplace(context);
    const chosen = chooseBackup(workplace, id);
    const pinned = name === 'pin';
    if (chosen.pinned !== pinned) writeNotes(workplace.directory, chosen.id, { pinned });
    const text = `Backup ${chosen.id} ${pinned ? 'stays whatever its age.' : 'goes when its time has come.'}`;
    return done(text, { id: chosen.id, pinned }, chosen.pinned === pinned ? 'ok' : 'changed');
  },
});

export const backupPin = pinning('pin', 'keeps a backup whatever its age');
export const backupUnpin = pinning('unpin', 'lets a pinned backup go when its time has come');
