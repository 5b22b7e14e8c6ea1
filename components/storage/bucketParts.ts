import * as s3 from '@pulumi/aws/s3';
import * as pulumi from '@pulumi/pulumi';

import type { AwsContext } from '../aws';
import { type BucketArns, logBucketPolicy } from '../backup/bucketPolicies';
import { type LifecycleRule, logLifecycleRules } from '../backup/lifecycle';
import type { PolicyDocument } from '../iam/policyDocument';

/** Lives below a component; its name begins with that one's. */
export interface Part {
  name: string;
  parent: pulumi.Resource;
}

export interface BucketPartArgs {
  /** @default a name of the provider's making */
  bucketName?: string | undefined;
  objectLockEnabled?: boolean;
  protect: boolean;
}

/**
 * With what every bucket has here: owned by the account alone. `createPolicy` closes it to the public. All that belongs to a bucket goes with it alone:
 * one that cannot be deleted, since something is in it, has to stay closed, encrypted and locked.
 */
export function createBucket({ name, parent }: Part, args: BucketPartArgs): s3.Bucket {
  const { bucketName, objectLockEnabled = false, protect } = args;
  const bucket = new s3.Bucket(
    name,
    {
      ...(bucketName === undefined ? {} : { bucket: bucketName }),
      objectLockEnabled,
      forceDestroy: false,
    },
    { parent, protect },
  );
  new s3.BucketOwnershipControls(
    `${name}-ownership`,
    { bucket: bucket.bucket, rule: { objectOwnership: 'BucketOwnerEnforced' } },
    { parent, deletedWith: bucket },
  );
  return bucket;
}

export const createVersioning = ({ name, parent }: Part, bucket: s3.Bucket): pulumi.Resource =>
  new s3.BucketVersioning(
    `${name}-versioning`,
    { bucket: bucket.bucket, versioningConfiguration: { status: 'Enabled' } },
    { parent, deletedWith: bucket },
  );

/** `keyArn` undefined: by S3's own keys, the only ones that log delivery knows. */
export function createEncryption({ name, parent }: Part, bucket: s3.Bucket, keyArn?: pulumi.Input<string>): void {
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
    { parent, deletedWith: bucket },
  );
}

export function createLifecycle(
  { name, parent }: Part,
  bucket: s3.Bucket,
  rules: LifecycleRule[],
  dependsOn: pulumi.Resource[] = [],
): void {
  new s3.BucketLifecycleConfiguration(
    `${name}-lifecycle`,
    // The service's own default, which a refresh would show.
    { bucket: bucket.bucket, rules, transitionDefaultMinimumObjectSize: 'all_storage_classes_128K' },
    { parent, dependsOn, deletedWith: bucket },
  );
}

/** S3 refuses changes of policy and public access that meet, so one comes after the other. */
export function createPolicy(
  { name, parent }: Part,
  bucket: s3.Bucket,
  policy: PolicyDocument<pulumi.Input<string>>,
): pulumi.Resource {
  const block = new s3.BucketPublicAccessBlock(
    `${name}-public-access`,
    {
      bucket: bucket.bucket,
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    },
    { parent, deletedWith: bucket },
  );
  return new s3.BucketPolicy(
    `${name}-policy`,
    { bucket: bucket.bucket, policy: pulumi.jsonStringify(policy) },
    { parent, dependsOn: block, deletedWith: bucket },
  );
}

/** Days that records of who read and wrote what are kept. */
const LOG_DAYS = 365;

/** Who read and wrote what, in a bucket of its own: a target of logs takes neither a key of KMS nor a default retention. */
export function createAccessLog(
  { name, parent }: Part,
  source: s3.Bucket,
  { bucketName, aws }: { bucketName?: string | undefined; aws: Pick<AwsContext, 'accountId' | 'protect'> },
): void {
  const part = { name: `${name}-logs`, parent };
  const bucket = createBucket(part, { bucketName, protect: aws.protect });
  createEncryption(part, bucket);
  createLifecycle(part, bucket, logLifecycleRules(LOG_DAYS));
  const policy = createPolicy(
    part,
    bucket,
    logBucketPolicy<pulumi.Input<string>>(arnsOf(bucket), { bucketArn: source.arn, account: aws.accountId }),
  );
  new s3.BucketLogging(
    `${name}-logging`,
    { bucket: source.bucket, targetBucket: bucket.bucket, targetPrefix: `${name}/` },
    { parent, dependsOn: policy, deletedWith: source },
  );
}

export const arnsOf = ({ arn }: s3.Bucket): BucketArns<pulumi.Output<string>> => ({
  bucket: arn,
  objects: pulumi.interpolate`${arn}/*`,
});
