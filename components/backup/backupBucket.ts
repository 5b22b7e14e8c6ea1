import * as kms from '@pulumi/aws/kms';
import * as s3 from '@pulumi/aws/s3';
import * as pulumi from '@pulumi/pulumi';

import { daysKept } from '../../postgres/backup/daysKept';
import type { RotationPolicy } from '../../postgres/backup/rotation';
import type { AwsContext } from '../aws';
import { keyPolicy } from '../encryption/keyPolicy';
import {
  arnsOf,
  createAccessLog,
  createBucket,
  createEncryption,
  createLifecycle,
  createPolicy,
  createVersioning,
} from '../storage/bucketParts';
import { backupBucketPolicy } from './bucketPolicies';
import { lifecycleRules } from './lifecycle';

export interface BackupBucketArgs {
  /**
   * S3's names are one namespace for all accounts. Another one would replace the bucket, which is refused: it is protected.
   * @default a name of the provider's making
   */
  bucketName?: string;
  /** What the generations lie below, with its slash. */
  prefix: string;
  /** When pruning removes a backup. */
  retention: Omit<RotationPolicy, 'minimum'>;
  /**
   * Who may delete a version in the `lockDays` after it was written. `GOVERNANCE`: holders of s3:BypassGovernanceRetention. `COMPLIANCE`: nobody, the
   * account's root included.
   * @default GOVERNANCE
   */
  lockMode?: 'GOVERNANCE' | 'COMPLIANCE';
  /**
   * Not more than `retention.retentionDays`: what is locked for longer than it is kept is billed and of no use.
   * @default retention.retentionDays
   */
  lockDays?: number;
  /**
   * ARN of a key that exists. Objects that are there keep the key they were written with.
   * @default a key of the bucket's own, rotated every year
   */
  kmsKeyArn?: string;
  /** The account administers the key, and its logs alone are delivered. */
  aws: AwsContext;
}

const DELETION_WINDOW_DAYS = 30;

/**
 * Where backups go: a bucket whose objects are encrypted with a key of their own, locked, rotated by age and logged into a second bucket. Nobody
 * gets any right here; who uploads and reads has them from IAM.
 */
export class BackupBucket extends pulumi.ComponentResource {
  readonly bucketName: pulumi.Output<string>;
  readonly kmsKeyArn: pulumi.Output<string>;

  constructor(
    private readonly name: string,
    private readonly args: BackupBucketArgs,
    options?: pulumi.ComponentResourceOptions,
  ) {
    super('coach:backup:BackupBucket', name, {}, options);
    this.kmsKeyArn = this.createKey();
    const part = { name, parent: this };
    const { prefix, retention, lockDays = retention.retentionDays, bucketName, aws } = args;
    const bucket = createBucket(part, { bucketName, objectLockEnabled: true, protect: aws.protect });
    this.bucketName = bucket.bucket;
    const versioning = createVersioning(part, bucket);
    this.createLock(bucket, lockDays, versioning);
    createLifecycle(part, bucket, lifecycleRules({ prefix, daysKept: daysKept(retention), lockDays }), [versioning]);
    createEncryption(part, bucket, this.kmsKeyArn);
    createPolicy(part, bucket, backupBucketPolicy(arnsOf(bucket), this.kmsKeyArn));
    createAccessLog(part, bucket, { bucketName: bucketName === undefined ? undefined : `${bucketName}-logs`, aws });
    this.registerOutputs({ bucketName: this.bucketName, kmsKeyArn: this.kmsKeyArn });
  }

  private createKey(): pulumi.Output<string> {
    const { kmsKeyArn, aws } = this.args;
    if (kmsKeyArn !== undefined) return pulumi.output(kmsKeyArn);
    const key = new kms.Key(
      `${this.name}-key`,
      {
        description: `Backups of PostgreSQL, stack ${pulumi.getStack()}`,
        enableKeyRotation: true,
        deletionWindowInDays: DELETION_WINDOW_DAYS,
        policy: pulumi.jsonStringify(
          keyPolicy<pulumi.Input<string>>(pulumi.interpolate`arn:${aws.partition}:iam::${aws.accountId}:root`),
        ),
      },
      // Without it no backup can be read.
      { parent: this, protect: aws.protect },
    );
    new kms.Alias(
      `${this.name}-key-alias`,
      { name: `alias/${aws.prefix}-${this.name}`, targetKeyId: key.keyId },
      { parent: this },
    );
    return key.arn;
  }

  private createLock(bucket: s3.Bucket, days: number, versioning: pulumi.Resource): void {
    const { lockMode: mode = 'GOVERNANCE' } = this.args;
    new s3.BucketObjectLockConfiguration(
      `${this.name}-lock`,
      { bucket: bucket.bucket, rule: { defaultRetention: { mode, days } } },
      { parent: this, dependsOn: versioning, deletedWith: bucket },
    );
  }
}
