import { CloudWatchLogs } from '@aws-sdk/client-cloudwatch-logs';
import { ECS } from '@aws-sdk/client-ecs';
import { afterEach, describe, expect, it } from 'vitest';

import { runTask, type TaskClients, type TaskOutputs, type TaskRequest } from '../../../scripts/aws/task';
import { reportLines, type TaskReport } from '../../../scripts/task/outcome';
import { type FakeEcs, startFakeEcs, TASK_ARN } from './fakeEcs';

const WHERE: TaskOutputs = {
  region: 'eu-west-1',
  cluster: 'coach-prod-backup',
  family: 'coach-prod-backup',
  container: 'backup',
  subnetIds: ['subnet-a', 'subnet-b'],
  securityGroupId: 'sg-task',
  logGroup: '/ecs/coach-prod-backup',
  image: '111111111111.dkr.ecr.eu-west-1.amazonaws.com/coach-prod-backup:0.1.0',
  restoreRoleArn: 'arn:aws:iam::111111111111:role/restore',
};
const REPORT: TaskReport = {
  command: 'backup',
  stack: 'prod',
  status: 'changed',
  exitCode: 0,
  problems: [],
  fields: {
    backup: { id: '20261126T020000Z-9f3c', tables: Array.from({ length: 4000 }, (_, n) => ({ name: `t${n}` })) },
  },
  text: 'Ein Bericht über alles',
};
const BACKUP: TaskRequest = { command: ['backup', '--upload-s3'], changes: false };
const RESTORE: TaskRequest = { command: ['restore', '--yes'], changes: true };

type Behaviours = Parameters<typeof startFakeEcs>[0];

const started = { tasks: [{ taskArn: TASK_ARN }], failures: [] };
const task = (more: Record<string, unknown>) => ({ tasks: [{ taskArn: TASK_ARN, ...more }] });
const ended = (
  exitCode: number | undefined,
  more: Record<string, unknown> = {},
  container: Record<string, unknown> = {},
) =>
  task({
    lastStatus: 'STOPPED',
    startedAt: 1,
    containers: [{ name: 'backup', ...(exitCode === undefined ? {} : { exitCode }), ...container }],
    ...more,
  });

/** The log is there in pages, the last of which comes after the task has ended. */
const logOf = (lines: readonly string[]): Behaviours[string] => {
  const at = (token: unknown): number => Number(String((token as string | undefined) ?? 'f/0').slice(2));
  return ({ nextToken }, call) => {
    const from = at(nextToken);
    const to = call < 4 ? Math.min(from + 1, lines.length - 1) : lines.length;
    return {
      events: lines.slice(from, Math.max(from, to)).map((message) => ({ message, timestamp: 1 })),
      nextForwardToken: `f/${Math.max(from, to)}`,
    };
  };
};

let fake: FakeEcs | undefined;
let clients: TaskClients | undefined;
afterEach(async () => {
  clients?.ecs.destroy();
  clients?.logs.destroy();
  await fake?.stop();
});

async function run(
  behaviours: Behaviours,
  request = BACKUP,
  more: { signal?: AbortSignal; startMs?: number; requestTimeout?: number } = {},
): Promise<{ report: TaskReport | undefined; error: unknown; said: string[] }> {
  fake = await startFakeEcs({
    ListTasks: () => ({ taskArns: [] }),
    RunTask: () => started,
    GetLogEvents: () => ({ error: 'ResourceNotFoundException' }),
    ...behaviours,
  });
  const { requestTimeout = 5_000 } = more;
  const common = {
    endpoint: fake.endpoint,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'AKIDTESTONLY', secretAccessKey: 'nobody’s' },
    maxAttempts: 2,
    requestHandler: { requestTimeout, throwOnRequestTimeout: true },
  };
  clients = { ecs: new ECS(common), logs: new CloudWatchLogs(common) };
  const said: string[] = [];
  const { signal = new AbortController().signal, startMs = 60_000 } = more;
  const watch = { progress: (line: string) => void said.push(line), signal, startMs, pollMs: 5 };
  const outcome = await runTask(clients, WHERE, request, watch).then(
    (report) => ({ report, error: undefined }),
    (error: unknown) => ({ report: undefined, error }),
  );
  return { ...outcome, said };
}

