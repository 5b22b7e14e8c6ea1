import { type FolderBackup, readBackups } from '../../postgres/backup/folder';
import { PlatformError } from '../../system/errors';
import type { BackupWorkplace } from './workplace';

/** The backup of that id, or of an id that begins so; without one the newest that came to its end. */
export function chooseBackup({ directory, key, stack }: BackupWorkplace, id: string | undefined): FolderBackup {
  const all = readBackups(directory, key);
  const complete = all.filter(({ state }) => state !== 'incomplete');
  if (id === undefined) {
    const newest = complete.at(-1);
    if (newest !== undefined) return newest;
    throw new PlatformError(
      'backup-none',
      `Stack ${stack.name} has no backup in ${directory}.`,
      'Make one: `npm run db:backup`.',
      { kind: 'refused', object: directory },
    );
  }
  const found = id === '' ? [] : all.filter((one) => one.id.startsWith(id));
  const [first] = found;
  if (first !== undefined && found.length === 1) return first;
  throw new PlatformError(
    'backup-unknown',
    found.length === 0
      ? `There is no backup ${id} in ${directory}.`
      : `${id} may be any of ${found.map((one) => one.id).join(', ')}.`,
    '`npm run coachdb -- backup list` names them.',
    { kind: 'usage', object: id },
  );
}
