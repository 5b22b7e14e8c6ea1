import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { PolicyDocument } from '../../../components/iam/policyDocument';
import type { GraphResource } from '../../../engine/graph/graph';
import { TASK_VARIABLE, type TaskDescription } from '../../../postgres/backup/task';
import { prodGraph } from '../../support/prodGraph';
import { TestProject } from '../../support/project';

interface Container {
  image: string;
  command: string[];
  entryPoint: string[];
  user: string;
  readonlyRootFilesystem: boolean;
  mountPoints: { containerPath: string; sourceVolume: string; readOnly: boolean }[];
  environment: { name: string; value: string }[];
  secrets?: unknown;
  logConfiguration: { logDriver: string; options: Record<string, string> };
}

let project: TestProject;
beforeAll(() => {
  project = new TestProject();
});
afterAll(() => project.remove());

interface Drawn {
  of: (type: string, name: string) => GraphResource;
  all: GraphResource[];
  outputs: Record<string, unknown>;
}

async function draw(settings: Record<string, unknown> = {}): Promise<Drawn> {
  for (const key of ['backup', 'aws', 'rds']) project.set(key, settings[key], 'prod');
  const { resources, outputs } = await prodGraph(project);
  const all = resources.filter(({ parent }) => parent?.includes('coach:backup:Task') === true);
  return {
    all,
    outputs,
    of: (type, name) => {
      const found = all.filter((one) => one.type.endsWith(`:${type}`) && one.name === name);
      expect(found, `${type} ${name}`).toHaveLength(1);
      return found[0] as GraphResource;
    },
  };
}

const containerOf = ({ of }: Drawn): Container => {
  const [container] = JSON.parse(
    String(of('TaskDefinition', 'backup-definition').inputs['containerDefinitions']),
  ) as Container[];
  if (container === undefined) throw new Error('no container');
  return container;
};
const documentOf = ({ inputs }: GraphResource, key: string): PolicyDocument =>
  JSON.parse(String(inputs[key])) as PolicyDocument;

