import type { S3 } from '@aws-sdk/client-s3';

import type { GraphResource } from '../../../engine/graph/graph';

/** Stands for the key that a real provider would have made. */
export const EMULATED_KEY = 'arn:aws:kms:us-east-1:123456789012:key/8a4cc4b5-8d2f-4fd3-9c3c-6a9c0f8e2b11';
export const EMULATED_ACCOUNT = '123456789012';

type Inputs = Record<string, unknown> & { bucket: string };
type Call = (s3: S3, inputs: Inputs) => Promise<unknown>;

/** What the provider asks the service for, of the types that the component declares; `null`: nothing of S3's. */
const CALLS: Record<string, Call | null> = {
  Key: null,
  Alias: null,
  Bucket: (s3, { bucket, objectLockEnabled }) =>
    s3.createBucket({ Bucket: bucket, ObjectLockEnabledForBucket: objectLockEnabled === true }),
  BucketVersioning: (s3, { bucket, versioningConfiguration }) =>
    s3.putBucketVersioning({ Bucket: bucket, VersioningConfiguration: pascal(versioningConfiguration) }),
  BucketObjectLockConfiguration: (s3, { bucket, rule }) =>
    s3.putObjectLockConfiguration({
      Bucket: bucket,
      ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled', Rule: pascal(rule) },
    }),
  BucketLifecycleConfiguration: (s3, { bucket, rules, transitionDefaultMinimumObjectSize: size }) =>
    s3.putBucketLifecycleConfiguration({
      Bucket: bucket,
      LifecycleConfiguration: { Rules: pascal(rules) },
      TransitionDefaultMinimumObjectSize: size as 'all_storage_classes_128K',
    }),
  BucketServerSideEncryptionConfiguration: (s3, { bucket, rules }) =>
    s3.putBucketEncryption({ Bucket: bucket, ServerSideEncryptionConfiguration: { Rules: pascal(rules) } }),
  BucketPublicAccessBlock: (s3, { bucket, ...switches }) =>
    s3.putPublicAccessBlock({ Bucket: bucket, PublicAccessBlockConfiguration: pascal(switches) }),
  BucketOwnershipControls: (s3, { bucket, rule }) =>
    s3.putBucketOwnershipControls({ Bucket: bucket, OwnershipControls: { Rules: [pascal(rule)] } }),
  BucketPolicy: (s3, { bucket, policy }) => s3.putBucketPolicy({ Bucket: bucket, Policy: String(policy) }),
  BucketLogging: (s3, { bucket, targetBucket, targetPrefix }) =>
    s3.putBucketLogging({
      Bucket: bucket,
      BucketLoggingStatus: {
        LoggingEnabled: { TargetBucket: String(targetBucket), TargetPrefix: String(targetPrefix) },
      },
    }),
};

/** Makes what the graph declares, each after what it depends on; symbols become names and numbers. */
export async function applyGraph(s3: S3, resources: GraphResource[]): Promise<void> {
  const open = new Map(resources.map((resource) => [resource.urn, resource]));
  const apply = async (resource: GraphResource): Promise<void> => {
    if (!open.delete(resource.urn)) return;
    for (const urn of resource.dependencies) {
      const needed = open.get(urn);
      if (needed !== undefined) await apply(needed);
    }
    const type = resource.type.split(':').at(-1) ?? '';
    const call = CALLS[type];
    if (call === undefined) throw new Error(`Nothing is known of ${resource.type}.`);
    if (call !== null) await call(s3, concrete({ bucket: `‹${resource.name}.bucket›`, ...resource.inputs }));
  };
  for (const resource of resources) await apply(resource);
}

/** `‹backups.bucket›` is the bucket `backups`. */
function concrete(inputs: Record<string, unknown>): Inputs {
  const text = JSON.stringify(inputs)
    .replaceAll(/arn:aws:kms:[^"\\]*‹[^"\\]*›/g, EMULATED_KEY)
    .replaceAll('‹account›', EMULATED_ACCOUNT)
    .replaceAll(/‹([\w-]+)\.bucket›/g, '$1');
  return JSON.parse(text) as Inputs;
}

const SPELT: Record<string, string> = { id: 'ID', sseAlgorithm: 'SSEAlgorithm', kmsMasterKeyId: 'KMSMasterKeyID' };

/** The provider's keys as the service spells them. */
function pascal<T>(value: unknown): T {
  if (Array.isArray(value)) return value.map((item) => pascal<unknown>(item)) as T;
  if (typeof value !== 'object' || value === null) return value as T;
  const entries = Object.entries(value).map(([key, inner]) => [
    SPELT[key] ?? key.charAt(0).toUpperCase() + key.slice(1),
    pascal<unknown>(inner),
  ]);
  return Object.fromEntries(entries) as T;
}
