import type { InferOutput } from 'valibot';

import { object, optional, required, scalar, setting } from '../../spec/schema';
import { flag, line, oneOf, wholeNumber } from '../../spec/values';

export const MEBIBYTE = 1024 * 1024;
/** S3 takes no smaller part but the last, and no more than 10,000 of an object. */
export const MIN_PART_BYTES = 5 * MEBIBYTE;
export const MAX_PARTS = 10_000;
/** Largest part that still leaves the memory of a run under 200 MB. */
export const MAX_PART_BYTES = 64 * MEBIBYTE;

/** Those whose objects can be read at once: a list reads manifests, a restore everything. */
const STORAGE_CLASSES = ['STANDARD', 'STANDARD_IA', 'ONEZONE_IA', 'INTELLIGENT_TIERING', 'GLACIER_IR'] as const;

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

const endpoint = scalar(
  'the URL of an S3 endpoint without path, account or query: https://HOST[:PORT], or http:// on this machine',
  (value) => {
    if (typeof value !== 'string' || !URL.canParse(value)) return undefined;
    const { protocol, hostname, username, password, pathname, search, hash } = new URL(value);
    const bare = username + password + search + hash === '' && pathname === '/';
    return bare && (protocol === 'https:' || (protocol === 'http:' && LOOPBACK.test(hostname))) ? value : undefined;
  },
  'URL: https, or http on this machine',
);

/** Backups in S3. Credentials are no settings: the AWS SDK's own chain finds them (environment, profile, role). */
export const s3 = object({
  bucket: required(
    line('a bucket’s name', 63, /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/),
    'it has to exist; prod declares it',
  ),
  prefix: optional(
    line('a prefix of letters, digits, /, _, . and -, no / at its ends', 200, /^\w[\w.-]*(\/\w[\w.-]*)*$/),
    'the stack’s name',
    'before every key; no two databases share one',
  ),
  region: optional(line('a region (eu-central-1)', 40, /^[a-z0-9-]+$/), 'the SDK’s own', 'the bucket’s'),
  endpoint: optional(endpoint, 'AWS', 'another S3'),
  forcePathStyle: optional(flag, 'true with `endpoint`', 'the bucket in the path, not in the host’s name'),
  profile: optional(line('a profile’s name', 128), 'the SDK’s own', 'of the AWS configuration files'),
  kmsKeyId: optional(
    line('a KMS key: id, alias or ARN', 2048, /^[\w:/-]+$/),
    'the bucket’s own',
    'encrypts, with a bucket key',
  ),
  storageClass: optional(oneOf(...STORAGE_CLASSES), 'STANDARD', 'of the files; the manifest is always STANDARD'),
  partSizeBytes: optional(
    wholeNumber(MIN_PART_BYTES, MAX_PART_BYTES, 'bytes'),
    '8 MiB, more where a file would need over 10,000 parts',
    'of an upload in parts',
  ),
  concurrency: setting(wholeNumber(1, 16, 'requests'), 4, 'at once; fewer where their parts would take over 96 MiB'),
});

export type S3Settings = InferOutput<typeof s3>;
