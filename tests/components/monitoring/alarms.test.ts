import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { GraphResource } from '../../../engine/graph/graph';
import { prodGraph } from '../../support/prodGraph';
import { TestProject } from '../../support/project';

let project: TestProject;
beforeAll(() => {
  project = new TestProject();
});
afterAll(() => project.remove());

async function drawn(settings: Record<string, Record<string, unknown>> = {}): Promise<GraphResource[]> {
  for (const [key, value] of Object.entries(settings)) project.set(key, value, 'prod');
  const { resources } = await prodGraph(project);
  return resources.filter(({ parent }) => parent?.includes('coach:monitoring:Alarms'));
}
const ofType = (resources: GraphResource[], type: string): GraphResource[] =>
  resources.filter((resource) => resource.type.endsWith(`:${type}`));

describe('the alarms of prod', () => {
  it('go to one encrypted topic, which CloudWatch and RDS of this account alone may publish to, over TLS', async () => {
    const resources = await drawn({
      aws: { alarms: { emails: ['on-call@example.org', 'second@example.org'] } },
      rds: { replicas: 1 },
    });
    const [topic] = ofType(resources, 'Topic');
    expect(topic?.inputs).toMatchObject({ name: 'coach-prod-alarms' });
    expect(topic?.inputs['kmsMasterKeyId']).toMatch(/^arn:aws:kms:eu-west-1:.*operations-key/);
    const [policy] = ofType(resources, 'TopicPolicy');
    const { Statement: statements } = JSON.parse(String(policy?.inputs['policy'])) as {
      Statement: Record<string, unknown>[];
    };
    expect(statements.map(({ Effect, Principal }) => [Effect, Principal])).toEqual([
      ['Allow', { Service: 'cloudwatch.amazonaws.com' }],
      ['Allow', { Service: 'events.rds.amazonaws.com' }],
      ['Deny', '*'],
    ]);
    expect(statements[0]?.['Condition']).toEqual({
      StringEquals: { 'aws:SourceAccount': '‹account›' },
      ArnLike: { 'aws:SourceArn': 'arn:aws:cloudwatch:eu-west-1:‹account›:alarm:coach-prod-*' },
    });
    expect(statements[2]?.['Condition']).toEqual({ Bool: { 'aws:SecureTransport': 'false' } });
    expect(
      ofType(resources, 'TopicSubscription').map(({ inputs }) => [inputs['protocol'], inputs['endpoint']]),
    ).toEqual([
      ['email', 'on-call@example.org'],
      ['email', 'second@example.org'],
    ]);
    const alarms = ofType(resources, 'MetricAlarm');
    expect(alarms.length).toBeGreaterThan(15);
    for (const { inputs } of alarms) {
      expect(inputs['name']).toMatch(/^coach-prod-/);
      expect(inputs['alarmActions']).toEqual([
        topic?.inputs['arn'] ?? 'arn:aws:sns:eu-west-1:‹account›:coach-prod-alarms',
      ]);
      expect(inputs['treatMissingData']).toMatch(/^(breaching|notBreaching|ignore)$/);
    }
    // Commands are those of this stack.
    const errors = alarms.find(({ inputs }) => inputs['name'] === 'coach-prod-migration-errors');
    expect(errors?.inputs['alarmDescription']).toContain('`npm run db:deploy -- --stack prod`');
    const lags = alarms.filter(({ inputs }) => inputs['metricName'] === 'ReplicaLag');
    expect(lags.map(({ inputs }) => inputs['dimensions'])).toEqual([
      { DBInstanceIdentifier: 'coach-prod-database-replica-1' },
    ]);
  });

  it('RDS reports on instance, replicas and proxy, after they are there', async () => {
    const resources = await drawn({ rds: { replicas: 1 } });
    const events = ofType(resources, 'EventSubscription');
    const of = (type: string): GraphResource | undefined => events.find(({ inputs }) => inputs['sourceType'] === type);
    expect(of('db-instance')?.inputs).toMatchObject({
      sourceIds: ['coach-prod-database', 'coach-prod-database-replica-1'],
    });
    const told = of('db-instance')?.inputs['eventCategories'];
    for (const category of ['failure', 'failover', 'low storage', 'maintenance', 'deletion', 'recovery'])
      expect(told).toContain(category);
    expect(of('db-proxy')?.inputs['sourceIds']).toEqual(['coach-prod-proxy']);
    const needed = of('db-instance')?.dependencies.join('\n') ?? '';
    for (const name of ['::database', '::database-replica-1', '::proxy', 'topic-policy'])
      expect(needed).toContain(name);
    const without = await drawn({ rds: { proxy: false } });
    expect(ofType(without, 'EventSubscription').map(({ inputs }) => inputs['sourceType'])).not.toContain('db-proxy');
  });

  it('a missed backup is one where any is scheduled, counted in the log of the task', async () => {
    const resources = await drawn({ rds: {} });
    const [filter] = ofType(resources, 'LogMetricFilter');
    expect(filter?.inputs).toMatchObject({
      logGroupName: '/ecs/coach-prod-backup',
      metricTransformation: { namespace: 'coach-prod', name: 'BackupsDone', value: '1' },
    });
    // Without a value for other lines: those hours have no data, and that is breaching.
    expect(filter?.inputs['metricTransformation']).not.toHaveProperty('defaultValue');
    expect(filter?.dependencies.join()).toContain('::backup-log');
    const named = (resources: GraphResource[], name: string): GraphResource | undefined =>
      ofType(resources, 'MetricAlarm').find(({ inputs }) => inputs['name'] === name);
    expect(named(resources, 'coach-prod-backup-age')?.inputs).toMatchObject({
      namespace: 'coach-prod',
      metricName: 'BackupsDone',
      treatMissingData: 'breaching',
      evaluationPeriods: 26,
      datapointsToAlarm: 26,
    });
    const unscheduled = await drawn({ backup: { enabled: false } });
    expect(named(unscheduled, 'coach-prod-backup-age')).toBeUndefined();
    expect(ofType(unscheduled, 'LogMetricFilter')).toEqual([]);
  });

  it('an expression stands over its metric', async () => {
    const days = ofType(await drawn({ rds: {} }), 'MetricAlarm').find(({ name }) => name.endsWith('storage-days'));
    expect(days?.inputs).not.toHaveProperty('metricName');
    expect(days?.inputs['metricQueries']).toMatchObject([
      { id: 'm', returnData: false, metric: { metricName: 'FreeStorageSpace', stat: 'Average', period: 3600 } },
      { id: 'e', returnData: true },
    ]);
  });
});
