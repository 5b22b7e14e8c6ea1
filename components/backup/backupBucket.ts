import * as kms from '@pulumi/aws/kms';
import * as s3 from '@pulumi/aws/s3';
import * as pulumi from '@pulumi/pulumi';

import { daysKept } from '../../postgres/backup/daysKept';
import type { RotationPolicy } from '../../postgres/backup/rotation';
import type { AwsContext } from '../aws';
import { keyPolicy } from '../encryption/keyPolicy';
import type { PolicyDocument } from '../iam/policyDocument';
import { backupBucketPolicy, type BucketArns, logBucketPolicy } from './bucketPolicies';
import { type LifecycleRule, lifecycleRules, logLifecycleRules } from './lifecycle';

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

/** Whoever looks into who read the backups looks back that far. */
const LOG_DAYS = 365;
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
    const bucket = this.createBucket(name, args.bucketName, true);
    this.bucketName = bucket.bucket;
    const versioning = this.createVersioning(bucket);
    const { prefix, retention, lockDays = retention.retentionDays } = args;
    this.createLock(bucket, lockDays, versioning);
    const rules = lifecycleRules({ prefix, daysKept: daysKept(retention), lockDays });
    this.createLifecycle(name, bucket, rules, [versioning]);
    this.createEncryption(name, bucket, this.kmsKeyArn);
    this.createPolicy(name, bucket, backupBucketPolicy(arnsOf(bucket), this.kmsKeyArn));
    this.createLogs(bucket);
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

  /** With what every bucket has here: owned by the account alone, closed to the public. */
  private createBucket(name: string, bucketName: string | undefined, objectLockEnabled: boolean): s3.Bucket {
    const bucket = new s3.Bucket(
      name,
      {
        ...(bucketName === undefined ? {} : { bucket: bucketName }),
        objectLockEnabled,
        forceDestroy: false,
      },
      { parent: this, protect: this.args.aws.protect },
    );
    new s3.BucketOwnershipControls(
      `${name}-ownership`,
      { bucket: bucket.bucket, rule: { objectOwnership: 'BucketOwnerEnforced' } },
      { parent: this },
    );
    return bucket;
  }

  private createVersioning(bucket: s3.Bucket): pulumi.Resource {
    return new s3.BucketVersioning(
      `${this.name}-versioning`,
      { bucket: bucket.bucket, versioningConfiguration: { status: 'Enabled' } },
      { parent: this },
    );
  }

  private createLock(bucket: s3.Bucket, days: number, versioning: pulumi.Resource): void {
    const { lockMode: mode = 'GOVERNANCE' } = this.args;
    new s3.BucketObjectLockConfiguration(
      `${this.name}-lock`,
      { bucket: bucket.bucket, rule: { defaultRetention: { mode, days } } },
      { parent: this, dependsOn: versioning },
    );
  }

  private createLifecycle(name: string, bucket: s3.Bucket, rules: LifecycleRule[], dependsOn: pulumi.Resource[]): void {
    new s3.BucketLifecycleConfiguration(
      `${name}-lifecycle`,
      // The service's own default, which a refresh would show.
      { bucket: bucket.bucket, rules, transitionDefaultMinimumObjectSize: 'all_storage_classes_128K' },
      { parent: this, dependsOn },
    );
  }

  /** `keyArn` undefined: by S3's own keys, the only ones that log delivery knows. */
  private createEncryption(name: string, bucket: s3.Bucket, keyArn?: pulumi.Output<string>): void {
    const byDefault =
      keyArn === undefined ? { sseAlgorithm: 'AES256' } : { sseAlgorithm: 'aws:kms', kmsMasterKeyId: keyArn };
    new s3.BucketServerSideEncryptionConfiguration(
      `${name}-encryption`,
      {
        bucket: bucket.bucket,
        rules: [
          {
            applyServerSideEncryptionByDefault: byDefault,
            // One request to KMS for many objects.
            ...(keyArn === undefined ? {} : { bucketKeyEnabled: true }),
            // Objects under a key that the client alone holds. S3 blocks them by itself in buckets made since April 2026, which a refresh would show.
            blockedEncryptionTypes: ['SSE-C'],
          },
        ],
      },
      { parent: this },
    );
  }

  /** S3 refuses changes of policy and public access that meet, so one comes after the other. */
  private createPolicy(name: string, bucket: s3.Bucket, policy: PolicyDocument<pulumi.Input<string>>): pulumi.Resource {
    const block = new s3.BucketPublicAccessBlock(
      `${name}-public-access`,
      {
        bucket: bucket.bucket,
        blockPublicAcls: true,
        blockPublicPolicy: true,
        ignorePublicAcls: true,
        restrictPublicBuckets: true,
      },
      { parent: this },
    );
    return new s3.BucketPolicy(
      `${name}-policy`,
      { bucket: bucket.bucket, policy: pulumi.jsonStringify(policy) },
      { parent: this, dependsOn: block },
    );
  }

  /** Who read and wrote what. A target of logs takes neither a key of KMS nor a default retention. */
  private createLogs(source: s3.Bucket): void {
    const { bucketName, aws } = this.args;
    const name = `${this.name}-logs`;
    const bucket = this.createBucket(name, bucketName === undefined ? undefined : `${bucketName}-logs`, false);
    this.createEncryption(name, bucket);
    this.createLifecycle(name, bucket, logLifecycleRules(LOG_DAYS), []);
    const policy = this.createPolicy(
      name,
      bucket,
      logBucketPolicy<pulumi.Input<string>>(arnsOf(bucket), { bucketArn: source.arn, account: aws.accountId }),
    );
    new s3.BucketLogging(
      `${this.name}-logging`,
      { bucket: source.bucket, targetBucket: bucket.bucket, targetPrefix: `${this.name}/` },
      { parent: this, dependsOn: policy },
    );
  }
}

const arnsOf = ({ arn }: s3.Bucket): BucketArns<pulumi.Output<string>> => ({
  bucket: arn,
  objects: pulumi.interpolate`${arn}/*`,
});
