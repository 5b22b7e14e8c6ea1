import { setTimeout as pause } from 'node:timers/promises';

import type { ListMultipartUploadsCommandOutput } from '@aws-sdk/client-s3';

import { PlatformError } from '../../../system/errors';
import type { Bucket } from './bucket';
import { NO_UPLOAD, NOT_SUPPORTED } from './failure';
import { splitKey } from './keys';

const DAY_MS = 86_400_000;

export interface UnfinishedUpload {
  key: string;
  /** The backup it was for; undefined: it is below the prefix and none of ours. */
  id: string | undefined;
  initiated: Date;
}

/**
 * Ends the uploads in parts that killed runs left below the prefix, since their parts are paid for: those older than a day, and those of
 * backups of which the caller knows that nobody is uploading them (`isDead`: ids of runs of this machine, asked under the lock that
 * they all hold). What was ended.
 */
export async function abortUnfinished(
  bucket: Bucket,
  isDead: (id: string) => boolean = () => false,
  now = new Date(),
): Promise<UnfinishedUpload[]> {
  return abortUploads(
    bucket,
    `${bucket.prefix}/`,
    ({ id, initiated }) => now.getTime() - initiated.getTime() > DAY_MS || (id !== undefined && isDead(id)),
  );
}

/** A part that was on its way can bring an upload that was just ended back: it is looked for again until it stays away. */
const LOOKS = 5;
const PAUSE_MS = 100;

/** Ends all uploads below a prefix of which nothing is on its way any more; `again`: something was a moment ago. */
export async function endUploads(bucket: Bucket, prefix: string, again: boolean): Promise<void> {
  for (let look = 1; look <= LOOKS; look += 1) {
    const aborted = await abortUploads(bucket, prefix, () => true);
    if (aborted.length === 0 && (!again || look > 1)) return;
    await pause(PAUSE_MS * look);
  }
}

async function abortUploads(
  bucket: Bucket,
  prefix: string,
  isLeft: (upload: UnfinishedUpload) => boolean,
): Promise<UnfinishedUpload[]> {
  const aborted: UnfinishedUpload[] = [];
  for (const { UploadId, ...upload } of await unfinishedUploads(bucket, prefix)) {
    if (!isLeft(upload)) continue;
    const { key } = upload;
    const input = { Bucket: bucket.name, Key: key, UploadId };
    await bucket
      .call('s3:AbortMultipartUpload', key, (s3) => s3.abortMultipartUpload(input))
      .catch((error: unknown) => {
        if (!(error instanceof PlatformError) || error.code !== NO_UPLOAD) throw error;
      });
    aborted.push(upload);
  }
  return aborted;
}

/** None where the endpoint does not list them. */
async function unfinishedUploads(bucket: Bucket, prefix: string): Promise<(UnfinishedUpload & { UploadId: string })[]> {
  const found: (UnfinishedUpload & { UploadId: string })[] = [];
  let page: ListMultipartUploadsCommandOutput | undefined;
  do {
    page = await listUploads(bucket, prefix, page);
    for (const { Key = '', UploadId = '', Initiated = new Date(0) } of page?.Uploads ?? []) {
      // Some vendors overlook the prefix.
      if (!Key.startsWith(prefix)) continue;
      found.push({ key: Key, id: splitKey(bucket.prefix, Key)?.id, initiated: Initiated, UploadId });
    }
  } while (page?.IsTruncated === true);
  return found;
}

async function listUploads(
  bucket: Bucket,
  prefix: string,
  before: ListMultipartUploadsCommandOutput | undefined,
): Promise<ListMultipartUploadsCommandOutput | undefined> {
  const { NextKeyMarker: KeyMarker, NextUploadIdMarker: UploadIdMarker } = before ?? {};
  const input = { Bucket: bucket.name, Prefix: prefix, KeyMarker, UploadIdMarker };
  return bucket
    .call('s3:ListBucketMultipartUploads', undefined, (s3) => s3.listMultipartUploads(input))
    .catch((error: unknown) => {
      if (error instanceof PlatformError && error.code === NOT_SUPPORTED) return undefined;
      throw error;
    });
}
