import { setMaxListeners } from 'node:events';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';

import type { S3, S3ClientConfig } from '@aws-sdk/client-s3';

import { PlatformError } from '../../../system/errors';
import { CORRUPTED, interrupted, s3Failure } from './failure';
import type { S3Settings } from './settings';

/** How the bytes of a request are proven to the service: `crc32` of the whole object, which AWS compares itself; Content-MD5, which every S3 knows. */
export type Checksums = 'crc32' | 'md5';

export interface BucketOptions {
  /** Of one request, with growing pauses between them. */
  attempts?: number;
  /** Without a byte in either direction. */
  idleTimeoutMs?: number;
  checksums?: Checksums;
}

/** One bucket, one prefix. */
export interface Bucket {
  name: string;
  /** Without a / at its end. */
  prefix: string;
  stack: string;
  settings: S3Settings;
  checksums: Checksums;
  attempts: number;
  /** Does one thing, which takes the right `action`; a failure is a PlatformError. `key` is what it concerns. */
  call<T>(action: string, key: string | undefined, work: (s3: S3) => Promise<T>): Promise<T>;
  close(): void;
}

/** With the SDK's pauses ten take about half a minute, and a minute where the service asks to slow down. */
const ATTEMPTS = 10;
/** What arrived wrong is sent again so often. The SDK does not. */
const CORRUPTED_ATTEMPTS = 3;
const IDLE_TIMEOUT_MS = 30_000;
const CONNECT_TIMEOUT_MS = 10_000;

/** Loads the SDK (a quarter of a second), which nothing else does. `stack` is the prefix where none is set. */
export async function openBucket(settings: S3Settings, stack: string, options: BucketOptions = {}): Promise<Bucket> {
  // It would tell every user of Node.js 20 on stderr what later versions of the SDK need; this one is pinned.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
  const { S3: Client } = await import('@aws-sdk/client-s3');
  const { attempts = ATTEMPTS, checksums = isAws(settings.endpoint) ? 'crc32' : 'md5' } = options;
  const s3 = new Client(configuration(settings, attempts, options.idleTimeoutMs ?? IDLE_TIMEOUT_MS));
  const name = settings.bucket;
  const secrets = async (): Promise<string[]> => {
    const found = await s3.config.credentials().catch(() => undefined);
    return [found?.accessKeyId, found?.secretAccessKey, found?.sessionToken].filter((one) => one !== undefined);
  };
  const call: Bucket['call'] = async (action, key, work) => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work(s3);
      } catch (error) {
        const asked = { action, bucket: name, endpoint: settings.endpoint, ...(key === undefined ? {} : { key }) };
        const failure = s3Failure(error, asked, error instanceof PlatformError ? [] : await secrets());
        const again = failure instanceof PlatformError && failure.code === CORRUPTED && attempt < CORRUPTED_ATTEMPTS;
        if (!again) throw failure;
      }
    }
  };
  const prefix = settings.prefix ?? stack;
  return { name, prefix, stack, settings, checksums, attempts, call, close: () => s3.destroy() };
}

function configuration(settings: S3Settings, attempts: number, idleTimeoutMs: number): S3ClientConfig {
  const { endpoint, profile, forcePathStyle = endpoint !== undefined, concurrency } = settings;
  // Other vendors know no regions, and the signature wants one.
  const region = settings.region ?? (endpoint === undefined ? undefined : 'us-east-1');
  const agent = { keepAlive: true, maxSockets: 2 * concurrency };
  return {
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(profile === undefined ? {} : { profile }),
    forcePathStyle,
    maxAttempts: attempts,
    retryMode: 'standard',
    // What is proven, and how, is said with each request: other vendors refuse the SDK's own trailers.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // It would open a connection for every part.
    expectContinueHeader: false,
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: idleTimeoutMs,
      httpAgent: new HttpAgent(agent),
      httpsAgent: new HttpsAgent(agent),
    },
  };
}

const isAws = (endpoint: string | undefined): boolean =>
  endpoint === undefined || /\.amazonaws\.com(\.cn)?$/.test(new URL(endpoint).hostname);

/** A signal that ends with the given one, and that the work may end itself. Any number of requests may listen. */
export function workSignal(outer: AbortSignal | undefined): { signal: AbortSignal; stop: () => void } {
  const own = new AbortController();
  const signal = outer === undefined ? own.signal : AbortSignal.any([outer, own.signal]);
  setMaxListeners(0, signal);
  return { signal, stop: () => own.abort() };
}

export function throwIfStopped(bucket: Bucket, signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw interrupted(bucket.name);
}

/** Runs the work for all items, so many at once; the first failure stops the others, which end before it is thrown. */
export async function forEachAtOnce<T>(
  items: readonly T[],
  atOnce: number,
  outer: AbortSignal | undefined,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const { signal, stop } = workSignal(outer);
  const queue = items.values();
  let failure: { error: unknown } | undefined;
  const worker = async (): Promise<void> => {
    for (const item of queue) {
      if (failure !== undefined) return;
      try {
        await work(item, signal);
      } catch (error) {
        failure ??= { error };
        stop();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  if (failure !== undefined) throw failure.error;
}
