import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { countOperations, type ResourceChange } from '../../engine/changes';
import { type PulumiRun, type PulumiRunOptions, runPulumi } from '../../engine/pulumi/run';
import { backendPaths } from '../../engine/state/backend';
import type { ResourceState } from '../../engine/state/resource';
import { removeSaltFromSettings } from '../../engine/state/settingsCopy';
import { withClient } from '../../postgres/connection/client';
import { startAgain } from '../../postgres/server/bringUp';
import { PlatformError, toProblem } from '../../system/errors';
import { type CommandContext, type CommandResult, confirm, declined, failed } from '../command';
import { lossesOf } from '../keptData';
import { type LocalServer, localServerOf, startForReading } from '../localServer';
import { adminLogin, type DeclaredLogin, refusedLogins, repairAdmin, repairRoles } from '../passwords';
import { mayStart } from '../port';
import { hasStateHere, pulumiRun, stateBesidePulumi } from '../pulumi';
import { renderDeployment } from '../report/tree';
import type { Stack } from '../stack';
import { settleState, type StackState, withStackLock } from '../stackState';
import { requireVerifiedServer } from '../verifiedServer';
import { stackHome } from '../workspace';
import { approvalOf, deploymentResult, doomedBy, hear, reportStep } from './deployment';
import { nextSteps } from './nextSteps';

export interface PulumiRequest {
  operation: 'up' | 'preview' | 'refresh' | 'destroy';
  /** Logical names of resources to replace whatever their difference says. */
  replace: readonly string[];
  /** Show what would change and ask before doing it. Without it only a replacement or deletion is asked about. */
  previewFirst?: boolean;
  /** For a preview: what of the state is not there any more and left out. */
  without?: (resources: readonly ResourceState[]) => ResourceState[];
}

/** The same operation through the real Pulumi: same state, same tree, same exit codes. */
export async function runWithPulumi(
  context: CommandContext,
  stack: Stack,
  request: PulumiRequest,
): Promise<CommandResult> {
  const { operation } = request;
  if (operation !== 'preview' && hasStateHere(context, stack))
    await withStackLock(context, stack, () => Promise.resolve(settleState(context, stack)));
  // First, for it refuses a lock and what could not be settled before anything is touched.
  const base = pulumiRun(context, stack, operation);
  await requireVerifiedServer(context, stack);
  const state = await stateBesidePulumi(context, stack);
  const local = await localOf(context, state, operation);
  const options: PulumiRunOptions = {
    ...base,
    replaceUrns: urnsOf(state, request.replace),
    refresh: local.isReadable && (operation === 'up' || operation === 'preview'),
    onChange: operation === 'preview' ? () => undefined : reportStep(context),
    // An error is reported as a problem in the end.
    onMessage: (severity, message) => {
      if (severity !== 'error' || context.verbose) hear(context, severity, message);
    },
  };
  try {
    if (operation === 'up') return await up(context, stack, request, { options, local });
    // With --yes too: of prod something would be gone before the first resource that refuses.
    if (operation === 'destroy' && (request.previewFirst === true || stack.settings.environment === 'prod')) {
      const planned = withoutLosses(stack, await runPulumi({ ...options, dryRun: true, onChange: () => undefined }));
      if (planned.failures.length > 0 || !(await isApproved(context, request, planned))) return resultOf(planned, '');
    }
    if (state !== undefined && request.without !== undefined)
      return await previewWithout(context, stack, options, state, request.without(state.resources));
    const run = withPasswords(await runPulumi(options), local.refused);
    return resultOf(operation === 'preview' ? withoutLosses(stack, run) : run, '');
  } finally {
    context.passing('');
    // Plain `pulumi` leaves one there too. The state keeps it.
    if (hasStateHere(context, stack)) removeSaltFromSettings(context.root, stack.name);
  }
}

