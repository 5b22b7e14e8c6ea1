import { typeOf } from '../../engine/protocol/registration';
import { Secret } from '../../engine/state/values';
import { TASK_VARIABLE } from '../../postgres/backup/task';
import { PlatformError } from '../../system/errors';
import { type CommandContext, type CommandResult, confirm, declined } from '../command';
import type { ExitCode } from '../exitCodes';
import { openStack, type Stack } from '../stack';
import { readState } from '../stackState';
import type { TaskReport } from '../task/outcome';
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
  const state = await readState(context, stack);
  const outputs = state?.resources.find(({ urn }) => typeOf(urn) === 'pulumi:pulumi:Stack')?.outputs ?? {};
  const task = plain(outputs['task']);
  const region = plain(outputs['region']);
  if (typeof region === 'string' && isTask(task)) return { ...task, region };
  throw new PlatformError(
    'stack-not-deployed',
    `Stack ${stack.name} hands out no backup task: it was never brought up to its end.`,
    `Run \`npm run up\` first.`,
    { object: stack.name },
  );
}

const plain = (value: unknown): unknown => (value instanceof Secret ? value.value : value);

function isTask(value: unknown): value is Omit<TaskOutputs, 'region'> {
  if (typeof value !== 'object' || value === null || !('subnetIds' in value)) return false;
  const texts = ['cluster', 'family', 'container', 'securityGroupId', 'logGroup', 'image', 'restoreRoleArn'];
  const has = value as Record<string, unknown>;
  return Array.isArray(value.subnetIds) && texts.every((key) => typeof has[key] === 'string');
}
