import { LogMetricFilter, MetricAlarm } from '@pulumi/aws/cloudwatch';
import { EventSubscription } from '@pulumi/aws/rds';
import { Topic, TopicPolicy, TopicSubscription } from '@pulumi/aws/sns';
import * as pulumi from '@pulumi/pulumi';

import { BACKUP_DONE } from '../../postgres/backup/task';
import { forStack } from '../../postgres/commands';
import type { AwsContext } from '../aws';
import { type AlarmDescription, alarmPlan, type AlarmSettings, type Metric } from './alarmPlan';
import { topicPolicy } from './topicPolicy';

export interface AlarmsArgs {
  aws: AwsContext;
  settings: AlarmSettings & {
    /** Each is asked once, by mail, whether it wants them. */
    emails: readonly string[];
  };
  rds: { storageGb: number; maxStorageGb: number };
  instance: { identifier: string; instanceClass: string; replicaIdentifiers: readonly string[] };
  /** Absent: there is none. */
  proxyName?: string | undefined;
  /** Instance and proxy: RDS reports nothing of what is not there. */
  sources: pulumi.Resource[];
  functionName: string;
  functionTimeoutSeconds: number;
  /** Absent: no backup is scheduled, and none is missed. */
  backups?: { logGroupName: pulumi.Input<string>; scheduleGroup: string } | undefined;
  /** Of a key that CloudWatch and RDS may use: messages name hosts and roles. */
  keyArn: pulumi.Input<string>;
}

/** What RDS itself reports, by the kind of its source: what breaks, what is changed or removed, and what it is about to do. */
const EVENTS = {
  'db-instance': [
    'availability',
    'configuration change',
    'deletion',
    'failover',
    'failure',
    'low storage',
    'maintenance',
    'read replica',
    'recovery',
    'security patching',
  ],
  'db-parameter-group': ['configuration change'],
  'db-security-group': ['configuration change', 'failure'],
  'db-proxy': ['configuration change', 'deletion', 'failure'],
} as const;

/** What CloudWatch alone sees of a stack, and what RDS reports, told to one topic and from there to people. */
export class Alarms extends pulumi.ComponentResource {
  readonly topicArn: pulumi.Output<string>;

  constructor(
    private readonly name: string,
    private readonly args: AlarmsArgs,
    options?: pulumi.ComponentResourceOptions,
  ) {
    super('coach:monitoring:Alarms', name, {}, options);
    const { settings, rds, instance, proxyName, functionName, functionTimeoutSeconds, backups } = args;
    const topic = this.createTopic();
    this.topicArn = topic.arn;
    const policy = this.createPolicy(topic);
    this.createEvents(policy);
    const plan = alarmPlan({
      settings,
      ...rds,
      ...instance,
      proxyName,
      functionName,
      functionTimeoutSeconds,
      backups: backups && { scheduleGroup: backups.scheduleGroup, metric: this.createBackupMetric(backups) },
    });
    if (!plan.some(({ metric }) => metric.metricName === 'FreeableMemory'))
      void pulumi.log.warn(
        `The memory of instance class ${instance.instanceClass} is not known: there is no alarm for too little of it.`,
        this,
      );
    for (const alarm of plan) this.createAlarm(alarm);
    this.registerOutputs({ topicArn: this.topicArn });
  }

  private createTopic(): Topic {
    const { aws, settings, keyArn } = this.args;
    const topic = new Topic(
      `${this.name}-topic`,
      { name: `${aws.prefix}-${this.name}`, displayName: `Alarms of ${aws.prefix}`, kmsMasterKeyId: keyArn },
      { parent: this },
    );
    for (const endpoint of settings.emails)
      new TopicSubscription(
        `${this.name}-${endpoint}`,
        { topic: topic.arn, protocol: 'email', endpoint },
        { parent: this },
      );
    return topic;
  }

  private createPolicy(topic: Topic): TopicPolicy {
    const { aws } = this.args;
    const policy = topicPolicy<pulumi.Input<string>>({
      topic: topic.arn,
      account: aws.accountId,
      alarms: pulumi.interpolate`arn:${aws.partition}:cloudwatch:${aws.region}:${aws.accountId}:alarm:${aws.prefix}-*`,
    });
    return new TopicPolicy(
      `${this.name}-topic-policy`,
      { arn: topic.arn, policy: pulumi.jsonStringify(policy) },
      { parent: this },
    );
  }

  private createEvents(policy: TopicPolicy): void {
    const { aws, instance, proxyName, sources } = this.args;
    // A subscription of all instances would bring those of other stacks; groups of parameters are autonamed.
    const identifiers: Partial<Record<keyof typeof EVENTS, string[]>> = {
      'db-instance': [instance.identifier, ...instance.replicaIdentifiers],
      ...(proxyName === undefined ? {} : { 'db-proxy': [proxyName] }),
    };
    for (const [sourceType, eventCategories] of Object.entries(EVENTS)) {
      if (sourceType === 'db-proxy' && proxyName === undefined) continue;
      const sourceIds = identifiers[sourceType as keyof typeof EVENTS];
      new EventSubscription(
        `${this.name}-${sourceType}`,
        {
          name: `${aws.prefix}-${this.name}-${sourceType}`,
          snsTopic: this.topicArn,
          sourceType,
          eventCategories: [...eventCategories],
          ...(sourceIds === undefined ? {} : { sourceIds }),
        },
        // RDS tries the topic.
        { parent: this, dependsOn: [policy, ...sources] },
      );
    }
  }

  /** One for each task that ended as a backup that was read back and is in the bucket; nothing at all otherwise. */
  private createBackupMetric({ logGroupName }: NonNullable<AlarmsArgs['backups']>): Metric {
    const metric = { namespace: this.args.aws.prefix, metricName: 'BackupsDone' };
    new LogMetricFilter(
      `${this.name}-backups-done`,
      {
        name: metric.metricName,
        logGroupName,
        pattern: BACKUP_DONE,
        metricTransformation: { namespace: metric.namespace, name: metric.metricName, value: '1' },
      },
      { parent: this },
    );
    return metric;
  }

  private createAlarm(alarm: AlarmDescription): void {
    const { metric, statistic: stat, periodSeconds: period, expression } = alarm;
    new MetricAlarm(
      `${this.name}-${alarm.name.slice(this.args.aws.prefix.length + 1)}`,
      {
        name: alarm.name,
        alarmDescription: forStack(alarm.description, pulumi.getStack()),
        comparisonOperator: alarm.comparison,
        threshold: alarm.threshold,
        evaluationPeriods: alarm.periods,
        datapointsToAlarm: alarm.datapoints,
        treatMissingData: alarm.missing,
        alarmActions: [this.topicArn],
        okActions: [this.topicArn],
        ...(expression === undefined
          ? { ...metric, statistic: stat, period }
          : {
              metricQueries: [
                { id: 'm', metric: { ...metric, stat, period }, returnData: false },
                { id: 'e', expression, label: alarm.name, returnData: true },
              ],
            }),
      },
      { parent: this },
    );
  }
}
