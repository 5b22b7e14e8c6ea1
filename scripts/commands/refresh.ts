import { runRefresh } from '../../engine/apply/run';
import { chooseEngine } from '../engine';
import { localServerOf, startForReading } from '../localServer';
import { hasStateHere, pulumiInstalled } from '../pulumi';
import { openStack } from '../stack';
import { readOrCreateState, requireDeployed, settleState, withStackLock } from '../stackState';
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
    const engine = chooseEngine(context, stack, pulumiInstalled(context));
    if (hasStateHere(context, stack)) requireDeployed(stack);
    if (engine === 'pulumi') return runWithPulumi(context, stack, { operation: 'refresh', replace: [] });
    return withStackLock(context, stack, async () => {
      settleState(context, stack);
      const state = await readOrCreateState(context, stack);
      const server = localServerOf(state, context.root);
      if (server !== undefined) await startForReading(context, server);
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
