import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';

import type { S3 } from '@aws-sdk/client-s3';

import { assetBytes } from '../../../engine/apply/assets';
import type { KindContext, Kinds, Properties, ResourceKind, Value } from '../kind';
import { fromApi, tagList, tagMap, text, toApi, unlessGone } from '../shapes';

const GONE = ['NotFound', 'NoSuchBucket'];

/** The API wraps this list once more. */
const blockedToApi = ({ blockedEncryptionTypes, ...rule }: Properties): Properties =>
  blockedEncryptionTypes === undefined
    ? rule
    : { ...rule, blockedEncryptionTypes: { encryptionType: blockedEncryptionTypes } };

/** A setting of a bucket with an API call each for put, get and delete: `absent` is the error of the setting that is not there. */
function bucketSetting(setting: {
  put: (s3: S3, Bucket: string, inputs: Properties) => Promise<unknown>;
  get: (s3: S3, Bucket: string) => Promise<Properties | undefined>;
  remove?: (s3: S3, Bucket: string) => Promise<unknown>;
  absent: string;
}): ResourceKind {
  const { put, get, remove, absent } = setting;
  const write = (s3: S3, inputs: Properties): Promise<unknown> => put(s3, text(inputs, 'bucket'), inputs);
  return {
    replaces: ['bucket', 'expectedBucketOwner'],
    async create({ s3 }, inputs) {
      await write(s3, inputs);
      return text(inputs, 'bucket');
    },
    async read({ s3 }, bucket) {
      const found = await unlessGone(get(s3, bucket), ...GONE, absent);
      return found === undefined || Object.keys(found).length === 0 ? undefined : { bucket, ...found };
    },
    update: ({ s3 }, _id, inputs) => write(s3, inputs),
    delete: ({ s3 }, bucket) => Promise.resolve(remove && unlessGone(remove(s3, bucket), ...GONE, absent)),
  };
}

const bucket: ResourceKind = {
  autoname: 'bucket',
  tagged: true,
  replaces: ['bucket', 'objectLockEnabled'],
  unread: ['forceDestroy'],
  async create({ s3, region }, inputs) {
    const Bucket = text(inputs, 'bucket');
    await s3.createBucket({
      Bucket,
      ObjectLockEnabledForBucket: inputs['objectLockEnabled'] === true,
      CreateBucketConfiguration: toApi({ locationConstraint: region }),
    });
    await s3.putBucketTagging({ Bucket, Tagging: { TagSet: tagList(inputs) } });
    return Bucket;
  },
  async read({ s3, region }, Bucket) {
    if ((await unlessGone(s3.headBucket({ Bucket }), ...GONE)) === undefined) return undefined;
    const tagging = await unlessGone(s3.getBucketTagging({ Bucket }), 'NoSuchTagSet');
    const lock = await unlessGone(s3.getObjectLockConfiguration({ Bucket }), 'ObjectLockConfigurationNotFoundError');
    return {
      bucket: Bucket,
      arn: `arn:aws:s3:::${Bucket}`,
      bucketDomainName: `${Bucket}.s3.amazonaws.com`,
      bucketRegionalDomainName: `${Bucket}.s3.${region}.amazonaws.com`,
      region,
      objectLockEnabled: lock?.ObjectLockConfiguration?.ObjectLockEnabled === 'Enabled',
      tags: tagMap(tagging?.TagSet),
    };
  },
  update: ({ s3 }, Bucket, inputs) => s3.putBucketTagging({ Bucket, Tagging: { TagSet: tagList(inputs) } }),
  delete: ({ s3 }, Bucket) => unlessGone(s3.deleteBucket({ Bucket }), ...GONE),
};

const RULE = { id: 'ID' };
const ENCRYPTION = {
  sseAlgorithm: 'SSEAlgorithm',
  kmsMasterKeyId: 'KMSMasterKeyID',
};

