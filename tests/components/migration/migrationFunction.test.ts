import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { PolicyDocument } from '../../../components/iam/policyDocument';
import type { GraphResource } from '../../../engine/graph/graph';
import { readRequest } from '../../../postgres/apply/request';
import { prodGraph } from '../../support/prodGraph';
import { TestProject } from '../../support/project';

let project: TestProject;
let drawn: GraphResource[];
beforeAll(async () => {
  project = new TestProject();
  drawn = await draw();
}, 60_000);
afterAll(() => project.remove());

async function draw(): Promise<GraphResource[]> {
  return (await prodGraph(project)).resources;
}

function inputs(resources: GraphResource[], type: string, name: string): Record<string, unknown> {
  const found = resources.find((one) => one.type.endsWith(`:${type}`) && one.name === name && one.custom);
  expect(found, `${type} ${name}`).toBeDefined();
  return found?.inputs ?? {};
}

describe('the migration function of prod', () => {
  it('is Lambda inside the network, one at a time, traced, with its environment encrypted and its code by content', () => {
    const { code, ...declared } = inputs(drawn, 'Function', 'migration');
    expect(declared).toMatchObject({
      name: 'coach-prod-migration',
      runtime: 'nodejs24.x',
      architectures: ['arm64'],
      handler: 'index.handler',
      memorySize: 512,
      timeout: 900,
      reservedConcurrentExecutions: 1,
      tracingConfig: { mode: 'Active' },
      kmsKeyArn: expect.stringContaining('operations-key') as string,
      vpcConfig: { securityGroupIds: [expect.stringContaining('network-function')] },
      environment: { variables: { COACH_STACK: 'prod', COACH_DATABASE_NAME: 'inclusive_ai' } },
    });
    expect(code).toMatchObject({
      'index.js': expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string,
      'guard.sql': expect.stringMatching(/^sha256:/) as string,
    });
    expect(JSON.stringify(drawn)).not.toContain(project.root);
    expect(inputs(drawn, 'LogGroup', 'migration-log')['retentionInDays']).toBe(90);
    const types = drawn.map(({ type }) => type);
    expect(types.filter((type) => /functionUrl|:Permission|lambda\/alias/i.test(type))).toEqual([]);
  });

  it('is invoked with the whole description, readable and without a path of this machine', () => {
    const { input, functionName, triggers } = inputs(drawn, 'Invocation', 'migration-apply');
    expect(functionName).toBe('coach-prod-migration');
    const request = readRequest(JSON.parse(String(input)));
    expect(request).toMatchObject({
      action: 'apply',
      spec: { name: 'inclusive_ai', migrations: { apply: 'initial' } },
    });
    expect(Object.keys(triggers as object)).toEqual(['code', 'input']);
    const archive = inputs(drawn, 'BucketObjectv2', 'migration-archive');
    expect(JSON.parse(String(input))).toMatchObject({
      migrations: { key: archive['key'], sha256: String(archive['source']).replace('sha256:', '') },
    });
    const invocation = drawn.find(({ name }) => name === 'migration-apply');
    const needs = invocation?.dependencies.map((urn) => urn.split('::').at(-1));
    for (const needed of [
      'database',
      'migration-archive',
      'network-secrets',
      'network-s3',
      'network-function-to-database',
    ])
      expect(needs).toContain(needed);
  });

  it('runs again for a changed description or migration, and for nothing else', async () => {
    const before = inputs(drawn, 'Invocation', 'migration-apply');
    project.set('parameters', { work_mem: '8MB' }, 'prod');
    expect(inputs(await draw(), 'Invocation', 'migration-apply')).toEqual(before);
    project.set('roles', { readOnly: { connectionLimit: 3 } }, 'prod');
    const limited = inputs(await draw(), 'Invocation', 'migration-apply');
    expect(limited['input']).toContain('"connectionLimit":3');
    expect(limited['triggers']).not.toEqual(before['triggers']);
    const script = project.path('app/prisma/migrations/29990101000000_more/migration.sql');
    mkdirSync(dirname(script), { recursive: true });
    writeFileSync(script, 'SELECT 1;\n');
    const more = await draw();
    expect(inputs(more, 'Invocation', 'migration-apply')['triggers']).not.toEqual(limited['triggers']);
    expect(inputs(more, 'BucketObjectv2', 'migration-archive')['key']).not.toBe(
      inputs(drawn, 'BucketObjectv2', 'migration-archive')['key'],
    );
  });

  it('may do what it does and nothing more', () => {
    const { policy } = inputs(drawn, 'RolePolicy', 'migration-role-policy');
    const { Statement } = JSON.parse(String(policy)) as PolicyDocument;
    const allowed = Statement.filter(({ Effect }) => Effect === 'Allow').map(({ Action, Resource }) => [
      Action,
      Resource,
    ]);
    const account = 'eu-west-1:‹account›';
    expect(Object.fromEntries(allowed.filter(([, resource]) => resource !== '*'))).toEqual({
      'logs:CreateLogStream,logs:PutLogEvents': `arn:aws:logs:${account}:log-group:/aws/lambda/coach-prod-migration:log-stream:*`,
      'secretsmanager:GetSecretValue': expect.stringMatching(/^arn:aws:secretsmanager:/) as string,
      's3:GetObject': 'arn:aws:s3:::‹artifacts.bucket›/migrations/*',
      'kms:Decrypt': expect.stringContaining('key/') as string,
      'rds-db:connect': expect.stringMatching(
        /^arn:aws:rds-db:eu-west-1:‹account›:dbuser:.*\/coach_migrator$/,
      ) as string,
    });
    // What takes no resource: traces, and the network interfaces that Lambda makes and the code may not.
    const wide = Statement.filter(({ Resource }) => Resource === '*').flatMap(({ Action }) => Action);
    expect(new Set(wide.map((action) => action.split(':')[0]))).toEqual(new Set(['xray', 'ec2']));
    expect(wide.filter((action) => action.includes('*'))).toEqual([]);
    expect(Statement.find(({ Effect }) => Effect === 'Deny')).toMatchObject({
      Condition: {
        ArnEquals: { 'lambda:SourceFunctionArn': `arn:aws:lambda:${account}:function:coach-prod-migration` },
      },
    });
    for (const { Action, Condition } of Statement)
      if (Action === 'kms:Decrypt') expect(Condition, 'a key is used through one service').toBeDefined();
  });
});
