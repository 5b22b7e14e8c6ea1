import { type PolicyDocument, policyDocument } from '../iam/policyDocument';

/** Who may publish to the topic of alarms: CloudWatch for these alarms, RDS for this account; and nobody without TLS. */
export const topicPolicy = <T>({
  topic,
  account,
  alarms,
}: {
  topic: T;
  account: T;
  /** ARNs of alarms, with a wildcard. */
  alarms: T;
}): PolicyDocument<T> =>
  policyDocument<T>(
    {
      Sid: 'Alarms',
      Effect: 'Allow',
      Principal: { Service: 'cloudwatch.amazonaws.com' },
      Action: 'sns:Publish',
      Resource: topic,
      Condition: { StringEquals: { 'aws:SourceAccount': account }, ArnLike: { 'aws:SourceArn': alarms } },
    },
    {
      Sid: 'DatabaseEvents',
      Effect: 'Allow',
      Principal: { Service: 'events.rds.amazonaws.com' },
      Action: 'sns:Publish',
      Resource: topic,
      Condition: { StringEquals: { 'aws:SourceAccount': account } },
    },
    {
      Sid: 'TlsOnly',
      Effect: 'Deny',
      Principal: '*',
      Action: 'sns:Publish',
      Resource: topic,
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    },
  );