const object: ResourceKind = {
  tagged: true,
  replaces: ['bucket', 'key'],
  // What was uploaded is known by its hash, which the program gives.
  unread: ['source', 'content', 'sourceHash', 'forceDestroy'],
  async create({ s3 }, inputs, context) {
    await putObject(s3, inputs, context);
    return `${text(inputs, 'bucket')}/${text(inputs, 'key')}`;
  },
  async read({ s3 }, id, known) {
    const [Bucket, Key] = [text(known, 'bucket'), text(known, 'key')];
    const head = await unlessGone(s3.headObject({ Bucket, Key }), ...GONE, 'NoSuchKey');
    if (head === undefined) return undefined;
    const { TagSet } = await s3.getObjectTagging({ Bucket, Key });
    const kms = head.ServerSideEncryption === 'aws:kms';
    return {
      bucket: Bucket,
      key: Key,
      arn: `arn:aws:s3:::${id}`,
      etag: (head.ETag ?? '').replaceAll('"', ''),
      contentType: head.ContentType ?? '',
      serverSideEncryption: head.ServerSideEncryption ?? '',
      ...(kms ? { kmsKeyId: head.SSEKMSKeyId ?? '' } : {}),
      versionId: head.VersionId ?? '',
      tags: tagMap(TagSet),
    };
  },
  update: ({ s3 }, _id, inputs, _old, context) => putObject(s3, inputs, context),
  // As the real provider: with every version of it.
  async delete({ s3 }, _id, outputs) {
    const [Bucket, Key] = [text(outputs, 'bucket'), text(outputs, 'key')];
    const versions = await unlessGone(s3.listObjectVersions({ Bucket, Prefix: Key }), ...GONE);
    for (const { VersionId } of versions?.Versions ?? []) await s3.deleteObject({ Bucket, Key, VersionId });
  },
};

async function putObject(s3: S3, inputs: Properties, { folder }: KindContext): Promise<void> {
  const { source, content, contentType, serverSideEncryption, kmsKeyId } = inputs;
  const Body =
    typeof source === 'string'
      ? createReadStream(resolve(folder, source))
      : source === undefined
        ? text({ content: content ?? null }, 'content')
        : assetBytes(source as Record<string, Value>, folder);
  const tags = Object.fromEntries(tagList(inputs).map(({ Key, Value }) => [Key, Value]));
  await s3.putObject({
    Bucket: text(inputs, 'bucket'),
    Key: text(inputs, 'key'),
    Body,
    Tagging: new URLSearchParams(tags).toString(),
    ...toApi<object>({
      ...(contentType === undefined ? {} : { contentType }),
      ...(serverSideEncryption === undefined ? {} : { serverSideEncryption }),
    }),
    ...(typeof kmsKeyId === 'string' ? { SSEKMSKeyId: kmsKeyId } : {}),
  });
}

