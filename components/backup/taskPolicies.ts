import { type PolicyDocument, policyDocument, type Statement } from '../iam/policyDocument';

/** What the policies of the task speak of: ARNs, of `T`. */
export interface TaskArns<T> {
  bucket: T;
  /** Everything of this stack in it. */
  objects: T;
  bucketKey: T;
  repository: T;
  logStreams: T;
  cluster: T;
  /** Every revision of the family. */
  taskDefinitions: T;
  tasks: T;
  /** Of a role that logs in by a token; `rds-db` knows it by the instance's resource id. */
  login: (role: string) => T;
  masterSecret: T;
  databaseKey: T;
}

interface Services {
  /** `s3.eu-west-1.amazonaws.com`: a key is used through it alone. */
  s3: string;
  secretsManager: string;
}

/** Pulls the image and writes the log: ECS itself, before the program starts. */
export const executionPolicy = <T>({ repository, logStreams }: TaskArns<T>): PolicyDocument<T | '*'> =>
  policyDocument<T | '*'>(
    // It names no resource: https://docs.aws.amazon.com/AmazonECR/latest/userguide/security_iam_id-based-policy-examples.html
    allow('Registry', 'ecr:GetAuthorizationToken', '*'),
    allow('Image', ['ecr:BatchCheckLayerAvailability', 'ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'], repository),
    allow('Log', ['logs:CreateLogStream', 'logs:PutLogEvents'], logStreams),
  );

/** What the schedule may do: back up. It reads all rows and writes none. */
export const backupPolicy = <T>(arns: TaskArns<T>, backupRole: string, { s3 }: Services): PolicyDocument<T> =>
  policyDocument<T>(
    allow('Bucket', ['s3:ListBucket', 's3:ListBucketMultipartUploads'], arns.bucket),
    allow(
      'Backups',
      [
        's3:GetObject',
        's3:PutObject',
        's3:AbortMultipartUpload',
        // Rotation: a delete marker; versions stay as long as their lock.
        's3:DeleteObject',
        's3:GetObjectRetention',
        's3:GetObjectLegalHold',
      ],
      arns.objects,
    ),
    through('BackupKey', ['kms:Decrypt', 'kms:GenerateDataKey'], arns.bucketKey, s3),
    allow('Login', 'rds-db:connect', arns.login(backupRole)),
  );

/**
 * What an operator's task may do beside: read backups and files of the bucket, and change the database. A restore makes a database, takes the live one's
 * name and ends its sessions, which the administrator alone can; its password is in the secret.
 */
export const restorePolicy = <T>(
  arns: TaskArns<T>,
  loaderRole: string,
  { s3, secretsManager }: Services,
): PolicyDocument<T> =>
  policyDocument<T>(
    allow('Bucket', 's3:ListBucket', arns.bucket),
    allow('Backups', ['s3:GetObject', 's3:GetObjectRetention', 's3:GetObjectLegalHold'], arns.objects),
    through('BackupKey', 'kms:Decrypt', arns.bucketKey, s3),
    allow('Login', 'rds-db:connect', arns.login(loaderRole)),
    allow('Administrator', 'secretsmanager:GetSecretValue', arns.masterSecret),
    through('AdministratorKey', 'kms:Decrypt', arns.databaseKey, secretsManager),
  );

/** Starts the scheduled task, with its own two roles and no other: whoever could pass another would have that one's rights. */
export const schedulerPolicy = <T>(arns: TaskArns<T>, roles: T[]): PolicyDocument<T> =>
  policyDocument<T>(
    {
      ...allow('Task', 'ecs:RunTask', arns.taskDefinitions),
      Condition: { ArnEquals: { 'ecs:cluster': arns.cluster } },
    },
    {
      ...allow('TaskTags', 'ecs:TagResource', arns.tasks),
      Condition: { StringEquals: { 'ecs:CreateAction': 'RunTask' } },
    },
    {
      ...allow('TaskRoles', 'iam:PassRole', roles),
      Condition: { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } },
    },
  );

const allow = <T>(Sid: string, Action: string | string[], Resource: T | T[]): Statement<T> => ({
  Sid,
  Effect: 'Allow',
  Action,
  Resource,
});

const through = <T>(sid: string, actions: string | string[], key: T, service: string): Statement<T> => ({
  ...allow(sid, actions, key),
  Condition: { StringEquals: { 'kms:ViaService': service } },
});
