import * as T from '../../../policies/types';
import { add, allow, edit, type Mutation, set } from '../mutate';

interface Parameter {
  name: string;
  value: string;
  applyMethod: string;
}

const parameter = (name: string, change: Partial<Parameter>): Mutation =>
  edit<Parameter[]>(T.PARAMETER_GROUP, 'parameters', (parameters) => [
    ...parameters.filter((one) => one.name !== name),
    { name, value: '1', applyMethod: 'pending-reboot', ...parameters.find((one) => one.name === name), ...change },
  ]);

const withoutSource =
  (sourceType: string): Mutation =>
  (graph) => {
    for (const { type, inputs } of graph.resources)
      if (type === T.EVENT_SUBSCRIPTION && inputs['sourceType'] === sourceType) inputs['enabled'] = false;
  };

/** For each rule what breaks it, and it alone. */
export const database: Record<string, Mutation> = {
  'rds-private': set(T.INSTANCE, 'publiclyAccessible', true),
  'rds-encrypted': set(T.INSTANCE, 'storageEncrypted', undefined),
  'rds-multi-az': set(T.INSTANCE, 'multiAz', false),
  'rds-enhanced-monitoring': set(T.INSTANCE, 'monitoringInterval', 45),
  'rds-deletion-protection': set(T.INSTANCE, 'deletionProtection', false),
  'rds-upgrade-log': edit<string[]>(T.INSTANCE, 'enabledCloudwatchLogsExports', (names) =>
    names.filter((name) => name !== 'upgrade'),
  ),
  'rds-server-log': edit<string[]>(T.INSTANCE, 'enabledCloudwatchLogsExports', (names) =>
    names.filter((name) => name !== 'postgresql'),
  ),
  'rds-iam-login': set(T.INSTANCE, 'iamDatabaseAuthenticationEnabled', false),
  'rds-backups': set(T.INSTANCE, 'backupRetentionPeriod', 6),
  'rds-backup-limit': set(T.INSTANCE, 'backupRetentionPeriod', 36),
  'rds-minor-upgrades': set(T.INSTANCE, 'autoMinorVersionUpgrade', false),
  'rds-snapshot-tags': set(T.INSTANCE, 'copyTagsToSnapshot', undefined),
  'rds-instance-events': withoutSource('db-instance'),
  'rds-parameter-events': withoutSource('db-parameter-group'),
  'rds-security-group-events': withoutSource('db-security-group'),
  'rds-port': set(T.INSTANCE, 'port', 5432),
  'rds-admin-name': set(T.INSTANCE, 'username', 'postgres'),
  'rds-proxy-tls': set(T.PROXY, 'requireTls', false),
  'rds-private-subnets': add(T.ROUTE, 'way-out', {
    routeTableId: 'rtb-0123456789abcdef0',
    destinationCidrBlock: '0.0.0.0/0',
    gatewayId: 'igw-0123456789abcdef0',
  }),
  'rds-own-key': set(T.INSTANCE, 'kmsKeyId', undefined),
  'rds-in-vpc': set(T.INSTANCE, 'vpcSecurityGroupIds', []),
  'rds-final-snapshot': set(T.INSTANCE, 'skipFinalSnapshot', true),
  'rds-no-paid-support': set(T.INSTANCE, 'engineLifecycleSupport', undefined),
  'rds-proxy-iam': set(T.PROXY, 'defaultAuthScheme', 'NONE'),
  'rds-proxy-role': allow(
    T.ROLE_POLICY,
    'policy',
    { Action: 'rds-db:connect', Resource: 'arn:aws:rds-db:eu-west-1:‹account›:dbuser:*/nobody' },
    'proxy-role',
  ),
  'rds-family-known': set(T.PARAMETER_GROUP, 'family', 'aurora-postgresql17'),
  'rds-parameter-names': parameter('io_method_of_old', {}),
  'rds-parameter-values': parameter('work_mem', { value: '4MB' }),
  'rds-parameter-methods': parameter('shared_buffers', { applyMethod: 'immediate' }),
  'rds-parameter-defaults': parameter('work_mem', { value: '4096', applyMethod: 'immediate' }),
  'rds-force-ssl': parameter('rds.force_ssl', { value: '0' }),
  'rds-family': set(T.INSTANCE, 'engineVersion', '16'),
  'rds-major-alone': set(T.INSTANCE, 'engineVersion', '17.4'),
  'rds-windows': set(T.INSTANCE, 'maintenanceWindow', 'mon:00:15-mon:00:45'),
  'rds-storage': set(T.INSTANCE, 'iops', 12_000),
  'rds-autoscaling': set(T.INSTANCE, 'maxAllocatedStorage', 105),
  'rds-insights': set(T.INSTANCE, 'databaseInsightsMode', 'advanced'),
  'secrets-rotated': set(T.INSTANCE, 'manageMasterUserPassword', undefined),
  'secrets-own-key': set(T.INSTANCE, 'masterUserSecretKmsKeyId', undefined),
};
