import { PlatformError } from '../../../system/errors';
import { type Bucket, forEachAtOnce } from './bucket';
import { EXISTS, NOT_FOUND, NOT_SUPPORTED } from './failure';
import { manifestKey, pinPrefix } from './keys';
import type { S3Entry } from './list';
import { objectsBelow } from './objects';
import { lockOf, readStored } from './storedManifest';
import { putText } from './upload';

export type Removal =
  /** `versions`: the bucket keeps what was deleted until its lifecycle rule for old versions takes it. */
  { outcome: 'removed'; versions: boolean } | { outcome: 'locked'; until: Date } | { outcome: 'pinned' };

/**
 * Deletes a backup as it was listed, the manifest first: from then on it is no backup. Pin and lock are looked at once more; a locked one is
 * kept, since deleting would hide it and free nothing. In a bucket with versions delete markers are written, and versions stay.
 * A manifest that is another by now is refused (`s3-exists`).
 */
export async function removeBackup(
  bucket: Bucket,
  entry: S3Entry,
  { now = new Date(), signal }: { now?: Date; signal?: AbortSignal } = {},
): Promise<Removal> {
  const key = manifestKey(bucket.prefix, entry);
  const stored = await readStored(bucket, key, signal);
  const lock = stored === undefined ? undefined : await lockOf(bucket, key, signal);
  const pins = await objectsBelow(bucket, pinPrefix(bucket.prefix) + entry.id);
  if (lock?.legalHold === true || pins.some((pin) => pin.key === pinPrefix(bucket.prefix) + entry.id))
    return { outcome: 'pinned' };
  if (lock?.lockedUntil !== undefined && lock.lockedUntil > now) return { outcome: 'locked', until: lock.lockedUntil };
  if (stored?.etag !== entry.etag) throw another(entry);
  let versions = false;
  const remove = async (one: string, condition: { IfMatch?: string }, inner?: AbortSignal): Promise<void> => {
    const input = { Bucket: bucket.name, Key: one, ...condition };
    const done = await bucket.call('s3:DeleteObject', one, (s3) =>
      s3.deleteObject(input, inner && { abortSignal: inner }),
    );
    versions ||= done.DeleteMarker === true;
  };
  if (entry.etag !== undefined) {
    await remove(key, { IfMatch: entry.etag }).catch(async (error: unknown) => {
      if (!(error instanceof PlatformError)) throw error;
      if (error.code === EXISTS) throw another(entry);
      // Gone already, or the answer got lost.
      if (error.code === NOT_FOUND) return;
      if (error.code !== NOT_SUPPORTED) throw error;
      await remove(key, {});
    });
  }
  // One by one: a request for many wants a checksum of a kind on which vendors differ.
  const others = entry.keys.filter((one) => one !== key);
  await forEachAtOnce(others, bucket.settings.concurrency, signal, (one, inner) => remove(one, {}, inner));
  return { outcome: 'removed', versions };
}

const another = ({ uri }: S3Entry): PlatformError =>
  new PlatformError(
    EXISTS,
    `The manifest of ${uri} is another one than was listed.`,
    'Nothing was deleted. See `npm run coachdb -- backup list`, then run it again.',
    { kind: 'refused', object: uri },
  );

/** Keeps a backup whatever its age: an object of its id beside the generations. */
export async function pinBackup(bucket: Bucket, id: string): Promise<void> {
  const key = pinPrefix(bucket.prefix) + id;
  await putText(bucket, key, `${id}\n`);
}

export async function unpinBackup(bucket: Bucket, id: string): Promise<void> {
  const key = pinPrefix(bucket.prefix) + id;
  await bucket.call('s3:DeleteObject', key, (s3) => s3.deleteObject({ Bucket: bucket.name, Key: key }));
}
