import { describe, expect, it } from 'vitest';

import { backupBucketPolicy, logBucketPolicy } from '../../../components/backup/bucketPolicies';
import { keyPolicy } from '../../../components/encryption/keyPolicy';
import type { PolicyDocument } from '../../../components/iam/policyDocument';
import { type Decision, evaluate } from './policyEvaluator';

const OURS = '111111111111';
const OTHER = '222222222222';
const BUCKET = { bucket: 'arn:aws:s3:::backups', objects: 'arn:aws:s3:::backups/*' };
const LOGS = { bucket: 'arn:aws:s3:::logs', objects: 'arn:aws:s3:::logs/*' };
const KEY = `arn:aws:kms:eu-west-1:${OURS}:key/1`;
const TLS = { 'aws:securetransport': 'true', 's3:tlsversion': '1.3' };
const SSE = 's3:x-amz-server-side-encryption';
const SSE_KEY = 's3:x-amz-server-side-encryption-aws-kms-key-id';

const backups = backupBucketPolicy(BUCKET, KEY);
const logs = logBucketPolicy(LOGS, { bucketArn: BUCKET.bucket, account: OURS });

function decide(policy: PolicyDocument, action: string, context: Record<string, string>, by = OURS): Decision {
  const bucket = policy === logs ? LOGS : BUCKET;
  const resource = action === 's3:ListBucket' ? bucket.bucket : bucket.objects.replace('*', 'daily/1/manifest.json');
  return evaluate(policy, { by, action, resource, context });
}

describe.each([
  ['the bucket of backups', backups],
  ['the bucket of logs', logs],
])('%s', (_name, policy) => {
  it.each(['s3:GetObject', 's3:PutObject', 's3:ListBucket', 's3:DeleteObject', 's3:PutBucketPolicy'])(
    'leaves %s over TLS to IAM, so that another account may do nothing, and refuses it over anything else',
    (action) => {
      expect(decide(policy, action, TLS)).toBe('neither');
      expect(decide(policy, action, TLS, OTHER)).toBe('neither');
      expect(decide(policy, action, { 'aws:securetransport': 'false' })).toBe('deny');
      for (const version of ['1.0', '1.1'])
        expect(decide(policy, action, { ...TLS, 's3:tlsversion': version }), version).toBe('deny');
      expect(decide(policy, action, { ...TLS, 's3:tlsversion': '1.2' })).toBe('neither');
    },
  );
});

describe('what is written into the bucket of backups', () => {
  const put = (headers: Record<string, string>): Decision => decide(backups, 's3:PutObject', { ...TLS, ...headers });

  it('may leave its encryption to the bucket, as every part of a multipart upload does', () => {
    expect(put({})).toBe('neither');
  });

  it('may name the bucket’s key, and no other', () => {
    expect(put({ [SSE]: 'aws:kms', [SSE_KEY]: KEY })).toBe('neither');
    expect(put({ [SSE]: 'aws:kms:dsse', [SSE_KEY]: KEY })).toBe('neither');
    expect(put({ [SSE]: 'aws:kms', [SSE_KEY]: KEY.replace(OURS, OTHER) })).toBe('deny');
    // S3 would take the account's default key.
    expect(put({ [SSE]: 'aws:kms' })).toBe('deny');
    expect(put({ [SSE]: 'AES256' })).toBe('deny');
  });

  it('would not be taken without the header, were the header compared alone', () => {
    const Condition = { StringNotEquals: { [SSE]: 'aws:kms' } };
    const [deny] = backups.Statement;
    const usual = { ...backups, Statement: [{ ...deny, Condition }] } as PolicyDocument;
    expect(decide(usual, 's3:PutObject', TLS)).toBe('deny');
  });
});

describe('what is written into the bucket of logs', () => {
  const source = { 'aws:sourcearn': BUCKET.bucket, 'aws:sourceaccount': OURS };
  const deliver = (context: Record<string, string>, by = 'logging.s3.amazonaws.com'): Decision =>
    decide(logs, 's3:PutObject', context, by);

  it('comes from S3, for that bucket and that account', () => {
    expect(deliver({ ...TLS, ...source })).toBe('allow');
    // A service's own connections may carry no TLS keys at all.
    expect(deliver(source)).toBe('allow');
    expect(deliver({ ...source, 'aws:sourceaccount': OTHER })).toBe('neither');
    expect(deliver({ ...source, 'aws:sourcearn': 'arn:aws:s3:::backups2' })).toBe('neither');
    expect(deliver({})).toBe('neither');
    expect(deliver({ ...TLS, ...source }, 'cloudtrail.amazonaws.com')).toBe('neither');
    expect(decide(logs, 's3:GetObject', { ...TLS, ...source }, 'logging.s3.amazonaws.com')).toBe('neither');
  });
});

it('the key is administered by its account, and by no other', () => {
  const use = (by: string, action: string): Decision =>
    evaluate(keyPolicy(`arn:aws:iam::${OURS}:root`), { by, action, resource: KEY, context: {} });
  expect([use(OURS, 'kms:PutKeyPolicy'), use(OURS, 'kms:Decrypt')]).toEqual(['allow', 'allow']);
  expect([use(OTHER, 'kms:PutKeyPolicy'), use(OTHER, 'kms:Decrypt')]).toEqual(['neither', 'neither']);
});
