import { setTimeout as pause } from 'node:timers/promises';

import { PlatformError } from '../../../system/errors';
import { type Bucket, throwIfStopped } from './bucket';

/** Of a body that breaks off; what arrived counts, so a break after some bytes starts the count anew. */
const PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 20_000;

/** Codes after which a body is asked for again from where it broke off. */
const BROKEN = /^s3-(connection|unreachable|busy|failed)$/;

/**
 * Reads an object of a known size and hands its bytes over in order, each before the next is asked for. A connection that breaks or stands
 * still in the middle is opened again from that byte on, of the same object (its ETag). Gives how many bytes there were: fewer or more
 * than expected mean another object.
 */
export async function readObject(
  bucket: Bucket,
  key: string,
  bytes: number,
  take: (chunk: Buffer) => Promise<void> | void,
  signal: AbortSignal,
): Promise<number> {
  let at = 0;
  let etag: string | undefined;
  let failed = 0;
  let otherSize: number | undefined;
  for (;;) {
    const before = at;
    try {
      await bucket.call('s3:GetObject', key, async (s3) => {
        const rest = at === 0 ? {} : { Range: `bytes=${at}-`, ...(etag === undefined ? {} : { IfMatch: etag }) };
        const found = await s3.getObject({ Bucket: bucket.name, Key: key, ...rest }, { abortSignal: signal });
        etag = found.ETag;
        const size = at + (found.ContentLength ?? 0);
        if (size !== bytes) {
          (found.Body as NodeJS.ReadableStream & { destroy(): void }).destroy();
          otherSize = size;
          return;
        }
        for await (const chunk of found.Body as AsyncIterable<Buffer>) {
          at += chunk.length;
          const taken = take(chunk);
          if (taken !== undefined) await taken;
        }
      });
      if (otherSize !== undefined) return otherSize;
      if (at >= bytes || at === before) return at;
      // It ended early without saying so.
    } catch (error) {
      throwIfStopped(bucket, signal);
      if (!(error instanceof PlatformError) || !BROKEN.test(error.code)) throw error;
      failed = at > before ? 1 : failed + 1;
      if (failed >= bucket.attempts) throw error;
      await pause(Math.random() * Math.min(LONGEST_PAUSE_MS, PAUSE_MS * 2 ** failed), undefined, { signal }).catch(
        () => undefined,
      );
    }
    throwIfStopped(bucket, signal);
  }
}
