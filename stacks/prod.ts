import { join } from 'node:path';

import { getCallerIdentityOutput } from '@pulumi/aws/getCallerIdentity';
import type { Provider } from '@pulumi/aws/provider';
import * as pulumi from '@pulumi/pulumi';
import { RandomId } from '@pulumi/random';

import type { AwsContext } from '../components/aws';
import { DatabaseInstance } from '../components/database/databaseInstance';
import { DatabaseProxy } from '../components/database/databaseProxy';
import { EncryptionKey } from '../components/encryption/encryptionKey';
import { MigrationFunction, TIME_LIMIT_SECONDS } from '../components/migration/migrationFunction';
import { Alarms } from '../components/monitoring/alarms';
import { Network } from '../components/network/network';
import { PrivateBucket } from '../components/storage/privateBucket';
import { REGIONS } from '../infra/config/awsRegions';
import { databaseSpec, type SpecContext } from '../infra/config/databaseSpec';
import { subnetPlan, usesEndpoints } from '../infra/config/network';
import { maxConnections } from '../infra/config/parameters';
import type { ProdSettings } from '../infra/config/settings';
import { taskSchedules } from '../infra/config/taskSettings';
import { declareBackups, providerOf } from './prodBackups';

/** PostgreSQL on Amazon RDS and all around it: keys, network, instance, proxy, the function that migrates it, backups and the task that makes them. */
export function prod(settings: ProdSettings, context: SpecContext): Record<string, unknown> {
  const { aws: declared, rds, database, server, roles } = settings;
  const spec = databaseSpec(settings, context);
  const { aws, provider } = deployedTo(settings);
  const providers = { provider };

  const databaseKey =
    rds.kmsKeyArn === undefined
      ? new EncryptionKey(
          'database-key',
          { aws, description: "The database: storage, snapshots, insights, the administrator's secret" },
          providers,
        )
      : { arn: rds.kmsKeyArn };
  const databaseKeyArn = databaseKey.arn;
  const operationsKey = new EncryptionKey(
    'operations-key',
    { aws, description: 'Logs, alarms, artifacts', users: ['logs', 'alarms', 'events'] },
    providers,
  );
  const { vpcId, privateSubnetIds, routeTableIds, clientSecurityGroupIds, clientCidrs, cidr, flowLogDays } =
    declared.network;
  const port = database.port ?? 5432;
  const network = new Network(
    'network',
    {
      aws,
      vpc:
        vpcId === undefined
          ? { cidr, subnets: subnetPlan(declared), flowLogDays }
          : { id: vpcId, subnetIds: privateSubnetIds, routeTableIds },
      endpoints: usesEndpoints(declared),
      proxy: rds.proxy,
      databasePort: port,
      clients: { securityGroupIds: clientSecurityGroupIds, cidrs: clientCidrs },
      logKeyArn: operationsKey.arn,
    },
    providers,
  );
  const { subnetIds, securityGroups } = network;
  const instance = new DatabaseInstance(
    'database',
    {
      aws,
      rds,
      instanceClass: server.instanceClass ?? '',
      adminUser: database.adminUser,
      databaseName: spec.name,
      port,
      parameters: spec.parameters,
      subnetIds,
      securityGroupId: securityGroups.database,
      keyArn: databaseKeyArn,
      operationsKeyArn: operationsKey.arn,
    },
    providers,
  );
  const proxy = rds.proxy
    ? new DatabaseProxy(
        'proxy',
        {
          aws,
          instance,
          subnetIds,
          securityGroupId: securityGroups.proxy,
          pool: settings.pool,
          roleLimit: roles.application.connectionLimit,
          maxConnections: maxConnections(settings),
          logDays: rds.logDays,
          logKeyArn: operationsKey.arn,
          roles: [roles.application.name, roles.readOnly.name],
        },
        providers,
      )
    : undefined;
  const backups = declareBackups(settings, {
    aws,
    provider,
    network,
    instance,
    databaseKeyArn,
    operationsKeyArn: operationsKey.arn,
    projectRoot: context.projectRoot,
  });
  const artifacts = new PrivateBucket('artifacts', { aws, keyArn: operationsKey.arn }, providers);
  const migration = new MigrationFunction(
    'migration',
    {
      aws,
      spec,
      bundle: join(context.projectRoot, 'dist', 'bundles', 'migration'),
      subnetIds,
      securityGroupId: securityGroups.function,
      database: {
        address: instance.address,
        port,
        resourceId: instance.resourceId,
        masterSecretArn: instance.masterSecretArn,
        keyArn: databaseKeyArn,
      },
      operationsKeyArn: operationsKey.arn,
      logDays: rds.logDays,
      artifacts,
      needs: [instance.instance, ...network.ready],
    },
    providers,
  );
  const alarms = new Alarms(
    'alarms',
    {
      aws,
      settings: declared.alarms,
      rds,
      instance: {
        identifier: instance.identifier,
        instanceClass: server.instanceClass ?? '',
        replicaIdentifiers: instance.replicaIdentifiers,
      },
      proxyName: proxy?.proxyName,
      sources: [instance, ...(proxy === undefined ? [] : [proxy])],
      functionName: migration.functionName,
      functionTimeoutSeconds: TIME_LIMIT_SECONDS,
      ...(taskSchedules(settings).length > 0 ? { backups: backups.task } : {}),
      keyArn: operationsKey.arn,
    },
    providers,
  );
  // Pulumi's destroy begins with what depends on all else: so it is refused here, with nothing gone.
  new RandomId(
    'deletion-guard',
    { byteLength: 1 },
    {
      protect: aws.protect,
      dependsOn: [
        ...(databaseKey instanceof EncryptionKey ? [databaseKey] : []),
        operationsKey,
        network,
        instance,
        ...(proxy === undefined ? [] : [proxy]),
        backups.bucket,
        backups.task,
        artifacts,
        migration,
        alarms,
      ],
    },
  );
  return {
    region: aws.region,
    database: spec.name,
    adminUser: database.adminUser,
    roles: Object.fromEntries(spec.roles.filter((role) => role.login).map((role) => [role.purpose, role.name])),
    instance: {
      identifier: instance.identifier,
      address: instance.address,
      port: instance.port,
      resourceId: instance.resourceId,
    },
    ...(proxy === undefined
      ? {}
      : { proxy: { endpoint: proxy.endpoint, port: proxy.port, resourceId: proxy.resourceId } }),
    migration: { functionName: migration.functionName, bucket: artifacts.bucketName },
    task: {
      cluster: backups.task.clusterName,
      family: backups.task.family,
      container: backups.task.containerName,
      subnetIds,
      securityGroupId: securityGroups.task,
      logGroup: backups.task.logGroupName,
      repositoryUrl: backups.task.repositoryUrl,
      image: backups.task.image,
      restoreRoleArn: backups.task.restoreRoleArn,
    },
    backups: {
      bucket: backups.bucket.bucketName,
      prefix: settings.backup.s3?.prefix ?? settings.stack,
      kmsKeyArn: backups.bucket.kmsKeyArn,
    },
    alarms: { topicArn: alarms.topicArn },
    // Where the checkout lies is not part of what prod is.
    spec: { ...spec, migrations: { ...spec.migrations, directory: undefined } },
  };
}

/** The account and region, and the one provider that declares everything there. */
function deployedTo(settings: ProdSettings): { aws: AwsContext; provider: Provider } {
  const { region, tags, protect } = settings.aws;
  const { stack } = settings;
  const all = { ...tags, project: pulumi.getProject(), stack };
  const provider = providerOf(settings, region, all);
  const aws: AwsContext = {
    region,
    partition: REGIONS.get(region)?.partition ?? 'aws',
    accountId: getCallerIdentityOutput({}, { provider }).accountId,
    prefix: `${pulumi.getProject()}-${stack}`,
    tags: all,
    protect,
  };
  return { aws, provider };
}
