import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { TestProject } from '../support/project';
import { broken } from './broken';
import { prodGraph } from './prodGraph';

let project: TestProject;
beforeAll(() => {
  project = new TestProject();
});
afterAll(() => project.remove());

const EXISTING = {
  vpcId: 'vpc-0123456789abcdef0',
  privateSubnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'],
  routeTableIds: ['rtb-0123456789abcdef0'],
  endpoints: true,
};

/** Settings of prod, and the rules that they break on purpose. */
const VARIANTS: [string, Record<string, unknown>, string[]][] = [
  ['an existing VPC', { aws: { network: EXISTING } }, []],
  ['replicas', { rds: { replicas: 2 } }, []],
  ['no proxy', { rds: { proxy: false } }, []],
  [
    'advanced insights and fast storage',
    { rds: { insights: 'advanced', storageGb: 400, iops: 16_000, throughputMb: 1_000 } },
    [],
  ],
  ['PostgreSQL 15', { rds: { majorVersion: 15 } }, []],
  ['PostgreSQL 18', { rds: { majorVersion: 18 } }, []],
  ['another partition', { aws: { region: 'us-gov-west-1' } }, []],
  ['what is cheaper', { rds: { multiAz: false, backupRetentionDays: 1 } }, ['rds-multi-az', 'rds-backups']],
  ['a prod that may be torn down', { aws: { protect: false } }, ['rds-deletion-protection', 'pulumi-protected']],
];

describe('prod breaks no rule but those its settings break on purpose', () => {
  it.each(VARIANTS)('%s', async (_, settings, expected) => {
    const graph = await prodGraph(project, { aws: undefined, rds: undefined, ...settings });
    const found = broken(graph);
    expect(found.filter(({ id }) => !expected.includes(id))).toEqual([]);
    expect([...new Set(found.map(({ id }) => id))].sort()).toEqual([...expected].sort());
  });
});
