import { Option } from 'commander';

import { backendPaths } from '../../engine/state/backend';
import { removeStaleLocks } from '../../engine/state/lock';
import { loginRoles } from '../../infra/config/databaseSpec';
import { startAgain } from '../../postgres/server/bringUp';
import { PlatformError } from '../../system/errors';
import { type CommandContext, type CommandResult, confirm, declined } from '../command';
import { chooseEngine } from '../engine';
import { localServerOf, SERVER_TYPE } from '../localServer';
import { settleServer } from '../lostServer';
import { ensurePort, isDeployed, isRunning, mayStart } from '../port';
import { pulumiInstalled } from '../pulumi';
import { renderDeployment } from '../report/tree';
import { openStack, type Stack } from '../stack';
import { readState, repairPendingOperations, settleState, withStackLock } from '../stackState';
import type { CommandDefinition } from './definition';
import { approvalOf, doomedBy, ENGINE, YES } from './deployment';
import { embeddedResult, runEmbedded } from './embedded';
import { nextSteps } from './nextSteps';
import { runWithPulumi } from './withPulumi';

export const up: CommandDefinition = {
  name: 'up',
  description: 'bring a stack to what its settings declare, repairing drift',
  options: [
    YES(),
    ENGINE(),
    new Option('--rotate-password <role>', 'give this role a new password (repeatable)').argParser(collect).default([]),
    new Option('--repair-lock', 'remove locks whose process no longer runs').default(false),
    new Option('--repair-pending', 'forget what a killed Pulumi run left undecided').default(false),
  ],
  finishesSteps: true,
  run: async (context, options) => {
    const stack = openStack(context);
    return bringUp(context, stack, {
      rotate: options['rotatePassword'] as string[],
      repairLock: options['repairLock'] === true,
      repairPending: options['repairPending'] === true,
      previewFirst: !context.yes,
    });
  },
};

interface BringUpOptions {
  rotate: readonly string[];
  repairLock: boolean;
  repairPending: boolean;
  /** Show what would change and ask before doing it. */
  previewFirst: boolean;
}

/** Brings a stack to its declaration through whichever engine is there. */
export async function bringUp(context: CommandContext, stack: Stack, options: BringUpOptions): Promise<CommandResult> {
  const { stateDirectory } = stack.workspace;
  if (options.repairLock) repairLock(context, stack, stateDirectory);
  if (options.repairPending) await withStackLock(context, stack, () => repairPendingOperations(context, stack));
  const replace = options.rotate.map((role) => passwordResource(stack, role));
  const engine = chooseEngine(context, stack, pulumiInstalled(context));
  const { previewFirst } = options;
  if (stack.settings.environment !== 'local')
    return runWithPulumi(context, stack, { operation: 'up', replace, previewFirst });
  return onAnyPort(context, stack, () =>
    engine === 'pulumi'
      ? withStackLock(context, stack, () => settleServer(context, stack)).then(() =>
          runWithPulumi(context, stack, { operation: 'up', replace, previewFirst }),
        )
      : withStackLock(context, stack, async () => {
          settleState(context, stack);
          await settleServer(context, stack);
          return upEmbedded(context, stack, replace, previewFirst);
        }),
  );
}

/** Of several stacks that are started at the same moment each may find its port taken by another one. */
const PORT_ATTEMPTS = 5;

/** Where the port is `auto`, another one is chosen when somebody took it between the choice and the start. */
async function onAnyPort(
  context: CommandContext,
  stack: Stack,
  work: () => Promise<CommandResult>,
): Promise<CommandResult> {
  for (let attempt = 1; ; attempt += 1) {
    await ensurePort(context, stack);
    const result = await work();
    const isTaken = result.problems.some(({ code }) => code === 'port-taken');
    if (!isTaken || stack.settings.server.port !== 'auto' || attempt === PORT_ATTEMPTS) return result;
  }
}

/**
 * Planned before it is done wherever something stands already, so that what would be refused, replaced or deleted is known while nothing
 * has changed. Where the plan finds nothing to do, it was all there is to do.
 */
async function upEmbedded(
  context: CommandContext,
  stack: Stack,
  replace: readonly string[],
  asksFirst: boolean,
): Promise<CommandResult> {
  const approved = new Set<string>();
  const isOld = isDeployed(stack);
  for (let planning = asksFirst || isOld; planning;) {
    const readsObjects = await isRunning(stack);
    const planned = await runEmbedded(context, stack, { dryRun: true, replace, readsObjects });
    const { changes, counts } = planned.result;
    const nothing = counts.create + counts.update + counts.replace + counts.delete === 0;
    // Without the administrator's password nothing inside could be read; the run sets it again before it looks.
    const isBlind = planned.failures.length > 0 && planned.failures.every(isPasswordRefused);
    if (planned.failures.length > 0 && !isBlind) return embeddedResult(planned, {}, '');
    if (nothing && !planned.hasChanged && !isBlind) {
      const result = { ...planned.result, operation: 'up' as const };
      return embeddedResult({ ...planned, result }, {}, nextSteps(stack, result));
    }
    const doomed = doomedBy(changes, replace).filter(({ urn }) => !approved.has(urn));
    if (asksFirst && (!nothing || isBlind)) {
      context.progress(renderDeployment(planned.result, context.display));
      if (!(await confirm(context, 'Do this?'))) throw declined();
    } else if (doomed.length > 0 && !(await approvalOf(context)(doomed))) throw declined();
    for (const { urn } of doomed) approved.add(urn);
    // Of a stopped server nothing could be asked. Where more is to be done than to start it, it is started, and the plan is made again.
    planning =
      isOld && !readsObjects && changes.some(({ type, operation }) => operation !== 'same' && type !== SERVER_TYPE);
    if (planning) planning = await startStopped(context, stack);
  }
  const run = await runEmbedded(context, stack, { dryRun: false, replace, readsObjects: true, approved });
  return embeddedResult(run, {}, nextSteps(stack, run.result));
}

/** False: there is none to start, or the run that follows starts it and says what is wrong. */
async function startStopped(context: CommandContext, stack: Stack): Promise<boolean> {
  const state = await readState(context, stack);
  const server = state === undefined ? undefined : localServerOf(state, context.root);
  if (server?.status() !== 'stopped' || !(await mayStart(stack, server))) return false;
  try {
    await startAgain(server.placed);
  } catch {
    return false;
  }
  return isRunning(stack);
}

function isPasswordRefused(error: unknown): boolean {
  return error instanceof PlatformError && error.code === 'password-refused';
}

function repairLock(context: CommandContext, stack: Stack, stateDirectory: string): void {
  const { lockDirectory } = backendPaths(stateDirectory, stack.project, stack.name);
  const removed = removeStaleLocks(lockDirectory, true);
  for (const { path, content } of removed) context.progress(`removed the lock of process ${content.pid}: ${path}`);
  if (removed.length === 0) context.progress('No lock of an ended process was found.');
}

function passwordResource(stack: Stack, role: string): string {
  const logins = loginRoles(stack.settings);
  if (logins.includes(role)) return `password-${role}`;
  throw new PlatformError(
    'role-unknown',
    `--rotate-password ${role}: that is no role of this stack that logs in.`,
    `Give one of ${logins.join(', ')}.`,
    { kind: 'usage', object: role },
  );
}

function collect(value: string, previous: string[]): string[] {
  return [...previous, value];
}
