import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import type { CloudWatchLogs } from '@aws-sdk/client-cloudwatch-logs';
import type { ECS, Task } from '@aws-sdk/client-ecs';

import { PlatformError } from '../../system/errors';
import { ReportReader, type TaskReport } from '../task/outcome';
import { awsFailure } from './failure';
import { notStarted, stopped } from './taskFailure';

/** What `up` hands out of the task. */
export interface TaskOutputs {
  region: string;
  cluster: string;
  family: string;
  container: string;
  subnetIds: string[];
  securityGroupId: string;
  logGroup: string;
  image: string;
  /** Of a task that changes the database. */
  restoreRoleArn: string;
}

export interface TaskRequest {
  /** `coachdb`'s, in the task. */
  command: string[];
  /** Become whoever may change the database; one such task at a time. */
  changes: boolean;
}

export interface TaskClients {
  ecs: ECS;
  logs: CloudWatchLogs;
}

export interface TaskWatch {
  progress: (line: string) => void;
  signal: AbortSignal;
  pollMs?: number;
  /** Until it runs. */
  startMs?: number;
}

const POLL_MS = 2_000;
const START_MS = 10 * 60_000;
/** The last lines come to the log a little after the task has ended. */
const LAST_POLLS = 10;
const STARTED_BY = 'coachdb-changes';

const STATUS: Readonly<Record<string, string>> = {
  PROVISIONING: 'is given its network',
  PENDING: 'gets its image',
  RUNNING: 'runs',
};

/** Starts the task and follows it to its end; what it logs goes to `progress`. Its report, or an error that says why there is none. */
export async function runTask(
  clients: TaskClients,
  where: TaskOutputs,
  request: TaskRequest,
  watch: TaskWatch,
): Promise<TaskReport> {
  if (request.changes) await refuseSecond(clients, where);
  const arn = await start(clients, where, request);
  const id = arn.split('/').at(-1) ?? arn;
  watch.progress(`Task ${id} of ${where.cluster} was started.`);
  const log = new TaskLog(clients.logs, where, id, watch);
  const task = await untilStopped(clients, where, arn, log, watch);
  for (let left = LAST_POLLS; log.report === undefined && task.startedAt !== undefined && left > 0; left -= 1) {
    await pause(watch.pollMs ?? POLL_MS);
    await log.read();
  }
  const exitCode = task.containers?.[0]?.exitCode;
  if (log.report !== undefined && log.report.exitCode === exitCode) return log.report;
  throw stopped(task, where, log.tail);
}

/** Two restores would each put the other's database aside. */
async function refuseSecond({ ecs }: TaskClients, { cluster }: TaskOutputs): Promise<void> {
  const { taskArns = [] } = await asked('ecs:ListTasks', cluster, () =>
    ecs.listTasks({ cluster, startedBy: STARTED_BY, desiredStatus: 'RUNNING' }),
  );
  const [other] = taskArns;
  if (other === undefined) return;
  throw new PlatformError(
    'task-running',
    `A task that changes the database is running: ${other}.`,
    `Wait for its end, or end it: \`aws ecs stop-task --cluster ${cluster} --task ${other.split('/').at(-1) ?? other}\`.`,
    { kind: 'locked', object: other },
  );
}

async function start({ ecs }: TaskClients, where: TaskOutputs, request: TaskRequest): Promise<string> {
  const { cluster, family, container, subnetIds, securityGroupId, restoreRoleArn } = where;
  const { tasks = [], failures = [] } = await asked('ecs:RunTask', family, () =>
    ecs.runTask({
      cluster,
      taskDefinition: family,
      count: 1,
      launchType: 'FARGATE',
      platformVersion: 'LATEST',
      propagateTags: 'TASK_DEFINITION',
      // A request that is tried again starts no second one.
      clientToken: randomUUID(),
      ...(request.changes ? { startedBy: STARTED_BY } : {}),
      networkConfiguration: {
        awsvpcConfiguration: { subnets: subnetIds, securityGroups: [securityGroupId], assignPublicIp: 'DISABLED' },
      },
      overrides: {
        containerOverrides: [{ name: container, command: request.command }],
        ...(request.changes ? { taskRoleArn: restoreRoleArn } : {}),
      },
    }),
  );
  const arn = tasks[0]?.taskArn;
  if (arn !== undefined) return arn;
  const reason = failures.map((one) => [one.reason, one.detail].filter(Boolean).join(': ')).join('; ');
  throw notStarted(family, reason === '' ? 'ECS gave no reason' : reason);
}

