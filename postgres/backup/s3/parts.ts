import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

import type { Checksums } from './bucket';
import { MAX_PART_BYTES, MAX_PARTS, MEBIBYTE, type S3Settings } from './settings';

const PART_BYTES = 8 * MEBIBYTE;
/** All parts in memory at once: with Node.js and the SDK a run stays under 200 MB. */
export const BUFFER_BYTES = 96 * MEBIBYTE;

/** Largest file that can be uploaded: 10,000 parts of 64 MiB, 625 GiB. */
export const MAX_FILE_BYTES = MAX_PART_BYTES * MAX_PARTS;

/** Bytes of a part and how many are on their way at once, for files of which the largest has so many bytes. */
export function planParts(
  largestBytes: number,
  { partSizeBytes = PART_BYTES, concurrency }: Pick<S3Settings, 'partSizeBytes' | 'concurrency'>,
): { partBytes: number; atOnce: number } {
  const needed = Math.ceil(largestBytes / MAX_PARTS / MEBIBYTE) * MEBIBYTE;
  const partBytes = Math.max(partSizeBytes, needed);
  return { partBytes, atOnce: Math.max(1, Math.min(concurrency, Math.floor(BUFFER_BYTES / partBytes))) };
}

/** So many buffers and no more: who wants one waits for it, and gives it back. */
export class Buffers {
  private readonly free: Buffer[] = [];
  private readonly waiting: ((buffer: Buffer) => void)[] = [];
  private made = 0;

  constructor(
    private readonly bytes: number,
    private readonly count: number,
  ) {}

  take(): Promise<Buffer> {
    const buffer = this.free.pop() ?? (this.made < this.count ? this.make() : undefined);
    return buffer === undefined ? new Promise((resolve) => this.waiting.push(resolve)) : Promise.resolve(buffer);
  }

  give(buffer: Buffer): void {
    const next = this.waiting.shift();
    if (next === undefined) this.free.push(buffer);
    else next(buffer);
  }

  private make(): Buffer {
    this.made += 1;
    return Buffer.allocUnsafeSlow(this.bytes);
  }
}

/** The bytes of a file from `at` on, as many as the buffer takes; fewer at its end. */
export async function readPart(file: FileHandle, buffer: Buffer, at: number): Promise<Buffer> {
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, at + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

/** What proves the bytes of one request. */
export const proofOf = (bytes: Buffer, checksums: Checksums): { ChecksumCRC32: string } | { ContentMD5: string } =>
  checksums === 'crc32'
    ? { ChecksumCRC32: crc32Text(crc32(bytes)) }
    : { ContentMD5: createHash('md5').update(bytes).digest('base64') };

/** As S3 writes it: base64 of four bytes, the highest first. */
export function crc32Text(value: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes.toString('base64');
}
