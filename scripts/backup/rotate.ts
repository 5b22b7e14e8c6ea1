import type { FolderBackup } from '../../postgres/backup/folder';
import { planRotation, type RotationPlan } from '../../postgres/backup/rotation';
import type { BackupWorkplace } from './workplace';

/** What the settings, or `--retention`, make of the backups there are. Who holds the folder's lock knows that no run is under way. */
export function planFor(
  { stack }: BackupWorkplace,
  entries: readonly FolderBackup[],
  retentionDays: number | undefined,
): RotationPlan {
  const { backup } = stack.settings;
  const policy = { ...backup, retentionDays: retentionDays ?? backup.retentionDays };
  return planRotation(entries, policy, new Date(), () => true);
}
