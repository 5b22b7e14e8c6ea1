import { runRefresh } from '../../engine/apply/run';
import { PlatformError } from '../../postgres/errors';
import { startAgain } from '../../postgres/server/bringUp';
import { chooseEngine } from '../engine';
import { localServerOf, requireRunning, requireServer } from '../localServer';
import { pulumiInstalled } from '../pulumi';
import { openStack } from '../stack';
import { readState, settlePending, withStackLock } from '../stackState';
import type { CommandDefinition } from './definition';
import { ENGINE, reportStep, YES } from './deployment';
import { embeddedResult, remember } from './embedded';
import { runWithPulumi } from './withPulumi';

export const refresh: CommandDefinition = {
  name: 'refresh',
  description: 'read everything as it really is into the state; changes nothing else',
  options: [YES(), ENGINE()],
  finishesSteps: true,
  run: async (context) => {
    const stack = openStack(context);
    if (chooseEngine(context, stack, pulumiInstalled(context)) === 'pulumi') {
      return runWithPulumi(context, stack, { operation: 'refresh', replace: [] });
    }
    return withStackLock(context, stack, async () => {
      settlePending(context, stack);
      const state = await readState(context, stack);
      if (state === undefined) {
        throw new PlatformError(
          'stack-not-deployed',
          `Stack ${stack.name} was never deployed.`,
          'Run `npm start` first.',
          {
            object: stack.name,
          },
        );
      }
      const server = localServerOf(state, context.root);
      if (server !== undefined) requireServer(server);
      if (server?.status() === 'stopped') {
        context.progress('The server was stopped; starting it.');
        await startAgain(server.placed);
      }
      if (server !== undefined) requireRunning(server);
      const startedAt = new Date();
      const run = await runRefresh({
        program: stack.program,
        olds: state.resources,
        save: (resources) => state.save(resources),
        signal: context.signal,
        onChange: reportStep(context),
        onLog: (_severity, message) => {
          if (context.verbose) context.progress(message);
        },
      });
      remember(context, stack, state, 'refresh', startedAt, run);
      return embeddedResult(run, {}, 'What differs from the declaration is repaired by `npm run up`.');
    });
  },
};
