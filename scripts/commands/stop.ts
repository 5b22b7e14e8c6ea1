import { requireNotForeign } from '../../postgres/server/ownership';
import { startServer, stopServer } from '../../postgres/server/process';
import { type CommandContext, type CommandResult, confirm, declined, done } from '../command';
import { type LocalServer, localServerOf, requireServer } from '../localServer';
import { openStack, type Stack } from '../stack';
import { readState, withStackLock } from '../stackState';
import type { CommandDefinition } from './definition';
import { YES } from './deployment';

export const stop: CommandDefinition = {
  name: 'stop',
  description: 'stop the local server; data and state are kept',
  options: [YES()],
  finishesSteps: true,
  run: (context) => {
    const stack = openStack(context);
    return withStackLock(context, stack, () => stopLocalServer(context, stack));
  },
};

export const restart: CommandDefinition = {
  name: 'restart',
  description: 'stop and start the local server as it is; its sessions end',
  options: [YES()],
  help: '`up` does more: it brings the server to what the settings declare.',
  finishesSteps: true,
  run: (context) => {
    const stack = openStack(context);
    return withStackLock(context, stack, () => restartLocalServer(context, stack));
  },
};

async function restartLocalServer(context: CommandContext, stack: Stack): Promise<CommandResult> {
  const server = await serverOf(context, stack);
  if (server === undefined) return done(`Stack ${stack.name} has no server: \`npm start\` makes one.`);
  requireServer(server);
  const wasRunning = server.status() === 'running';
  if (wasRunning && !(await confirm(context, `Restart the server of stack ${stack.name}? Its sessions end.`)))
    throw declined();
  const { process } = server.placed;
  await stopServer(server.layout);
  await startServer(process);
  const { host, port } = server;
  const text = `${wasRunning ? 'Restarted' : 'Started'} the server at ${host}:${port}.`;
  return done(text, { host, port, pid: server.pid() ?? null }, 'changed');
}

/** What `destroy` without `--delete-data` does, too. */
export async function stopLocalServer(context: CommandContext, stack: Stack): Promise<CommandResult> {
  const server = await serverOf(context, stack);
  if (server === undefined) return done(`Stack ${stack.name} has no server: nothing to stop.`);
  const loss = server.loss();
  if (loss !== undefined) throw loss;
  requireNotForeign(server.owned);
  if (server.status() === 'stopped') {
    return done(`The server of stack ${stack.name} is stopped already; its data lies in ${server.dataDirectory}.`);
  }
  if (!(await confirm(context, `Stop the server of stack ${stack.name}? Data and state are kept.`))) throw declined();
  await stopServer(server.layout);
  return done(
    `Stopped the server. Data (${server.dataDirectory}) and state are kept: \`npm start\` goes on with them.\n` +
      `${deleteCommand(stack)} removes them for good.`,
    { dataDirectory: server.dataDirectory },
    'changed',
  );
}

async function serverOf(context: CommandContext, stack: Stack): Promise<LocalServer | undefined> {
  const state = await readState(context, stack);
  return state === undefined ? undefined : localServerOf(state, context.root);
}

/** The stack stands in it even where it is the default: what removes data is never meant by leaving something out. */
export const deleteCommand = ({ name, settings }: Stack, yes = ''): string =>
  `\`npm run coachdb -- destroy --stack ${name} --delete-data ${settings.database.name}${yes}\``;
