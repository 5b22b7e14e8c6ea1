import { open } from 'node:fs/promises';

import { PlatformError } from '../../../system/errors';
import { storageError } from '../../../system/storageError';
import { openBucket } from './bucket';
import { NOT_FOUND } from './failure';
import { objectsBelow } from './objects';
import { readObject } from './readObject';
import type { S3Settings } from './settings';

/** Brings one object of a bucket into a new file. Throws `s3-not-found`, and `s3-uri` for what names no object. */
export async function fetchFile(uri: string, settings: S3Settings, file: string, signal: AbortSignal): Promise<void> {
  const [, name, key] = /^s3:\/\/([^/]+)\/(.+[^/])$/.exec(uri) ?? [];
  if (name === undefined || key === undefined)
    throw new PlatformError('s3-uri', `${uri} names no file in S3.`, 'Expected s3://BUCKET/KEY.', {
      kind: 'usage',
      object: uri,
    });
  const bucket = await openBucket({ ...settings, bucket: name }, '');
  try {
    const found = (await objectsBelow(bucket, key)).find((one) => one.key === key);
    if (found === undefined)
      throw new PlatformError(NOT_FOUND, `There is no ${uri}.`, 'Upload it: `aws s3 cp FILE URI`.', { object: uri });
    const handle = await open(file, 'wx', 0o600);
    try {
      const bytes = await readObject(
        bucket,
        key,
        found.bytes,
        async (chunk) => void (await handle.writeFile(chunk)),
        signal,
      );
      if (bytes !== found.bytes)
        throw new PlatformError('s3-changed', `${uri} was replaced while it was read.`, 'Run it again.', {
          object: uri,
        });
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw storageError(file, error);
  } finally {
    bucket.close();
  }
}
