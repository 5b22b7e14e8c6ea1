import { type Generation, GENERATIONS } from '../../postgres/backup/manifest';

/** A rule of a bucket's lifecycle, with the provider's own keys. */
export interface LifecycleRule {
  id: string;
  status: 'Enabled';
  /** Empty: the whole bucket. */
  filter: { prefix?: string };
  transitions?: { days: number; storageClass: StorageClass }[];
  expiration?: { days: number } | { expiredObjectDeleteMarker: true };
  noncurrentVersionExpiration?: { noncurrentDays: number };
  abortIncompleteMultipartUpload?: { daysAfterInitiation: number };
}

export type StorageClass = (typeof COLDER)[number]['storageClass'];

/**
 * Storage classes that a backup passes through as it gets older, and the days for which each is billed at least
 * (https://aws.amazon.com/s3/pricing). Only those that answer at once: out of Glacier Flexible Retrieval and Deep Archive a restore
 * would have to wait for hours.
 */
export const COLDER = [
  { storageClass: 'STANDARD_IA', fromDay: 30, minimumDays: 30 },
  { storageClass: 'GLACIER_IR', fromDay: 90, minimumDays: 90 },
] as const;

/** For whoever mends what prunes. */
const GRACE_DAYS = 30;
/** An upload takes hours. What is older was killed and is billed, though no listing shows it. */
const ABORT_UPLOADS_AFTER_DAYS = 7;

export interface LifecycleArgs {
  /** What the generations lie below, with its slash. */
  prefix: string;
  /** Days after which pruning removes a backup of each generation. */
  daysKept: Record<Generation, number>;
  /** Days for which no version can be deleted; not more than the shortest of `daysKept`. */
  lockDays: number;
}

/**
 * What the bucket does by itself. Every object expires by one rule alone, that of its generation, and later than pruning would remove it: pruning
 * knows which backups are good and takes the manifest first, rules go by age and take one object after the other. An expired or deleted one is a
 * version under a delete marker from then on; it can be brought back for as long as the lock is, counted anew, so the lock is always over when it goes.
 */
export function lifecycleRules({ prefix, daysKept, lockDays }: LifecycleArgs): LifecycleRule[] {
  const generations = GENERATIONS.map((generation): LifecycleRule => {
    const transitions = transitionsWithin(daysKept[generation]);
    return {
      id: generation,
      status: 'Enabled',
      filter: { prefix: `${prefix}${generation}/` },
      ...(transitions.length === 0 ? {} : { transitions }),
      expiration: { days: daysKept[generation] + GRACE_DAYS },
    };
  });
  return [...generations, deletedObjects(lockDays), killedUploads];
}

/** The log bucket's: it has no versions and no locks. */
export function logLifecycleRules(days: number): LifecycleRule[] {
  return [{ id: 'logs', status: 'Enabled', filter: {}, expiration: { days } }, killedUploads];
}

/** Of a bucket whose objects go when nothing names them any more: what was deleted can be brought back for so many days. */
export const deletionRules = (days: number): LifecycleRule[] => [deletedObjects(days), killedUploads];

/** Only where a backup, before it is pruned, stays for as long as the class is billed. */
function transitionsWithin(days: number): { days: number; storageClass: StorageClass }[] {
  return COLDER.filter(({ fromDay, minimumDays }) => days >= fromDay + minimumDays).map(
    ({ storageClass, fromDay }) => ({
      days: fromDay,
      storageClass,
    }),
  );
}

const deletedObjects = (noncurrentDays: number): LifecycleRule => ({
  id: 'deleted-objects',
  status: 'Enabled',
  filter: {},
  noncurrentVersionExpiration: { noncurrentDays },
  expiration: { expiredObjectDeleteMarker: true },
});

const killedUploads: LifecycleRule = {
  id: 'killed-uploads',
  status: 'Enabled',
  filter: {},
  abortIncompleteMultipartUpload: { daysAfterInitiation: ABORT_UPLOADS_AFTER_DAYS },
};
