import { describe, expect, it } from 'vitest';

import {
  backupPolicy,
  executionPolicy,
  restorePolicy,
  schedulerPolicy,
  type TaskArns,
} from '../../../components/backup/taskPolicies';
import type { Statement } from '../../../components/iam/policyDocument';

const ARNS: TaskArns<string> = {
  bucket: 'arn:aws:s3:::b',
  objects: 'arn:aws:s3:::b/prod/*',
  bucketKey: 'arn:key/bucket',
  repository: 'arn:repository',
  logStreams: 'arn:log:log-stream:*',
  cluster: 'arn:cluster',
  taskDefinitions: 'arn:task-definition/f:*',
  tasks: 'arn:task/f/*',
  login: (role) => `arn:dbuser:db-1/${role}`,
  masterSecret: 'arn:secret',
  databaseKey: 'arn:key/database',
};
const SERVICES = { s3: 's3.eu-west-1.amazonaws.com', secretsManager: 'secretsmanager.eu-west-1.amazonaws.com' };
const POLICIES = {
  execution: executionPolicy(ARNS),
  backup: backupPolicy(ARNS, 'coach_backup', SERVICES),
  restore: restorePolicy(ARNS, 'coach_loader', SERVICES),
  scheduler: schedulerPolicy(ARNS, ['arn:role/execution', 'arn:role/backup']),
};

const listOf = (value: string | string[] | undefined): string[] => (value === undefined ? [] : [value].flat());
const resourcesOf = (statements: Statement[], action: string): string[] =>
  statements.filter(({ Action }) => listOf(Action).includes(action)).flatMap(({ Resource }) => listOf(Resource));

describe('who may do what with the task', () => {
  it.each(Object.entries(POLICIES))(
    '%s: no action has a star, and none but the registry’s token is for everything',
    (_, policy) => {
      for (const { Action, Resource, Effect } of policy.Statement) {
        expect(Effect).toBe('Allow');
        expect(listOf(Action).filter((action) => action.includes('*'))).toEqual([]);
        if (listOf(Resource).includes('*')) expect(Action).toBe('ecr:GetAuthorizationToken');
      }
    },
  );

  it('the schedule reads the database as the role for backups, and cannot reach the administrator or a version of the past', () => {
    const { Statement: statements } = POLICIES.backup;
    expect(resourcesOf(statements, 'rds-db:connect')).toEqual(['arn:dbuser:db-1/coach_backup']);
    expect(resourcesOf(statements, 'secretsmanager:GetSecretValue')).toEqual([]);
    const actions = statements.flatMap(({ Action }) => listOf(Action));
    // docs/backups.md, "Rights": what the uploader takes, and nothing that deletes a version or passes its lock by.
    expect(actions.sort()).toEqual([
      'kms:Decrypt',
      'kms:GenerateDataKey',
      'rds-db:connect',
      's3:AbortMultipartUpload',
      's3:DeleteObject',
      's3:GetObject',
      's3:GetObjectLegalHold',
      's3:GetObjectRetention',
      's3:ListBucket',
      's3:ListBucketMultipartUploads',
      's3:PutObject',
    ]);
    expect(resourcesOf(statements, 's3:PutObject')).toEqual([ARNS.objects]);
  });

  it('an operator’s task reads backups, becomes the administrator, and writes nothing into the bucket', () => {
    const { Statement: statements } = POLICIES.restore;
    expect(resourcesOf(statements, 'rds-db:connect')).toEqual(['arn:dbuser:db-1/coach_loader']);
    expect(resourcesOf(statements, 'secretsmanager:GetSecretValue')).toEqual(['arn:secret']);
    expect(resourcesOf(statements, 'kms:Decrypt')).toEqual(['arn:key/bucket', 'arn:key/database']);
    expect(resourcesOf(statements, 's3:PutObject')).toEqual([]);
    expect(resourcesOf(statements, 's3:DeleteObject')).toEqual([]);
  });

  it('a key decrypts for the service that it is there for alone', () => {
    const conditions = [...POLICIES.backup.Statement, ...POLICIES.restore.Statement]
      .filter(({ Action }) => listOf(Action).includes('kms:Decrypt'))
      .map(({ Resource, Condition }) => [Resource, Condition?.['StringEquals']?.['kms:ViaService']]);
    expect(conditions).toEqual([
      ['arn:key/bucket', SERVICES.s3],
      ['arn:key/bucket', SERVICES.s3],
      ['arn:key/database', SERVICES.secretsManager],
    ]);
  });

  it('the scheduler starts this family in this cluster with the two roles of a backup, for ECS alone', () => {
    const { Statement: statements } = POLICIES.scheduler;
    expect(statements).toEqual([
      {
        Sid: 'Task',
        Effect: 'Allow',
        Action: 'ecs:RunTask',
        Resource: 'arn:task-definition/f:*',
        Condition: { ArnEquals: { 'ecs:cluster': 'arn:cluster' } },
      },
      {
        Sid: 'TaskTags',
        Effect: 'Allow',
        Action: 'ecs:TagResource',
        Resource: 'arn:task/f/*',
        Condition: { StringEquals: { 'ecs:CreateAction': 'RunTask' } },
      },
      {
        Sid: 'TaskRoles',
        Effect: 'Allow',
        Action: 'iam:PassRole',
        Resource: ['arn:role/execution', 'arn:role/backup'],
        Condition: { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } },
      },
    ]);
  });
});
