import { covers, isPublic, isReadable, type PolicyStatement, saying, statementsOf } from '../documents';
import { beside } from '../references';
import { type PolicyGraph, type PolicyResource, type Rule, rule } from '../rule';
import {
  BUCKET,
  BUCKET_ACL,
  BUCKET_ENCRYPTION,
  BUCKET_LIFECYCLE,
  BUCKET_LOCK,
  BUCKET_LOGGING,
  BUCKET_OWNERSHIP,
  BUCKET_POLICY,
  BUCKET_PUBLIC_ACCESS,
  BUCKET_VERSIONING,
} from '../types';
import { at, listAt, numberAt, shown, wants } from '../values';

/** What stands beside a bucket, of a type. */
const side = (graph: PolicyGraph, bucket: PolicyResource, type: string): PolicyResource[] =>
  beside(graph, bucket, type, 'bucket');

const statements = (graph: PolicyGraph, bucket: PolicyResource): PolicyStatement[] =>
  side(graph, bucket, BUCKET_POLICY).flatMap((policy) => statementsOf(policy, 'policy'));

/** Log delivery writes there: neither a key of KMS nor a lock is possible, and its own log would feed on itself. */
export const isLogTarget = (bucket: PolicyResource, graph: PolicyGraph): boolean =>
  beside(graph, bucket, BUCKET_LOGGING, 'targetBucket').length > 0;
const isNoLogTarget = (bucket: PolicyResource, graph: PolicyGraph): boolean => !isLogTarget(bucket, graph);

const publicFor = (actions: string[]) => (bucket: PolicyResource, graph: PolicyGraph) =>
  statements(graph, bucket)
    .filter((statement) => isPublic(statement) && statement.actions.some((one) => actions.some((a) => covers(one, a))))
    .map((statement) => `its policy lets anybody in by ${saying(statement)}`);

const wantsOne = (type: string, what: string) => (bucket: PolicyResource, graph: PolicyGraph) => {
  const found = side(graph, bucket, type).length;
  return found === 1 ? [] : [`it has ${found === 0 ? 'no' : found} ${what}; expected one`];
};

/** Rights over a bucket's own protection, which AWS counts as the bucket given away. */
const GIVEN_AWAY = [
  's3:DeleteBucketPolicy',
  's3:PutBucketAcl',
  's3:PutBucketPolicy',
  's3:PutEncryptionConfiguration',
  's3:PutObjectAcl',
];
const algorithmOf = (bucket: PolicyResource, graph: PolicyGraph): unknown =>
  at(side(graph, bucket, BUCKET_ENCRYPTION)[0]?.inputs, 'rules.0.applyServerSideEncryptionByDefault.sseAlgorithm');