const inputOf = (action: string): Record<string, unknown> =>
  fake?.calls.find((one) => one.action === action)?.input ?? {};

describe('a command of prod as a task', () => {
  it('is started in the database’s network, followed, and ends with its own report', async () => {
    const statuses = ['PROVISIONING', 'PENDING', 'RUNNING', 'RUNNING'];
    const { report, error, said } = await run({
      DescribeTasks: (_, call) => {
        const status = statuses[call - 1];
        return status === undefined ? ended(0) : task({ lastStatus: status });
      },
      GetLogEvents: logOf(['  dumping', '  reading the dump back', ...reportLines(REPORT)]),
    });
    expect(error).toBeUndefined();
    expect(report).toEqual(REPORT);
    expect(said).toEqual([
      'Task 0123456789abcdef of coach-prod-backup was started.',
      '  it is given its network',
      '  it gets its image',
      '  it runs',
      '  dumping',
      '  reading the dump back',
    ]);
    expect(inputOf('RunTask')).toMatchObject({
      cluster: 'coach-prod-backup',
      taskDefinition: 'coach-prod-backup',
      launchType: 'FARGATE',
      networkConfiguration: {
        awsvpcConfiguration: {
          subnets: ['subnet-a', 'subnet-b'],
          securityGroups: ['sg-task'],
          assignPublicIp: 'DISABLED',
        },
      },
      overrides: { containerOverrides: [{ name: 'backup', command: BACKUP.command }] },
    });
    expect(inputOf('RunTask')['overrides']).not.toHaveProperty('taskRoleArn');
    expect(inputOf('GetLogEvents')['logStreamName']).toBe('task/backup/0123456789abcdef');
  });

  it('becomes whoever may change the database where it does, and not beside another one', async () => {
    const refused = { ...REPORT, command: 'restore', status: 'refused', exitCode: 3 };
    const { report } = await run({ DescribeTasks: () => ended(3), GetLogEvents: logOf(reportLines(refused)) }, RESTORE);
    expect(report).toMatchObject({ status: 'refused', exitCode: 3 });
    expect(inputOf('RunTask')).toMatchObject({ overrides: { taskRoleArn: WHERE.restoreRoleArn } });
    await fake?.stop();
    const second = await run({ ListTasks: () => ({ taskArns: [TASK_ARN] }) }, RESTORE);
    expect(second.error).toMatchObject({ code: 'task-running', kind: 'locked', object: TASK_ARN });
    expect(fake?.calls.map(({ action }) => action)).toEqual(['ListTasks']);
  });

  it.each([
    [
      'its image is missing',
      ended(undefined, {
        startedAt: undefined,
        stopCode: 'TaskFailedToStart',
        stoppedReason: 'CannotPullContainerError: failed to resolve ref: not found',
      }),
      { code: 'task-image-missing', remedy: expect.stringContaining(`docker push ${WHERE.image}`) as string },
    ],
    [
      'it cannot start',
      ended(undefined, {
        startedAt: undefined,
        stopCode: 'TaskFailedToStart',
        stoppedReason: 'ResourceInitializationError: unable to pull registry auth',
      }),
      { code: 'task-not-started', message: expect.stringContaining('unable to pull registry auth') as string },
    ],
    [
      'somebody stopped it',
      ended(143, { stopCode: 'UserInitiated', stoppedReason: 'Task stopped by user' }),
      { code: 'task-stopped' },
    ],
    ['it ran out of memory', ended(137, {}, { reason: 'OutOfMemoryError: Container killed' }), { code: 'task-memory' }],
    ['its time was up', ended(124), { code: 'task-time-limit' }],
    [
      'it ended without a word',
      ended(1),
      { code: 'task-failed', message: expect.stringContaining('exit code 1') as string },
    ],
  ])('says so where %s', async (_, answer, expected) => {
    const { report, error } = await run({ DescribeTasks: () => answer });
    expect(report).toBeUndefined();
    expect(error).toMatchObject(expected);
  });

  it('takes no report for the whole that says otherwise than the exit code', async () => {
    const { error } = await run({ DescribeTasks: () => ended(124), GetLogEvents: logOf(reportLines(REPORT)) });
    expect(error).toMatchObject({ code: 'task-time-limit' });
  });

  it('is stopped where it does not start in time', async () => {
    const { error } = await run(
      { DescribeTasks: () => task({ lastStatus: 'PENDING' }), StopTask: () => task({}) },
      BACKUP,
      { startMs: 20 },
    );
    expect(error).toMatchObject({ code: 'task-not-started', message: expect.stringContaining('PENDING') as string });
    expect(inputOf('StopTask')).toMatchObject({ task: TASK_ARN });
  });

  it('goes on without whoever interrupted the command, who is told how to see and end it', async () => {
    const abort = new AbortController();
    const { error } = await run(
      {
        DescribeTasks: (_, call) => {
          if (call === 2) abort.abort();
          return task({ lastStatus: 'RUNNING' });
        },
      },
      RESTORE,
      { signal: abort.signal },
    );
    expect(error).toMatchObject({
      code: 'interrupted',
      kind: 'interrupted',
      remedy: expect.stringContaining('stop-task') as string,
    });
    expect(fake?.calls.map(({ action }) => action)).not.toContain('StopTask');
  });

  it('has an outcome without its log, which whoever runs it may not read', async () => {
    const { error, said } = await run({
      DescribeTasks: (_, call) => (call < 3 ? task({ lastStatus: 'RUNNING' }) : ended(1)),
      GetLogEvents: () => ({ error: 'AccessDeniedException' }),
    });
    expect(error).toMatchObject({ code: 'task-failed' });
    expect(said.filter((line) => line.startsWith('warning'))).toHaveLength(1);
  });
});

