import * as T from '../../../policies/types';
import { add, allow, edit, find, type Mutation, set } from '../mutate';

/** Topics, logs, alarms, and what holds for every resource. */
export const rest: Record<string, Mutation> = {
  'sns-not-public': allow(T.TOPIC_POLICY, 'policy', { Principal: '*', Action: 'sns:Publish', Resource: '*' }),
  'sns-encrypted': set(T.TOPIC, 'kmsMasterKeyId', undefined),
  'cloudwatch-log-days': set(T.LOG_GROUP, 'retentionInDays', 100),
  'cloudwatch-log-key': set(T.LOG_GROUP, 'kmsKeyId', undefined),
  'cloudwatch-log-first': (graph) => {
    const { urn } = graph.resources.find(({ inputs }) => String(inputs['name']).startsWith('/aws/rds/instance/')) ?? {};
    const database = find(graph, T.INSTANCE, 'database');
    database.dependencies = database.dependencies.filter((one) => one !== urn);
  },
  'cloudwatch-alarm-told': set(T.ALARM, 'alarmActions', []),
  'cloudwatch-alarm-window': (graph) => {
    const alarm = graph.resources.find(({ type, inputs }) => type === T.ALARM && inputs['period'] !== undefined);
    Object.assign(alarm?.inputs ?? {}, { period: 3000, evaluationPeriods: 30 });
  },
  'cloudwatch-alarm-missing': set(T.ALARM, 'treatMissingData', undefined),
  'pulumi-protected': (graph) => {
    find(graph, T.BUCKET).protect = false;
  },
  'pulumi-no-plain-secret': add('random:index/randomId:RandomId', 'careless', {
    keepers: { adminPassword: 'hunter2' },
  }),
  'pulumi-no-deprecated-type': add('aws:s3/bucketVersioningV2:BucketVersioningV2', 'old', {}),
  'pulumi-no-deprecated-argument': set(T.BUCKET, 'lifecycleRules', []),
  'pulumi-tags': (graph) => {
    edit<string>(T.AWS_PROVIDER, 'defaultTags', () => '{"tags":{"project":"coach"}}')(graph);
    // Those of every other resource, so that one alone is left without.
    for (const { type, inputs } of graph.resources)
      if (type !== T.INSTANCE) inputs['tags'] = { project: 'coach', stack: 'prod', ...(inputs['tags'] as object) };
  },
  'pulumi-references': set(T.EGRESS_RULE, 'referencedSecurityGroupId', '‹another-group.id›'),
};
