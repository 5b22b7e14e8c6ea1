import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { Ajv2020 } from 'ajv/dist/2020';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { readRequest } from '../../../postgres/apply/request';
import { ExitCode } from '../../../scripts/exitCodes';
import { ROOT } from '../../support/compiled';
import { type CliResult, TestProject } from '../../support/project';
import { outputsByPulumi } from '../../support/stackOutputs';
import { type Answer, type FakeLambda, startFakeLambda } from './fakeLambda';

const OUTPUTS = {
  region: 'eu-west-1',
  database: 'inclusive_ai',
  roles: { application: 'inclusive', migrator: 'coach_migrator' },
  instance: { address: 'db.example.eu-west-1.rds.amazonaws.com', port: 15432 },
  migration: { functionName: 'coach-prod-migration', bucket: 'artifacts-1a2b3c4' },
};
const PENDING = {
  status: 'differs',
  pending: ['2_more'],
  migrations: [{ name: '2_more', statements: 1, allOrNothing: true }],
  warnings: [],
  text: '1 migration applied, 1 pending in prisma/migrations:\n  2_more (1 statement)',
};
const APPLIED = {
  status: 'changed',
  applied: [{ name: '2_more', checksum: 'abc', durationMs: 1200 }],
  warnings: ['It took long.'],
};
const PROBLEM = { code: 'migration-failed', message: 'Migration 2_more failed.', remedy: 'Mend it.', object: '2_more' };

const schema = JSON.parse(readFileSync(join(ROOT, 'docs', 'json-output.schema.json'), 'utf8')) as object;
const validate = new Ajv2020({ strict: false }).compile(schema);

