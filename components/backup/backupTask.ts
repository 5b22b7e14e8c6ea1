import { LogGroup } from '@pulumi/aws/cloudwatch';
import { LifecyclePolicy, Repository } from '@pulumi/aws/ecr';
import { Cluster, TaskDefinition } from '@pulumi/aws/ecs';
import { Role, RolePolicy } from '@pulumi/aws/iam';
import { Schedule, ScheduleGroup } from '@pulumi/aws/scheduler';
import * as pulumi from '@pulumi/pulumi';

import type { TaskDescription } from '../../postgres/backup/task';
import type { AwsContext } from '../aws';
import { type PolicyDocument, trustPolicy } from '../iam/policyDocument';
import { backupCommand, CONTAINER, container, SCRATCH } from './taskContainer';
import { backupPolicy, executionPolicy, restorePolicy, schedulerPolicy, type TaskArns } from './taskPolicies';

export interface BackupTaskArgs {
  aws: AwsContext;
  project: string;
  stack: string;
  /** Of the image in the task's repository. Nothing looks for it before a task starts: it is pushed after the first `up`. */
  imageTag: string;
  size: {
    /** Units; 1024 is one vCPU. */
    cpu: string;
    memoryMb: number;
    scratchGb: number;
    timeLimitHours: number;
  };
  /** Six fields of EventBridge Scheduler, by the name of the backup they make. Empty: nothing is scheduled. */
  schedules: { name: string; expression: string }[];
  /** Where their times count. */
  timeZone: string;
  /** What the commands in the task read of the stack's settings. */
  settings: Record<string, unknown>;
  roles: { backup: string; loader: string };
  subnetIds: pulumi.Input<pulumi.Input<string>[]>;
  securityGroupId: pulumi.Input<string>;
  database: {
    name: string;
    address: pulumi.Input<string>;
    port: number;
    resourceId: pulumi.Input<string>;
    masterSecretArn: pulumi.Input<string>;
    keyArn: pulumi.Input<string>;
  };
  bucket: {
    name: pulumi.Input<string>;
    keyArn: pulumi.Input<string>;
    region: string;
    /** Before every key, without a / at its end. */
    prefix: string;
  };
  /** Encrypts log and images. */
  operationsKeyArn: pulumi.Input<string>;
  logDays: number;
}

/** As many as somebody may want to go back by; each `up` names one. */
const IMAGES_KEPT = 20;
/** Where Fargate has no room, or AWS is at fault: within two hours, by which the next is not due yet. */
const RETRY = { maximumRetryAttempts: 12, maximumEventAgeInSeconds: 7200 };

type Policy = PolicyDocument<pulumi.Input<string>>;

/**
 * `coachdb` as a task of ECS on Fargate, inside the database's network: a schedule backs up, an operator's command lists, verifies, restores and
 * transfers. Two roles for one definition: what the schedule starts can read the database and write the bucket; only what an operator starts with
 * `restoreRoleArn` can change the database. x86-64, as the machines that build images are; a task of minutes a day costs cents on either.
 */
export class BackupTask extends pulumi.ComponentResource {
  readonly clusterName: string;
  readonly family: string;
  readonly containerName = CONTAINER;
  /** Known once it is there, so that a filter on it comes after it. */
  readonly logGroupName: pulumi.Output<string>;
  /** Of the schedules, for metrics of the Scheduler know a group and no more. */
  readonly scheduleGroup: string;
  readonly repositoryUrl: pulumi.Output<string>;
  /** What to push, and what runs. */
  readonly image: pulumi.Output<string>;
  readonly restoreRoleArn: pulumi.Output<string>;

