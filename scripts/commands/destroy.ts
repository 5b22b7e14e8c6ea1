import { Option } from 'commander';

import { runDestroy } from '../../engine/apply/run';
import { writeCheckpoint } from '../../engine/state/checkpoint';
import { withoutProtection } from '../../engine/state/protection';
import { PlatformError } from '../../postgres/errors';
import { stopServer } from '../../postgres/server/process';
import { removeData } from '../../postgres/server/server';
import { type CommandContext, type CommandResult, confirm, declined, done } from '../command';
import { chooseEngine } from '../engine';
import { type LocalServer, localServerOf } from '../localServer';
import { pulumiInstalled } from '../pulumi';
import { openStack, type Stack } from '../stack';
import { readState, type StackState, withStackLock } from '../stackState';
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
      return runWithPulumi(context, stack, { operation: 'destroy', replace: [], previewFirst: !context.yes });
    }
    const name = options['deleteData'];
    if (typeof name === 'string' && context.engine === 'pulumi') return deleteWithPulumi(context, stack, name);
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

/** What is to go, once it was named and approved; undefined: nothing was ever deployed. */
async function approvedDeletion(
  context: CommandContext,
  stack: Stack,
  typed: string,
): Promise<{ state: StackState; server: LocalServer | undefined } | undefined> {
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
  if (state === undefined) return undefined;
  const server = localServerOf(state);
  const place = server?.dataDirectory ?? 'none';
  if (!(await confirm(context, `Remove the server of stack ${stack.name} with ALL its data (${place})?`)))
    throw declined();
  return { state, server };
}

const GONE = 'The server, its data and its state are gone.';

function nothingToRemove(stack: Stack): CommandResult {
  return done(`Stack ${stack.name} was never deployed: nothing to remove.`);
}

async function deleteEverything(context: CommandContext, stack: Stack, typed: string): Promise<CommandResult> {
  const approved = await approvedDeletion(context, stack, typed);
  if (approved === undefined) return nothingToRemove(stack);
  const { state, server } = approved;
  const run = await runDestroy({
    program: stack.program,
    olds: state.resources,
    save: (resources) => state.save(resources),
    onChange: () => undefined,
    onLog: (_severity, message) => {
      if (context.verbose) context.progress(message);
    },
  });
  if (run.failures.length === 0 && server !== undefined) await removeServerData(server);
  return embeddedResult(run, { dataDirectory: server?.dataDirectory ?? null }, GONE);
}

/** The same through Pulumi, which takes the lock itself and deletes nothing that is protected. */
async function deleteWithPulumi(context: CommandContext, stack: Stack, typed: string): Promise<CommandResult> {
  chooseEngine(context, stack, pulumiInstalled(context));
  const approved = await withStackLock(context, stack, async () => {
    const found = await approvedDeletion(context, stack, typed);
    if (found !== undefined) writeCheckpoint(found.state.paths.checkpoint, withoutProtection(found.state.file));
    return found;
  });
  if (approved === undefined) return nothingToRemove(stack);
  const { server } = approved;
  const result = await runWithPulumi(context, stack, { operation: 'destroy', replace: [] });
  if (result.problems.length > 0) return result;
  if (server !== undefined) await withStackLock(context, stack, () => removeServerData(server));
  const fields = { ...result.fields, dataDirectory: server?.dataDirectory ?? null };
  return { ...result, fields, text: `${result.text}\n\n${GONE}` };
}

async function removeServerData(server: LocalServer): Promise<void> {
  const { dataDirectory, logDirectory } = server.process;
  const relocated = dataDirectory !== server.declaredDataDirectory;
  await removeData({ dataDirectory, logDirectory, relocated }, server.declaredDataDirectory);
}
