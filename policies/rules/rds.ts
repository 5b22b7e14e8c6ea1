import { loginsOf } from '../documents';
import { beside, named, ofType } from '../references';
import { type PolicyGraph, type PolicyResource, type Rule, rule } from '../rule';
import {
  EVENT_SUBSCRIPTION,
  INSTANCE,
  INTERNET_GATEWAY,
  PROXY,
  ROUTE,
  ROUTE_TABLE,
  SUBNET_GROUP,
  TOPIC,
} from '../types';
import { at, isUnknown, listAt, numberAt, shown, texts, wants, wantsSome } from '../values';

/** A replica has user, backups and master secret from its source. */
export const isPrimary = ({ inputs }: PolicyResource): boolean => inputs['replicateSourceDb'] === undefined;

/** https://docs.aws.amazon.com/securityhub/latest/userguide/rds-controls.html: defaults of every engine. */
const DEFAULT_PORTS = [1433, 1521, 3306, 5432];
const DEFAULT_ADMINS = ['admin', 'postgres'];

const logs = (name: string, level: 'postgresql' | 'upgrade', source: Rule['source'], title: string): Rule =>
  rule(name, {
    source,
    title,
    types: [INSTANCE],
    find: ({ inputs }) =>
      listAt(inputs, 'enabledCloudwatchLogsExports').includes(level)
        ? []
        : [
            `enabledCloudwatchLogsExports is ${shown(inputs['enabledCloudwatchLogsExports'])}; expected "${level}" in it`,
          ],
  });

/** A subscription tells of a kind of source: one of the topics hears these categories of it. */
const subscription = (id: string, control: string, sourceType: string, categories: string[]): Rule =>
  rule(id, {
    source: `FSBP ${control}`,
    title: `Somebody is told of a ${sourceType}’s events: ${categories.join(', ')}`,
    types: [TOPIC],
    where: (topic, graph) => beside(graph, topic, EVENT_SUBSCRIPTION, 'snsTopic').length > 0,
    find: (topic, graph) => {
      const heard = beside(graph, topic, EVENT_SUBSCRIPTION, 'snsTopic')
        .filter(({ inputs }) => inputs['sourceType'] === sourceType && inputs['enabled'] !== false)
        .map(({ inputs }) => inputs['eventCategories']);
      const missing = categories.filter(
        (category) => !heard.some((one) => one === undefined || (Array.isArray(one) && one.includes(category))),
      );
      return heard.length > 0 && missing.length === 0
        ? []
        : [
            `no subscription of it has source type ${sourceType} with ${(heard.length > 0 ? missing : categories).join(', ')}`,
          ];
    },
  });

const opensToInternet = (graph: PolicyGraph): string[] => [
  ...ofType(graph, INTERNET_GATEWAY).map(({ name }) => `internet gateway ${name}`),
  ...[...ofType(graph, ROUTE), ...ofType(graph, ROUTE_TABLE)]
    .filter(({ inputs }) =>
      texts(inputs).some(({ path, text }) => path.endsWith('gatewayId') && text.startsWith('igw-')),
    )
    .map(({ name }) => `route ${name}`),
];

