import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { PlatformError } from '../../../system/errors';
import { type Manifest, MANIFEST_FILE } from '../manifest';
import { OWN_FILES } from '../manifestFile';
import { type Bucket, forEachAtOnce, throwIfStopped } from './bucket';
import { EXISTS, NOT_SUPPORTED } from './failure';
import { backupPrefix, manifestKey, uriOf } from './keys';
import { objectsBelow } from './objects';
import { Buffers, MAX_FILE_BYTES, planParts, proofOf } from './parts';
import { readStored } from './storedManifest';
import { endUploads } from './unfinished';
import { storedWith, uploadFile } from './uploadFile';

/** Bytes that have arrived, of all. */
export type Progress = (done: number, total: number) => void;

export interface TransferOptions {
  /** Ends the work with `interrupted`. */
  signal?: AbortSignal;
  progress?: Progress;
}

export interface Uploaded {
  /** `s3://BUCKET/PREFIX/daily/ID`. */
  uri: string;
  /** Of the files; 0 where the backup was there already, whole. */
  bytes: number;
}

/**
 * Copies a complete backup into the bucket, the manifest last and as it lies in the folder: until then nothing there counts as a
 * backup. Another backup of that id is never written over (`s3-exists`); the same one is left alone. Every file is compared with the
 * manifest while it is read (`backup-changed`), and the sizes in the bucket before the manifest is written (`s3-incomplete`).
 */
export async function uploadBackup(
  bucket: Bucket,
  folder: string,
  manifest: Manifest,
  { signal, progress }: TransferOptions = {},
): Promise<Uploaded> {
  throwIfStopped(bucket, signal);
  const prefix = backupPrefix(bucket.prefix, manifest);
  const uri = uriOf(bucket.name, bucket.prefix, manifest);
  const text = await readFile(join(folder, MANIFEST_FILE), 'utf8');
  const there = await readStored(bucket, manifestKey(bucket.prefix, manifest), signal);
  if (there !== undefined) {
    if (there.text !== text) throw exists(uri);
    await compareSizes(bucket, prefix, manifest, uri);
    return { uri, bytes: 0 };
  }
  await endUploads(bucket, prefix, false);
  let failed = true;
  try {
    await uploadFiles(bucket, folder, manifest, { ...(signal && { signal }), ...(progress && { progress }) });
    failed = false;
  } finally {
    // What failed, and one that was begun twice, since the first answer got lost. The failure itself is what is told.
    await endUploads(bucket, prefix, failed).catch(() => undefined);
  }
  await compareSizes(bucket, prefix, manifest, uri);
  throwIfStopped(bucket, signal);
  // Hash and signature first: the manifest never stands without.
  for (const name of OWN_FILES.toReversed()) {
    const path = join(folder, name);
    if (existsSync(path)) await putOnce(bucket, prefix + name, await readFile(path, 'utf8'), uri);
  }
  return { uri, bytes: manifest.bytes };
}

async function uploadFiles(
  bucket: Bucket,
  folder: string,
  manifest: Manifest,
  { signal, progress }: TransferOptions,
): Promise<void> {
  const files = manifest.files.toSorted((a, b) => a.bytes - b.bytes);
  const largest = files.at(-1)?.bytes ?? 0;
  if (largest > MAX_FILE_BYTES) throw tooLarge(files.at(-1)?.path ?? '', largest);
  const { partBytes, atOnce } = planParts(largest, bucket.settings);
  const buffers = new Buffers(partBytes, atOnce);
  let done = 0;
  const arrived = (bytes: number): void => progress?.((done += bytes), manifest.bytes);
  const prefix = backupPrefix(bucket.prefix, manifest);
  const upload = (file: Manifest['files'][number], inner: AbortSignal): Promise<void> =>
    uploadFile({ bucket, key: prefix + file.path, folder, file, buffers, partBytes, signal: inner, arrived });
  // The smallest one alone: where writing is not allowed, the refusal of a large one can get lost in its own bytes.
  const [smallest, ...others] = files;
  if (smallest !== undefined) await forEachAtOnce([smallest], 1, signal, upload);
  await forEachAtOnce(others, atOnce, signal, upload);
}

async function compareSizes(bucket: Bucket, prefix: string, { files }: Manifest, uri: string): Promise<void> {
  const objects = await objectsBelow(bucket, prefix);
  const sizes = new Map(objects.map(({ key, bytes }) => [key, bytes]));
  const wrong = files.filter(({ path, bytes }) => sizes.get(prefix + path) !== bytes);
  if (wrong.length === 0) return;
  throw new PlatformError(
    's3-incomplete',
    `${wrong.length} of ${files.length} files of ${uri} are missing or have another size, ${wrong[0]?.path} among them.`,
    'See whether a lifecycle rule or somebody else removes them, then run it again.',
    { object: uri },
  );
}

/** Once it is sent it is not stopped: whether the backup is there has to be known. */
async function putOnce(bucket: Bucket, key: string, text: string, uri: string): Promise<void> {
  try {
    await putText(bucket, key, text, { IfNoneMatch: '*' });
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    const there = await readStored(bucket, key);
    // The answer got lost, and the request was sent again.
    if (there?.text === text) return;
    if (error.code === EXISTS || there !== undefined) throw exists(uri);
    // An endpoint without conditions: that nothing was there a moment ago has to do.
    if (error.code !== NOT_SUPPORTED && !isRefusedCondition(error)) throw error;
    await putText(bucket, key, text);
  }
}

/** Small files that are always STANDARD: a list reads them. */
export async function putText(
  bucket: Bucket,
  key: string,
  text: string,
  condition: { IfNoneMatch?: string } = {},
): Promise<void> {
  const about = { Bucket: bucket.name, Key: key, ContentType: 'text/plain; charset=utf-8', ...storedWith(bucket) };
  const input = { ...about, ...condition, Body: text, ...proofOf(Buffer.from(text), bucket.checksums) };
  await bucket.call('s3:PutObject', key, (s3) => s3.putObject(input));
}

/** Some vendors answer 400 to a header they do not know. */
const isRefusedCondition = ({ code, message }: PlatformError): boolean =>
  code === 's3-failed' && /InvalidArgument|InvalidRequest|BadRequest|\b400\b/.test(message);

const exists = (uri: string): PlatformError =>
  new PlatformError(
    EXISTS,
    `Another backup is already at ${uri}, with another manifest.`,
    'Nothing was written over it. See `npm run coachdb -- backup list`.',
    { kind: 'refused', object: uri },
  );

const tooLarge = (path: string, bytes: number): PlatformError =>
  new PlatformError(
    's3-file-too-large',
    `${path} has ${bytes} bytes; at most ${MAX_FILE_BYTES} (10,000 parts of 64 MiB) can be uploaded in bounded memory.`,
    'Compress the backup, or partition the table.',
    { kind: 'refused', object: path },
  );
