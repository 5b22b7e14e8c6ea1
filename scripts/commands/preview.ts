import { type CommandResult } from '../command';
import { chooseEngine } from '../engine';
import { ExitCode } from '../exitCodes';
import { ensurePort } from '../port';
import { pulumiInstalled } from '../pulumi';
import { openStack } from '../stack';
import type { CommandDefinition } from './definition';
import { DETAILED_EXIT_CODE, ENGINE } from './deployment';
import { answers, embeddedResult, runEmbedded } from './embedded';
import { runWithPulumi } from './withPulumi';

export const preview: CommandDefinition = {
  name: 'preview',
  description: 'show what up would do, without doing it',
  options: [ENGINE(), DETAILED_EXIT_CODE()],
  finishesSteps: true,
  run: async (context, options) => {
    const stack = openStack(context);
    const engine = chooseEngine(context, stack, pulumiInstalled(context));
    const local = stack.settings.environment === 'local';
    const port = local ? await ensurePort(context, stack) : undefined;
    const result =
      engine === 'pulumi'
        ? await runWithPulumi(context, stack, { operation: 'preview', replace: [] })
        : embeddedResult(
            await runEmbedded(context, stack, {
              dryRun: true,
              replace: [],
              readsObjects: port !== undefined && (await answers('127.0.0.1', port)),
            }),
            {},
            '',
          );
    return withDetailedExitCode(result, options['detailedExitcode'] === true);
  },
};

/** Differences are exit code 2 where that was asked for. */
export function withDetailedExitCode(result: CommandResult, detailed: boolean): CommandResult {
  if (!detailed || result.status !== 'differs' || result.problems.length > 0) return result;
  return { ...result, exitCode: ExitCode.differences };
}
