import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { PlatformError } from '../../../system/errors';
import type { Manifest } from '../manifest';
import { OWN_FILES } from '../manifestFile';
import type { Finding } from '../readThrough';
import { type Bucket, forEachAtOnce } from './bucket';
import { type ReadBackOptions, readFileOf } from './download';
import { NOT_FOUND } from './failure';
import { backupPrefix } from './keys';
import { objectsBelow } from './objects';
import { fetchManifest, findBackup } from './storedManifest';

/**
 * Reads every byte of a backup back and says what is wrong with which file. A file that cannot be read counts as such, and the others are read
 * all the same. Thrown: a manifest that proves nothing (`fetchManifest`), no such backup, work that is stopped, and whatever keeps from
 * reading at all.
 */
export async function verifyBackup(
  bucket: Bucket,
  id: string,
  { key, signal, progress }: ReadBackOptions = {},
): Promise<{ manifest: Manifest; findings: Finding[] }> {
  const backup = await findBackup(bucket, id, signal);
  const folder = await mkdtemp(join(tmpdir(), 'coachdb-manifest-'));
  let manifest: Manifest;
  try {
    manifest = await fetchManifest(bucket, backup, folder, { key, signal });
  } finally {
    await rm(folder, { recursive: true });
  }
  const findings: Finding[] = [];
  const prefix = backupPrefix(bucket.prefix, backup);
  const listed = new Set([...OWN_FILES, ...manifest.files.map(({ path }) => path)]);
  for (const object of await objectsBelow(bucket, prefix)) {
    const path = object.key.slice(prefix.length);
    if (!listed.has(path)) findings.push({ kind: 'unexpected', path, detail: 'the manifest does not list it' });
  }
  if (manifest.files.length === 0) findings.push({ kind: 'empty', path: '.', detail: 'the manifest lists no file' });
  let done = 0;
  await forEachAtOnce(manifest.files, bucket.settings.concurrency, signal, async (file, inner) => {
    const { path } = file;
    try {
      // Once more: it may have gone wrong on the way.
      const wrong =
        (await readFileOf(bucket, manifest, file, inner)) && (await readFileOf(bucket, manifest, file, inner));
      if (wrong !== undefined) findings.push({ kind: wrong, path, detail: DETAILS[wrong] });
    } catch (error) {
      if (!(error instanceof PlatformError) || !ABOUT_ONE_FILE.has(error.code)) throw error;
      findings.push({ kind: error.code === NOT_FOUND ? 'missing' : 'unreadable', path, detail: error.message });
    }
    progress?.((done += file.bytes), manifest.bytes);
  });
  return { manifest, findings };
}

const DETAILS = { size: 'it has another size', checksum: 'its SHA-256 is another one' };

const ABOUT_ONE_FILE = new Set([NOT_FOUND, 's3-archived', 's3-failed', 's3-kms']);