  constructor(
    private readonly name: string,
    private readonly args: BackupTaskArgs,
    options?: pulumi.ComponentResourceOptions,
  ) {
    super('coach:backup:Task', name, {}, options);
    const { aws, imageTag, roles, bucket } = args;
    this.clusterName = this.family = this.scheduleGroup = `${aws.prefix}-backup`;
    const repository = this.createRepository();
    this.repositoryUrl = repository.repositoryUrl;
    this.image = pulumi.interpolate`${repository.repositoryUrl}:${imageTag}`;
    const logGroup = this.createLogGroup();
    this.logGroupName = logGroup.name;
    const cluster = this.createCluster();
    const arns = this.arns({ repository, logGroup, cluster });
    const suffix = aws.partition === 'aws-cn' ? 'amazonaws.com.cn' : 'amazonaws.com';
    const services = { s3: `s3.${bucket.region}.${suffix}`, secretsManager: `secretsmanager.${aws.region}.${suffix}` };
    const execution = this.createRole(
      'execution',
      'Pulls the image of the task and writes its log',
      executionPolicy(arns),
    );
    const backup = this.createRole('role', 'Backs the database up', backupPolicy(arns, roles.backup, services));
    const restore = this.createRole(
      'restore-role',
      'Verifies, restores and transfers, when an operator starts it',
      restorePolicy(arns, roles.loader, services),
    );
    this.restoreRoleArn = restore.arn;
    const definition = this.createDefinition(execution, backup, logGroup);
    if (args.schedules.length > 0) this.createSchedules(cluster, definition, arns, [execution.arn, backup.arn]);
    this.registerOutputs({ repositoryUrl: this.repositoryUrl, restoreRoleArn: this.restoreRoleArn });
  }

  private get logGroup(): string {
    return `/ecs/${this.family}`;
  }

  private createRepository(): Repository {
    const { operationsKeyArn } = this.args;
    const repository = new Repository(
      `${this.name}-images`,
      {
        name: this.family,
        // What a definition names is what was pushed under that name, for good.
        imageTagMutability: 'IMMUTABLE',
        imageScanningConfiguration: { scanOnPush: true },
        encryptionConfigurations: [{ encryptionType: 'KMS', kmsKey: operationsKeyArn }],
        // Images are made again from the repository at any time.
        forceDelete: true,
      },
      { parent: this },
    );
    const rule = {
      rulePriority: 1,
      description: `The newest ${IMAGES_KEPT} stay`,
      selection: { tagStatus: 'any', countType: 'imageCountMoreThan', countNumber: IMAGES_KEPT },
      action: { type: 'expire' },
    };
    new LifecyclePolicy(
      `${this.name}-images-lifecycle`,
      { repository: repository.name, policy: JSON.stringify({ rules: [rule] }) },
      { parent: this },
    );
    return repository;
  }

  /** Before the first task, which would find none: its role makes streams, no groups. */
  private createLogGroup(): LogGroup {
    const { logDays: retentionInDays, operationsKeyArn: kmsKeyId } = this.args;
    return new LogGroup(`${this.name}-log`, { name: this.logGroup, retentionInDays, kmsKeyId }, { parent: this });
  }

  private createCluster(): Cluster {
    return new Cluster(
      `${this.name}-cluster`,
      { name: this.clusterName, settings: [{ name: 'containerInsights', value: 'enabled' }] },
      { parent: this },
    );
  }

  private arns(of: { repository: Repository; logGroup: LogGroup; cluster: Cluster }): TaskArns<pulumi.Input<string>> {
    const { aws, bucket, database } = this.args;
    const { partition, region, accountId } = aws;
    const here = (service: string, resource: pulumi.Input<string>): pulumi.Output<string> =>
      pulumi.interpolate`arn:${partition}:${service}:${region}:${accountId}:${resource}`;
    return {
      bucket: pulumi.interpolate`arn:${partition}:s3:::${bucket.name}`,
      objects: pulumi.interpolate`arn:${partition}:s3:::${bucket.name}/${bucket.prefix}/*`,
      bucketKey: bucket.keyArn,
      repository: of.repository.arn,
      logStreams: pulumi.interpolate`${of.logGroup.arn}:log-stream:*`,
      cluster: of.cluster.arn,
      taskDefinitions: here('ecs', `task-definition/${this.family}:*`),
      tasks: here('ecs', `task/${this.clusterName}/*`),
      login: (role) => here('rds-db', pulumi.interpolate`dbuser:${database.resourceId}/${role}`),
      masterSecret: database.masterSecretArn,
      databaseKey: database.keyArn,
    };
  }

