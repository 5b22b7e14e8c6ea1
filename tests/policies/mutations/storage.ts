import * as T from '../../../policies/types';
import { allow, edit, editJson, type Mutation, put, remove, set } from '../mutate';

type Rule = Record<string, unknown> & { id: string };

const lifecycleRule = (change: Rule): Mutation =>
  edit<Rule[]>(T.BUCKET_LIFECYCLE, 'rules', (rules) => [...rules, change], 'backups-lifecycle');

const bucketPolicy = (statement: Record<string, unknown>): Mutation =>
  allow(T.BUCKET_POLICY, 'policy', { Resource: 'arn:aws:s3:::‹backups.bucket›/*', ...statement }, 'backups-policy');

/** For each rule what breaks it, and it alone. */
export const storage: Record<string, Mutation> = {
  's3-no-public-read': bucketPolicy({ Principal: '*', Action: 's3:GetObject' }),
  's3-no-public-write': bucketPolicy({ Principal: { AWS: '*' }, Action: ['s3:PutObject'] }),
  's3-tls-only': editJson<{ Statement: { Condition?: { Bool?: unknown } }[] }>(
    T.BUCKET_POLICY,
    'policy',
    (document) => ({
      ...document,
      Statement: document.Statement.filter(({ Condition }) => Condition?.Bool === undefined),
    }),
    'backups-policy',
  ),
  's3-other-accounts': bucketPolicy({
    Principal: { AWS: 'arn:aws:iam::222222222222:root' },
    Action: 's3:PutBucketPolicy',
    Resource: 'arn:aws:s3:::‹backups.bucket›',
  }),
  's3-public-access-block': set(T.BUCKET_PUBLIC_ACCESS, 'ignorePublicAcls', false),
  's3-access-log': set(T.BUCKET_LOGGING, 'bucket', '‹backups-logs.bucket›', 'backups-logging'),
  's3-no-acl': set(T.BUCKET_OWNERSHIP, 'rule.objectOwnership', 'ObjectWriter'),
  's3-lifecycle': remove(T.BUCKET_LIFECYCLE, 'backups-lifecycle'),
  's3-versioning': set(T.BUCKET_VERSIONING, 'versioningConfiguration.status', 'Suspended', 'backups-versioning'),
  's3-kms': set(
    T.BUCKET_ENCRYPTION,
    'rules',
    [{ applyServerSideEncryptionByDefault: { sseAlgorithm: 'AES256' } }],
    'backups-encryption',
  ),
  's3-log-target': set(
    T.BUCKET_ENCRYPTION,
    'rules',
    [{ applyServerSideEncryptionByDefault: { sseAlgorithm: 'aws:kms' } }],
    'backups-logs-encryption',
  ),
  's3-abort-uploads': edit<Rule[]>(T.BUCKET_LIFECYCLE, 'rules', (rules) =>
    rules.filter((rule) => rule['abortIncompleteMultipartUpload'] === undefined),
  ),
  's3-lifecycle-ages': lifecycleRule({
    id: 'early',
    status: 'Enabled',
    filter: { prefix: 'early/' },
    transitions: [{ days: 29, storageClass: 'STANDARD_IA' }],
  }),
  's3-lifecycle-order': lifecycleRule({
    id: 'short',
    status: 'Enabled',
    filter: { prefix: 'short/' },
    transitions: [{ days: 60, storageClass: 'DEEP_ARCHIVE' }],
    expiration: { days: 239 },
  }),
  's3-lock-outlived': lifecycleRule({
    id: 'soon',
    status: 'Enabled',
    filter: { prefix: 'soon/' },
    noncurrentVersionExpiration: { noncurrentDays: 1 },
  }),
  'kms-decrypt-inline': allow(T.ROLE_POLICY, 'policy', {
    Action: 'kms:Decrypt',
    Resource: 'arn:aws:kms:*:‹account›:key/*',
  }),
  'kms-waiting-period': set(T.KEY, 'deletionWindowInDays', 7),
  'kms-not-public': allow(T.KEY, 'policy', { Principal: '*', Action: 'kms:Encrypt', Resource: '*' }),
  'kms-rotation': set(T.KEY, 'enableKeyRotation', false),
  'kms-administered': editJson<{ Statement: { Sid: string; Action: unknown }[] }>(T.KEY, 'policy', (document) => ({
    ...document,
    Statement: document.Statement.map((one) =>
      one.Sid === 'AccountAdministers' ? { ...one, Action: ['kms:Describe*', 'kms:Decrypt'] } : one,
    ),
  })),
  'kms-services': editJson<{ Statement: { Sid: string }[] }>(
    T.KEY,
    'policy',
    (document) => ({ ...document, Statement: document.Statement.filter(({ Sid }) => Sid !== 'LogGroups') }),
    'operations-key',
  ),
  'iam-no-administrator': allow(T.ROLE_POLICY, 'policy', { Action: '*', Resource: '*' }),
  'iam-no-service-wildcard': allow(T.ROLE_POLICY, 'policy', {
    Action: ['sqs:*'],
    Resource: 'arn:aws:sqs:eu-west-1:‹account›:one',
  }),
  'iam-no-wildcards': allow(T.ROLE_POLICY, 'policy', { Action: 's3:Get*', Resource: ['*'] }),
  'iam-trust': editJson<{ Statement: { Principal: unknown }[] }>(
    T.ROLE,
    'assumeRolePolicy',
    (document) => {
      for (const statement of document.Statement) put(statement, 'Principal', { Service: 'ec2.amazonaws.com' });
      return document;
    },
    'proxy-role',
  ),
  'iam-trust-nobody': allow(T.ROLE, 'assumeRolePolicy', { Principal: { AWS: '*' }, Action: 'sts:AssumeRole' }),
};