describe('prod, from outside its network', { timeout: 60_000 }, () => {
  let project: TestProject;
  let state: NodeJS.ProcessEnv;
  let fake: FakeLambda | undefined;
  beforeAll(() => {
    project = new TestProject();
    state = outputsByPulumi(project, 'prod', OUTPUTS);
  });
  afterEach(() => fake?.stop());
  afterAll(() => project.remove());

  async function run(
    args: string[],
    answers: (request: { action: string; dryRun?: boolean }) => Answer,
    environment: NodeJS.ProcessEnv = {},
  ): Promise<CliResult & { report: Record<string, unknown> }> {
    fake = await startFakeLambda((input) => answers(readRequest(input) as { action: string; dryRun?: boolean }));
    const result = await project.json([...args, '--stack', 'prod'], {
      ...state,
      AWS_ENDPOINT_URL: fake.endpoint,
      AWS_ACCESS_KEY_ID: 'AKIDTESTONLY',
      AWS_SECRET_ACCESS_KEY: 'nobody’s',
      ...environment,
    });
    expect(validate(result.report), JSON.stringify([result.report, validate.errors], null, 2)).toBe(true);
    return result;
  }

  const answer = (payload: object): Answer => ({
    payload: { command: 'deploy', stack: 'prod', problems: [], ...payload },
  });
  const pendingThen = (then: object) => (request: { dryRun?: boolean }) =>
    answer(request.dryRun === true ? PENDING : then);

  it('deploy shows what is pending, and applies it', async () => {
    const { code, report } = await run(['deploy', '--yes'], pendingThen(APPLIED));
    expect(code).toBe(ExitCode.done);
    expect(report).toMatchObject({ status: 'changed', applied: APPLIED.applied, problems: [] });
    expect(fake?.asked).toMatchObject([{ action: 'deploy', dryRun: true }, { action: 'deploy' }]);
    expect(fake?.asked[1]).not.toHaveProperty('dryRun');
    // What it is told of is what was sent.
    const { key } = fake?.asked[1]?.['migrations'] as { key: string };
    expect(fake?.put.map(({ path }) => path)).toEqual([`/artifacts-1a2b3c4/${key}`]);
  });

  it('deploy asks first, and applies nothing where nobody says yes', async () => {
    const { code, report, stderr } = await run(['deploy'], pendingThen(APPLIED));
    expect(code).toBe(ExitCode.refused);
    expect(report).toMatchObject({ problems: [{ code: 'confirmation-needed' }] });
    expect(stderr).toContain('2_more (1 statement)');
    expect(fake?.asked).toHaveLength(1);
  });

  it('deploy --dry-run ends with its exit code', async () => {
    const asked = pendingThen({});
    const { code, report } = await run(['deploy', '--dry-run', '--detailed-exitcode'], asked);
    expect(code).toBe(ExitCode.differences);
    expect(report).toMatchObject({ status: 'differs', pending: PENDING.pending, migrations: PENDING.migrations });
    await fake?.stop();
    expect((await run(['deploy', '--dry-run'], asked)).code).toBe(ExitCode.done);
  });

  it.each([
    [['--applied', '2_more'], { applied: '2_more' }, 'applied'],
    [['--rolled-back', '2_more'], { rolledBack: '2_more' }, 'rolled-back'],
  ])('deploy %s is recorded', async (args, request, as) => {
    const { code, report } = await run(['deploy', ...args], () => answer({ status: 'changed' }));
    expect(code).toBe(ExitCode.done);
    expect(report).toMatchObject({ status: 'changed', name: '2_more', as });
    expect(fake?.asked).toMatchObject([request]);
  });

  it.each([
    ['failed', ExitCode.failed],
    ['refused', ExitCode.refused],
  ])('deploy that %s says what the function said', async (status, expected) => {
    const { code, report } = await run(['deploy', '--yes'], pendingThen({ status, problems: [PROBLEM] }));
    expect(code).toBe(expected);
    expect(report).toMatchObject({ status, problems: [PROBLEM] });
  });

  it('status has what the function tells', async () => {
    const told = {
      reached: [{ name: 'the database', host: 'db', port: 15432, reachable: true }],
      server: {
        version: '17.6',
        database: 'inclusive_ai',
        role: 'coach_migrator',
        inRecovery: false,
        startedAt: '2026',
      },
      migrations: { applied: [{ name: '1_tables', finishedAt: '2026' }], failed: [] },
    };
    const { code, report } = await run(['status'], () => answer({ command: 'status', status: 'ok', ...told }));
    expect(code).toBe(ExitCode.done);
    expect(report).toMatchObject({ status: 'ok', function: { status: 'ok', problems: [], ...told } });
    expect(fake?.asked).toMatchObject([{ action: 'status', spec: { name: 'inclusive_ai' } }]);
  });

  it('status goes without a function that cannot be asked', async () => {
    const { code, report } = await run(['status'], () => ({ error: 'AccessDeniedException', status: 403 }));
    expect(code).toBe(ExitCode.done);
    expect(report).toMatchObject({ function: { status: 'failed', problems: [{ code: 'aws-access-denied' }] } });
  });

  it('what only Pulumi reads is asked of Pulumi, and what it says is passed on', async () => {
    const { code, report } = await run(['deploy', '--yes'], () => answer({}), { NO_STACK: '1' });
    expect(code).toBe(ExitCode.failed);
    expect(report).toMatchObject({
      problems: [{ code: 'outputs-unread', message: expect.stringContaining("no stack named 'prod'") as string }],
    });
    expect(fake?.asked).toEqual([]);
  });

  it.each([
    ['audit', ExitCode.refused, 'database-out-of-reach', 'docs/prod.md'],
    ['audit verify', ExitCode.refused, 'database-out-of-reach', 'docs/prod.md'],
    ['logs', ExitCode.usage, 'server-unknown', 'aws logs tail'],
  ])('%s says how, since it cannot work from here', async (command, expected, problem, remedy) => {
    const { code, report } = await run(command.split(' '), () => answer({}));
    expect(code).toBe(expected);
    expect(report['problems']).toMatchObject([
      { code: problem, remedy: expect.stringContaining(remedy) as string, object: 'prod' },
    ]);
  });
});
