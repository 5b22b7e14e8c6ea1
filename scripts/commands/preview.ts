import { type CommandContext, type CommandResult, failed } from '../command';
import { chooseEngine } from '../engine';
import { ExitCode } from '../exitCodes';
import { type LocalServer, storedServer } from '../localServer';
import { tellCopy, withoutServer } from '../lostServer';
import { ensurePort, isRunning } from '../port';
import { pulumiInstalled } from '../pulumi';
import { openStack, type Stack } from '../stack';
import type { CommandDefinition } from './definition';
import { DETAILED_EXIT_CODE, ENGINE } from './deployment';
import { embeddedResult, runEmbedded } from './embedded';
import { runWithPulumi } from './withPulumi';

export const preview: CommandDefinition = {
  name: 'preview',
  description: 'show what up would do, without doing it',
  options: [ENGINE(), DETAILED_EXIT_CODE()],
  finishesSteps: true,
  run: async (context, options) => {
    const stack = openStack(context);
    const engine = chooseEngine(context, stack, pulumiInstalled(context));
    const server = stack.settings.environment === 'local' ? await settled(context, stack) : undefined;
    // Counted is what would really be made; `up` refuses it all the same unless it is told --yes.
    const loss = server?.loss();
    const without = loss === undefined ? {} : { without: withoutServer };
    const result =
      engine === 'pulumi'
        ? await runWithPulumi(context, stack, { operation: 'preview', replace: [], ...without })
        : embeddedResult(
            await runEmbedded(context, stack, {
              dryRun: true,
              replace: [],
              readsObjects: loss === undefined && server !== undefined && (await isRunning(stack)),
              ...without,
            }),
            {},
            '',
          );
    if (loss !== undefined && result.problems.length === 0) return failed([loss], result.text, result.fields);
    return withDetailedExitCode(result, options['detailedExitcode'] === true);
  },
};

async function settled(context: CommandContext, stack: Stack): Promise<LocalServer | undefined> {
  const server = storedServer(stack);
  if (server !== undefined) tellCopy(context, server);
  await ensurePort(context, stack);
  return server;
}

/** Differences are exit code 2 where that was asked for. */
export function withDetailedExitCode(result: CommandResult, detailed: boolean): CommandResult {
  if (!detailed || result.status !== 'differs' || result.problems.length > 0) return result;
  return { ...result, exitCode: ExitCode.differences };
}
