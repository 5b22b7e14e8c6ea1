import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

import type { CompletedPart } from '@aws-sdk/client-s3';

import { codeOf, PlatformError, systemReason } from '../../../system/errors';
import type { ManifestFile } from '../manifest';
import { type Bucket, throwIfStopped, workSignal } from './bucket';
import { NO_UPLOAD } from './failure';
import { type Buffers, crc32Text, proofOf, readPart } from './parts';

/** One file of a backup on its way into the bucket. */
export interface FileUpload {
  bucket: Bucket;
  key: string;
  /** The folder that `file.path` is below. */
  folder: string;
  file: ManifestFile;
  buffers: Buffers;
  partBytes: number;
  signal: AbortSignal;
  /** Bytes that have arrived. */
  arrived: (bytes: number) => void;
}

/** Name of an object's metadata with the SHA-256 of its file: tells whether an object is the one that was meant. */
export const SHA256 = 'sha256';

/** Whoever presses Ctrl-C waits no longer for an endpoint that does not answer. */
const ABORT_MS = 15_000;

/** What every file is stored with; the manifest too, but for its storage class. */
export const storedWith = ({ settings: { kmsKeyId } }: Bucket) =>
  kmsKeyId === undefined
    ? {}
    : ({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: kmsKeyId, BucketKeyEnabled: true } as const);

const objectOf = ({ bucket, key, file }: FileUpload) => ({
  Bucket: bucket.name,
  Key: key,
  Metadata: { [SHA256]: file.sha256 },
  ...storedWith(bucket),
  ...(bucket.settings.storageClass === undefined ? {} : { StorageClass: bucket.settings.storageClass }),
});

/**
 * Uploads a file and compares what it reads with the manifest: a file that is no longer the one that was verified is refused
 * (`backup-changed`). Leaves no unfinished upload behind, however it ends, but for SIGKILL.
 */
export async function uploadFile(upload: FileUpload): Promise<void> {
  const { folder, file, partBytes } = upload;
  let handle: FileHandle;
  try {
    handle = await open(join(folder, file.path), 'r');
  } catch (error) {
    throw changed(upload, codeOf(error) === 'ENOENT' ? 'is gone' : `cannot be read: ${systemReason(error)}`);
  }
  try {
    const { size } = await handle.stat();
    if (size !== file.bytes) throw changed(upload, `has ${size} bytes, not ${file.bytes}`);
    await (size <= partBytes ? putWhole(upload, handle) : putInParts(upload, handle));
  } finally {
    await handle.close();
  }
}

async function putWhole(upload: FileUpload, handle: FileHandle): Promise<void> {
  const { bucket, key, buffers, signal } = upload;
  const buffer = await buffers.take();
  try {
    throwIfStopped(bucket, signal);
    const bytes = await readPart(handle, buffer, 0);
    checkContent(upload, createHash('sha256').update(bytes).digest('hex'));
    const input = { ...objectOf(upload), Body: bytes, ...proofOf(bytes, bucket.checksums) };
    await bucket.call('s3:PutObject', key, (s3) => s3.putObject(input, { abortSignal: signal }));
    upload.arrived(bytes.length);
  } finally {
    buffers.give(buffer);
  }
}

async function putInParts(upload: FileUpload, handle: FileHandle): Promise<void> {
  const { bucket, key, signal: outer } = upload;
  const object = { Bucket: bucket.name, Key: key };
  const whole =
    bucket.checksums === 'crc32' ? ({ ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' } as const) : {};
  // Not to be stopped: what it begins has to be known, so that it can be ended.
  const { UploadId } = await bucket.call('s3:PutObject', key, (s3) =>
    s3.createMultipartUpload({ ...objectOf(upload), ...whole }),
  );
  const { signal, stop } = workSignal(outer);
  try {
    const { parts, crc } = await sendParts({ ...upload, signal }, handle, String(UploadId), stop);
    const sum =
      bucket.checksums === 'crc32' ? ({ ChecksumCRC32: crc32Text(crc), ChecksumType: 'FULL_OBJECT' } as const) : {};
    const input = { ...object, UploadId, MultipartUpload: { Parts: parts }, ...sum };
    await bucket
      .call('s3:PutObject', key, (s3) => s3.completeMultipartUpload(input, { abortSignal: signal }))
      .catch((error: unknown) => ignoreIfComplete(upload, error));
  } catch (error) {
    // It would be paid for until somebody ends it. The first failure is what is told.
    const abortSignal = AbortSignal.timeout(ABORT_MS);
    await bucket
      .call('s3:AbortMultipartUpload', key, (s3) => s3.abortMultipartUpload({ ...object, UploadId }, { abortSignal }))
      .catch(() => undefined);
    throw error;
  }
}

/** All parts have settled when it returns or throws. */
async function sendParts(
  upload: FileUpload,
  handle: FileHandle,
  UploadId: string,
  stop: () => void,
): Promise<{ parts: CompletedPart[]; crc: number }> {
  const { bucket, key, file, buffers, partBytes, signal, arrived } = upload;
  const sent: Promise<CompletedPart>[] = [];
  const failures: unknown[] = [];
  const hash = createHash('sha256');
  let crc = 0;
  const send = async (buffer: Buffer, bytes: Buffer, PartNumber: number): Promise<CompletedPart> => {
    try {
      const proof = proofOf(bytes, bucket.checksums);
      const input = { Bucket: bucket.name, Key: key, UploadId, PartNumber, Body: bytes, ...proof };
      const { ETag } = await bucket.call('s3:PutObject', key, (s3) => s3.uploadPart(input, { abortSignal: signal }));
      arrived(bytes.length);
      return { ETag, PartNumber, ...('ChecksumCRC32' in proof ? proof : {}) };
    } catch (error) {
      failures.push(error);
      stop();
      throw error;
    } finally {
      buffers.give(buffer);
    }
  };
  for (let at = 0; at < file.bytes && !signal.aborted; at += partBytes) {
    const buffer = await buffers.take();
    const bytes = await readPart(handle, buffer, at);
    hash.update(bytes);
    if (bucket.checksums === 'crc32') crc = crc32(bytes, crc);
    const part = send(buffer, bytes, sent.length + 1);
    part.catch(() => undefined);
    sent.push(part);
  }
  await Promise.allSettled(sent);
  if (failures.length > 0) throw failures[0];
  throwIfStopped(bucket, signal);
  checkContent(upload, hash.digest('hex'));
  return { parts: await Promise.all(sent), crc };
}

/** The answer to a completed upload got lost and the request was sent again: then the object is there. */
async function ignoreIfComplete({ bucket, key, file, signal }: FileUpload, error: unknown): Promise<void> {
  if (!(error instanceof PlatformError) || error.code !== NO_UPLOAD) throw error;
  const object = { Bucket: bucket.name, Key: key };
  const { ContentLength, Metadata } = await bucket.call('s3:GetObject', key, (s3) =>
    s3.headObject(object, { abortSignal: signal }),
  );
  if (ContentLength !== file.bytes || Metadata?.[SHA256] !== file.sha256) throw error;
}

function checkContent(upload: FileUpload, sha256: string): void {
  if (sha256 !== upload.file.sha256) throw changed(upload, 'holds other bytes than its manifest says');
}

function changed({ folder, file }: FileUpload, what: string): PlatformError {
  return new PlatformError(
    'backup-changed',
    `${file.path} of the backup in ${folder} ${what}; expected what its manifest was written for.`,
    'See `npm run coachdb -- backup verify`, then make a new backup.',
    { kind: 'refused', object: file.path },
  );
}
