import { runDeployment, type RunResult } from '../../engine/apply/run';
import { activeCheckpoint } from '../../engine/state/backend';
import { recordUpdate } from '../../engine/state/history';
import type { ResourceState } from '../../engine/state/resource';
import { PlatformError, toProblem } from '../../system/errors';
import type { CommandContext, CommandResult } from '../command';
import { failed } from '../command';
import { SERVER_TYPE } from '../localServer';
import type { Stack } from '../stack';
import { readOrCreateState, type StackState } from '../stackState';
import { approvalOf, deploymentResult, hear, reportStep } from './deployment';

export interface EmbeddedRun {
  dryRun: boolean;
  /** Logical names of resources to replace whatever their difference says. */
  replace: readonly string[];
  /** Whether objects inside the server are read first; a preview without a running server cannot. */
  readsObjects: boolean;
  /** URNs whose replacement or deletion was approved with the plan. */
  approved?: ReadonlySet<string>;
  /** What of the state is not there any more and left out. */
  without?: (resources: readonly ResourceState[]) => ResourceState[];
}

/** Runs the program through the embedded engine. The state is decrypted while the program starts. */
export async function runEmbedded(context: CommandContext, stack: Stack, run: EmbeddedRun): Promise<RunResult> {
  const ready = readOrCreateState(context, stack);
  const olds = ready.then(({ resources }) => run.without?.(resources) ?? resources);
  // Reported by the run, which awaits it once the program has been started.
  olds.catch(() => undefined);
  const startedAt = new Date();
  const result = await runDeployment({
    program: stack.program,
    olds,
    dryRun: run.dryRun,
    refreshes: (type) => run.readsObjects || type === SERVER_TYPE,
    replace: await urnsOf(run.replace, ready),
    save: async (resources, creating) => (await ready).save(resources, creating),
    approve: (changes) => {
      const open = changes.filter(({ urn }) => run.approved?.has(urn) !== true);
      return open.length === 0 ? Promise.resolve(true) : approvalOf(context)(open);
    },
    onChange: run.dryRun ? () => undefined : reportStep(context),
    onLog: (severity, message) => hear(context, severity, message),
    now: () => new Date(),
    signal: context.signal,
  });
  context.passing('');
  if (!run.dryRun) remember(context, stack, await ready, 'update', startedAt, result);
  return result;
}

/** For `pulumi stack history`: what this engine did stands there like what Pulumi did. A run that did nothing leaves nothing. */
export function remember(
  context: CommandContext,
  stack: Stack,
  state: StackState,
  kind: 'update' | 'refresh',
  startedAt: Date,
  { result, failures }: RunResult,
): void {
  const didSomething = result.changes.some(({ operation }) => operation !== 'same');
  // No checkpoint: a run that failed before its first resource.
  if (!didSomething || activeCheckpoint(state.paths.checkpoint) === undefined) return;
  try {
    recordUpdate(state.paths, {
      kind,
      startedAt,
      endedAt: new Date(),
      result: failures.length === 0 ? 'succeeded' : 'failed',
      resourceChanges: Object.fromEntries(Object.entries(result.counts).filter(([, count]) => count > 0)),
      config: stack.program.config,
      environment: { 'exec.kind': 'coachdb' },
    });
  } catch (error) {
    // What was done stands in the state; a full disk was reported already.
    context.progress(`warning: this run is missing from the history: ${toProblem(error).message}`);
  }
}

async function urnsOf(names: readonly string[], ready: Promise<StackState>): Promise<Set<string>> {
  if (names.length === 0) return new Set();
  const { resources } = await ready;
  return new Set(
    names.map((name) => {
      const found = resources.find(({ urn }) => urn.endsWith(`::${name}`));
      if (found !== undefined) return found.urn;
      throw new PlatformError('resource-unknown', `The state has no resource ${name}.`, 'Run `npm start` first.', {
        kind: 'usage',
        object: name,
      });
    }),
  );
}

export function embeddedResult(run: RunResult, fields: Record<string, unknown>, after: string): CommandResult {
  if (run.failures.length === 0) return deploymentResult(run.result, () => 'failed', fields, after);
  const { exitCode, status, problems } = failed(run.failures);
  const base = deploymentResult(run.result, () => 'failed', fields);
  return { ...base, exitCode, status, problems };
}
