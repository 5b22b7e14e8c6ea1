import { TASK_VARIABLE } from '../../postgres/backup/task';
import { isObject } from '../../system/isObject';
import { type CommandContext, type CommandResult, confirm, declined } from '../command';
import type { ExitCode } from '../exitCodes';
import { openStack, type Stack } from '../stack';
import type { TaskReport } from '../task/outcome';
import { notDeployed, stackOutputs } from './prodOutputs';
import type { TaskOutputs, TaskRequest } from './task';

/** A command that prod's database is out of reach for here. */
export interface RemoteCommand extends TaskRequest {
  /** Asked here, since the task has nobody to ask. */
  question?: (stack: Stack) => string;
}

/** Runs a command of prod as a task beside its database. Undefined: it runs here, as for every other stack and in the task itself. */
export async function inTask(
  context: CommandContext,
  request: (stack: Stack) => RemoteCommand,
): Promise<CommandResult | undefined> {
  if (context.stack === 'local' || context.environment[TASK_VARIABLE] !== undefined) return undefined;
  const stack = openStack(context);
  if (stack.settings.environment !== 'prod') return undefined;
  const { question, ...remote } = request(stack);
  const where = await taskOutputs(context, stack);
  if (question !== undefined && !(await confirm(context, question(stack)))) throw declined();
  const { clientsOf } = await import('./taskClients');
  const { runTask } = await import('./task');
  const clients = await clientsOf(where.region);
  try {
    return resultOf(await runTask(clients, where, remote, context));
  } finally {
    clients.ecs.destroy();
    clients.logs.destroy();
  }
}

const resultOf = ({ status, exitCode, problems, fields, text }: TaskReport): CommandResult => ({
  status: status as CommandResult['status'],
  exitCode: exitCode as ExitCode,
  problems: [...problems],
  fields,
  text,
});

async function taskOutputs(context: CommandContext, stack: Stack): Promise<TaskOutputs> {
  const { task, region } = await stackOutputs(context, stack);
  if (typeof region === 'string' && isTask(task)) return { ...task, region };
  throw notDeployed(stack.name, 'backup task');
}

function isTask(value: unknown): value is Omit<TaskOutputs, 'region'> {
  if (!isObject(value)) return false;
  const texts = ['cluster', 'family', 'container', 'securityGroupId', 'logGroup', 'image', 'restoreRoleArn'];
  return Array.isArray(value['subnetIds']) && texts.every((key) => typeof value[key] === 'string');
}
