import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { LifecycleRule } from '../../../components/backup/lifecycle';
import type { PolicyDocument } from '../../../components/iam/policyDocument';
import type { Graph, GraphResource } from '../../../engine/graph/graph';
import { GENERATIONS } from '../../../postgres/backup/manifest';
import { generationPrefix } from '../../../postgres/backup/s3/keys';
import { prodGraph } from '../../support/prodGraph';
import { TestProject } from '../../support/project';
import { evaluate } from './policyEvaluator';

const KEY = 'arn:aws:kms:eu-west-1:111111111111:key/8a4cc4b5-8d2f-4fd3-9c3c-6a9c0f8e2b11';

let project: TestProject;
beforeAll(() => {
  project = new TestProject();
});
afterAll(() => project.remove());

async function draw(backup: Record<string, unknown> | undefined, environment: NodeJS.ProcessEnv = {}): Promise<Graph> {
  project.set('backup', backup, 'prod');
  return prodGraph(project, environment);
}

const nameOf = (urn: string | undefined): string => urn?.split('::').at(-1) ?? '';
/** Declared by the component. */
const isOfBucket = ({ parent }: GraphResource): boolean => parent?.includes('coach:backup:BackupBucket') === true;

function resource({ resources }: Graph, type: string, name: string): GraphResource {
  const found = resources.filter((one) => one.type === `aws:${type}` && one.name === name);
  expect(found, `${type} ${name}`).toHaveLength(1);
  return found[0] as GraphResource;
}