describe('what AWS answers instead', () => {
  it.each([
    ['ExpiredTokenException', 'aws-credentials-expired'],
    ['UnrecognizedClientException', 'aws-credentials-wrong'],
    ['AccessDeniedException', 'aws-access-denied'],
    ['ThrottlingException', 'aws-busy'],
    ['ClusterNotFoundException', 'aws-failed'],
  ])('%s is %s', async (name, code) => {
    const { error } = await run({ RunTask: () => ({ error: name }) });
    expect(error).toMatchObject({
      code,
      object: 'coach-prod-backup',
      message: expect.stringContaining('ecs:RunTask') as string,
    });
  });

  it('is asked again where it is busy, with the same start', async () => {
    const { report } = await run({
      RunTask: (_, call) => (call === 1 ? { error: 'ThrottlingException' } : started),
      DescribeTasks: () => ended(0),
      GetLogEvents: logOf(reportLines(REPORT)),
    });
    expect(report?.exitCode).toBe(0);
    const tokens = fake?.calls.filter(({ action }) => action === 'RunTask').map(({ input }) => input['clientToken']);
    expect(tokens).toHaveLength(2);
    expect(new Set(tokens).size).toBe(1);
  });

  it('names what does not answer', async () => {
    const { error } = await run({ RunTask: () => 'hang' }, BACKUP, { requestTimeout: 50 });
    expect(error).toMatchObject({ code: 'aws-unreachable' });
  });

  it('says why no task came of a start', async () => {
    const failures = [{ reason: 'Capacity is unavailable at this time' }];
    const { error } = await run({ RunTask: () => ({ tasks: [], failures }) });
    expect(error).toMatchObject({ code: 'task-not-started', message: expect.stringContaining('Capacity') as string });
  });
});
