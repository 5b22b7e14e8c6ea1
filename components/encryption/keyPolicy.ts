import { type PolicyDocument, policyDocument, type Statement } from '../iam/policyDocument';

/** Services that use a key in their own name. All others use it with the rights of whoever calls them. */
export type KeyUser = 'logs' | 'alarms' | 'events';

export interface KeyUserArgs<T> {
  account: T;
  region: string;
  partition: string;
  /** Everything that CloudWatch Logs may encrypt: the account's log groups of the region. */
  logGroupArns: T;
}

/**
 * IAM's policies decide who uses the key, as for everything else of the account; without the account's root in it nobody could ever change the
 * policy. A service in its own name has no policy of IAM: `statements` name it.
 */
export function keyPolicy<T>(accountRootArn: T, ...statements: Statement<T | '*'>[]): PolicyDocument<T | '*'> {
  return policyDocument<T | '*'>(
    {
      Sid: 'AccountAdministers',
      Effect: 'Allow',
      Principal: { AWS: accountRootArn },
      Action: 'kms:*',
      Resource: '*',
    },
    ...statements,
  );
}

/** For this account's resources alone. */
export function keyUserStatement<T>(user: KeyUser, args: KeyUserArgs<T>): Statement<T | '*'> {
  const { account, region, partition, logGroupArns } = args;
  switch (user) {
    case 'logs':
      return {
        Sid: 'LogGroups',
        Effect: 'Allow',
        // China's CloudWatch Logs has a name of its own, of the few services that do.
        Principal: { Service: `logs.${region}.amazonaws.com${partition === 'aws-cn' ? '.cn' : ''}` },
        Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:Describe*'],
        Resource: '*',
        Condition: { ArnLike: { 'kms:EncryptionContext:aws:logs:arn': logGroupArns } },
      };
    case 'alarms':
      return publisher('Alarms', 'cloudwatch.amazonaws.com', account);
    case 'events':
      return publisher('DatabaseEvents', 'events.rds.amazonaws.com', account);
  }
}

/** Who publishes to an encrypted topic encrypts the message. */
const publisher = <T>(sid: string, service: string, account: T): Statement<T | '*'> => ({
  Sid: sid,
  Effect: 'Allow',
  Principal: { Service: service },
  Action: ['kms:Decrypt', 'kms:GenerateDataKey*'],
  Resource: '*',
  Condition: { StringEquals: { 'aws:SourceAccount': account } },
});