describe('the task of prod', () => {
  it('is declared whole', async () => {
    const { all, outputs } = await draw();
    expect(all.map(({ type, name }) => `${type.split(':').at(-1) ?? ''} ${name}`).sort()).toEqual([
      'Cluster backup-cluster',
      'LifecyclePolicy backup-images-lifecycle',
      'LogGroup backup-log',
      'Repository backup-images',
      'Role backup-execution',
      'Role backup-restore-role',
      'Role backup-role',
      'Role backup-scheduler-role',
      'RolePolicy backup-execution-policy',
      'RolePolicy backup-restore-role-policy',
      'RolePolicy backup-role-policy',
      'RolePolicy backup-scheduler-role-policy',
      'Schedule backup-daily',
      'Schedule backup-weekly',
      'ScheduleGroup backup-schedules',
      'TaskDefinition backup-definition',
    ]);
    expect(outputs['task']).toMatchObject({
      cluster: 'coach-prod-backup',
      family: 'coach-prod-backup',
      container: 'backup',
      logGroup: '/ecs/coach-prod-backup',
      restoreRoleArn: 'arn:aws:iam::‹account›:role/‹backup-restore-role.name›',
    });
  });

  it('can write its scratch volume alone, as nobody in particular, and is told nothing secret', async () => {
    const drawn = await draw();
    const container = containerOf(drawn);
    const { inputs } = drawn.of('TaskDefinition', 'backup-definition');
    expect(inputs).toMatchObject({
      networkMode: 'awsvpc',
      requiresCompatibilities: ['FARGATE'],
      cpu: '1024',
      memory: '2048',
      ephemeralStorage: { sizeInGib: 50 },
      volumes: [{ name: 'scratch' }],
    });
    expect(container).toMatchObject({
      user: '10001:10001',
      readonlyRootFilesystem: true,
      mountPoints: [{ sourceVolume: 'scratch', containerPath: '/tmp', readOnly: false }],
      entryPoint: ['timeout', '--kill-after=120', '6h', 'coachdb'],
      logConfiguration: { logDriver: 'awslogs', options: { 'awslogs-group': '/ecs/coach-prod-backup' } },
    });
    expect(container).not.toHaveProperty('privileged');
    expect(container.environment.map(({ name }) => name)).toEqual([TASK_VARIABLE]);
    const told = JSON.parse(container.environment[0]?.value ?? '') as TaskDescription;
    expect(told).toMatchObject({ host: '‹database.address›', port: 15432, bucket: '‹backups.bucket›', stack: 'prod' });
    expect(JSON.stringify(told)).not.toMatch(/password/i);
  });

  it('runs an image of its own repository: this version, or the tag that the settings name', async () => {
    expect(containerOf(await draw()).image).toMatch(/\/coach-prod-backup:\d+\.\d+\.\d+$/);
    const drawn = await draw({ aws: { region: 'eu-west-1', task: { imageTag: '4f2a1c0' } } });
    expect(containerOf(drawn).image).toMatch(/\/coach-prod-backup:4f2a1c0$/);
    expect(drawn.of('Repository', 'backup-images').inputs).toMatchObject({
      imageTagMutability: 'IMMUTABLE',
      imageScanningConfiguration: { scanOnPush: true },
      encryptionConfigurations: [{ encryptionType: 'KMS' }],
    });
  });

  it('backs up when the settings say, in their zone, into the database’s network', async () => {
    const schedule = { backup: '30 1 * * 1-5', timeZone: 'Europe/Madrid' };
    const drawn = await draw({ backup: { schedule } });
    const { inputs } = drawn.of('Schedule', 'backup-daily');
    expect(inputs).toMatchObject({
      scheduleExpression: 'cron(30 1 ? * MON,TUE,WED,THU,FRI *)',
      scheduleExpressionTimezone: 'Europe/Madrid',
      state: 'ENABLED',
      target: {
        ecsParameters: {
          launchType: 'FARGATE',
          networkConfiguration: { assignPublicIp: false, securityGroups: ['‹network-task.id›'] },
        },
      },
    });
    const { input } = inputs['target'] as { input: string };
    expect(JSON.parse(input)).toEqual({
      containerOverrides: [{ name: 'backup', command: ['backup', '--upload-s3', '--reason', 'daily'] }],
    });
    expect(drawn.of('Schedule', 'backup-weekly').inputs['scheduleExpression']).toBe('cron(0 3 ? * SUN *)');
  });

  it('stays for restores where nothing is scheduled', async () => {
    const off = await draw({ backup: { enabled: false } });
    expect(off.all.filter(({ type }) => type.includes('scheduler') || type.endsWith(':Schedule'))).toEqual([]);
    expect(off.all.some(({ name }) => name === 'backup-definition')).toBe(true);
  });

  it('gives the schedule’s role no way to the administrator, and names every ARN in the partition and region', async () => {
    const drawn = await draw({ aws: { region: 'cn-northwest-1' } });
    const policies = drawn.all.filter(({ type }) => type.endsWith(':RolePolicy'));
    for (const one of policies) {
      const text = String(one.inputs['policy']);
      expect(text.match(/arn:aws:/g), one.name).toBeNull();
      expect(text.includes('secretsmanager:GetSecretValue')).toBe(one.name === 'backup-restore-role-policy');
    }
    const trusted = drawn.all
      .filter(({ type }) => type.endsWith(':Role'))
      .map((role) => documentOf(role, 'assumeRolePolicy').Statement[0]);
    expect(trusted.every((statement) => JSON.stringify(statement?.Condition).includes('aws:SourceAccount'))).toBe(true);
    const roles = JSON.stringify(drawn.of('RolePolicy', 'backup-restore-role-policy').inputs['policy']);
    expect(roles).toContain('s3.cn-northwest-1.amazonaws.com.cn');
  });
});
