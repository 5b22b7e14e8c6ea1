import type { BackupEntry } from '../../postgres/backup/catalogue';
import { planRotation, type RotationPlan } from '../../postgres/backup/rotation';
import type { S3Entry } from '../../postgres/backup/s3/list';
import type { S3Settings } from '../../postgres/backup/s3/settings';
import type { S3Store } from '../../postgres/backup/s3/store';
import { PlatformError } from '../../system/errors';
import type { BackupWorkplace } from './workplace';

/** What goes wrong of one of many. */
export interface Pruned {
  removed: string[];
  /** Kept since somebody pinned or locked it meanwhile: the id and why. */
  kept: { id: string; reason: string }[];
  failures: PlatformError[];
}

function settingsOf({ stack }: BackupWorkplace, other: { bucket?: string; prefix?: string }): S3Settings {
  const { s3 } = stack.settings.backup;
  if (s3 !== undefined) return { ...s3, ...other };
  // A machine that only restores needs no settings of a bucket.
  if (other.bucket !== undefined) return { concurrency: 4, ...other, bucket: other.bucket };
  throw new PlatformError(
    's3-not-configured',
    `Stack ${stack.name} names no bucket for backups.`,
    `Set one: coach:backup.s3.bucket in Pulumi.${stack.name}.yaml.`,
    { kind: 'usage', object: 'coach:backup.s3' },
  );
}

/** Opens the stack's bucket, or the one that `other` names, for `work`. The AWS SDK is loaded for this alone. */
export async function withStore<T>(
  workplace: BackupWorkplace,
  work: (store: S3Store) => Promise<T>,
  other: { bucket?: string; prefix?: string } = {},
): Promise<T> {
  const settings = settingsOf(workplace, other);
  const { openStore } = await import('../../postgres/backup/s3/store');
  const store = await openStore(settings, workplace.stack.name);
  try {
    return await work(store);
  } finally {
    store.close();
  }
}

/** The same plan as for the folder. What is incomplete may be somebody's upload under way: it goes after a day. */
export function planForBucket(
  { stack }: BackupWorkplace,
  entries: readonly S3Entry[],
  retentionDays: number | undefined,
  now = new Date(),
): RotationPlan {
  const { backup } = stack.settings;
  const isOld = ({ startedAt }: BackupEntry): boolean => now.getTime() - startedAt.getTime() > 86_400_000;
  return planRotation(entries, { ...backup, retentionDays: retentionDays ?? backup.retentionDays }, now, isOld);
}

/** Carries the plan out, oldest first; what cannot be removed does not keep the others from it. */
export async function pruneBucket(store: S3Store, plan: RotationPlan, signal: AbortSignal): Promise<Pruned> {
  const pruned: Pruned = { removed: [], kept: [], failures: [] };
  for (const { entry, action } of plan) {
    if (action === 'keep') continue;
    try {
      const removal = await store.remove(entry as S3Entry, { signal });
      if (removal.outcome === 'removed') pruned.removed.push(entry.id);
      else
        pruned.kept.push({
          id: entry.id,
          reason: removal.outcome === 'pinned' ? 'pinned' : `locked until ${removal.until.toISOString()}`,
        });
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof PlatformError)) throw error;
      pruned.failures.push(error);
    }
  }
  return pruned;
}