describe('the bucket of prod', () => {
  it('is declared whole, below its component: what holds data and keys is protected, what needs another comes after it', async () => {
    const drawn = await draw(undefined);
    const aws = drawn.resources.filter(isOfBucket);
    expect(aws.map(({ type, name }) => `${type.split(':').at(-1) ?? ''} ${name}`).sort()).toEqual([
      'Alias backups-key-alias',
      'Bucket backups',
      'Bucket backups-logs',
      'BucketLifecycleConfiguration backups-lifecycle',
      'BucketLifecycleConfiguration backups-logs-lifecycle',
      'BucketLogging backups-logging',
      'BucketObjectLockConfiguration backups-lock',
      'BucketOwnershipControls backups-logs-ownership',
      'BucketOwnershipControls backups-ownership',
      'BucketPolicy backups-logs-policy',
      'BucketPolicy backups-policy',
      'BucketPublicAccessBlock backups-logs-public-access',
      'BucketPublicAccessBlock backups-public-access',
      'BucketServerSideEncryptionConfiguration backups-encryption',
      'BucketServerSideEncryptionConfiguration backups-logs-encryption',
      'BucketVersioning backups-versioning',
      'Key backups-key',
    ]);
    const component = drawn.resources.find(({ type }) => type === 'coach:backup:BackupBucket');
    expect(new Set(aws.map(({ parent }) => parent))).toEqual(new Set([component?.urn]));
    expect(aws.filter((one) => one.protect).map(({ name }) => name)).toEqual([
      'backups-key',
      'backups',
      'backups-logs',
    ]);
    const needs = Object.fromEntries(aws.map(({ name, dependencies }) => [name, dependencies.map(nameOf)]));
    expect(needs['backups-lock']).toContain('backups-versioning');
    expect(needs['backups-lifecycle']).toContain('backups-versioning');
    expect(needs['backups-policy']).toContain('backups-public-access');
    expect(needs['backups-logging']).toContain('backups-logs-policy');
    expect(needs['backups-encryption']).toContain('backups-key');
    expect(drawn.outputs['backups']).toEqual({
      bucket: '‹backups.bucket›',
      prefix: 'prod',
      kmsKeyArn: 'arn:aws:kms:eu-west-1:‹account›:key/‹backups-key.keyId›',
    });
  });

  it('keeps, locks, encrypts and logs as the settings say', async () => {
    const drawn = await draw({
      retentionDays: 90,
      weekly: 0,
      monthly: 6,
      bucket: { lockDays: 14, lockMode: 'COMPLIANCE' },
    });
    const arn = 'arn:aws:kms:eu-west-1:‹account›:key/‹backups-key.keyId›';
    expect(resource(drawn, 's3/bucket:Bucket', 'backups').inputs).toEqual({
      objectLockEnabled: true,
      forceDestroy: false,
    });
    expect(
      resource(drawn, 's3/bucketObjectLockConfiguration:BucketObjectLockConfiguration', 'backups-lock').inputs['rule'],
    ).toEqual({ defaultRetention: { mode: 'COMPLIANCE', days: 14 } });
    const lifecycle = 's3/bucketLifecycleConfiguration:BucketLifecycleConfiguration';
    expect(resource(drawn, lifecycle, 'backups-lifecycle').inputs).toMatchObject({
      transitionDefaultMinimumObjectSize: 'all_storage_classes_128K',
      rules: [
        { id: 'daily', expiration: { days: 120 }, transitions: [{ days: 30, storageClass: 'STANDARD_IA' }] },
        { id: 'weekly', expiration: { days: 120 } },
        {
          id: 'monthly',
          expiration: { days: 216 },
          transitions: [{ days: 30 }, { days: 90, storageClass: 'GLACIER_IR' }],
        },
        { id: 'deleted-objects', noncurrentVersionExpiration: { noncurrentDays: 14 } },
        { id: 'killed-uploads' },
      ],
    });
    const encryption = 's3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration';
    expect(resource(drawn, encryption, 'backups-encryption').inputs['rules']).toEqual([
      {
        applyServerSideEncryptionByDefault: { sseAlgorithm: 'aws:kms', kmsMasterKeyId: arn },
        bucketKeyEnabled: true,
        blockedEncryptionTypes: ['SSE-C'],
      },
    ]);
    expect(resource(drawn, 'kms/key:Key', 'backups-key').inputs).toMatchObject({
      enableKeyRotation: true,
      deletionWindowInDays: 30,
    });
    // A target of logs takes no key of KMS, and no default retention.
    expect(resource(drawn, encryption, 'backups-logs-encryption').inputs['rules']).toEqual([
      { applyServerSideEncryptionByDefault: { sseAlgorithm: 'AES256' }, blockedEncryptionTypes: ['SSE-C'] },
    ]);
    expect(resource(drawn, 's3/bucket:Bucket', 'backups-logs').inputs['objectLockEnabled']).toBe(false);
    expect(resource(drawn, 's3/bucketLogging:BucketLogging', 'backups-logging').inputs).toMatchObject({
      bucket: '‹backups.bucket›',
      targetBucket: '‹backups-logs.bucket›',
    });
    for (const name of ['backups', 'backups-logs']) {
      const block = 's3/bucketPublicAccessBlock:BucketPublicAccessBlock';
      expect(resource(drawn, block, `${name}-public-access`).inputs).toEqual({
        bucket: `‹${name}.bucket›`,
        blockPublicAcls: true,
        blockPublicPolicy: true,
        ignorePublicAcls: true,
        restrictPublicBuckets: true,
      });
      const ownership = 's3/bucketOwnershipControls:BucketOwnershipControls';
      expect(resource(drawn, ownership, `${name}-ownership`).inputs['rule']).toEqual({
        objectOwnership: 'BucketOwnerEnforced',
      });
    }
    const put = { action: 's3:PutObject', context: { 'aws:securetransport': 'true' } };
    const policyOf = (name: string): PolicyDocument =>
      JSON.parse(String(resource(drawn, 's3/bucketPolicy:BucketPolicy', name).inputs['policy'])) as PolicyDocument;
    const encrypted = { ...put.context, 's3:x-amz-server-side-encryption': 'aws:kms' };
    const withKey = (key: string) => ({ ...encrypted, 's3:x-amz-server-side-encryption-aws-kms-key-id': key });
    const object = { ...put, by: '‹account›', resource: 'arn:aws:s3:::‹backups.bucket›/prod/daily/1' };
    expect(evaluate(policyOf('backups-policy'), { ...object, context: withKey(arn) })).toBe('neither');
    expect(evaluate(policyOf('backups-policy'), { ...object, context: withKey(KEY) })).toBe('deny');
    const delivery = {
      by: 'logging.s3.amazonaws.com',
      action: 's3:PutObject',
      resource: 'arn:aws:s3:::‹backups-logs.bucket›/backups/1',
      context: { 'aws:sourcearn': 'arn:aws:s3:::‹backups.bucket›', 'aws:sourceaccount': '‹account›' },
    };
    expect(evaluate(policyOf('backups-logs-policy'), delivery)).toBe('allow');
  });

  it('is where the uploader looks for it, with the key that it names', async () => {
    const s3 = { bucket: 'example-backups', prefix: 'db/one', region: 'eu-central-1', kmsKeyId: KEY };
    const network = {
      vpcId: 'vpc-0123456789abcdef0',
      privateSubnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'],
      // A way of its own: the endpoint of a new VPC reaches buckets of its region alone.
      endpoints: false,
    };
    project.set('aws', { network }, 'prod');
    const drawn = await draw({ s3 });
    project.set('aws', undefined, 'prod');
    const ofBucket = drawn.resources.filter(isOfBucket);
    expect(ofBucket.filter(({ type }) => type.startsWith('aws:kms/'))).toEqual([]);
    expect(resource(drawn, 's3/bucket:Bucket', 'backups').inputs['bucket']).toBe('example-backups');
    expect(resource(drawn, 's3/bucket:Bucket', 'backups-logs').inputs['bucket']).toBe('example-backups-logs');
    const { inputs } = resource(
      drawn,
      's3/bucketLifecycleConfiguration:BucketLifecycleConfiguration',
      'backups-lifecycle',
    );
    expect((inputs['rules'] as LifecycleRule[]).slice(0, 3).map(({ filter }) => filter.prefix)).toEqual(
      GENERATIONS.map((generation) => generationPrefix(s3.prefix, generation)),
    );
    expect(resource(drawn, 's3/bucketPolicy:BucketPolicy', 'backups-policy').inputs['policy']).toContain(KEY);
    const provider = drawn.resources.find(({ name }) => name === 'backups-region');
    expect(provider?.inputs).toMatchObject({ region: 'eu-central-1' });
    expect(new Set(ofBucket.map((one) => one.provider))).toEqual(new Set([provider?.urn]));
    expect(drawn.outputs['backups']).toEqual({ bucket: 'example-backups', prefix: 'db/one', kmsKeyArn: KEY });
  });

  it('is drawn without an account, a plugin or a connection to anywhere but this machine', async () => {
    const trace = project.path('trace.cjs');
    const log = `${trace}.log`;
    writeFileSync(trace, TRACE.replace('LOG', JSON.stringify(log)));
    const preload = { NODE_OPTIONS: `--require ${trace}` };
    const nobody = {
      PATH: dirname(process.execPath),
      HOME: project.path('nobody'),
      PULUMI_HOME: project.path('nobody'),
    };
    const { resources } = await draw(undefined, { ...preload, ...nobody, AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE' });
    expect(resources.filter(isOfBucket)).toHaveLength(17);
    const contacted = readFileSync(log, 'utf8').trim().split('\n');
    // The program speaks to the engine, so connections are seen at all.
    expect(new Set(contacted)).toEqual(new Set(['127.0.0.1']));
    expect(existsSync(project.path('nobody'))).toBe(false);
  });
});

it('no other stack waits for what AWS needs', () => {
  const loaded = "require('./dist/infra/index.js'); console.log(Object.keys(require.cache).join('\\n'))";
  const modules = execFileSync(process.execPath, ['-e', loaded], { cwd: project.root, encoding: 'utf8' });
  expect(modules).toContain('@pulumi/postgresql');
  expect(modules).not.toContain('@pulumi/aws');
});

/** Preloaded into each process: writes down where it connects. */
const TRACE = `
const { appendFileSync } = require('node:fs');
const { Socket } = require('node:net');
const { connect } = Socket.prototype;
Socket.prototype.connect = function (...args) {
  const [options] = Array.isArray(args[0]) ? args[0] : args;
  if (options.path === undefined) appendFileSync(LOG, (options.host ?? 'localhost') + '\\n');
  return connect.apply(this, args);
};
`;
