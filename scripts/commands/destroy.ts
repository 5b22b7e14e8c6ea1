import { Option } from 'commander';

import { runDestroy } from '../../engine/apply/run';
import { PlatformError } from '../../postgres/errors';
import { stopServer } from '../../postgres/server/process';
import { removeData } from '../../postgres/server/server';
import { type CommandContext, type CommandResult, confirm, done } from '../command';
import { chooseEngine } from '../engine';
import { type LocalServer, localServerOf } from '../localServer';
import { pulumiInstalled } from '../pulumi';
import { openStack, type Stack } from '../stack';
import { readState, withStackLock } from '../stackState';
import type { CommandDefinition } from './definition';
import { ENGINE, YES } from './deployment';
import { embeddedResult } from './embedded';
import { runWithPulumi } from './withPulumi';

export const destroy: CommandDefinition = {
  name: 'destroy',
  description: 'stop the local server, keeping data and state; with --delete-data remove everything',
  options: [
    YES(),
    ENGINE(),
    new Option('--delete-data <name>', 'remove the data too; the database’s name says that it is meant'),
  ],
  run: async (context, options) => {
    const stack = openStack(context);
    if (stack.settings.environment !== 'local') {
      chooseEngine({ ...context, engine: 'pulumi' }, stack, pulumiInstalled(context));
      return runWithPulumi(context, stack, { operation: 'destroy', replace: [] });
    }
    const name = options['deleteData'];
    return withStackLock(context, stack, () =>
      typeof name === 'string' ? deleteEverything(context, stack, name) : stop(context, stack),
    );
  },
};

async function stop(context: CommandContext, stack: Stack): Promise<CommandResult> {
  const state = await readState(context, stack);
  const server = state === undefined ? undefined : localServerOf(state);
  if (server === undefined) return done(`Stack ${stack.name} has no server: nothing to stop.`);
  if (server.status() === 'stopped') {
    return done(`The server of stack ${stack.name} is stopped already; its data lies in ${server.dataDirectory}.`);
  }
  if (!(await confirm(context, `Stop the server of stack ${stack.name}? Data and state are kept.`))) throw declined();
  await stopServer(server.process);
  return done(
    `Stopped the server. Data (${server.dataDirectory}) and state are kept: \`npm start\` goes on with them.\n` +
      `\`npm run coachdb -- destroy --delete-data ${stack.settings.database.name}\` removes them for good.`,
    { dataDirectory: server.dataDirectory },
    'changed',
  );
}

async function deleteEverything(context: CommandContext, stack: Stack, typed: string): Promise<CommandResult> {
  const { name } = stack.settings.database;
  if (typed !== name) {
    throw new PlatformError(
      'name-mismatch',
      `--delete-data ${typed}: the database of stack ${stack.name} is ${name}. Nothing was removed.`,
      `Give --delete-data ${name} if all its data is to go.`,
      { kind: 'refused', object: typed },
    );
  }
  const state = await readState(context, stack);
  if (state === undefined) return done(`Stack ${stack.name} was never deployed: nothing to remove.`);
  const server = localServerOf(state);
  if (
    !(await confirm(
      context,
      `Remove the server of stack ${stack.name} with ALL its data (${server?.dataDirectory ?? 'none'})?`,
    ))
  ) {
    throw declined();
  }
  const run = await runDestroy({
    program: stack.program,
    olds: state.resources,
    save: (resources) => Promise.resolve(state.save(resources)),
    onChange: () => undefined,
    onLog: (_severity, message) => {
      if (context.verbose) context.progress(message);
    },
  });
  if (run.failures.length === 0 && server !== undefined) await removeServerData(server);
  return embeddedResult(
    run,
    { dataDirectory: server?.dataDirectory ?? null },
    'The server, its data and its state are gone.',
  );
}

async function removeServerData(server: LocalServer): Promise<void> {
  const { dataDirectory, logDirectory } = server.process;
  const relocated = dataDirectory !== server.declaredDataDirectory;
  await removeData({ dataDirectory, logDirectory, relocated }, server.declaredDataDirectory);
}

function declined(): PlatformError {
  return new PlatformError('declined', 'Not approved; nothing was changed.', 'Run again and answer y, or give --yes.', {
    kind: 'refused',
  });
}