async function untilStopped(
  { ecs }: TaskClients,
  where: TaskOutputs,
  arn: string,
  log: TaskLog,
  { progress, signal, pollMs = POLL_MS, startMs = START_MS }: TaskWatch,
): Promise<Task> {
  const { cluster } = where;
  const begun = performance.now();
  let shown = '';
  for (;;) {
    if (signal.aborted) throw leftRunning(where, arn);
    const { tasks = [] } = await asked('ecs:DescribeTasks', cluster, () =>
      ecs.describeTasks({ cluster, tasks: [arn] }),
    );
    const task: Task = tasks[0] ?? {};
    const status = STATUS[task.lastStatus ?? ''] ?? '';
    if (status !== shown && status !== '') progress(`  it ${status}`);
    shown = status;
    if (task.lastStatus === 'RUNNING') await log.read();
    if (task.lastStatus === 'STOPPED') {
      await log.read();
      return task;
    }
    if (task.startedAt === undefined && performance.now() - begun > startMs) {
      await asked('ecs:StopTask', arn, () => ecs.stopTask({ cluster, task: arn, reason: 'It did not start in time' }));
      throw notStarted(
        where.family,
        `it was still ${task.lastStatus ?? 'unknown'} after ${startMs / 60_000} minutes, and was stopped`,
      );
    }
    await pause(pollMs, undefined, { signal }).catch(() => undefined);
  }
}

/** An interrupt here ends the looking, not the work: a restore under way is not broken off by a closed laptop. */
function leftRunning({ cluster, logGroup, region }: TaskOutputs, arn: string): PlatformError {
  const id = arn.split('/').at(-1) ?? arn;
  return new PlatformError(
    'interrupted',
    `The command was interrupted; task ${id} goes on.`,
    `See it: \`aws logs tail ${logGroup} --follow --region ${region}\`. End it: \`aws ecs stop-task --cluster ${cluster} --task ${id} --region ${region}\`.`,
    { kind: 'interrupted', object: arn },
  );
}

/** The stream of one task, read from where it was read to. */
class TaskLog {
  /** The last lines that are for people. */
  readonly tail: string[] = [];
  private readonly reader = new ReportReader();
  private token: string | undefined;
  private isClosed = false;

  constructor(
    private readonly logs: CloudWatchLogs,
    private readonly where: TaskOutputs,
    private readonly id: string,
    private readonly watch: TaskWatch,
  ) {}

  get report(): TaskReport | undefined {
    return this.reader.report;
  }

  async read(): Promise<void> {
    const { logGroup: logGroupName, container } = this.where;
    const logStreamName = `task/${container}/${this.id}`;
    while (!this.isClosed) {
      const nextToken = this.token === undefined ? {} : { nextToken: this.token };
      try {
        const page = await this.logs.getLogEvents({ logGroupName, logStreamName, startFromHead: true, ...nextToken });
        for (const { message = '' } of page.events ?? []) this.take(message);
        const isEnd = page.nextForwardToken === undefined || page.nextForwardToken === this.token;
        this.token = page.nextForwardToken ?? this.token;
        if (isEnd) return;
      } catch (error) {
        // There is no stream before the first line.
        if (error instanceof Error && error.name === 'ResourceNotFoundException') return;
        const failure = awsFailure(error, { action: 'logs:GetLogEvents', object: logGroupName });
        if (!(failure instanceof PlatformError)) throw failure;
        // How it ends is known without its log.
        if (failure.code !== 'aws-busy') this.isClosed = true;
        this.watch.progress(`warning: the log of the task cannot be read: ${failure.message}`);
        return;
      }
    }
  }

  private take(line: string): void {
    if (this.reader.take(line)) return;
    this.watch.progress(line);
    this.tail.push(line);
    if (this.tail.length > 20) this.tail.shift();
  }
}

async function asked<T>(action: string, object: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw awsFailure(error, { action, object });
  }
}
