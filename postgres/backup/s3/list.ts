import { PlatformError } from '../../../system/errors';
import type { BackupEntry } from '../catalogue';
import { GENERATIONS, type Manifest, MANIFEST_FILE } from '../manifest';
import { MANIFEST_HASH_FILE, parseManifest } from '../manifestFile';
import { type Bucket, forEachAtOnce } from './bucket';
import { type BackupPath, generationPrefix, manifestKey, pinPrefix, splitKey, startOfId, uriOf } from './keys';
import { objectsBelow, type StoredObject } from './objects';
import { lockOf, readStored } from './storedManifest';

/** A backup in the bucket. */
export interface S3Entry extends BackupEntry {
  /** `s3://BUCKET/PREFIX/daily/ID`. */
  uri: string;
  /** Keys of everything below it, the manifest's too. */
  keys: string[];
  /** Of the manifest, as it was read: `remove` takes no other. */
  etag?: string;
  /** What makes it bad: `dump/toc.dat is missing`. */
  problems: string[];
}

/**
 * All backups below the prefix, oldest first: a request for each thousand objects and two for each manifest. Good is one whose manifest
 * reads and whose files are there in their sizes, which a lifecycle rule may have changed; their bytes are `verify`'s. A legal hold
 * counts as a pin.
 */
export async function listBackups(bucket: Bucket, signal?: AbortSignal): Promise<S3Entry[]> {
  const pinned = new Set((await objectsBelow(bucket, pinPrefix(bucket.prefix))).map(({ key }) => key));
  const backups = new Map<string, BackupPath & { objects: StoredObject[] }>();
  for (const generation of GENERATIONS) {
    for (const object of await objectsBelow(bucket, generationPrefix(bucket.prefix, generation))) {
      const path = splitKey(bucket.prefix, object.key);
      if (path === undefined) continue;
      const name = `${generation}/${path.id}`;
      const backup = backups.get(name) ?? { generation, id: path.id, objects: [] };
      backup.objects.push(object);
      backups.set(name, backup);
    }
  }
  const entries: S3Entry[] = [];
  await forEachAtOnce([...backups.values()], bucket.settings.concurrency, signal, async (backup, inner) => {
    entries.push(await readEntry(bucket, backup, pinned.has(pinPrefix(bucket.prefix) + backup.id), inner));
  });
  return entries.sort((a, b) => (a.id < b.id ? -1 : 1));
}

async function readEntry(
  bucket: Bucket,
  { objects, ...path }: BackupPath & { objects: StoredObject[] },
  pinned: boolean,
  signal: AbortSignal,
): Promise<S3Entry> {
  const key = manifestKey(bucket.prefix, path);
  const stored = objects.some((object) => object.key === key) ? await readStored(bucket, key, signal) : undefined;
  const lock = stored === undefined ? undefined : await lockOf(bucket, key, signal);
  const common = { uri: uriOf(bucket.name, bucket.prefix, path), keys: objects.map((object) => object.key) };
  const known = {
    ...common,
    id: path.id,
    generation: path.generation,
    pinned: pinned || lock?.legalHold === true,
    ...(lock?.lockedUntil === undefined ? {} : { lockedUntil: lock.lockedUntil }),
    ...(stored?.etag === undefined ? {} : { etag: stored.etag }),
  };
  const read = stored === undefined ? undefined : readOf(stored.text, path, common.uri);
  if (read === undefined || 'problem' in read) {
    const startedAt = startOfId(path.id) ?? new Date(Math.min(...objects.map(({ modified }) => modified.getTime())));
    const bytes = objects.reduce((sum, object) => sum + object.bytes, 0);
    const problems = read === undefined ? [] : [read.problem];
    const state = read === undefined ? 'incomplete' : 'bad';
    return { ...known, stack: bucket.stack, startedAt, durationMs: 0, bytes, state, problems };
  }
  const { manifest } = read;
  const sizes = new Map(objects.map((object) => [splitKey(bucket.prefix, object.key)?.path, object.bytes]));
  const unproven = sizes.has(MANIFEST_HASH_FILE) ? [] : [`${MANIFEST_HASH_FILE} is missing`];
  const wrong = manifest.files.flatMap((file) => {
    const found = sizes.get(file.path);
    if (found === file.bytes) return [];
    return [found === undefined ? `${file.path} is missing` : `${file.path} has ${found} bytes, not ${file.bytes}`];
  });
  const problems = [...unproven, ...wrong];
  return {
    ...known,
    stack: manifest.stack,
    startedAt: new Date(manifest.startedAt),
    durationMs: Date.parse(manifest.finishedAt) - Date.parse(manifest.startedAt),
    bytes: manifest.bytes,
    state: problems.length === 0 ? 'good' : 'bad',
    problems,
  };
}

/** The manifest that a text is, or why it is not that of this backup. */
function readOf(
  text: string,
  { id, generation }: BackupPath,
  uri: string,
): { manifest: Manifest } | { problem: string } {
  try {
    const manifest = parseManifest(text, `${uri}/${MANIFEST_FILE}`);
    if (manifest.id === id && manifest.generation === generation) return { manifest };
    return { problem: `${MANIFEST_FILE} is that of ${manifest.generation} ${manifest.id}` };
  } catch (error) {
    if (error instanceof PlatformError) return { problem: error.message };
    throw error;
  }
}