  private createRole(suffix: string, description: string, policy: Policy, service = 'ecs-tasks'): Role {
    const { aws } = this.args;
    const trust = trustPolicy<pulumi.Input<string>>(`${service}.amazonaws.com`, aws.accountId);
    const name = `${this.name}-${suffix}`;
    const role = new Role(name, { description, assumeRolePolicy: pulumi.jsonStringify(trust) }, { parent: this });
    new RolePolicy(`${name}-policy`, { role: role.name, policy: pulumi.jsonStringify(policy) }, { parent: this });
    return role;
  }

  private createDefinition(execution: Role, task: Role, logGroup: LogGroup): TaskDefinition {
    const { aws, size, database, bucket, settings, project, stack } = this.args;
    const { region } = aws;
    const description: TaskDescription<pulumi.Input<string>> = {
      project,
      stack,
      region,
      host: database.address,
      port: database.port,
      database: database.name,
      masterSecret: database.masterSecretArn,
      bucket: bucket.name,
      settings,
    };
    const definition = container<pulumi.Input<string>>({
      image: this.image,
      description: pulumi.jsonStringify(description),
      logGroup: this.logGroup,
      region,
      timeLimitHours: size.timeLimitHours,
    });
    return new TaskDefinition(
      `${this.name}-definition`,
      {
        family: this.family,
        requiresCompatibilities: ['FARGATE'],
        networkMode: 'awsvpc',
        runtimePlatform: { cpuArchitecture: 'X86_64', operatingSystemFamily: 'LINUX' },
        cpu: size.cpu,
        memory: String(size.memoryMb),
        ephemeralStorage: { sizeInGib: size.scratchGb },
        volumes: [{ name: SCRATCH }],
        executionRoleArn: execution.arn,
        taskRoleArn: task.arn,
        containerDefinitions: pulumi.jsonStringify([definition]),
      },
      { parent: this, dependsOn: logGroup },
    );
  }

  /** A start that fails for good needs no queue of its own: no backup comes of it, and that is what the alarm waits for. */
  private createSchedules(
    cluster: Cluster,
    definition: TaskDefinition,
    arns: TaskArns<pulumi.Input<string>>,
    taskRoles: pulumi.Output<string>[],
  ): void {
    const { aws, schedules, timeZone, subnetIds, securityGroupId } = this.args;
    const role = this.createRole(
      'scheduler-role',
      'Starts the backups',
      schedulerPolicy<pulumi.Input<string>>(arns, taskRoles),
      'scheduler',
    );
    const group = new ScheduleGroup(`${this.name}-schedules`, { name: this.scheduleGroup }, { parent: this });
    for (const { name, expression } of schedules) {
      const overrides = { containerOverrides: [{ name: CONTAINER, command: backupCommand(name) }] };
      new Schedule(
        `${this.name}-${name}`,
        {
          name: `${aws.prefix}-backup-${name}`,
          groupName: group.name,
          description: `A ${name} backup of the database, read back and in the bucket`,
          scheduleExpression: expression,
          scheduleExpressionTimezone: timeZone,
          flexibleTimeWindow: { mode: 'OFF' },
          state: 'ENABLED',
          target: {
            arn: cluster.arn,
            roleArn: role.arn,
            input: JSON.stringify(overrides),
            retryPolicy: RETRY,
            ecsParameters: {
              taskDefinitionArn: definition.arn,
              launchType: 'FARGATE',
              platformVersion: 'LATEST',
              taskCount: 1,
              propagateTags: 'TASK_DEFINITION',
              networkConfiguration: { subnets: subnetIds, securityGroups: [securityGroupId], assignPublicIp: false },
            },
          },
        },
        { parent: this },
      );
    }
  }
}
