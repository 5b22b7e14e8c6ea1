import { homedir } from 'node:os';
import { join } from 'node:path';

import { type LocalStateRun, prepareLocalState } from '../engine/pulumi/localState';
import { locatePulumi } from '../engine/pulumi/locate';
import type { PulumiRunOptions } from '../engine/pulumi/run';
import { backendPaths } from '../engine/state/backend';
import { readForPulumi } from '../engine/state/checkpoint';
import { PlatformError } from '../system/errors';
import type { CommandContext } from './command';
import type { Stack } from './stack';
import { readState, type StackState } from './stackState';
import { ensurePassphrase, prepareFolders } from './workspace';

/** Pulumi's program, on PATH or below ~/.pulumi/bin. */
export function pulumiProgram(context: Pick<CommandContext, 'environment'>): string | undefined {
  return locatePulumi({ pathVariable: context.environment['PATH'], home: homedir() });
}

export function pulumiInstalled(context: Pick<CommandContext, 'environment'>): boolean {
  return pulumiProgram(context) !== undefined;
}

/** Whether the stack's state lies below `.coachdb`: the local one's always, any other's unless PULUMI_BACKEND_URL names a place. */
export function hasStateHere({ environment }: Pick<CommandContext, 'environment'>, stack: Stack): boolean {
  return stack.settings.environment === 'local' || (environment['PULUMI_BACKEND_URL'] ?? '') === '';
}

/** The state as far as this program reads it; undefined also for one that only Pulumi can work on. */
export async function stateBesidePulumi(context: CommandContext, stack: Stack): Promise<StackState | undefined> {
  if (!hasStateHere(context, stack)) return undefined;
  const { checkpoint } = backendPaths(stack.workspace.stateDirectory, stack.project, stack.name);
  return readForPulumi(checkpoint) === undefined ? undefined : readState(context, stack);
}

/** What every run of Pulumi on this stack is given. A lock, a damaged state and open operations are refused here. */
export function pulumiRun(
  context: CommandContext,
  stack: Stack,
  operation: PulumiRunOptions['operation'],
): PulumiRunOptions {
  const program = pulumiProgram(context);
  if (program === undefined) {
    throw new PlatformError(
      'pulumi-missing',
      'No pulumi is on PATH or below ~/.pulumi/bin.',
      'Install it with `npm run coachdb -- engine install`.',
      { kind: 'usage', object: 'pulumi' },
    );
  }
  const state = hasStateHere(context, stack) ? stateHere(context, stack, operation) : undefined;
  return {
    operation,
    stack: stack.name,
    projectRoot: context.root,
    program,
    environment: context.environment,
    passphraseFile: stack.workspace.passphraseFile,
    preload: join(context.root, 'dist', 'engine', 'protocol', 'lazyModules.js'),
    abort: context.signal,
    ...(state === undefined
      ? {}
      : { configFile: state.configFile, backendUrl: state.backendUrl, lockDirectory: state.lockDirectory }),
  };
}

function stateHere(context: CommandContext, stack: Stack, operation: PulumiRunOptions['operation']): LocalStateRun {
  prepareFolders(stack.workspace);
  if (context.environment['PULUMI_CONFIG_PASSPHRASE_FILE'] === undefined) ensurePassphrase(stack.workspace);
  const state = prepareLocalState({
    projectRoot: context.root,
    stateDirectory: stack.workspace.stateDirectory,
    project: stack.project,
    stack: stack.name,
    operation,
  });
  for (const { content } of state.takenOver) {
    context.progress(`An earlier run (process ${content.pid}) was killed; going on from where it stopped.`);
  }
  return state;
}