export const s3: Kinds = {
  'aws:s3/bucket:Bucket': bucket,
  'aws:s3/bucketObjectv2:BucketObjectv2': object,

  'aws:s3/bucketOwnershipControls:BucketOwnershipControls': bucketSetting({
    put: (s3, Bucket, { rule }) =>
      s3.putBucketOwnershipControls({ Bucket, OwnershipControls: { Rules: [toApi(rule)] } }),
    get: async (s3, Bucket) => {
      const { OwnershipControls } = await s3.getBucketOwnershipControls({ Bucket });
      return fromApi({ Rule: OwnershipControls?.Rules?.[0] });
    },
    remove: (s3, Bucket) => s3.deleteBucketOwnershipControls({ Bucket }),
    absent: 'OwnershipControlsNotFoundError',
  }),

  'aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock': bucketSetting({
    put: (s3, Bucket, { bucket: _bucket, ...block }) =>
      s3.putPublicAccessBlock({ Bucket, PublicAccessBlockConfiguration: toApi(block) }),
    get: async (s3, Bucket) => fromApi((await s3.getPublicAccessBlock({ Bucket })).PublicAccessBlockConfiguration),
    remove: (s3, Bucket) => s3.deletePublicAccessBlock({ Bucket }),
    absent: 'NoSuchPublicAccessBlockConfiguration',
  }),

  'aws:s3/bucketPolicy:BucketPolicy': bucketSetting({
    put: (s3, Bucket, inputs) => s3.putBucketPolicy({ Bucket, Policy: text(inputs, 'policy') }),
    get: async (s3, Bucket) => fromApi({ Policy: (await s3.getBucketPolicy({ Bucket })).Policy }),
    remove: (s3, Bucket) => s3.deleteBucketPolicy({ Bucket }),
    absent: 'NoSuchBucketPolicy',
  }),

  'aws:s3/bucketVersioning:BucketVersioning': bucketSetting({
    put: (s3, Bucket, { versioningConfiguration }) =>
      s3.putBucketVersioning({ Bucket, VersioningConfiguration: toApi(versioningConfiguration) }),
    get: async (s3, Bucket) => {
      const { Status } = await s3.getBucketVersioning({ Bucket });
      return Status === undefined ? {} : { versioningConfiguration: { status: Status } };
    },
    // As the real provider: it is suspended, which object lock forbids and the bucket's own end makes needless.
    absent: 'NoSuchVersioning',
  }),

  'aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration': bucketSetting({
    put: (s3, Bucket, { rules }) =>
      s3.putBucketEncryption({
        Bucket,
        ServerSideEncryptionConfiguration: toApi({ rules: (rules as Properties[]).map(blockedToApi) }, ENCRYPTION),
      }),
    get: async (s3, Bucket) =>
      fromApi((await s3.getBucketEncryption({ Bucket })).ServerSideEncryptionConfiguration, ENCRYPTION),
    remove: (s3, Bucket) => s3.deleteBucketEncryption({ Bucket }),
    absent: 'ServerSideEncryptionConfigurationNotFoundError',
  }),

  'aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration': bucketSetting({
    put: (s3, Bucket, { rules, transitionDefaultMinimumObjectSize }) =>
      s3.putBucketLifecycleConfiguration({
        Bucket,
        LifecycleConfiguration: toApi({ rules: rules ?? [] }, RULE),
        ...toApi<object>(
          transitionDefaultMinimumObjectSize === undefined ? {} : { transitionDefaultMinimumObjectSize },
        ),
      }),
    get: async (s3, Bucket) => fromApi(await s3.getBucketLifecycleConfiguration({ Bucket }), RULE),
    remove: (s3, Bucket) => s3.deleteBucketLifecycle({ Bucket }),
    absent: 'NoSuchLifecycleConfiguration',
  }),

  'aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration': bucketSetting({
    put: (s3, Bucket, { rule }) =>
      s3.putObjectLockConfiguration({
        Bucket,
        ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled', Rule: toApi(rule) },
      }),
    get: async (s3, Bucket) => {
      const { ObjectLockConfiguration } = await s3.getObjectLockConfiguration({ Bucket });
      return fromApi({ Rule: ObjectLockConfiguration?.Rule });
    },
    remove: (s3, Bucket) =>
      s3.putObjectLockConfiguration({ Bucket, ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled' } }),
    absent: 'ObjectLockConfigurationNotFoundError',
  }),

  'aws:s3/bucketLogging:BucketLogging': bucketSetting({
    put: (s3, Bucket, { targetBucket, targetPrefix }) =>
      s3.putBucketLogging({
        Bucket,
        BucketLoggingStatus: {
          LoggingEnabled: toApi({ targetBucket: targetBucket ?? '', targetPrefix: targetPrefix ?? '' }),
        },
      }),
    get: async (s3, Bucket) => fromApi((await s3.getBucketLogging({ Bucket })).LoggingEnabled ?? {}),
    remove: (s3, Bucket) => s3.putBucketLogging({ Bucket, BucketLoggingStatus: {} }),
    absent: 'NoSuchLogging',
  }),
};
