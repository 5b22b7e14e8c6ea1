import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { PlatformError } from '../../../system/errors';
import { GENERATIONS, type Manifest, MANIFEST_FILE } from '../manifest';
import { OWN_FILES, readManifest } from '../manifestFile';
import type { Bucket } from './bucket';
import { NOT_FOUND } from './failure';
import { type BackupPath, backupPrefix, manifestKey, uriOf } from './keys';

/** What an object says. */
export interface StoredText {
  text: string;
  etag: string | undefined;
}

export interface Lock {
  lockedUntil: Date | undefined;
  legalHold: boolean;
}

/** Undefined: there is none. */
export async function readStored(bucket: Bucket, key: string, signal?: AbortSignal): Promise<StoredText | undefined> {
  try {
    return await bucket.call('s3:GetObject', key, async (s3) => {
      const found = await s3.getObject({ Bucket: bucket.name, Key: key }, signal && { abortSignal: signal });
      return { text: (await found.Body?.transformToString()) ?? '', etag: found.ETag };
    });
  } catch (error) {
    if (error instanceof PlatformError && error.code === NOT_FOUND) return undefined;
    throw error;
  }
}

/** What stands in the way of deleting an object, where the caller may know (`s3:GetObjectRetention`). Some vendors tell it with HEAD alone. */
export async function lockOf(bucket: Bucket, key: string, signal?: AbortSignal): Promise<Lock> {
  const object = { Bucket: bucket.name, Key: key };
  const found = await bucket.call('s3:GetObject', key, (s3) =>
    s3.headObject(object, signal && { abortSignal: signal }),
  );
  return { lockedUntil: found.ObjectLockRetainUntilDate, legalHold: found.ObjectLockLegalHoldStatus === 'ON' };
}

/** The backup of an id, whatever its generation, by its manifest. Throws `s3-not-found`. */
export async function findBackup(bucket: Bucket, id: string, signal?: AbortSignal): Promise<BackupPath> {
  for (const generation of GENERATIONS) {
    const backup = { generation, id };
    if ((await readStored(bucket, manifestKey(bucket.prefix, backup), signal)) !== undefined) return backup;
  }
  throw new PlatformError(
    NOT_FOUND,
    `There is no complete backup ${id} below s3://${bucket.name}/${bucket.prefix}/.`,
    'See `npm run coachdb -- backup list`; one that is listed as incomplete cannot be restored.',
    { object: id },
  );
}

/**
 * Lays the manifest of a backup down in a folder, with its hash and signature, and proves it there as `readManifest` does (its errors;
 * `key` is the stack's). Throws `s3-manifest` where it is the manifest of another backup.
 */
export async function fetchManifest(
  bucket: Bucket,
  backup: BackupPath,
  folder: string,
  { key, signal }: { key?: Buffer | undefined; signal?: AbortSignal | undefined } = {},
): Promise<Manifest> {
  for (const name of OWN_FILES) {
    const stored = await readStored(bucket, backupPrefix(bucket.prefix, backup) + name, signal);
    if (stored !== undefined) await writeFile(join(folder, name), stored.text, { mode: 0o600, flush: true });
  }
  const manifest = readManifest(folder, key);
  if (manifest.id === backup.id && manifest.generation === backup.generation) return manifest;
  throw new PlatformError(
    's3-manifest',
    `${uriOf(bucket.name, bucket.prefix, backup)}/${MANIFEST_FILE} is the manifest of another backup (${manifest.generation} ${manifest.id}).`,
    'Choose another backup: `npm run coachdb -- backup list`.',
    { kind: 'refused', object: backup.id },
  );
}