export const rdsRules: readonly Rule[] = [
  rule('rds-private', {
    source: 'FSBP RDS.2',
    title: 'No instance has a public address',
    types: [INSTANCE],
    find: wants('publiclyAccessible', false),
  }),
  rule('rds-encrypted', {
    source: 'FSBP RDS.3',
    title: 'Storage of every instance is encrypted, and with it its snapshots',
    types: [INSTANCE],
    find: wants('storageEncrypted', true),
  }),
  rule('rds-multi-az', {
    source: 'FSBP RDS.5',
    level: 'advisory',
    title: 'The instance has a standby in another zone',
    types: [INSTANCE],
    where: isPrimary,
    find: wants('multiAz', true),
  }),
  rule('rds-enhanced-monitoring', {
    source: 'FSBP RDS.6',
    level: 'advisory',
    title: 'Enhanced monitoring looks at every instance',
    types: [INSTANCE],
    find: ({ inputs }) =>
      [1, 5, 10, 15, 30, 60].includes(numberAt(inputs, 'monitoringInterval') ?? 0)
        ? []
        : [`monitoringInterval is ${shown(inputs['monitoringInterval'])}; expected 1, 5, 10, 15, 30 or 60 seconds`],
  }),
  rule('rds-deletion-protection', {
    source: 'FSBP RDS.8',
    title: 'RDS refuses to delete the instance (a replica holds nothing of its own)',
    types: [INSTANCE],
    where: isPrimary,
    find: wants('deletionProtection', true),
  }),
  logs('rds-upgrade-log', 'upgrade', 'FSBP RDS.9', 'The log of upgrades goes to CloudWatch'),
  rule('rds-iam-login', {
    source: 'FSBP RDS.10',
    title: 'Roles can log in by IAM',
    types: [INSTANCE],
    find: wants('iamDatabaseAuthenticationEnabled', true),
  }),
  rule('rds-backups', {
    source: 'FSBP RDS.11',
    level: 'advisory',
    title: 'Point-in-time recovery reaches back for 7 days or more',
    types: [INSTANCE],
    where: isPrimary,
    find: ({ inputs }) =>
      (numberAt(inputs, 'backupRetentionPeriod') ?? 0) >= 7
        ? []
        : [`backupRetentionPeriod is ${shown(inputs['backupRetentionPeriod'])}; expected 7 or more`],
  }),
  rule('rds-minor-upgrades', {
    source: 'FSBP RDS.13',
    title: 'Minor versions are installed by RDS',
    types: [INSTANCE],
    find: wants('autoMinorVersionUpgrade', true),
  }),
  rule('rds-snapshot-tags', {
    source: 'FSBP RDS.17',
    title: 'Snapshots have the instance’s tags',
    types: [INSTANCE],
    find: wants('copyTagsToSnapshot', true),
  }),
  subscription('rds-instance-events', 'RDS.20', 'db-instance', ['maintenance', 'configuration change', 'failure']),
  subscription('rds-parameter-events', 'RDS.21', 'db-parameter-group', ['configuration change']),
  subscription('rds-security-group-events', 'RDS.22', 'db-security-group', ['configuration change', 'failure']),
  rule('rds-port', {
    source: 'FSBP RDS.23',
    title: 'No instance listens on an engine’s default port',
    types: [INSTANCE],
    where: isPrimary,
    find: ({ inputs }) => {
      const port = numberAt(inputs, 'port');
      return port === undefined || DEFAULT_PORTS.includes(port)
        ? [`port is ${shown(inputs['port'])}; expected none of ${DEFAULT_PORTS.join(', ')}`]
        : [];
    },
  }),
  rule('rds-admin-name', {
    source: 'FSBP RDS.25',
    title: 'No administrator has a default name',
    types: [INSTANCE],
    where: (instance) => isPrimary(instance) && instance.inputs['snapshotIdentifier'] === undefined,
    find: ({ inputs }) => {
      const { username } = inputs;
      if (isUnknown(username)) return [];
      return typeof username === 'string' && !DEFAULT_ADMINS.includes(username.toLowerCase())
        ? []
        : [`username is ${shown(username)}; expected none of ${DEFAULT_ADMINS.join(', ')}`];
    },
  }),
  logs('rds-server-log', 'postgresql', 'FSBP RDS.36', 'The server’s log goes to CloudWatch'),
  rule('rds-proxy-tls', {
    source: 'FSBP RDS.43',
    title: 'The proxy takes connections with TLS alone',
    types: [PROXY],
    find: wants('requireTls', true),
  }),
  rule('rds-private-subnets', {
    source: 'FSBP RDS.46',
    title: 'No route leads from the instance’s subnets to the internet',
    types: [SUBNET_GROUP],
    find: (_, graph) => opensToInternet(graph).map((what) => `${what} leads to the internet`),
  }),
  rule('rds-own-key', {
    title: 'Storage and insights are encrypted with a key of the platform’s own, not AWS’s',
    types: [INSTANCE],
    where: isPrimary,
    find: (instance) => [
      ...wantsSome('kmsKeyId', 'the ARN of a key')(instance),
      ...(instance.inputs['performanceInsightsEnabled'] === true
        ? wantsSome('performanceInsightsKmsKeyId', 'the ARN of a key')(instance)
        : []),
    ],
  }),
  rule('rds-in-vpc', {
    title: 'Every instance lies in subnets and security groups that are named',
    types: [INSTANCE],
    where: isPrimary,
    find: (instance) => [
      ...wantsSome('dbSubnetGroupName', 'a subnet group')(instance),
      ...wantsSome('vpcSecurityGroupIds', 'security groups')(instance),
    ],
  }),
  rule('rds-final-snapshot', {
    title: 'A deleted instance leaves a snapshot and its automated backups',
    types: [INSTANCE],
    where: isPrimary,
    find: (instance) => [
      ...(at(instance.inputs, 'skipFinalSnapshot') === true ? ['skipFinalSnapshot is true; expected false'] : []),
      ...wantsSome('finalSnapshotIdentifier', 'a name of its own')(instance),
      ...wants('deleteAutomatedBackups', false)(instance),
    ],
  }),
  rule('rds-no-paid-support', {
    title: 'No instance goes over into paid Extended Support',
    types: [INSTANCE],
    where: isPrimary,
    find: wants('engineLifecycleSupport', 'open-source-rds-extended-support-disabled'),
  }),
  rule('rds-proxy-iam', {
    title: 'The proxy logs in by IAM end to end, and knows no password',
    types: [PROXY],
    find: (proxy) => [
      ...wants('defaultAuthScheme', 'IAM_AUTH')(proxy),
      ...(listAt(proxy.inputs, 'auths').length > 0 ? ['auths names secrets; expected none'] : []),
    ],
  }),
  rule('rds-proxy-role', {
    title: 'The proxy’s role is declared, and may log in as roles that the database has',
    types: [PROXY],
    find: proxyRoleProblems,
  }),
];

function proxyRoleProblems({ inputs }: PolicyResource, graph: PolicyGraph): string[] {
  const { roleArn } = inputs;
  if (isUnknown(roleArn)) return [];
  const role = named(graph, roleArn, 'aws:iam/role:Role');
  if (role === undefined) return [`roleArn is ${shown(roleArn)}, which is no declared role`];
  const declared = Object.values(at(graph.outputs, 'roles') ?? {}).map(String);
  const users = beside(graph, role, 'aws:iam/rolePolicy:RolePolicy', 'role').flatMap(loginsOf);
  if (users.length === 0) return [`no statement of ${role.name} allows rds-db:connect`];
  const strangers = declared.length === 0 ? [] : users.filter((user) => !declared.includes(user));
  return strangers.map((user) => `${role.name} may log in as ${user}; the database has ${declared.join(', ')}`);
}