export const s3Rules: readonly Rule[] = [
  rule('s3-no-public-read', {
    source: 'FSBP S3.2',
    title: 'No bucket policy lets anybody read',
    types: [BUCKET],
    find: publicFor(['s3:GetObject', 's3:ListBucket', 's3:GetObjectVersion']),
  }),
  rule('s3-no-public-write', {
    source: 'FSBP S3.3',
    title: 'No bucket policy lets anybody write',
    types: [BUCKET],
    find: publicFor(['s3:PutObject', 's3:DeleteObject', 's3:DeleteObjectVersion', 's3:PutBucketPolicy']),
  }),
  rule('s3-tls-only', {
    source: 'FSBP S3.5',
    title: 'Every bucket denies requests without TLS',
    types: [BUCKET],
    find: (bucket, graph) => {
      const denies = statements(graph, bucket).some(
        ({ isAllow, principals, actions, resources, conditions }) =>
          !isAllow &&
          principals.includes('*') &&
          actions.some((action) => action === '*' || action === 's3:*') &&
          resources.length >= 2 &&
          String(at(conditions['Bool'], 'aws:SecureTransport')) === 'false',
      );
      const policies = side(graph, bucket, BUCKET_POLICY);
      return denies || policies.some((policy) => !isReadable(policy, 'policy'))
        ? []
        : ['no statement of its policy denies s3:* on bucket and objects where aws:SecureTransport is false'];
    },
  }),
  rule('s3-other-accounts', {
    source: 'FSBP S3.6',
    title: 'No bucket policy gives another account rights over the bucket’s own protection',
    types: [BUCKET],
    find: (bucket, graph) =>
      statements(graph, bucket)
        .filter(
          (statement) =>
            statement.isAllow &&
            !isPublic(statement) &&
            statement.principals.length > 0 &&
            statement.actions.some((action) => GIVEN_AWAY.some((one) => covers(action, one))),
        )
        .map((statement) => `${saying(statement)} allows it to ${statement.principals.join(', ')}`),
  }),
  rule('s3-public-access-block', {
    source: 'FSBP S3.8',
    title: 'Public access to every bucket is blocked in all four ways',
    types: [BUCKET],
    find: (bucket, graph) => {
      const [block] = side(graph, bucket, BUCKET_PUBLIC_ACCESS);
      if (block === undefined) return ['it has no public access block'];
      return ['blockPublicAcls', 'blockPublicPolicy', 'ignorePublicAcls', 'restrictPublicBuckets'].flatMap((flag) =>
        wants(flag, true)(block),
      );
    },
  }),
  rule('s3-access-log', {
    source: 'FSBP S3.9',
    title: 'Requests to every bucket are logged (but those to the bucket of the logs)',
    types: [BUCKET],
    where: isNoLogTarget,
    find: wantsOne(BUCKET_LOGGING, 'server access logging'),
  }),
  rule('s3-no-acl', {
    source: 'FSBP S3.12',
    title: 'No bucket has ACLs: the account owns every object',
    types: [BUCKET],
    find: (bucket, graph) => {
      const ownership = at(side(graph, bucket, BUCKET_OWNERSHIP)[0]?.inputs, 'rule.objectOwnership');
      return [
        ...(ownership === 'BucketOwnerEnforced'
          ? []
          : [`its objectOwnership is ${shown(ownership)}; expected "BucketOwnerEnforced"`]),
        ...side(graph, bucket, BUCKET_ACL).map(({ name }) => `${name} gives it an ACL`),
      ];
    },
  }),
  rule('s3-lifecycle', {
    source: 'FSBP S3.13',
    title: 'Every bucket has one lifecycle configuration (a second one would replace the first)',
    types: [BUCKET],
    find: wantsOne(BUCKET_LIFECYCLE, 'lifecycle configuration'),
  }),
  rule('s3-versioning', {
    title: 'Versions are kept in every bucket but that of the logs',
    types: [BUCKET],
    where: isNoLogTarget,
    find: (bucket, graph) => {
      const status = at(side(graph, bucket, BUCKET_VERSIONING)[0]?.inputs, 'versioningConfiguration.status');
      return status === 'Enabled' ? [] : [`its versioning is ${shown(status)}; expected "Enabled"`];
    },
  }),
  rule('s3-kms', {
    title: 'Every bucket is encrypted with a key of KMS (that of the logs with S3’s own)',
    types: [BUCKET],
    where: isNoLogTarget,
    find: (bucket, graph) => {
      const algorithm = algorithmOf(bucket, graph);
      return algorithm === 'aws:kms' ? [] : [`its default encryption is ${shown(algorithm)}; expected "aws:kms"`];
    },
  }),
  rule('s3-log-target', {
    title: 'Log delivery can write into its bucket: S3’s own keys, no default retention',
    types: [BUCKET],
    where: isLogTarget,
    find: (bucket, graph) => {
      const algorithm = algorithmOf(bucket, graph);
      return [
        ...(algorithm === 'AES256' ? [] : [`its default encryption is ${shown(algorithm)}; expected "AES256"`]),
        ...side(graph, bucket, BUCKET_LOCK).map(({ name }) => `${name} locks what is written there`),
      ];
    },
  }),
  rule('s3-abort-uploads', {
    title: 'Unfinished uploads end in every bucket',
    types: [BUCKET_LIFECYCLE],
    find: ({ inputs }) => {
      const ends = listAt(inputs, 'rules').some(
        (one) =>
          at(one, 'status') === 'Enabled' &&
          numberAt(one, 'abortIncompleteMultipartUpload.daysAfterInitiation') !== undefined &&
          Object.keys(at(one, 'filter') ?? {}).length === 0,
      );
      return ends ? [] : ['no enabled rule for the whole bucket has abortIncompleteMultipartUpload'];
    },
  }),
  rule('s3-lifecycle-ages', {
    title: 'No lifecycle moves objects to a class earlier than S3 allows (30 days for the infrequent-access classes)',
    types: [BUCKET_LIFECYCLE],
    find: (resource) =>
      transitionsOf(resource)
        .filter(({ storageClass, days }) => days < (CLASSES[storageClass]?.fromDay ?? 0))
        .map(
          ({ rule: id, storageClass, days }) =>
            `rule ${id} moves to ${storageClass} after ${days} days; S3 takes ${CLASSES[storageClass]?.fromDay} or more`,
        ),
  }),
  rule('s3-lifecycle-order', {
    title: 'Objects move from warmer to colder classes, and stay in each as long as it is billed',
    types: [BUCKET_LIFECYCLE],
    find: (resource) => {
      const rules = new Set(transitionsOf(resource).map(({ rule: id }) => id));
      return [...rules].flatMap((id) => orderProblems(resource, id));
    },
  }),
  rule('s3-lock-outlived', {
    title: 'Nothing expires, in a locked bucket, before its lock ends',
    types: [BUCKET_LOCK],
    find: ({ inputs }, graph) => {
      const days = numberAt(inputs, 'rule.defaultRetention.days');
      if (days === undefined) return [];
      const lifecycles = graph.resources.filter(
        (one) => one.type === BUCKET_LIFECYCLE && one.inputs['bucket'] === inputs['bucket'],
      );
      return lifecycles.flatMap((lifecycle) =>
        listAt(lifecycle.inputs, 'rules').flatMap((one) =>
          ['expiration.days', 'noncurrentVersionExpiration.noncurrentDays'].flatMap((path) => {
            const ends = numberAt(one, path);
            return ends === undefined || ends >= days
              ? []
              : [`it locks for ${days} days; rule ${String(at(one, 'id'))} has ${path} ${ends}`];
          }),
        ),
      );
    },
  }),
];

