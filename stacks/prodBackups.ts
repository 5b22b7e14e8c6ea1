import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { Provider } from '@pulumi/aws/provider';
import * as pulumi from '@pulumi/pulumi';

import type { AwsContext } from '../components/aws';
import { BackupBucket } from '../components/backup/backupBucket';
import { BackupTask } from '../components/backup/backupTask';
import type { DatabaseInstance } from '../components/database/databaseInstance';
import type { Network } from '../components/network/network';
import type { ProdSettings } from '../infra/config/settings';
import { taskSchedules, taskSettings } from '../infra/config/taskSettings';

export interface BackupsArgs {
  aws: AwsContext;
  provider: Provider;
  network: Network;
  instance: DatabaseInstance;
  databaseKeyArn: pulumi.Input<string>;
  operationsKeyArn: pulumi.Input<string>;
  /** Absolute; its package.json says which version this is. */
  projectRoot: string;
}

/** The bucket that backups go to, where the uploader looks for it (`coach:backup.s3`), and the task that makes them. */
export function declareBackups(settings: ProdSettings, args: BackupsArgs): { bucket: BackupBucket; task: BackupTask } {
  const { stack, backup, roles, database, rds } = settings;
  const { aws, provider, network, instance } = args;
  const { bucket: bucketName, prefix = stack, region = aws.region, kmsKeyId: kmsKeyArn } = backup.s3 ?? {};
  const bucket = new BackupBucket(
    'backups',
    {
      ...(bucketName === undefined ? {} : { bucketName }),
      ...(kmsKeyArn === undefined ? {} : { kmsKeyArn }),
      prefix: `${prefix}/`,
      retention: backup,
      ...backup.bucket,
      aws: { ...aws, region },
    },
    { provider: region === aws.region ? provider : providerOf(settings, region, aws.tags, 'backups-region') },
  );
  const { imageTag = versionOf(args.projectRoot), ...size } = settings.aws.task;
  const task = new BackupTask(
    'backup',
    {
      aws,
      project: pulumi.getProject(),
      stack,
      imageTag,
      size,
      schedules: taskSchedules(settings),
      timeZone: backup.schedule.timeZone ?? 'UTC',
      settings: taskSettings(settings),
      roles: { backup: roles.backup.name, loader: roles.loader.name },
      subnetIds: network.subnetIds,
      securityGroupId: network.securityGroups.task,
      database: {
        name: database.name,
        address: instance.address,
        port: instance.port,
        resourceId: instance.resourceId,
        masterSecretArn: instance.masterSecretArn,
        keyArn: args.databaseKeyArn,
      },
      bucket: { name: bucket.bucketName, keyArn: bucket.kmsKeyArn, region, prefix },
      operationsKeyArn: args.operationsKeyArn,
      logDays: rds.logDays,
    },
    { provider },
  );
  return { bucket, task };
}

/** One account alone, where the settings name it; everything has the tags. */
export function providerOf(
  { aws: { accountId } }: ProdSettings,
  region: string,
  tags: Record<string, string>,
  name = 'aws',
): Provider {
  return new Provider(name, {
    region,
    ...(accountId === undefined ? {} : { allowedAccountIds: [accountId] }),
    defaultTags: { tags },
  });
}

const versionOf = (projectRoot: string): string =>
  (JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { version: string }).version;
