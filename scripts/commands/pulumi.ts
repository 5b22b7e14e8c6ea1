import { spawn } from 'node:child_process';

import { pulumiEnvironment, type PulumiOperation } from '../../engine/pulumi/command';
import { removeSaltFromSettings } from '../../engine/state/settingsCopy';
import { isFree } from '../../postgres/server/port';
import { type CommandContext, type CommandResult, done } from '../command';
import { ExitCode } from '../exitCodes';
import { localServerOf, requireRunning, requireServer, startForReading } from '../localServer';
import { ensurePort } from '../port';
import { hasStateHere, pulumiRun, stateBesidePulumi } from '../pulumi';
import { openStack, type Stack } from '../stack';
import { settleState, withStackLock } from '../stackState';
import type { CommandDefinition } from './definition';

/** Pulumi's commands that run on a stack's settings and state, by every name they have. */
const OPERATIONS: Record<string, PulumiOperation> = {
  up: 'up',
  update: 'up',
  watch: 'up',
  import: 'up',
  preview: 'preview',
  pre: 'preview',
  refresh: 'refresh',
  destroy: 'destroy',
  down: 'destroy',
  dn: 'destroy',
};

/** Pulumi itself, given what it needs to work on this project beside the embedded engine. Everything it prints and asks is its own. */
export const pulumi: CommandDefinition = {
  name: 'pulumi',
  description: 'Pulumi itself on the committed settings and this state: pulumi up',
  passesThrough: true,
  finishesSteps: true,
  run: async (context, _options, args): Promise<CommandResult> => {
    const stackName = stackOf(args) ?? context.environment['PULUMI_STACK'] ?? 'local';
    const operation = OPERATIONS[commandOf(args) ?? ''];
    // `config set` is how wrong settings are mended.
    const stack = openStack({ ...context, stack: stackName }, undefined, operation === undefined ? 'any' : 'right');
    const run = await prepared(context, stack, operation, readsFirst(args));
    const isGiven = args.some((word) => /^--config-file(=|$)/.test(word));
    const config = operation === undefined || run.configFile === undefined || isGiven ? [] : [run.configFile];
    const streaming = context.environment['PULUMI_ENABLE_STREAMING_JSON_PREVIEW'];
    context.ignoreInterrupts();
    try {
      const code = await runAttached(run.program, [...args, ...config.map((path) => `--config-file=${path}`)], {
        cwd: context.root,
        env: {
          ...pulumiEnvironment(run),
          PULUMI_STACK: stackName,
          // Set for runs whose events this program reads.
          PULUMI_ENABLE_STREAMING_JSON_PREVIEW: streaming,
        },
      });
      return { ...done(''), status: code === 0 ? 'ok' : 'failed', exitCode: code as ExitCode };
    } finally {
      if (hasStateHere(context, stack)) removeSaltFromSettings(context.root, stackName);
    }
  },
};

/** What is done before Pulumi runs, as for the commands of this program; other commands of Pulumi's (config, stack) only look. */
async function prepared(
  context: CommandContext,
  stack: Stack,
  operation: PulumiOperation | undefined,
  readsFirst: boolean,
): Promise<ReturnType<typeof pulumiRun>> {
  const isLocal = stack.settings.environment === 'local';
  if (isLocal && (operation === 'up' || operation === 'preview')) await ensurePort(context, stack);
  if (operation !== undefined && operation !== 'preview' && hasStateHere(context, stack))
    await withStackLock(context, stack, () => Promise.resolve(settleState(context, stack)));
  const run = pulumiRun(context, stack, operation ?? 'preview');
  if (isLocal && operation !== undefined)
    await proveServer(context, stack, operation, operation === 'refresh' || readsFirst);
  return run;
}

/** Pulumi's postgresql provider sends the administrator's password to whoever answers on the port: nobody else may. */
async function proveServer(
  context: CommandContext,
  stack: Stack,
  operation: PulumiOperation,
  reads: boolean,
): Promise<void> {
  const state = await stateBesidePulumi(context, stack);
  const server = state === undefined ? undefined : localServerOf(state, context.root);
  if (server === undefined) return;
  if (reads) return startForReading(context, server);
  if (operation !== 'destroy') return;
  requireServer(server);
  // With everything in it a stopped one is destroyed all the same, unless another one took its port.
  if (server.status() === 'running' || !(await isFree(server.port))) requireRunning(server);
}

/** Pulumi's options that stand before a command and take the next word. */
const WITH_VALUE = /^(-s|--stack|-C|--cwd|--color|-v|--verbose|--tracing|--profiling|--memprofilerate)$/;

/** `up` of `--stack local up`. */
function commandOf(args: readonly string[]): string | undefined {
  return args.find((word, at) => !word.startsWith('-') && !WITH_VALUE.test(args[at - 1] ?? ''));
}

/** An import reads, too. */
function readsFirst(args: readonly string[]): boolean {
  return commandOf(args) === 'import' || args.some((word) => /^(-r|--refresh(=true)?)$/.test(word));
}

function stackOf(args: readonly string[]): string | undefined {
  const at = args.findIndex((word) => word === '--stack' || word === '-s');
  if (at >= 0) return args[at + 1];
  return args.find((word) => word.startsWith('--stack='))?.slice('--stack='.length);
}

/** On this terminal. Ctrl-C reaches it from the terminal itself; what ends this process alone is handed on. */
function runAttached(
  program: string,
  args: string[],
  options: { cwd: string; env: NodeJS.ProcessEnv },
): Promise<number> {
  const child = spawn(program, args, { ...options, stdio: 'inherit' });
  const end = (): boolean => child.kill('SIGINT');
  process.on('SIGTERM', end);
  return new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) =>
      resolve(code ?? (signal === 'SIGINT' ? ExitCode.interrupted : ExitCode.failed)),
    );
  }).finally(() => process.removeListener('SIGTERM', end));
}
