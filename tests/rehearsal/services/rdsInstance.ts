import { randomUUID } from 'node:crypto';

import type {
  CreateDBInstanceCommandInput,
  CreateDBInstanceReadReplicaCommandInput,
  DBInstance,
  ModifyDBInstanceCommandInput,
} from '@aws-sdk/client-rds';

import type { Clients } from '../clients';
import type { Properties, ResourceKind } from '../kind';
import { defined, tagList, tagMap, text, unlessGone } from '../shapes';

interface Field {
  /** The request's name for it. */
  request: string;
  /** ModifyDBInstance's, where it has another one; `false`: it has none. */
  modify?: string | false;
  /** A replica has the source's. */
  ofSource?: true;
  /** What an answer says of it; absent: none does. */
  read?: (instance: DBInstance) => unknown;
}

const FIELDS: Readonly<Record<string, Field>> = {
  allocatedStorage: { request: 'AllocatedStorage', ofSource: true, read: (db) => db.AllocatedStorage },
  autoMinorVersionUpgrade: { request: 'AutoMinorVersionUpgrade', read: (db) => db.AutoMinorVersionUpgrade },
  backupRetentionPeriod: { request: 'BackupRetentionPeriod', ofSource: true, read: (db) => db.BackupRetentionPeriod },
  backupWindow: { request: 'PreferredBackupWindow', ofSource: true, read: (db) => db.PreferredBackupWindow },
  caCertIdentifier: { request: 'CACertificateIdentifier', read: (db) => db.CACertificateIdentifier },
  copyTagsToSnapshot: { request: 'CopyTagsToSnapshot', read: (db) => db.CopyTagsToSnapshot },
  databaseInsightsMode: { request: 'DatabaseInsightsMode', read: (db) => db.DatabaseInsightsMode },
  dbName: { request: 'DBName', modify: false, ofSource: true, read: (db) => db.DBName },
  dbSubnetGroupName: { request: 'DBSubnetGroupName', read: (db) => db.DBSubnetGroup?.DBSubnetGroupName },
  deletionProtection: { request: 'DeletionProtection', read: (db) => db.DeletionProtection },
  enabledCloudwatchLogsExports: {
    request: 'EnableCloudwatchLogsExports',
    modify: false,
    read: (db) => db.EnabledCloudwatchLogsExports,
  },
  engine: { request: 'Engine', modify: false, ofSource: true, read: (db) => db.Engine },
  engineLifecycleSupport: {
    request: 'EngineLifecycleSupport',
    modify: false,
    ofSource: true,
    read: (db) => db.EngineLifecycleSupport,
  },
  engineVersion: { request: 'EngineVersion', ofSource: true, read: (db) => db.EngineVersion },
  iamDatabaseAuthenticationEnabled: {
    request: 'EnableIAMDatabaseAuthentication',
    read: (db) => db.IAMDatabaseAuthenticationEnabled,
  },
  identifier: { request: 'DBInstanceIdentifier', modify: false, read: (db) => db.DBInstanceIdentifier },
  instanceClass: { request: 'DBInstanceClass', read: (db) => db.DBInstanceClass },
  iops: { request: 'Iops', read: (db) => db.Iops },
  kmsKeyId: { request: 'KmsKeyId', modify: false, ofSource: true, read: (db) => db.KmsKeyId },
  maintenanceWindow: {
    request: 'PreferredMaintenanceWindow',
    ofSource: true,
    read: (db) => db.PreferredMaintenanceWindow,
  },
  maxAllocatedStorage: { request: 'MaxAllocatedStorage', read: (db) => db.MaxAllocatedStorage },
  monitoringInterval: { request: 'MonitoringInterval', read: (db) => db.MonitoringInterval },
  monitoringRoleArn: { request: 'MonitoringRoleArn', read: (db) => db.MonitoringRoleArn },
  multiAz: { request: 'MultiAZ', read: (db) => db.MultiAZ },
  parameterGroupName: {
    request: 'DBParameterGroupName',
    read: (db) => db.DBParameterGroups?.[0]?.DBParameterGroupName,
  },
  performanceInsightsEnabled: { request: 'EnablePerformanceInsights', read: (db) => db.PerformanceInsightsEnabled },
  performanceInsightsKmsKeyId: {
    request: 'PerformanceInsightsKMSKeyId',
    read: (db) => db.PerformanceInsightsKMSKeyId,
  },
  performanceInsightsRetentionPeriod: {
    request: 'PerformanceInsightsRetentionPeriod',
    read: (db) => db.PerformanceInsightsRetentionPeriod,
  },
  port: { request: 'Port', modify: 'DBPortNumber', read: (db) => db.Endpoint?.Port },
  publiclyAccessible: { request: 'PubliclyAccessible', read: (db) => db.PubliclyAccessible },
  replicateSourceDb: {
    request: 'SourceDBInstanceIdentifier',
    modify: false,
    read: (db) => db.ReadReplicaSourceDBInstanceIdentifier,
  },
  storageEncrypted: { request: 'StorageEncrypted', modify: false, ofSource: true, read: (db) => db.StorageEncrypted },
  storageThroughput: { request: 'StorageThroughput', read: (db) => db.StorageThroughput },
  storageType: { request: 'StorageType', read: (db) => db.StorageType },
  username: { request: 'MasterUsername', modify: false, ofSource: true, read: (db) => db.MasterUsername },
  vpcSecurityGroupIds: {
    request: 'VpcSecurityGroupIds',
    read: (db) => db.VpcSecurityGroups?.map(({ VpcSecurityGroupId }) => VpcSecurityGroupId),
  },
};

