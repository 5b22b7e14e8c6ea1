import { describe, expect, it } from 'vitest';

import { LOG_DAYS } from '../../../infra/config/awsSettings';
import { parseSettings } from '../../../infra/config/parse';
import { LOG_DAYS as LOG_DAYS_OF_RULES } from '../../../policies/rules/cloudwatch';

type Raw = Record<string, unknown>;

const CLIENT = { clientCidrs: ['10.1.0.0/16', '10.64.192.0/18'] };
const EXISTING = {
  vpcId: 'vpc-0123456789abcdef0',
  privateSubnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'],
  routeTableIds: ['rtb-0123456789abcdef0'],
  endpoints: true,
};
const network = (values: Raw): Raw => ({ aws: { network: values } });
const rds = (values: Raw): Raw => ({ rds: values });
const s3 = (values: Raw): Raw => ({ backup: { s3: { bucket: 'coach-backups', ...values } } });

function refused(raw: Raw, stack = 'prod'): string[] {
  const { problems } = parseSettings({ environment: 'prod', ...raw }, stack, {});
  for (const { message, remedy } of problems) {
    expect(message).toMatch(/^(coach:|Parameter |RDS for |Extension )/);
    expect(remedy).toMatch(/\.$/);
  }
  return problems.map(({ code, object }) => `${code} ${(object ?? '').replace('coach:', '')}`);
}

describe('settings of prod that are taken', () => {
  it.each<Raw>([
    {},
    network(CLIENT),
    network(EXISTING),
    network({ ...EXISTING, endpoints: false, routeTableIds: [] }),
    network({ cidr: '172.31.0.0/24', zones: ['c', 'a', 'b'] }),
    rds({ storageGb: 400, maxStorageGb: 440, iops: 12_000, throughputMb: 3000 }),
    rds({ maxStorageGb: 100 }),
    rds({ backupWindow: '23:45-00:15', maintenanceWindow: 'sun:23:15-sun:23:45' }),
    rds({ restoreSnapshot: 'coach-prod-database-final-0a1b2c3d' }),
    rds({ restorePointInTime: { instance: 'coach-other-database', time: '2026-01-31T12:00:00Z' } }),
    {
      ...rds({ majorVersion: 16 }),
      extensions: ['old_snapshot', 'vector'],
      parameters: { old_snapshot_threshold: 60 },
    },
    {
      backup: { retentionDays: 30, s3: { bucket: 'coach-backups', storageClass: 'STANDARD_IA', region: 'eu-west-1' } },
    },
    { aws: { network: { ...EXISTING, endpoints: false } }, ...s3({ region: 'eu-central-1' }) },
    { server: { instanceClass: 'db.r8g.large' }, parameters: { shared_buffers: '4GB' } },
  ])('%j', (raw) => {
    expect(refused(raw)).toEqual([]);
  });
});

