import { readBackups } from '../../postgres/backup/folder';
import type { CommandContext } from '../command';
import { withStore } from './bucket';
import type { BackupWorkplace } from './workplace';

/** A backup in S3 becomes one of the folder; one that is there already is taken. Its folder. */
export async function fetchBackup(
  context: CommandContext,
  workplace: BackupWorkplace,
  id: string,
  other: { bucket?: string; prefix?: string } = {},
): Promise<string> {
  const { directory, key } = workplace;
  const here = readBackups(directory, key).find((one) => one.id === id && one.state === 'good');
  if (here !== undefined) return here.folder;
  const options = {
    signal: context.signal,
    progress: (done: number, total: number) =>
      context.passing(`  downloaded ${Math.floor((done / Math.max(1, total)) * 100)} %`),
    ...(key === undefined ? {} : { key }),
  };
  const { folder } = await withStore(workplace, (store) => store.download(id, directory, options), other);
  context.passing('');
  return folder;
}
