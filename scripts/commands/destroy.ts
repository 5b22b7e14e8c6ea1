import { Option } from 'commander';

import { runDestroy } from '../../engine/apply/run';
import { writeCheckpoint } from '../../engine/state/checkpoint';
import { withoutProtection } from '../../engine/state/protection';
import { requireRemovable } from '../../postgres/server/lost';
import { removeData } from '../../postgres/server/server';
import { PlatformError } from '../../system/errors';
import { type CommandContext, type CommandResult, confirm, done } from '../command';
import { chooseEngine } from '../engine';
import { type LocalServer, localServerOf } from '../localServer';
import { pulumiInstalled } from '../pulumi';
import { withMore, wrapLines } from '../report/display';
import { openStack, type Stack } from '../stack';
import { readState, type StackState, withStackLock } from '../stackState';
import type { CommandDefinition } from './definition';
import { ENGINE, YES } from './deployment';
import { embeddedResult } from './embedded';
import { deleteCommand, stopLocalServer } from './stop';
import { runWithPulumi } from './withPulumi';

const HELP = `--delete-data asks for the names of stack and database. Without a terminal, or
with --yes, both are flags: --stack STACK --delete-data DATABASE --yes.`;

export const destroy: CommandDefinition = {
  name: 'destroy',
  description: 'stop the local server, keeping data and state; with --delete-data remove everything',
  options: [
    YES(),
    ENGINE(),
    new Option('--delete-data [database]', 'remove the data too; stack and database are asked for by name'),
  ],
  help: HELP,
  finishesSteps: true,
  run: async (context, options) => {
    const stack = openStack(context);
    if (stack.settings.environment !== 'local') {
      chooseEngine({ ...context, engine: 'pulumi' }, stack, pulumiInstalled(context));
      return runWithPulumi(context, stack, { operation: 'destroy', replace: [], previewFirst: !context.yes });
    }
    const deleteData = options['deleteData'];
    if (deleteData === undefined) return withStackLock(context, stack, () => stopLocalServer(context, stack));
    const database = typeof deleteData === 'string' ? deleteData : undefined;
    if (context.engine === 'pulumi') return deleteWithPulumi(context, stack, database);
    return withStackLock(context, stack, () => deleteEverything(context, stack, database));
  },
};

/** What is to go, once stack and database were named and it was approved; undefined: nothing was ever deployed. */
async function approvedDeletion(
  context: CommandContext,
  stack: Stack,
  database: string | undefined,
): Promise<{ state: StackState; server: LocalServer | undefined } | undefined> {
  if (database !== undefined) requireName(stack, 'database', database);
  const state = await readState(context, stack);
  if (state === undefined) return undefined;
  const server = localServerOf(state, context.root);
  if (server !== undefined) requireRemovable(server.known, server.owned);
  const dataDirectory = server?.dataDirectory ?? 'none';
  const { ask } = context;
  if (context.yes || ask === undefined) {
    if (!context.isStackNamed || database === undefined) throw namesNeeded(context, stack);
    if (!context.yes) await confirm(context, `Remove stack ${stack.name} with ALL its data (${dataDirectory})?`);
    return { state, server };
  }
  const said = `This removes the server of stack ${stack.name} with ALL its data (${dataDirectory}).`;
  context.progress(wrapLines(said, context.display));
  for (const thing of ['stack', 'database'] as const)
    requireName(stack, thing, (await ask(`Type the name of the ${thing} to go on: `)).trim());
  return { state, server };
}

function requireName(stack: Stack, thing: 'stack' | 'database', typed: string): void {
  const name = thing === 'stack' ? stack.name : stack.settings.database.name;
  if (typed === name) return;
  throw new PlatformError(
    'name-mismatch',
    thing === 'stack'
      ? `${typed}: this would remove stack ${name}. Nothing was removed.`
      : `${typed}: the database of stack ${stack.name} is ${name}. Nothing was removed.`,
    `If all its data is to go: ${deleteCommand(stack)}.`,
    { kind: 'refused', object: typed },
  );
}

function namesNeeded({ isStackNamed, yes }: CommandContext, stack: Stack): PlatformError {
  return new PlatformError(
    'names-needed',
    `${isStackNamed ? '' : '--stack was not given. '}Removing data needs the names of stack and database, ` +
      `and ${yes ? '--yes leaves no question to ask for them' : 'there is no terminal to ask on'}. Nothing was removed.`,
    `If all its data is to go: ${deleteCommand(stack, ' --yes')}.`,
    { kind: 'refused', object: stack.name },
  );
}

const GONE = 'The server, its data and its state are gone.';

function nothingToRemove(stack: Stack): CommandResult {
  return done(`Stack ${stack.name} was never deployed: nothing to remove.`);
}

async function deleteEverything(context: CommandContext, stack: Stack, database?: string): Promise<CommandResult> {
  const approved = await approvedDeletion(context, stack, database);
  if (approved === undefined) return nothingToRemove(stack);
  const { state, server } = approved;
  const run = await runDestroy({
    program: stack.program,
    olds: state.resources,
    ignoresProtect: true,
    save: (resources) => state.save(resources),
    signal: context.signal,
    onChange: () => undefined,
    onLog: (_severity, message) => {
      if (context.verbose) context.progress(message);
    },
  });
  if (run.failures.length === 0 && server !== undefined) await removeServerData(server);
  return embeddedResult(run, { dataDirectory: server?.dataDirectory ?? null }, GONE);
}

/** The same through Pulumi, which takes the lock itself and deletes nothing that is protected. */
async function deleteWithPulumi(context: CommandContext, stack: Stack, database?: string): Promise<CommandResult> {
  chooseEngine(context, stack, pulumiInstalled(context));
  const approved = await withStackLock(context, stack, async () => {
    const found = await approvedDeletion(context, stack, database);
    if (found !== undefined) writeCheckpoint(found.state.paths.checkpoint, withoutProtection(found.state.file));
    return found;
  });
  if (approved === undefined) return nothingToRemove(stack);
  const { server } = approved;
  const result = await runWithPulumi(context, stack, { operation: 'destroy', replace: [] });
  if (result.problems.length > 0) return result;
  if (server !== undefined) await withStackLock(context, stack, () => removeServerData(server));
  const fields = { ...result.fields, dataDirectory: server?.dataDirectory ?? null };
  return { ...result, fields, text: withMore(result.text, GONE) };
}

async function removeServerData(server: LocalServer): Promise<void> {
  await removeData(server.layout, server.declaredDataDirectory, server.owned);
}