function request(inputs: Properties, nameOf: (field: Field) => string | false): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(inputs).flatMap(([property, value]) => {
      const field = FIELDS[property];
      const name = field === undefined ? false : nameOf(field);
      return name === false ? [] : [[name, value]];
    }),
  );
}

/** `manageMasterUserPassword`, which the emulator lacks: the secret that RDS keeps, by its name and with its content. */
async function masterSecret(clients: Clients, inputs: Properties, masterPassword: string): Promise<Properties> {
  if (inputs['manageMasterUserPassword'] !== true) return {};
  const keyId = inputs['masterUserSecretKmsKeyId'];
  const { ARN } = await clients.secrets.createSecret({
    Name: `rds!db-${randomUUID()}`,
    Description: `Secret of the primary RDS DB instance ${text(inputs, 'identifier')}`,
    SecretString: JSON.stringify({ username: inputs['username'], password: masterPassword }),
    ...(typeof keyId === 'string' ? { KmsKeyId: keyId } : {}),
  });
  return { masterUserSecrets: [defined({ kmsKeyId: keyId, secretArn: ARN, secretStatus: 'active' })] };
}

async function modify(clients: Clients, id: string, inputs: Properties): Promise<void> {
  const logs = inputs['enabledCloudwatchLogsExports'];
  await clients.rds.modifyDBInstance({
    ...request(inputs, (field) => field.modify ?? field.request),
    ...(logs === undefined ? {} : { CloudwatchLogsExportConfiguration: { EnableLogTypes: logs } }),
    DBInstanceIdentifier: id,
    AllowMajorVersionUpgrade: inputs['allowMajorVersionUpgrade'] === true,
    ApplyImmediately: inputs['applyImmediately'] === true,
  } as ModifyDBInstanceCommandInput);
}

const secretsOf = (known: Properties): { secretArn: string }[] =>
  (known['masterUserSecrets'] ?? []) as { secretArn: string }[];

export const INSTANCE: ResourceKind = {
  autoname: 'identifier',
  tagged: true,
  replaces: [
    'dbName',
    'engine',
    'kmsKeyId',
    'restoreToPointInTime',
    'snapshotIdentifier',
    'storageEncrypted',
    'username',
  ],
  unread: [
    'allowMajorVersionUpgrade',
    'applyImmediately',
    'deleteAutomatedBackups',
    'finalSnapshotIdentifier',
    'manageMasterUserPassword',
    'masterUserSecretKmsKeyId',
    'skipFinalSnapshot',
  ],
  async create(clients, inputs, { masterPassword }) {
    const Tags = tagList(inputs);
    if ('replicateSourceDb' in inputs) {
      const asked = request(inputs, (field) => (field.ofSource === true ? false : field.request));
      await clients.rds.createDBInstanceReadReplica({ ...asked, Tags } as CreateDBInstanceReadReplicaCommandInput);
    } else {
      const asked = request(inputs, (field) => field.request);
      await clients.rds.createDBInstance({ ...asked, Tags } as CreateDBInstanceCommandInput);
    }
    const id = text(inputs, 'identifier');
    // The emulator takes the backup window, and what of a replica is not as the source's, only so.
    await modify(clients, id, inputs);
    return { id, once: await masterSecret(clients, inputs, masterPassword) };
  },
  async read(clients, id, known) {
    const answer = await unlessGone(
      clients.rds.describeDBInstances({ DBInstanceIdentifier: id }),
      /^DBInstanceNotFound/,
    );
    const found = answer?.DBInstances?.[0];
    if (found === undefined) return undefined;
    const read = Object.entries(FIELDS).map(([property, field]): [string, unknown] => [property, field.read?.(found)]);
    return defined({
      ...Object.fromEntries(read),
      address: found.Endpoint?.Address,
      arn: found.DBInstanceArn,
      endpoint: `${found.Endpoint?.Address}:${found.Endpoint?.Port}`,
      engineVersionActual: found.EngineVersion,
      masterUserSecrets: secretsOf(known),
      resourceId: found.DbiResourceId,
      status: found.DBInstanceStatus,
      tags: tagMap(found.TagList),
      // The emulator gives a replica another port than it is asked for.
      ...('replicateSourceDb' in known ? { port: known['port'] } : {}),
    });
  },
  update: modify,
  async delete(clients, id, outputs) {
    const skip = outputs['skipFinalSnapshot'] === true;
    await clients.rds.deleteDBInstance({
      DBInstanceIdentifier: id,
      SkipFinalSnapshot: skip,
      ...(skip ? {} : { FinalDBSnapshotIdentifier: text(outputs, 'finalSnapshotIdentifier') }),
      DeleteAutomatedBackups: outputs['deleteAutomatedBackups'] !== false,
    });
    // RDS takes the secret it keeps away with the instance, at once.
    for (const { secretArn } of secretsOf(outputs))
      await clients.secrets.deleteSecret({ SecretId: secretArn, ForceDeleteWithoutRecovery: true });
  },
};