/** A preview on a copy of the backend that knows only these resources. */
async function previewWithout(
  context: CommandContext,
  stack: Stack,
  options: PulumiRunOptions,
  state: StackState,
  resources: readonly ResourceState[],
): Promise<CommandResult> {
  const copy = mkdtempSync(join(stackHome(stack.workspace, stack.name), 'preview-'));
  try {
    cpSync(stack.workspace.stateDirectory, copy, { recursive: true });
    state.saveAs(backendPaths(copy, stack.project, stack.name).checkpoint, resources);
    return resultOf(await runPulumi({ ...options, refresh: false, backendUrl: pathToFileURL(copy).href }), '');
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** What has to be known of the local server, and done to it, before Pulumi runs: its providers read nothing from a stopped one. */
interface Local {
  server: LocalServer | undefined;
  /** Objects inside the server can be read. */
  isReadable: boolean;
  refused: DeclaredLogin[];
}

async function localOf(
  context: CommandContext,
  state: StackState | undefined,
  operation: PulumiRequest['operation'],
): Promise<Local> {
  const server = state === undefined ? undefined : localServerOf(state, context.root);
  if (state === undefined || server === undefined || operation === 'destroy')
    return { server, isReadable: false, refused: [] };
  // `up` starts it once what it plans was approved. Whoever else may answer on its port is asked nothing.
  if (operation !== 'refresh' && (!server.answers() || server.isLeftBehind()))
    return { server, isReadable: false, refused: [] };
  if (operation === 'refresh') {
    await startForReading(context, server);
    // Refused here with a remedy, rather than by every single object.
    const admin = adminLogin(state);
    if (admin !== undefined) await withClient(admin.target, () => Promise.resolve());
    return { server, isReadable: true, refused: [] };
  }
  const refused = await refusedLogins(state);
  return { server, isReadable: refused.every(({ isAdmin }) => !isAdmin), refused };
}

async function up(
  context: CommandContext,
  stack: Stack,
  request: PulumiRequest,
  work: { options: PulumiRunOptions; local: Local },
): Promise<CommandResult> {
  let { options, local } = work;
  // With --yes too: what would be refused is known before anything is done.
  const plan: PulumiRunOptions = { ...options, operation: 'preview', onChange: () => undefined };
  const planned = withoutLosses(stack, withPasswords(await runPulumi(plan), local.refused));
  if (planned.failures.length > 0) return resultOf(planned, '');
  if (!(await isApproved(context, request, planned))) {
    const result = { ...planned.result, operation: 'up' as const };
    return resultOf({ ...planned, result }, nextSteps(stack, result));
  }
  // On another port, or as a copy, it is started by the run itself.
  if (local.server?.status() === 'stopped' && (await mayStart(stack, local.server))) {
    context.progress('The server was stopped; starting it.');
    await startAgain(local.server.placed);
    local = await localOf(context, await stateBesidePulumi(context, stack), 'up');
    options = { ...options, refresh: local.isReadable };
  }
  const admin = local.refused.find(({ isAdmin }) => isAdmin);
  if (admin !== undefined && local.server !== undefined) {
    context.progress(`The password of ${admin.target.user} was changed by hand; setting the declared one.`);
    await repairAdmin(local.server, admin);
  }
  const run = await runPulumi({ ...options, refresh: options.refresh === true || admin !== undefined });
  const repaired = admin === undefined ? [] : [admin];
  if (run.failures.length > 0) return resultOf(withPasswords(run, repaired), '');
  const state = stack.settings.environment === 'local' ? await stateBesidePulumi(context, stack) : undefined;
  const login = state === undefined ? undefined : adminLogin(state);
  if (state !== undefined && login !== undefined) {
    const refused = (await refusedLogins(state)).filter(({ isAdmin }) => !isAdmin);
    await repairRoles(login.target, refused);
    repaired.push(...refused);
  }
  return resultOf(withPasswords(run, repaired), nextSteps(stack, run.result));
}

/** False: there is nothing to do. */
async function isApproved(context: CommandContext, request: PulumiRequest, planned: PulumiRun): Promise<boolean> {
  const { changes, counts } = planned.result;
  if (counts.create + counts.update + counts.replace + counts.delete === 0) return false;
  if (request.previewFirst !== true) {
    const doomed = doomedBy(changes, request.replace);
    if (doomed.length > 0 && !(await approvalOf(context)(doomed))) throw declined();
    return true;
  }
  context.progress(renderDeployment({ ...planned.result, operation: 'preview' }, context.display));
  if (!(await confirm(context, 'Do this?'))) throw declined();
  return true;
}

function urnsOf(state: StackState | undefined, names: readonly string[]): string[] {
  return names.map((name) => {
    const found = state?.resources.find(({ urn }) => urn.endsWith(`::${name}`));
    if (found !== undefined) return found.urn;
    throw new PlatformError('resource-unknown', `The state has no resource ${name}.`, 'Run `npm start` first.', {
      kind: 'usage',
      object: name,
    });
  });
}

/** Passwords that were changed by hand, as changes of the resources that declare them. */
function withPasswords(run: PulumiRun, logins: readonly DeclaredLogin[]): PulumiRun {
  const changes = run.result.changes.map((change): ResourceChange => {
    const login = logins.find(({ urn }) => urn === change.urn);
    if (login === undefined || change.error !== undefined) return change;
    const path = login.isAdmin ? 'adminPassword' : 'password';
    return {
      ...change,
      operation: change.operation === 'same' ? 'update' : change.operation,
      changed: [...change.changed, { path, kind: 'update', before: '[secret]', after: '[secret]' }],
      note: 'the password was changed by hand',
    };
  });
  return { ...run, result: { ...run.result, changes, counts: countOperations(changes) } };
}

/** A plan that would lose what cannot be made again has failed. */
function withoutLosses(stack: Stack, run: PulumiRun): PulumiRun {
  const losses = lossesOf(stack, run.result.changes);
  if (losses.length === 0) return run;
  const problems = [...run.result.problems, ...losses.map(toProblem)];
  return { result: { ...run.result, problems }, failures: [...run.failures, ...losses] };
}

function resultOf(run: PulumiRun, after: string): CommandResult {
  const base = deploymentResult(run.result, () => 'failed', { engine: 'pulumi' }, after);
  if (run.failures.length === 0) return base;
  const { exitCode, status } = failed(run.failures);
  return { ...base, exitCode, status, problems: run.result.problems };
}