describe('settings of prod that AWS would refuse, or nobody should want', () => {
  const conflicts: [Raw, string][] = [
    [network({ cidr: '10.64.1.0/16' }), 'aws.network.cidr'],
    [network({ cidr: '10.300.0.0/16' }), 'aws.network.cidr'],
    [network({ cidr: '10.0.0.0/15' }), 'aws.network.cidr'],
    [network({ cidr: '10.64.0.0/25' }), 'aws.network.cidr'],
    [network({ cidr: '11.0.0.0/16' }), 'aws.network.cidr'],
    [network({ zones: ['a', 'b'] }), 'aws.network.zones'],
    [network({ endpoints: false }), 'aws.network.endpoints'],
    [network({ privateSubnetIds: EXISTING.privateSubnetIds }), 'aws.network.privateSubnetIds'],
    [network({ routeTableIds: EXISTING.routeTableIds }), 'aws.network.routeTableIds'],
    [network({ ...EXISTING, privateSubnetIds: EXISTING.privateSubnetIds.slice(1) }), 'aws.network.privateSubnetIds'],
    [network({ ...EXISTING, routeTableIds: [] }), 'aws.network.routeTableIds'],
    [network({ ...EXISTING, endpoints: undefined }), 'aws.network.endpoints'],
    [network({ clientCidrs: ['10.1.0.0/33'] }), 'aws.network.clientCidrs[0]'],
    [network({ clientCidrs: ['0.0.0.0/0'] }), 'aws.network.clientCidrs[0]'],
    [network({ clientCidrs: ['10.1.0.0/16', '10.64.128.0/20'] }), 'aws.network.clientCidrs[1]'],
    [network({ clientCidrs: ['10.1.0.0/16', '10.1.2.0/24'] }), 'aws.network.clientCidrs[1]'],
    [rds({ storageGb: 200, maxStorageGb: 100 }), 'rds.maxStorageGb'],
    [rds({ storageGb: 100, maxStorageGb: 109 }), 'rds.maxStorageGb'],
    [rds({ iops: 12_000 }), 'rds.iops'],
    [rds({ throughputMb: 500 }), 'rds.throughputMb'],
    [rds({ storageGb: 400, iops: 12_000, throughputMb: 3001 }), 'rds.throughputMb'],
    [rds({ backupWindow: '00:30-00:45' }), 'rds.backupWindow'],
    [rds({ maintenanceWindow: 'sun:05:00-sun:05:10' }), 'rds.maintenanceWindow'],
    [rds({ backupWindow: '04:45-05:15' }), 'rds.maintenanceWindow'],
    // Over midnight, and over the end of the week.
    [rds({ backupWindow: '23:45-00:30', maintenanceWindow: 'tue:00:00-tue:01:00' }), 'rds.maintenanceWindow'],
    [rds({ backupWindow: '00:10-00:40', maintenanceWindow: 'sun:23:30-mon:00:30' }), 'rds.maintenanceWindow'],
    [
      rds({ restoreSnapshot: 'one', restorePointInTime: { instance: 'two', time: 'latest' } }),
      'rds.restorePointInTime',
    ],
    [
      rds({ restorePointInTime: { instance: 'coach-prod-database', time: 'latest' } }),
      'rds.restorePointInTime.instance',
    ],
    [rds({ restorePointInTime: { instance: 'two', time: '2026-13-31T12:00:00Z' } }), 'rds.restorePointInTime.time'],
    [rds({ kmsKeyArn: 'arn:aws:kms:us-east-1:123456789012:key/1' }), 'rds.kmsKeyArn'],
    [{ server: { instanceClass: 'db.m4.large' } }, 'server.instanceClass'],
    [{ database: { port: 5432 } }, 'database.port'],
    [{ database: { adminUser: 'postgres' } }, 'database.adminUser'],
    [{ database: { adminUser: 'admin' } }, 'database.adminUser'],
    [{ database: { adminUser: 'coach-admin' } }, 'database.adminUser'],
    [{ database: { name: 'inclusive-ai' } }, 'database.name'],
    [{ aws: { tags: { 'aws:owner': 'x' } } }, 'aws.tags'],
    [{ aws: { tags: { stack: 'x' } } }, 'aws.tags'],
    [s3({ endpoint: 'https://s3.example.com' }), 'backup.s3.endpoint'],
    [s3({ region: 'eu-central-1' }), 'backup.s3.region'],
    [s3({ bucket: 'coach.backups' }), 'backup.s3.bucket'],
    [s3({ bucket: 'xn--coach' }), 'backup.s3.bucket'],
    [s3({ bucket: 'coach-s3alias' }), 'backup.s3.bucket'],
    [s3({ storageClass: 'GLACIER_IR' }), 'backup.s3.storageClass'],
  ];
  it.each(conflicts)('%j', (raw, path) => {
    expect(refused(raw)).toEqual([`setting-conflict ${path}`]);
  });

  it.each<[Raw, string]>([
    [{ database: { adminUser: 'rdsadmin' } }, 'setting-invalid database.adminUser'],
    [{ roles: { application: { name: 'rds_app' } } }, 'setting-invalid roles.application.name'],
    [{ extensions: ['timescaledb'] }, 'extension-not-on-rds extensions[0]'],
    [{ extensions: ['pg_trgm', 'old_snapshot'] }, 'extension-not-on-rds extensions[1]'],
    [{ parameters: { old_snapshot_threshold: 60 } }, 'parameter-not-in-major parameters.old_snapshot_threshold'],
    [{ parameters: { shared_buffers: '5GB' } }, 'parameter-exceeds-memory parameters.shared_buffers'],
    [{ parameters: { 'rds.force_ssl': 0 } }, 'tls-required parameters.rds.force_ssl'],
    [rds({ majorVersion: 14 }), 'setting-invalid rds.majorVersion'],
    [{ aws: { region: 'eu-west-9' } }, 'setting-invalid aws.region'],
    [rds({ storageGb: 19 }), 'setting-invalid rds.storageGb'],
    [rds({ iops: 3000, storageGb: 400 }), 'setting-invalid rds.iops'],
  ])('%j', (raw, problem) => {
    expect(refused(raw)).toEqual([problem]);
  });

  it.each(['Prod', 'prod_eu', 'prod--eu', 'a'.repeat(21)])(
    'stack %s, whose name no instance can begin with',
    (stack) => {
      expect(refused({}, stack)).toEqual(['setting-conflict environment']);
    },
  );

  it('all at once', () => {
    const all = {
      aws: {
        network: {
          cidr: '11.0.0.0/15',
          zones: ['a'],
          routeTableIds: EXISTING.routeTableIds,
          clientCidrs: ['0.0.0.0/0'],
        },
        tags: { project: 'x' },
      },
      rds: {
        maxStorageGb: 50,
        iops: 12_000,
        backupWindow: '04:45-05:00',
        restoreSnapshot: 'one',
        restorePointInTime: { instance: 'coach-prod-database', time: 'latest' },
      },
      database: { port: 5432, adminUser: 'postgres', name: 'inclusive-ai' },
      extensions: ['timescaledb'],
      parameters: { shared_buffers: '64GB' },
      backup: { s3: { bucket: 'coach.backups', region: 'eu-central-1', storageClass: 'GLACIER_IR' } },
    };
    expect(refused(all).sort()).toEqual(
      [
        'aws.network.cidr',
        'aws.network.cidr',
        'aws.network.clientCidrs[0]',
        'aws.network.routeTableIds',
        'aws.network.zones',
        'aws.tags',
        'backup.s3.bucket',
        'backup.s3.region',
        'backup.s3.storageClass',
        'database.adminUser',
        'database.name',
        'database.port',
        'rds.backupWindow',
        'rds.iops',
        'rds.maxStorageGb',
        'rds.restorePointInTime',
        'rds.restorePointInTime.instance',
      ]
        .map((path) => `setting-conflict ${path}`)
        .concat('extension-not-on-rds extensions[0]', 'parameter-exceeds-memory parameters.shared_buffers')
        .sort(),
    );
  });
});

it('log days are those that the rules over the graph know', () => {
  expect(LOG_DAYS).toEqual(LOG_DAYS_OF_RULES);
});
