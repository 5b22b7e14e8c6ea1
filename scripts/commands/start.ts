import { resolve } from 'node:path';

import { Option } from 'commander';

import { PlatformError, toProblem } from '../../system/errors';
import type { CommandContext, CommandResult } from '../command';
import { ExitCode } from '../exitCodes';
import { textFor, withMore } from '../report/display';
import { takesSample } from '../sample/takes';
import { openStack, type Stack } from '../stack';
import type { CommandDefinition } from './definition';
import { ENGINE, YES } from './deployment';
import { bringUp } from './up';

/** `npm start`: the local stack, asking only when something would be replaced or deleted; the first one fills the tables. */
export const start: CommandDefinition = {
  name: 'start',
  description: 'bring the local stack up (npm start)',
  options: [
    YES(),
    ENGINE(),
    new Option('--from <file>', 'load this SQLite database of the application, as `transfer` does'),
    new Option(
      '--no-sample',
      'leave the tables of a new database empty; else a first start without --from loads a sample',
    ),
  ],
  finishesSteps: true,
  run: async (context, options) => {
    const stack = openStack(context);
    const { from } = options;
    if (typeof from === 'string') return startFrom(context, stack, from);
    return options['sample'] === false ? up(context, stack) : startWithSample(context, stack);
  },
};

const up = (context: CommandContext, stack: Stack): Promise<CommandResult> =>
  bringUp(context, stack, { rotate: [], repairLock: false, repairPending: false, previewFirst: false });

/** A file that cannot be read is known before anything is done. */
async function startFrom(context: CommandContext, stack: Stack, from: string): Promise<CommandResult> {
  // SQLite is loaded only where rows are.
  const { openSource } = await import('../../postgres/transfer/source/open');
  openSource(resolve(from)).close();
  const started = await up(context, stack);
  if (started.exitCode !== ExitCode.done) return started;
  const { runTransfer } = await import('../transfer');
  const transferred = await runTransfer(context, {
    from,
    mode: 'load',
    tables: [],
    exclude: [],
    policies: [],
    truncate: false,
    deploy: false,
    createSchema: false,
    detailedExitCode: false,
  }).catch((error: unknown) => {
    throw withoutTruncate(error, from);
  });
  return {
    ...transferred,
    fields: { ...started.fields, transfer: transferred.fields },
    text: (display) => `${textFor(started.text, display)}\n\n${textFor(transferred.text, display)}`,
  };
}

/** `start` replaces no rows. */
function withoutTruncate(error: unknown, from: string): unknown {
  if (!(error instanceof PlatformError) || error.code !== 'target-not-empty') return error;
  const remedy = `The stack is up, and its rows are as they were. To replace them: \`npm run coachdb -- transfer --from ${from} --truncate\`.`;
  return new PlatformError(error.code, error.message, remedy, { kind: error.kind, cause: error });
}

async function startWithSample(context: CommandContext, stack: Stack): Promise<CommandResult> {
  const takes = takesSample(stack);
  const started = await up(context, stack);
  if (!takes || started.exitCode !== ExitCode.done) return started;
  try {
    const { loadSample } = await import('../sample/load');
    const sample = await loadSample(context, stack);
    if (sample === undefined) return started;
    const rows = sample.reduce((sum, table) => sum + table.rows, 0);
    const said = [
      `A sample was loaded, since the database is new: ${rows} rows of ${sample.map(({ table }) => table).join(', ')}.`,
      'Rows of your own in their place: `npm run coachdb -- transfer --from FILE --truncate`.',
      'Empty tables instead: `npm run destroy -- --delete-data`, then `npm start -- --no-sample`.',
    ];
    return { ...started, fields: { ...started.fields, sample }, text: withMore(started.text, said.join('\n')) };
  } catch (error) {
    if (context.signal.aborted) throw error;
    // The stack is up, and nothing of the sample is there.
    context.progress(`warning: the sample was not loaded: ${toProblem(error).message}`);
    return started;
  }
}
