import { readFileSync, writeFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { PolicyDocument } from '../../components/iam/policyDocument';
import type { Graph, GraphResource } from '../../engine/graph/graph';
import { evaluate, type Request } from '../components/backup/policyEvaluator';
import { prodGraph } from '../support/prodGraph';
import { TestProject } from '../support/project';
import { reachability } from '../support/reachability';

type Values = Record<string, unknown>;

let project: TestProject;
beforeAll(() => {
  project = new TestProject();
});
afterAll(() => project.remove());

/** With these settings in place of those of Pulumi.prod.yaml. */
async function draw(settings: Values = {}): Promise<Graph> {
  const file = project.path('Pulumi.prod.yaml');
  const kept = readFileSync(file);
  for (const [key, value] of Object.entries(settings)) project.set(key, value, 'prod');
  try {
    return await prodGraph(project);
  } finally {
    writeFileSync(file, kept);
  }
}

function one({ resources }: Graph, type: string, name: string): GraphResource {
  const found = resources.filter((each) => each.custom && each.type.endsWith(`:${type}`) && each.name === name);
  expect(found, `${type} ${name}`).toHaveLength(1);
  return found[0] as GraphResource;
}
const inputs = (drawn: Graph, type: string, name: string): Values => one(drawn, type, name).inputs;
const names = ({ resources }: Graph, type: string): string[] =>
  resources.filter((each) => each.type.endsWith(`:${type}`)).map(({ name }) => name);
const needs = (drawn: Graph, type: string, name: string): string[] =>
  one(drawn, type, name).dependencies.map((urn) => urn.split('::').at(-1) ?? '');
const policy = (drawn: Graph, type: string, name: string, property = 'policy'): PolicyDocument =>
  JSON.parse(String(inputs(drawn, type, name)[property])) as PolicyDocument;

const WORKERS = ['function', 'task'].flatMap((from) => [
  `${from} -> database tcp 15432`,
  `${from} -> endpoints tcp 443`,
  `${from} -> s3 tcp 443`,
]);
const EXISTING = {
  vpcId: 'vpc-0123456789abcdef0',
  privateSubnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'],
  routeTableIds: ['rtb-0123456789abcdef0'],
};

describe('prod', () => {
  let drawn: Graph;
  beforeAll(async () => {
    drawn = await draw({
      aws: { network: { clientSecurityGroupIds: ['sg-0123456789abcdef0'], clientCidrs: ['10.1.0.0/16'] } },
    });
  });

  it('hides nothing: every value that is not known here is a symbol, and nobody has a password', () => {
    expect(JSON.stringify(drawn)).not.toContain('[unknown]');
    expect(JSON.stringify(drawn)).not.toContain('[secret]');
    expect(names(drawn, 'RandomPassword')).toEqual([]);
    expect(drawn.outputs).not.toHaveProperty('passwords');
  });

  it('is declared by one provider, with the tags of everything', () => {
    expect(names(drawn, 'aws')).toEqual(['aws']);
    const [provider] = drawn.resources.filter(({ type }) => type === 'pulumi:providers:aws');
    expect(provider?.inputs).toMatchObject({
      region: 'eu-west-1',
      defaultTags: JSON.stringify({ tags: { project: 'coach', stack: 'prod' } }),
    });
    const ofAws = drawn.resources.filter(({ type }) => type.startsWith('aws:'));
    expect(new Set(ofAws.map((each) => each.provider))).toEqual(new Set([provider?.urn]));
  });

  it('lets the application reach the proxy and nobody the instance but proxy, function and task', () => {
    expect(reachability(drawn.resources)).toEqual({
      permitted: [
        '10.1.0.0/16 -> proxy tcp 5432',
        ...WORKERS,
        'proxy -> database tcp 15432',
        'sg-0123456789abcdef0 -> proxy tcp 5432',
      ].sort(),
      half: [],
    });
    for (const { inputs: rule, name } of drawn.resources.filter(({ type }) => /SecurityGroup\w+Rule$/.test(type)))
      expect(String(rule['description']), name).toMatch(/^[\w ./]+$/);
  });

  it('has a network without a way in or out', () => {
    const types = new Set(drawn.resources.map(({ type }) => type.split(':').at(-1)));
    for (const way of ['InternetGateway', 'NatGateway', 'EgressOnlyInternetGateway', 'Route', 'Eip'])
      expect(types).not.toContain(way);
    expect(inputs(drawn, 'Vpc', 'network')).toMatchObject({ enableDnsSupport: true, enableDnsHostnames: true });
    const subnets = drawn.resources.filter(({ type }) => type.endsWith(':Subnet')).map((each) => each.inputs);
    expect(subnets.map((each) => [each['availabilityZone'], each['cidrBlock'], each['mapPublicIpOnLaunch']])).toEqual([
      ['eu-west-1a', '10.64.0.0/18', false],
      ['eu-west-1b', '10.64.64.0/18', false],
      ['eu-west-1c', '10.64.128.0/18', false],
    ]);
    expect(inputs(drawn, 'DefaultSecurityGroup', 'network-default')).toMatchObject({ ingress: [], egress: [] });
    expect(inputs(drawn, 'FlowLog', 'network-flow-logs')).toMatchObject({ trafficType: 'ALL', vpcId: '‹network.id›' });
  });

  it('pays for endpoints that function and task call, in two zones, and lets only its account use them', () => {
    const endpoints = drawn.resources.filter(({ type }) => type.endsWith(':VpcEndpoint')).map((each) => each.inputs);
    expect(endpoints.map((each) => String(each['serviceName'])).sort()).toEqual(
      ['ecr.api', 'ecr.dkr', 'logs', 's3', 'secretsmanager'].map((name) => `com.amazonaws.eu-west-1.${name}`),
    );
    for (const each of endpoints.filter(({ vpcEndpointType: kind }) => kind === 'Interface'))
      expect(each).toMatchObject({
        privateDnsEnabled: true,
        subnetIds: ['‹network-private-a.id›', '‹network-private-b.id›'],
        securityGroupIds: ['‹network-endpoints.id›'],
      });
    const ours = { 'aws:principalaccount': '‹account›', 'aws:resourceaccount': '‹account›' };
    const read = (context: Record<string, string>, resource: string): string =>
      evaluate(policy(drawn, 'VpcEndpoint', 'network-s3'), { by: 'x', action: 's3:GetObject', resource, context });
    expect(read(ours, 'arn:aws:s3:::ours/key')).toBe('allow');
    expect(read({ ...ours, 'aws:resourceaccount': 'other' }, 'arn:aws:s3:::others/key')).toBe('neither');
    expect(read({}, 'arn:aws:s3:::prod-eu-west-1-starport-layer-bucket/layer')).toBe('allow');
    const secret = { by: 'x', action: 'secretsmanager:GetSecretValue', resource: 'arn', context: ours };
    const ofSecrets = policy(drawn, 'VpcEndpoint', 'network-secrets');
    expect(evaluate(ofSecrets, secret)).toBe('allow');
    expect(evaluate(ofSecrets, { ...secret, action: 'secretsmanager:PutSecretValue' })).toBe('neither');
    expect(evaluate(ofSecrets, { ...secret, context: { 'aws:principalaccount': 'other' } })).toBe('neither');
  });

  it('has an instance that is private, encrypted, backed up, and goes only when its protections are lifted', () => {
    const key = 'arn:aws:kms:eu-west-1:‹account›:key/‹database-key.keyId›';
    const { protect, ignoreChanges, inputs: instance } = one(drawn, 'Instance', 'database');
    expect({ protect, ignoreChanges }).toEqual({
      protect: true,
      ignoreChanges: ['snapshotIdentifier', 'restoreToPointInTime'],
    });
    expect(instance).toEqual({
      identifier: 'coach-prod-database',
      engine: 'postgres',
      engineVersion: '17',
      engineLifecycleSupport: 'open-source-rds-extended-support-disabled',
      allowMajorVersionUpgrade: true,
      autoMinorVersionUpgrade: true,
      applyImmediately: true,
      instanceClass: 'db.t4g.medium',
      multiAz: true,
      allocatedStorage: 100,
      maxAllocatedStorage: 500,
      storageType: 'gp3',
      storageEncrypted: true,
      kmsKeyId: key,
      dbName: 'inclusive_ai',
      username: 'coach_admin',
      port: 15_432,
      manageMasterUserPassword: true,
      masterUserSecretKmsKeyId: key,
      iamDatabaseAuthenticationEnabled: true,
      publiclyAccessible: false,
      dbSubnetGroupName: '‹database.name›',
      vpcSecurityGroupIds: ['‹network-database.id›'],
      caCertIdentifier: 'rds-ca-rsa2048-g1',
      parameterGroupName: '‹database-parameters.name›',
      backupRetentionPeriod: 14,
      backupWindow: '00:30-01:00',
      maintenanceWindow: 'sun:05:00-sun:05:30',
      copyTagsToSnapshot: true,
      deleteAutomatedBackups: false,
      deletionProtection: true,
      skipFinalSnapshot: false,
      finalSnapshotIdentifier: 'coach-prod-database-final-‹database-final-snapshot.hex›',
      enabledCloudwatchLogsExports: ['postgresql', 'upgrade', 'iam-db-auth-error'],
      monitoringInterval: 60,
      monitoringRoleArn: 'arn:aws:iam::‹account›:role/‹database-monitoring.name›',
      databaseInsightsMode: 'standard',
      performanceInsightsEnabled: true,
      performanceInsightsKmsKeyId: key,
      performanceInsightsRetentionPeriod: 7,
    });
    // RDS would make them itself, without an end; and it tries the role at once.
    for (const log of ['postgresql', 'upgrade', 'iam-db-auth-error']) {
      expect(needs(drawn, 'Instance', 'database')).toContain(`database-${log}`);
      expect(inputs(drawn, 'LogGroup', `database-${log}`)).toEqual({
        name: `/aws/rds/instance/coach-prod-database/${log}`,
        retentionInDays: 90,
        kmsKeyId: 'arn:aws:kms:eu-west-1:‹account›:key/‹operations-key.keyId›',
      });
    }
    const kept = drawn.resources.filter((each) => each.protect).map(({ name }) => name);
    expect(kept.sort()).toEqual(
      expect.arrayContaining(['backups', 'backups-key', 'database', 'database-key', 'operations-key']),
    );
    expect(names(drawn, 'Key').filter((name) => !kept.includes(name))).toEqual([]);
  });

  it('sends every parameter in its own unit, with the method that RDS takes', () => {
    expect(inputs(drawn, 'ParameterGroup', 'database-parameters')).toEqual({
      family: 'postgres17',
      description: 'Server parameters of the stack',
      parameters: [
        ['autovacuum', '1', 'pending-reboot'],
        ['autovacuum_max_workers', '3', 'pending-reboot'],
        ['autovacuum_vacuum_threshold', '50', 'pending-reboot'],
        ['effective_cache_size', '131072', 'immediate'],
        ['max_wal_senders', '20', 'pending-reboot'],
        ['rds.force_ssl', '1', 'pending-reboot'],
        ['shared_buffers', '32768', 'pending-reboot'],
        ['shared_preload_libraries', 'pg_stat_statements', 'pending-reboot'],
        ['wal_keep_size', '512', 'immediate'],
        ['work_mem', '4096', 'pending-reboot'],
      ].map(([name, value, applyMethod]) => ({ name, value, applyMethod })),
    });
  });

  it('has a proxy that takes tokens alone, and logs in as the roles of the application alone', () => {
    expect(inputs(drawn, 'Proxy', 'proxy')).toMatchObject({
      defaultAuthScheme: 'IAM_AUTH',
      requireTls: true,
      debugLogging: false,
      vpcSecurityGroupIds: ['‹network-proxy.id›'],
    });
    expect(inputs(drawn, 'Proxy', 'proxy')).not.toHaveProperty('auths');
    expect(needs(drawn, 'Proxy', 'proxy')).toEqual(expect.arrayContaining(['proxy-log', 'proxy-role']));
    expect(inputs(drawn, 'ProxyDefaultTargetGroup', 'proxy-targets')['connectionPoolConfig']).toEqual({
      maxConnectionsPercent: 4,
      maxIdleConnectionsPercent: 1,
      connectionBorrowTimeout: 30,
    });
    const login = (role: string, instance = '‹database.resourceId›', action = 'rds-db:connect'): string => {
      const resource = `arn:aws:rds-db:eu-west-1:‹account›:dbuser:${instance}/${role}`;
      return evaluate(policy(drawn, 'RolePolicy', 'proxy-role'), { by: 'role', action, resource, context: {} });
    };
    for (const role of ['inclusive', 'coach_readonly']) expect(login(role)).toBe('allow');
    for (const role of ['coach_admin', 'coach_migrator', 'coach_backup', 'rds_superuser', 'inclusive2'])
      expect(login(role), role).toBe('neither');
    expect(login('inclusive', 'db-OTHER')).toBe('neither');
    expect(login('inclusive', undefined, 'rds:DeleteDBInstance')).toBe('neither');
  });

  it('has roles that their service can assume, for this account where it says so', () => {
    const assume = (name: string, request: Partial<Request>): string =>
      evaluate(policy(drawn, 'Role', name, 'assumeRolePolicy'), {
        by: '',
        action: 'sts:AssumeRole',
        resource: '',
        context: { 'aws:sourceaccount': '‹account›' },
        ...request,
      });
    for (const [name, by] of [
      ['database-monitoring', 'monitoring.rds.amazonaws.com'],
      ['network-flow-logs-role', 'vpc-flow-logs.amazonaws.com'],
    ] as const) {
      expect(assume(name, { by })).toBe('allow');
      expect(assume(name, { by, context: { 'aws:sourceaccount': 'other' } })).toBe('neither');
      expect(assume(name, { by: 'ec2.amazonaws.com' })).toBe('neither');
    }
    expect(assume('proxy-role', { by: 'rds.amazonaws.com', context: {} })).toBe('allow');
    const write = { by: 'role', action: 'logs:PutLogEvents', context: {} };
    const flow = policy(drawn, 'RolePolicy', 'network-flow-logs-role');
    const group = 'arn:aws:logs:eu-west-1:‹account›:log-group:/aws/vpc/coach-prod';
    expect(evaluate(flow, { ...write, resource: `${group}:log-stream:eni` })).toBe('allow');
    expect(evaluate(flow, { ...write, resource: `${group}-other:log-stream:eni` })).toBe('neither');
  });

  it('hands out where everything is', () => {
    expect(drawn.outputs).toMatchObject({
      region: 'eu-west-1',
      database: 'inclusive_ai',
      adminUser: 'coach_admin',
      roles: { application: 'inclusive', migrator: 'coach_migrator' },
      instance: {
        identifier: 'coach-prod-database',
        address: '‹database.address›',
        port: 15_432,
        resourceId: '‹database.resourceId›',
      },
      proxy: { endpoint: '‹proxy.endpoint›', port: 5432, resourceId: '‹proxy.resourceId›' },
      task: { cluster: 'coach-prod-backup', securityGroupId: '‹network-task.id›' },
      backups: { bucket: '‹backups.bucket›', prefix: 'prod' },
    });
  });
});

describe('a variant of prod', () => {
  it('lies in an existing VPC, of which it changes nothing but endpoints', async () => {
    const drawn = await draw({ aws: { network: { ...EXISTING, endpoints: true } } });
    for (const type of ['Vpc', 'Subnet', 'RouteTable', 'FlowLog', 'DefaultSecurityGroup'])
      expect(names(drawn, type)).toEqual([]);
    expect(inputs(drawn, 'SubnetGroup', 'database')['subnetIds']).toEqual(EXISTING.privateSubnetIds);
    expect(inputs(drawn, 'SecurityGroup', 'network-database')['vpcId']).toBe(EXISTING.vpcId);
    expect(inputs(drawn, 'VpcEndpoint', 'network-s3')).toMatchObject({ routeTableIds: EXISTING.routeTableIds });
    expect(reachability(drawn.resources)).toEqual({
      permitted: [...WORKERS, 'proxy -> database tcp 15432'].sort(),
      half: [],
    });
  });

  it('goes the way of an existing VPC to AWS’s services', async () => {
    const drawn = await draw({ aws: { network: { ...EXISTING, endpoints: false } } });
    expect(names(drawn, 'VpcEndpoint')).toEqual([]);
    expect(reachability(drawn.resources).permitted).toEqual(
      [
        'function -> 0.0.0.0/0 tcp 443',
        'function -> database tcp 15432',
        'proxy -> database tcp 15432',
        'task -> 0.0.0.0/0 tcp 443',
        'task -> database tcp 15432',
      ].sort(),
    );
  });

  it('has replicas, each with its logs, none protected or backed up', async () => {
    const drawn = await draw({ rds: { replicas: 2 } });
    expect(names(drawn, 'Instance')).toEqual(['database', 'database-replica-1', 'database-replica-2']);
    const replica = one(drawn, 'Instance', 'database-replica-2');
    expect(replica.protect).toBe(false);
    expect(replica.inputs).toMatchObject({
      identifier: 'coach-prod-database-replica-2',
      replicateSourceDb: 'coach-prod-database',
      storageEncrypted: true,
      publiclyAccessible: false,
      iamDatabaseAuthenticationEnabled: true,
      vpcSecurityGroupIds: ['‹network-database.id›'],
      multiAz: false,
      backupRetentionPeriod: 0,
      skipFinalSnapshot: true,
    });
    for (const given of ['username', 'dbName', 'manageMasterUserPassword', 'engine', 'allocatedStorage'])
      expect(replica.inputs).not.toHaveProperty(given);
    expect(needs(drawn, 'Instance', 'database-replica-2')).toEqual(
      expect.arrayContaining(['database', 'database-replica-2-postgresql']),
    );
  });

  it('has no proxy: then the application reaches the instance', async () => {
    const drawn = await draw({ rds: { proxy: false }, aws: { network: { clientCidrs: ['10.1.0.0/16'] } } });
    expect(drawn.resources.filter(({ name }) => name.includes('proxy'))).toEqual([]);
    expect(reachability(drawn.resources).permitted).toEqual(['10.1.0.0/16 -> database tcp 15432', ...WORKERS].sort());
    expect(drawn.outputs).not.toHaveProperty('proxy');
  });

  it.each([15, 16, 17, 18])('runs PostgreSQL %i, with the parameter group of its family', async (major) => {
    const drawn = await draw({ rds: { majorVersion: major } });
    expect(inputs(drawn, 'Instance', 'database')['engineVersion']).toBe(String(major));
    expect(inputs(drawn, 'ParameterGroup', 'database-parameters')['family']).toBe(`postgres${major}`);
    // Autonamed, so that the next family's group is made before this one goes.
    expect(inputs(drawn, 'ParameterGroup', 'database-parameters')).not.toHaveProperty('name');
  });

  it('lies in another region, with its zones', async () => {
    const drawn = await draw({ aws: { region: 'ap-northeast-1' } });
    expect(
      drawn.resources.filter(({ type }) => type.endsWith(':Subnet')).map((each) => each.inputs['availabilityZone']),
    ).toEqual(['ap-northeast-1a', 'ap-northeast-1c', 'ap-northeast-1d']);
    expect(JSON.stringify(drawn)).not.toContain('eu-west-1');
  });

  it.each([
    ['us-gov-west-1', 'aws-us-gov'],
    ['cn-northwest-1', 'aws-cn'],
  ])('lies in %s, another partition: no ARN is of a third', async (region, partition) => {
    const drawn = await draw({ aws: { region } });
    const partitions = JSON.stringify(drawn).match(/arn:aws[a-z-]*:/g) ?? [];
    expect(new Set(partitions)).toEqual(new Set([`arn:${partition}:`]));
    const services = drawn.resources
      .filter(({ type }) => type.endsWith(':VpcEndpoint'))
      .map((each) => each.inputs['serviceName']);
    const china = partition === 'aws-cn' ? 'cn.' : '';
    expect(services.sort()).toEqual(
      [
        `${china}com.amazonaws.${region}.ecr.api`,
        `${china}com.amazonaws.${region}.ecr.dkr`,
        `com.amazonaws.${region}.logs`,
        `com.amazonaws.${region}.s3`,
        `com.amazonaws.${region}.secretsmanager`,
      ].sort(),
    );
  });

  it('is restored from a snapshot, or to a point in time', async () => {
    const ofSnapshot = inputs(await draw({ rds: { restoreSnapshot: 'last-one' } }), 'Instance', 'database');
    expect(ofSnapshot).toMatchObject({
      snapshotIdentifier: 'last-one',
      username: 'coach_admin',
      dbName: 'inclusive_ai',
    });
    const source = { sourceDbInstanceIdentifier: 'coach-other-database' };
    for (const [time, expected] of [
      ['latest', { useLatestRestorableTime: true }],
      ['2026-01-31T12:00:00Z', { restoreTime: '2026-01-31T12:00:00Z' }],
    ] as const) {
      const rds = { restorePointInTime: { instance: 'coach-other-database', time } };
      const instance = inputs(await draw({ rds }), 'Instance', 'database');
      expect(instance['restoreToPointInTime']).toEqual({ ...source, ...expected });
      // RDS takes no name of a database here: it is in what is restored.
      expect(instance).not.toHaveProperty('dbName');
    }
  });

  it('is sized, encrypted and watched as the settings say', async () => {
    const kmsKeyArn = 'arn:aws:kms:eu-west-1:111111111111:key/8a4cc4b5-8d2f-4fd3-9c3c-6a9c0f8e2b11';
    const rds = {
      storageGb: 400,
      maxStorageGb: 400,
      iops: 16_000,
      throughputMb: 1000,
      multiAz: false,
      insights: 'advanced',
      monitoringIntervalSeconds: 0,
      kmsKeyArn,
    };
    const drawn = await draw({ rds, server: { instanceClass: 'db.r8g.large' } });
    const instance = inputs(drawn, 'Instance', 'database');
    expect(instance).toMatchObject({
      instanceClass: 'db.r8g.large',
      iops: 16_000,
      storageThroughput: 1000,
      multiAz: false,
      monitoringInterval: 0,
      databaseInsightsMode: 'advanced',
      performanceInsightsRetentionPeriod: 465,
      kmsKeyId: kmsKeyArn,
      masterUserSecretKmsKeyId: kmsKeyArn,
    });
    for (const absent of ['maxAllocatedStorage', 'monitoringRoleArn']) expect(instance).not.toHaveProperty(absent);
    expect(names(drawn, 'Key')).not.toContain('database-key');
  });

  it('can be torn down once the settings say so', async () => {
    const drawn = await draw({ aws: { protect: false } });
    expect(drawn.resources.filter((each) => each.protect)).toEqual([]);
    expect(inputs(drawn, 'Instance', 'database')).toMatchObject({
      deletionProtection: false,
      skipFinalSnapshot: false,
    });
  });
});