/**
 * Storage classes from warm to cold, the age from which S3 moves an object there, and the days for which each is billed at least
 * (https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html).
 */
const CLASSES: Readonly<Record<string, { rank: number; fromDay: number; billedDays: number }>> = {
  STANDARD: { rank: 0, fromDay: 0, billedDays: 0 },
  INTELLIGENT_TIERING: { rank: 1, fromDay: 0, billedDays: 0 },
  STANDARD_IA: { rank: 2, fromDay: 30, billedDays: 30 },
  ONEZONE_IA: { rank: 3, fromDay: 30, billedDays: 30 },
  GLACIER_IR: { rank: 4, fromDay: 0, billedDays: 90 },
  GLACIER: { rank: 5, fromDay: 0, billedDays: 90 },
  DEEP_ARCHIVE: { rank: 6, fromDay: 0, billedDays: 180 },
};

interface Transition {
  rule: string;
  storageClass: string;
  days: number;
}

function transitionsOf({ inputs }: PolicyResource): Transition[] {
  return listAt(inputs, 'rules').flatMap((one) =>
    listAt(one, 'transitions').map((transition) => ({
      rule: String(at(one, 'id')),
      storageClass: String(at(transition, 'storageClass')),
      days: numberAt(transition, 'days') ?? 0,
    })),
  );
}

function orderProblems(resource: PolicyResource, id: string): string[] {
  const steps = transitionsOf(resource)
    .filter(({ rule: of }) => of === id)
    .sort((a, b) => a.days - b.days);
  const expires = numberAt(
    listAt(resource.inputs, 'rules').find((one) => at(one, 'id') === id),
    'expiration.days',
  );
  return steps.flatMap((step, index) => {
    const known = CLASSES[step.storageClass];
    if (known === undefined)
      return [`rule ${id} names ${step.storageClass}; S3 has ${Object.keys(CLASSES).join(', ')}`];
    const next = steps[index + 1];
    const nextRank = next === undefined ? undefined : CLASSES[next.storageClass]?.rank;
    const leaves = next?.days ?? expires;
    return [
      ...(nextRank !== undefined && nextRank <= known.rank
        ? [`rule ${id} moves from ${step.storageClass} to ${next?.storageClass}, which is no colder`]
        : []),
      ...(leaves !== undefined && leaves - step.days < known.billedDays
        ? [
            `rule ${id} has objects in ${step.storageClass} for ${leaves - step.days} days; ${known.billedDays} are billed`,
          ]
        : []),
    ];
  });
}
