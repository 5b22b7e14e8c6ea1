import { type PolicyDocument, policyDocument, type Statement } from '../iam/policyDocument';

/** ARNs of a bucket and of everything in it. */
export interface BucketArns<T> {
  bucket: T;
  objects: T;
}

/**
 * Who may do what is IAM's; this policy only takes away. A deletion or transition of the lifecycle is no request, so no policy stops it.
 * `keyArn` is the key's full ARN, the only form that S3 compares.
 */
export function backupBucketPolicy<T>(arns: BucketArns<T>, keyArn: T): PolicyDocument<T> {
  return policyDocument(...encryptedConnections(arns), {
    // A request without the header is encrypted with the bucket's key, and the parts of a multipart upload carry none. With the header, the key has
    // to be named: S3 would take AWS's own otherwise. A negated operator is true of an absent key, so AES256 is refused as well.
    Sid: 'DenyOtherEncryption',
    Effect: 'Deny',
    Principal: '*',
    Action: 's3:PutObject',
    Resource: arns.objects,
    Condition: {
      Null: { 's3:x-amz-server-side-encryption': 'false' },
      StringNotEquals: { 's3:x-amz-server-side-encryption-aws-kms-key-id': keyArn },
    },
  });
}

/** The only one that may write there is S3, for that bucket of that account. */
export function logBucketPolicy<T>(arns: BucketArns<T>, source: { bucketArn: T; account: T }): PolicyDocument<T> {
  return policyDocument(
    {
      Sid: 'AllowLogDelivery',
      Effect: 'Allow',
      Principal: { Service: 'logging.s3.amazonaws.com' },
      Action: 's3:PutObject',
      Resource: arns.objects,
      Condition: {
        ArnLike: { 'aws:SourceArn': source.bucketArn },
        StringEquals: { 'aws:SourceAccount': source.account },
      },
    },
    ...encryptedConnections(arns),
  );
}

/** A bucket that nobody writes into but by the bucket's own defaults. */
export const privateBucketPolicy = <T>(arns: BucketArns<T>): PolicyDocument<T> =>
  policyDocument(...encryptedConnections(arns));

function encryptedConnections<T>({ bucket, objects }: BucketArns<T>): Statement<T>[] {
  const deny = { Effect: 'Deny', Principal: '*', Action: 's3:*', Resource: [bucket, objects] } as const;
  return [
    {
      Sid: 'DenyPlainHttp',
      ...deny,
      Resource: [bucket, objects],
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    },
    {
      Sid: 'DenyOldTls',
      ...deny,
      Resource: [bucket, objects],
      Condition: { NumericLessThan: { 's3:TlsVersion': '1.2' } },
    },
  ];
}
