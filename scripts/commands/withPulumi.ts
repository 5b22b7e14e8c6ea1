import { homedir } from 'node:os';
import { join } from 'node:path';

import type { ResourceChange } from '../../engine/changes';
import { prepareLocalState } from '../../engine/pulumi/localState';
import { locatePulumi } from '../../engine/pulumi/locate';
import { type PulumiRun, type PulumiRunOptions, runPulumi } from '../../engine/pulumi/run';
import { removeSaltFromSettings } from '../../engine/state/settingsCopy';
import { PlatformError } from '../../postgres/errors';
import { startServer } from '../../postgres/server/process';
import { type CommandContext, type CommandResult, confirm, failed } from '../command';
import { localServerOf } from '../localServer';
import { repairPasswords } from '../passwords';
import { renderDeployment } from '../report/tree';
import type { Stack } from '../stack';
import { readState } from '../stackState';
import { ensurePassphrase, prepareFolders } from '../workspace';
import { deploymentResult, reportStep } from './deployment';
import { nextSteps } from './nextSteps';

export interface PulumiRequest {
  operation: 'up' | 'preview' | 'refresh' | 'destroy';
  /** Logical names of resources to replace whatever their difference says. */
  replace: readonly string[];
  /** Show what would change and ask before doing it. */
  previewFirst?: boolean;
}

/** The same operation through the real Pulumi: same state, same tree, same exit codes. */
export async function runWithPulumi(
  context: CommandContext,
  stack: Stack,
  request: PulumiRequest,
): Promise<CommandResult> {
  const local = stack.settings.environment === 'local';
  prepareFolders(stack.workspace);
  if (context.environment['PULUMI_CONFIG_PASSPHRASE_FILE'] === undefined) ensurePassphrase(stack.workspace);
  if (local && request.operation !== 'preview') await startStoppedServer(context, stack);
  const options = await optionsOf(context, stack, request);
  if (request.previewFirst === true) {
    const planned = await runPulumi({ ...options, operation: 'preview' });
    const { create, update, replace, delete: deleted } = planned.result.counts;
    if (planned.failures.length > 0 || create + update + replace + deleted === 0) return resultOf(planned, '');
    context.progress(renderDeployment(planned.result));
    if (!(await confirm(context, 'Do this?'))) throw declined();
  }
  const run = await runPulumi(options);
  context.passing('');
  removeSaltFromSettings(context.root, stack.name);
  if (run.failures.length > 0 || !local || request.operation !== 'up') return resultOf(run, '');
  const repaired = await repairPasswords(stack, await readState(context, stack));
  const changes = [...run.result.changes, ...repaired.map(passwordChange)];
  const counts = { ...run.result.counts, update: run.result.counts.update + repaired.length };
  return resultOf({ ...run, result: { ...run.result, changes, counts } }, nextSteps(stack, run.result));
}

async function optionsOf(context: CommandContext, stack: Stack, request: PulumiRequest): Promise<PulumiRunOptions> {
  const program = locatePulumi({ pathVariable: context.environment['PATH'], home: homedir() });
  if (program === undefined) {
    throw new PlatformError(
      'pulumi-missing',
      'No pulumi is on PATH or below ~/.pulumi/bin.',
      'Install it with `npm run coachdb -- engine install`.',
    );
  }
  const state =
    stack.settings.environment === 'local'
      ? prepareLocalState({
          projectRoot: context.root,
          stateDirectory: stack.workspace.stateDirectory,
          project: stack.project,
          stack: stack.name,
          operation: request.operation,
        })
      : undefined;
  for (const { content } of state?.takenOver ?? []) {
    context.progress(`An earlier run (process ${content.pid}) was killed; going on from where it stopped.`);
  }
  return {
    operation: request.operation,
    stack: stack.name,
    projectRoot: context.root,
    program,
    environment: context.environment,
    passphraseFile: stack.workspace.passphraseFile,
    refresh: request.operation === 'up' && state !== undefined && (await isDeployed(context, stack)),
    replaceUrns: await urnsOf(context, stack, request.replace),
    ...(state === undefined
      ? {}
      : { configFile: state.configFile, backendUrl: state.backendUrl, lockDirectory: state.lockDirectory }),
    onChange: request.operation === 'preview' ? () => undefined : reportStep(context),
    onMessage: (severity, message) => {
      if (severity === 'warning') context.progress(`warning: ${message}`);
      else if (context.verbose) context.progress(message);
    },
    preload: join(context.root, 'dist', 'engine', 'protocol', 'lazyModules.js'),
    abort: context.signal,
  };
}

async function isDeployed(context: CommandContext, stack: Stack): Promise<boolean> {
  return ((await readState(context, stack))?.resources.length ?? 0) > 0;
}

/** Reading the objects of a stopped server fails in Pulumi, so it is started first. */
async function startStoppedServer(context: CommandContext, stack: Stack): Promise<void> {
  const state = await readState(context, stack);
  const server = state === undefined ? undefined : localServerOf(state);
  if (server?.status() !== 'stopped') return;
  context.progress('The server was stopped; starting it.');
  await startServer(server.process);
}

async function urnsOf(context: CommandContext, stack: Stack, names: readonly string[]): Promise<string[]> {
  if (names.length === 0) return [];
  const resources = (await readState(context, stack))?.resources ?? [];
  return names.map((name) => {
    const found = resources.find(({ urn }) => urn.endsWith(`::${name}`));
    if (found !== undefined) return found.urn;
    throw new PlatformError('resource-unknown', `The state has no resource ${name}.`, 'Run `npm start` first.', {
      kind: 'usage',
      object: name,
    });
  });
}

function resultOf(run: PulumiRun, after: string): CommandResult {
  const base = deploymentResult(run.result, () => 'failed', { engine: 'pulumi' }, after);
  if (run.failures.length === 0) return base;
  const { exitCode, status } = failed(run.failures);
  return { ...base, exitCode, status, problems: run.result.problems };
}

function passwordChange(role: string): ResourceChange {
  return {
    urn: `password of ${role}`,
    type: 'postgresql:index/role:Role',
    name: role,
    operation: 'update',
    changed: [{ path: 'password', kind: 'update', before: '[secret]', after: '[secret]' }],
    replaces: [],
    note: 'changed by hand; set to the declared one again',
  };
}

function declined(): PlatformError {
  return new PlatformError('declined', 'Not approved; nothing was changed.', 'Run again and answer y, or give --yes.', {
    kind: 'refused',
  });
}
