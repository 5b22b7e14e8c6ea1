import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { missing } from './emulators';
import type { Rehearsal } from './rehearsal';
import { type RehearsalWithServer, startWithServer } from './withServer';

const absent = missing('ministack', 'moto');

describe.skipIf(absent !== '')(`what was changed by hand${absent}`, { timeout: 300_000 }, () => {
  let rehearsal: RehearsalWithServer;
  let prod: Rehearsal;
  beforeAll(async () => {
    rehearsal = await startWithServer();
    ({ prod } = rehearsal);
    expect((await prod.up()).problems).toEqual([]);
  });
  afterAll(() => rehearsal.stop());

  /** One thing each, and what finds it: the step of a refresh and of the `up` that mends it. */
  const drifts: [string, (prod: Rehearsal) => Promise<unknown>, string | string[], string][] = [
    [
      'the block of public access of the backups',
      (one) => one.clients().s3.deletePublicAccessBlock({ Bucket: one.id('backups') }),
      'delete backups-public-access',
      'create backups-public-access',
    ],
    [
      'one flag of it',
      (one) =>
        one.clients().s3.putPublicAccessBlock({
          Bucket: one.id('backups-logs'),
          PublicAccessBlockConfiguration: { BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true },
        }),
      'update backups-logs-public-access',
      'update backups-logs-public-access',
    ],
    [
      'the bucket’s policy',
      (one) => one.clients().s3.deleteBucketPolicy({ Bucket: one.id('backups') }),
      'delete backups-policy',
      'create backups-policy',
    ],
    [
      'the lock of what is written',
      (one) =>
        one.clients().s3.putObjectLockConfiguration({
          Bucket: one.id('backups'),
          ObjectLockConfiguration: {
            ObjectLockEnabled: 'Enabled',
            Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days: 1 } },
          },
        }),
      'update backups-lock',
      'update backups-lock',
    ],
    [
      'the rotation of the database’s key',
      (one) => one.clients().kms.disableKeyRotation({ KeyId: one.id('database-key') }),
      'update database-key',
      'update database-key',
    ],
    [
      'a rule in the VPC’s default group',
      (one) =>
        one.clients().ec2.authorizeSecurityGroupIngress({
          GroupId: one.id('network-default'),
          IpPermissions: [{ IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
        }),
      'update network-default',
      'update network-default',
    ],
    [
      'how long flow logs stay',
      (one) => one.clients().logs.deleteRetentionPolicy({ logGroupName: one.id('network-flow-logs') }),
      'update network-flow-logs',
      'update network-flow-logs',
    ],
    [
      'a role’s rights',
      (one) => {
        const [RoleName, PolicyName] = one.id('network-flow-logs-role', 'aws:iam/rolePolicy:RolePolicy').split(':');
        const everything = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };
        return one.clients().iam.putRolePolicy({ RoleName, PolicyName, PolicyDocument: JSON.stringify(everything) });
      },
      'update network-flow-logs-role',
      'update network-flow-logs-role',
    ],
    [
      'an alarm',
      (one) => one.clients().cloudwatch.deleteAlarms({ AlarmNames: [one.id('alarms-database-cpu')] }),
      'delete alarms-database-cpu',
      'create alarms-database-cpu',
    ],
    [
      'the threshold of another',
      async (one) => {
        const { cloudwatch } = one.clients();
        const { MetricAlarms } = await cloudwatch.describeAlarms({ AlarmNames: [one.id('alarms-database-memory')] });
        const { AlarmName, MetricName, Namespace, Dimensions, Statistic, Period } = MetricAlarms?.[0] ?? {};
        const same = { AlarmName, MetricName, Namespace, Dimensions, Statistic, Period };
        return cloudwatch.putMetricAlarm({
          ...same,
          ComparisonOperator: 'LessThanThreshold',
          EvaluationPeriods: 1,
          Threshold: 1,
        });
      },
      'update alarms-database-memory',
      'update alarms-database-memory',
    ],
    [
      'who may publish to the topic',
      (one) => {
        const anybody = { Effect: 'Allow', Principal: '*', Action: 'sns:Publish', Resource: '*' };
        const policy = JSON.stringify({ Version: '2012-10-17', Statement: [anybody] });
        const TopicArn = one.id('alarms-topic');
        return one.clients().sns.setTopicAttributes({ TopicArn, AttributeName: 'Policy', AttributeValue: policy });
      },
      // The topic's own outputs hold it as well.
      ['update alarms-topic', 'update alarms-topic-policy'],
      'update alarms-topic-policy',
    ],
    [
      'a tag',
      (one) => one.clients().ec2.createTags({ Resources: [one.id('network')], Tags: [{ Key: 'owner', Value: 'me' }] }),
      'update network',
      'update network',
    ],
  ];

  it('is found by a refresh, all of it and nothing else, and mended by the next up', async () => {
    for (const [, change] of drifts) await change(prod);
    expect((await prod.refresh()).steps).toEqual(drifts.flatMap(([, , found]) => found).sort());
    const mended = await prod.up();
    expect(mended.problems).toEqual([]);
    expect(mended.steps).toEqual(drifts.map(([, , , step]) => step).sort());
    expect((await prod.up()).paths).toEqual({});
  });

  it('is found and mended by up without a refresh', async () => {
    for (const [, change] of drifts) await change(prod);
    const steps = drifts.map(([, , , step]) => step).sort();
    expect((await prod.preview()).steps).toEqual(steps);
    expect((await prod.up()).steps).toEqual(steps);
  });
});
