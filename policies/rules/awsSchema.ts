import * as TYPES from '../types';

/*
 * What the provider's SDK says of the types that prod declares. Loading it takes a second, so it is written down here; tests compare it with
 * the SDK (`tests/policies/awsSchema.test.ts`).
 */

/** Arguments marked as deprecated; `rules.prefix` lies in a list. */
export const DEPRECATED_ARGUMENTS: Readonly<Record<string, readonly string[]>> = {
  [TYPES.BUCKET]: [
    'accelerationStatus',
    'acl',
    'corsRules',
    'grants',
    'lifecycleRules',
    'logging',
    'objectLockConfiguration',
    'policy',
    'replicationConfiguration',
    'requestPayer',
    'serverSideEncryptionConfiguration',
    'versioning',
    'website',
  ],
  [TYPES.BUCKET_ACL]: ['expectedBucketOwner'],
  [TYPES.BUCKET_ENCRYPTION]: ['expectedBucketOwner'],
  [TYPES.BUCKET_LIFECYCLE]: ['expectedBucketOwner', 'rules.prefix'],
  [TYPES.BUCKET_LOCK]: ['expectedBucketOwner'],
  [TYPES.BUCKET_LOGGING]: ['expectedBucketOwner'],
  [TYPES.BUCKET_VERSIONING]: ['expectedBucketOwner'],
};

/** `BucketV2`, `BucketVersioningV2`: the names that provider 7 gave back. */
export const isDeprecatedType = (type: string): boolean => /^aws:s3\/bucket\w*V2:/.test(type);

export const TAGGABLE: readonly string[] = [
  TYPES.INSTANCE,
  TYPES.PARAMETER_GROUP,
  TYPES.SUBNET_GROUP,
  TYPES.PROXY,
  TYPES.EVENT_SUBSCRIPTION,
  TYPES.VPC,
  TYPES.SUBNET,
  TYPES.SECURITY_GROUP,
  TYPES.DEFAULT_SECURITY_GROUP,
  TYPES.INGRESS_RULE,
  TYPES.EGRESS_RULE,
  TYPES.FLOW_LOG,
  TYPES.ENDPOINT,
  TYPES.ROUTE_TABLE,
  TYPES.FUNCTION,
  TYPES.CLUSTER,
  TYPES.TASK_DEFINITION,
  TYPES.REPOSITORY,
  TYPES.SCHEDULE_GROUP,
  TYPES.TOPIC,
  TYPES.LOG_GROUP,
  TYPES.ALARM,
  TYPES.ROLE,
  TYPES.POLICY,
  TYPES.KEY,
  TYPES.BUCKET,
  TYPES.BUCKET_OBJECT,
];
