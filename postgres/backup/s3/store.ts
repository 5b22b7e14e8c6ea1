import type { Manifest } from '../manifest';
import type { Finding } from '../readThrough';
import { type BucketOptions, openBucket } from './bucket';
import { downloadBackup, type ReadBackOptions } from './download';
import { listBackups, type S3Entry } from './list';
import { pinBackup, type Removal, removeBackup, unpinBackup } from './remove';
import type { S3Settings } from './settings';
import { abortUnfinished, type UnfinishedUpload } from './unfinished';
import { type TransferOptions, uploadBackup, type Uploaded } from './upload';
import { verifyBackup } from './verify';

/** The backups of one stack in one bucket; every failure is a PlatformError. What each function does stands where it is written. */
export interface S3Store {
  list(signal?: AbortSignal): Promise<S3Entry[]>;
  upload(folder: string, manifest: Manifest, options?: TransferOptions): Promise<Uploaded>;
  download(id: string, folder: string, options?: ReadBackOptions): Promise<{ folder: string; manifest: Manifest }>;
  verify(id: string, options?: ReadBackOptions): Promise<{ manifest: Manifest; findings: Finding[] }>;
  remove(entry: S3Entry, options?: { now?: Date; signal?: AbortSignal }): Promise<Removal>;
  pin(id: string): Promise<void>;
  unpin(id: string): Promise<void>;
  abortUnfinished(isDead?: (id: string) => boolean, now?: Date): Promise<UnfinishedUpload[]>;
  /** Ends its connections. */
  close(): void;
}

/** Opens the store of `coach:backup.s3`. Loads the AWS SDK; asks nothing of the service yet. */
export async function openStore(settings: S3Settings, stack: string, options: BucketOptions = {}): Promise<S3Store> {
  const bucket = await openBucket(settings, stack, options);
  return {
    list: (signal) => listBackups(bucket, signal),
    upload: (folder, manifest, transfer) => uploadBackup(bucket, folder, manifest, transfer),
    download: (id, folder, transfer) => downloadBackup(bucket, id, folder, transfer),
    verify: (id, transfer) => verifyBackup(bucket, id, transfer),
    remove: (entry, removal) => removeBackup(bucket, entry, removal),
    pin: (id) => pinBackup(bucket, id),
    unpin: (id) => unpinBackup(bucket, id),
    abortUnfinished: (isDead, now) => abortUnfinished(bucket, isDead, now),
    close: () => bucket.close(),
  };
}
