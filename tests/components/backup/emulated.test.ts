import type { S3 } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { PolicyDocument } from '../../../components/iam/policyDocument';
import type { GraphResource } from '../../../engine/graph/graph';
import { type Emulator, missing, programOf, startEmulator } from '../../postgres/backup/s3/emulators';
import { prodGraph } from '../../support/prodGraph';
import { TestProject } from '../../support/project';
import { applyGraph, EMULATED_KEY } from './applyGraph';

const KEY = 'prod/daily/20261126T020000Z-9f3c/manifest.json';
const DAY_MS = 86_400_000;

async function declared(bucket: Record<string, unknown>): Promise<GraphResource[]> {
  const project = new TestProject();
  try {
    project.set('backup', { bucket }, 'prod');
    const { resources } = await prodGraph(project);
    return resources.filter(({ parent }) => parent?.includes('coach:backup:BackupBucket'));
  } finally {
    await project.remove();
  }
}

describe.skipIf(programOf('moto') === null)(`the bucket of prod, made in an emulator${missing('moto')}`, () => {
  let emulator: Emulator;
  let s3: S3;
  let resources: GraphResource[];
  beforeAll(async () => {
    [emulator, resources] = await Promise.all([startEmulator('moto'), declared({ lockDays: 3 })]);
    s3 = emulator.s3;
    // Its policy would keep the test out.
    await applyGraph(
      s3,
      resources.filter(({ name }) => name !== 'backups-policy'),
    );
  });
  afterAll(() => emulator.stop());

  it('answers with what the graph says', async () => {
    expect((await s3.getBucketVersioning({ Bucket: 'backups' })).Status).toBe('Enabled');
    const { Rules: rules } = await s3.getBucketLifecycleConfiguration({ Bucket: 'backups' });
    expect(
      rules?.map(({ ID, Filter, Expiration, Transitions }) => [ID, Filter?.Prefix, Expiration?.Days, Transitions]),
    ).toEqual([
      ['daily', 'prod/daily/', 37, undefined],
      ['weekly', 'prod/weekly/', 65, undefined],
      [
        'monthly',
        'prod/monthly/',
        402,
        [
          { Days: 30, StorageClass: 'STANDARD_IA' },
          { Days: 90, StorageClass: 'GLACIER_IR' },
        ],
      ],
      ['deleted-objects', undefined, undefined, undefined],
      ['killed-uploads', undefined, undefined, undefined],
    ]);
    const { ObjectLockConfiguration: lock } = await s3.getObjectLockConfiguration({ Bucket: 'backups' });
    expect(lock?.Rule?.DefaultRetention).toMatchObject({ Mode: 'GOVERNANCE', Days: 3 });
    const { PublicAccessBlockConfiguration: block } = await s3.getPublicAccessBlock({ Bucket: 'backups' });
    expect(Object.values(block ?? {})).toEqual([true, true, true, true]);
    const { LoggingEnabled: logging } = await s3.getBucketLogging({ Bucket: 'backups' });
    expect(logging).toMatchObject({ TargetBucket: 'backups-logs', TargetPrefix: 'backups/' });
  });

  it('refuses rules that S3 would refuse, so that taking ours says something', async () => {
    const wrong = {
      ID: 'x',
      Status: 'Enabled',
      Filter: {},
      Expiration: { Days: 1, ExpiredObjectDeleteMarker: true },
    } as const;
    await expect(
      s3.putBucketLifecycleConfiguration({ Bucket: 'backups', LifecycleConfiguration: { Rules: [wrong] } }),
    ).rejects.toMatchObject({ name: 'MalformedXML' });
  });

  it('encrypts what comes without a word of it with its key, in one request or in parts', async () => {
    const Bucket = 'backups';
    await s3.putObject({ Bucket, Key: KEY, Body: '{}' });
    const { UploadId } = await s3.createMultipartUpload({ Bucket, Key: `${KEY}.parts` });
    const upload = { Bucket, Key: `${KEY}.parts`, UploadId };
    const { ETag } = await s3.uploadPart({ ...upload, PartNumber: 1, Body: 'part' });
    await s3.completeMultipartUpload({ ...upload, MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] } });
    for (const Key of [KEY, `${KEY}.parts`])
      expect(await s3.headObject({ Bucket, Key }), Key).toMatchObject({
        ServerSideEncryption: 'aws:kms',
        SSEKMSKeyId: EMULATED_KEY,
      });
  });

  it('deletes no version while it is locked, keeps what is deleted, and can bring it back', async () => {
    const object = { Bucket: 'backups', Key: 'prod/weekly/20261126T020000Z-9f3c/manifest.json' };
    const { VersionId } = await s3.putObject({ ...object, Body: 'first' });
    const head = await s3.headObject({ ...object, VersionId });
    expect(head.ObjectLockMode).toBe('GOVERNANCE');
    const locked = Number(head.ObjectLockRetainUntilDate) - Number(head.LastModified);
    expect(Math.round(locked / DAY_MS)).toBe(3);
    await expect(s3.deleteObject({ ...object, VersionId })).rejects.toMatchObject({ name: 'AccessDenied' });
    // As pruning deletes, and as a rule expires: under a marker.
    const { VersionId: marker } = await s3.deleteObject(object);
    await expect(s3.getObject(object)).rejects.toMatchObject({ name: 'NoSuchKey' });
    expect(await textOf(s3, { ...object, VersionId })).toBe('first');
    await expect(s3.deleteObject({ ...object, VersionId })).rejects.toMatchObject({ name: 'AccessDenied' });
    await s3.deleteObject({ ...object, VersionId: marker });
    expect(await textOf(s3, object)).toBe('first');
  });

  it('takes its policy, which bucketPolicies.test.ts judges: moto looks at no condition', async () => {
    const policies = resources.filter(({ name }) => name === 'backups-policy');
    await applyGraph(s3, policies);
    const { Policy: policy = '' } = await s3.getBucketPolicy({ Bucket: 'backups' });
    const { Statement: statements } = JSON.parse(policy) as PolicyDocument;
    expect(statements.map(({ Sid }) => Sid)).toEqual(['DenyPlainHttp', 'DenyOldTls', 'DenyOtherEncryption']);
    expect(policy).toContain(EMULATED_KEY);
  });
});

async function textOf(
  s3: S3,
  object: { Bucket: string; Key: string; VersionId?: string | undefined },
): Promise<string | undefined> {
  return (await s3.getObject(object)).Body?.transformToString();
}
