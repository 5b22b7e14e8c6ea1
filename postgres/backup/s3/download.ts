import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { flushFolder } from '../../../system/atomicFile';
import { PlatformError, systemReason } from '../../../system/errors';
import { storageError } from '../../../system/storageError';
import type { Manifest, ManifestFile } from '../manifest';
import { type Bucket, forEachAtOnce } from './bucket';
import { CORRUPTED } from './failure';
import { backupPrefix, uriOf } from './keys';
import { readObject } from './readObject';
import { fetchManifest, findBackup } from './storedManifest';
import type { TransferOptions } from './upload';

export interface ReadBackOptions extends TransferOptions {
  /** The stack's, where it has one: the manifest has to be signed by it. */
  key?: Buffer;
}

/** What goes wrong on the way does so once; what is wrong in the bucket stays. */
const TRIES = 2;

/**
 * Brings the backup of an id into `folder`/ID, written and flushed as `.partial-ID` and renamed when every file has the size and SHA-256 of
 * the manifest (`s3-corrupted` with the file's name, else). What stops or fails leaves `.partial-ID` to the next try, which begins anew.
 * The manifest is proven first (`fetchManifest`). Refused: a folder of that name (`backup-present`), an id that the bucket does not have (`s3-not-found`).
 */
export async function downloadBackup(
  bucket: Bucket,
  id: string,
  folder: string,
  { key, signal, progress }: ReadBackOptions = {},
): Promise<{ folder: string; manifest: Manifest }> {
  const backup = await findBackup(bucket, id, signal);
  const target = join(folder, id);
  if (existsSync(target)) throw present(target);
  const partial = join(folder, `.partial-${id}`);
  let done = 0;
  try {
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true, mode: 0o700 });
    const manifest = await fetchManifest(bucket, backup, partial, { key, signal });
    const folders = new Set(['.', ...manifest.files.map(({ path }) => dirname(path))]);
    for (const one of folders) await mkdir(join(partial, one), { recursive: true, mode: 0o700 });
    await forEachAtOnce(manifest.files, bucket.settings.concurrency, signal, async (file, inner) => {
      await downloadFile(bucket, manifest, file, partial, inner);
      progress?.((done += file.bytes), manifest.bytes);
    });
    for (const one of folders) flushFolder(join(partial, one));
    await rename(partial, target);
    flushFolder(folder);
    return { folder: target, manifest };
  } catch (error) {
    throw written(target, error);
  }
}

async function downloadFile(
  bucket: Bucket,
  manifest: Manifest,
  file: ManifestFile,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  const path = join(folder, file.path);
  for (let attempt = 1; ; attempt += 1) {
    const handle = await open(path, 'w', 0o600);
    try {
      const wrong = await readFileOf(bucket, manifest, file, signal, async (chunk) => {
        try {
          for (let at = 0; at < chunk.length;) at += (await handle.write(chunk, at)).bytesWritten;
        } catch (error) {
          throw written(path, error);
        }
      });
      if (wrong === undefined) return await handle.sync();
      if (attempt === TRIES) throw corrupted(bucket, manifest, file, wrong);
    } finally {
      await handle.close();
    }
  }
}

/** Reads a file of a backup to its end. What is wrong with it; undefined: it is as the manifest says. */
export async function readFileOf(
  bucket: Bucket,
  manifest: Manifest,
  file: ManifestFile,
  signal: AbortSignal,
  take: (chunk: Buffer) => Promise<void> | void = () => undefined,
): Promise<'size' | 'checksum' | undefined> {
  const hash = createHash('sha256');
  const key = backupPrefix(bucket.prefix, manifest) + file.path;
  const bytes = await readObject(
    bucket,
    key,
    file.bytes,
    (chunk) => {
      hash.update(chunk);
      return take(chunk);
    },
    signal,
  );
  if (bytes !== file.bytes) return 'size';
  return hash.digest('hex') === file.sha256 ? undefined : 'checksum';
}

const corrupted = (
  bucket: Bucket,
  manifest: Manifest,
  { path }: ManifestFile,
  wrong: 'size' | 'checksum',
): PlatformError =>
  new PlatformError(
    CORRUPTED,
    `${path} of ${uriOf(bucket.name, bucket.prefix, manifest)} has another ${wrong === 'size' ? 'size' : 'SHA-256'} than its manifest says.`,
    'Restore another backup; where the bucket keeps versions, an older version of the file may be whole.',
    { object: path },
  );

const present = (target: string): PlatformError =>
  new PlatformError(
    'backup-present',
    `${target} exists already; it is not written over.`,
    'Restore from it, or move it away and run it again.',
    { kind: 'refused', object: target },
  );

function written(path: string, error: unknown): unknown {
  if (error instanceof PlatformError) return error;
  const refused = storageError(path, error);
  if (refused instanceof PlatformError) return refused;
  const message = `${path} could not be written: ${systemReason(error)}.`;
  return new PlatformError('backup-not-written', message, 'Check that disk and run it again.', {
    object: path,
    cause: error,
  });
}
