import { getCallerIdentityOutput } from '@pulumi/aws/getCallerIdentity';
import { Provider } from '@pulumi/aws/provider';
import * as pulumi from '@pulumi/pulumi';

import type { AwsContext } from '../components/aws';
import { BackupBucket } from '../components/backup/backupBucket';
import { DatabaseInstance } from '../components/database/databaseInstance';
import { DatabaseProxy } from '../components/database/databaseProxy';
import { EncryptionKey } from '../components/encryption/encryptionKey';
import { Network } from '../components/network/network';
import { REGIONS } from '../infra/config/awsRegions';
import { databaseSpec, type SpecContext } from '../infra/config/databaseSpec';
import { subnetPlan } from '../infra/config/network';
import { maxConnections } from '../infra/config/parameters';
import type { ProdSettings } from '../infra/config/settings';

/** PostgreSQL on Amazon RDS and all around it: keys, network, instance, proxy, backups. */
export function prod(settings: ProdSettings, context: SpecContext): Record<string, unknown> {
  const { aws: declared, rds, database, server, roles } = settings;
  const spec = databaseSpec(settings, context);
  const { aws, provider } = deployedTo(settings);
  const providers = { provider };

  const databaseKey = new EncryptionKey(
    'database-key',
    { aws, description: "The database: storage, snapshots, insights, the administrator's secret" },
    providers,
  );
  const operationsKey = new EncryptionKey(
    'operations-key',
    { aws, description: 'Logs, alarms, artifacts', users: ['logs', 'alarms', 'events'] },
    providers,
  );
  const { vpcId, privateSubnetIds, routeTableIds, endpoints, clientSecurityGroupIds, clientCidrs, cidr, flowLogDays } =
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
      endpoints,
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
      keyArn: rds.kmsKeyArn ?? databaseKey.arn,
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
  const backups = createBackupBucket(settings, aws, provider);
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
    ...(backups === undefined ? {} : { backups }),
    // Where the checkout lies is not part of what prod is.
    spec: { ...spec, migrations: { ...spec.migrations, directory: undefined } },
  };
}

/** The account and region, and the one provider that declares everything there. */
function deployedTo({ stack, aws: { region, accountId, tags, protect } }: ProdSettings): {
  aws: AwsContext;
  provider: Provider;
} {
  const all = { ...tags, project: pulumi.getProject(), stack };
  const provider = new Provider('aws', {
    region,
    ...(accountId === undefined ? {} : { allowedAccountIds: [accountId] }),
    defaultTags: { tags: all },
  });
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

/** Where the uploader looks for it (`coach:backup.s3`); undefined where that is another vendor's. */
function createBackupBucket(
  { stack, backup, aws: { accountId } }: ProdSettings,
  aws: AwsContext,
  provider: Provider,
): Record<string, unknown> | undefined {
  const { bucket: bucketName, prefix = stack, region = aws.region, endpoint, kmsKeyId: kmsKeyArn } = backup.s3 ?? {};
  if (endpoint !== undefined) return undefined;
  const elsewhere = (): Provider =>
    new Provider('backups-region', {
      region,
      ...(accountId === undefined ? {} : { allowedAccountIds: [accountId] }),
      defaultTags: { tags: aws.tags },
    });
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
    { provider: region === aws.region ? provider : elsewhere() },
  );
  return { bucket: bucket.bucketName, prefix, kmsKeyArn: bucket.kmsKeyArn };
}
