import { existsSync } from 'node:fs';

import { nameOf } from '../engine/protocol/registration';
import { activeCheckpoint, type BackendPaths, backendPaths, prepareBackend } from '../engine/state/backend';
import {
  type CheckpointFile,
  decodeResources,
  newCheckpoint,
  readCheckpoint,
  readForPulumi,
  withResources,
  writeCheckpoint,
} from '../engine/state/checkpoint';
import { KeyCache } from '../engine/state/keyCache';
import { lockStack, type StackLock } from '../engine/state/lock';
import { Crypter } from '../engine/state/passphrase';
import { readPassphrase } from '../engine/state/passphraseFile';
import { pendingError, planPendingRepair, repairPending, settled } from '../engine/state/pending';
import type { ResourceState } from '../engine/state/resource';
import { withoutRetired } from '../engine/state/retired';
import { removeSaltFromSettings } from '../engine/state/settingsCopy';
import { PlatformError } from '../system/errors';
import type { CommandContext } from './command';
import type { Stack } from './stack';
import { ensurePassphrase, keyCacheFile, prepareFolders, refuseForeign, stackHome } from './workspace';

/** Version written into the state: of the Pulumi SDK whose formats these are. */
const ENGINE_VERSION = 'v3.248.0';

/** A stack's state, decrypted. */
export interface StackState {
  file: CheckpointFile;
  paths: BackendPaths;
  resources: ResourceState[];
  /** Operations a killed Pulumi run left. */
  pendingOperations: { resource: Record<string, unknown>; type: string }[];
  /** Writes these resources, atomically; `creating` is about to be made. */
  save(resources: readonly ResourceState[], creating?: ResourceState): Promise<void>;
  /** The same state with other resources as another checkpoint. */
  saveAs(checkpoint: string, resources: readonly ResourceState[]): void;
}

/** The state of the stack, or undefined when it was never deployed. */
export async function readState(context: CommandContext, stack: Stack): Promise<StackState | undefined> {
  if (stack.task !== undefined) return undefined;
  refuseForeign(stack.workspace);
  const paths = backendPaths(stack.workspace.stateDirectory, stack.project, stack.name);
  const stored = readCheckpoint(paths.checkpoint);
  const file = stored && withoutRetired(stored);
  // `prepare` makes an empty stack, so that plain Pulumi finds it.
  if (file === undefined || isEmpty(file)) return undefined;
  return codeOf(stack, paths, file, await crypterFor(context, stack, file));
}

/** Throws `stack-not-deployed` unless a run has put something into the state; one that only Pulumi reads counts. */
export function requireDeployed({ workspace, project, name }: Stack): void {
  refuseForeign(workspace);
  const { checkpoint } = backendPaths(workspace.stateDirectory, project, name);
  const file = readForPulumi(checkpoint);
  if (file === undefined ? activeCheckpoint(checkpoint) !== undefined : !isEmpty(file)) return;
  throw new PlatformError('stack-not-deployed', `Stack ${name} was never deployed.`, 'Run `npm start` first.', {
    object: name,
  });
}

function isEmpty(file: CheckpointFile): boolean {
  const { latest } = file.checkpoint;
  return latest?.secrets_providers === undefined && (latest?.resources ?? []).length === 0;
}

/** The same, with an empty one for a stack that has none. */
export async function readOrCreateState(context: CommandContext, stack: Stack): Promise<StackState> {
  const known = await readState(context, stack);
  if (known !== undefined) return known;
  prepareFolders(stack.workspace);
  if (context.environment['PULUMI_CONFIG_PASSPHRASE_FILE'] === undefined) ensurePassphrase(stack.workspace);
  const crypter = await newCrypter(context, stack);
  prepareBackend(stack.workspace.stateDirectory, stack.project);
  const paths = backendPaths(stack.workspace.stateDirectory, stack.project, stack.name);
  return codeOf(stack, paths, newCheckpoint(stack.name, stack.project, crypter.state), crypter);
}

function codeOf(stack: Stack, paths: BackendPaths, stored: CheckpointFile, crypter: Crypter): StackState {
  // What a killed run had begun counts as made: whoever uses the state reads it, and finds out.
  const { file } = settled(stored);
  return {
    file,
    paths,
    resources: decodeResources(file, crypter),
    pendingOperations: file.checkpoint.latest?.pending_operations ?? [],
    saveAs: (checkpoint, resources) =>
      writeCheckpoint(checkpoint, withResources(file, resources, crypter, new Date(), ENGINE_VERSION)),
    save: (resources, creating) => {
      prepareBackend(stack.workspace.stateDirectory, stack.project);
      const next = withResources(file, resources, crypter, new Date(), ENGINE_VERSION, creating);
      writeCheckpoint(paths.checkpoint, next);
      return Promise.resolve();
    },
  };
}

async function crypterFor(context: CommandContext, stack: Stack, file: CheckpointFile): Promise<Crypter> {
  const provider = file.checkpoint.latest?.secrets_providers;
  if (provider === undefined) return newCrypter(context, stack);
  const { passphrase, source, keyCache } = passphraseOf(context, stack);
  if (provider.type !== 'passphrase' || provider.state?.salt === undefined) {
    throw new PlatformError(
      'secrets-provider',
      `The state of stack ${stack.name} is encrypted by ${provider.type}; this command reads passphrase-encrypted states.`,
      'Use `pulumi stack output --show-secrets` for this stack.',
      { kind: 'usage', object: stack.name },
    );
  }
  return Crypter.open(passphrase, provider.state.salt, source, keyCache);
}

function newCrypter(context: CommandContext, stack: Stack): Promise<Crypter> {
  const { passphrase, keyCache } = passphraseOf(context, stack);
  return Crypter.create(passphrase, keyCache);
}

/** The passphrase; of the generated one the key may be cached beside it. */
function passphraseOf(
  context: CommandContext,
  stack: Stack,
): { passphrase: string; source: string; keyCache: KeyCache | undefined } {
  const { passphraseFile } = stack.workspace;
  const { passphrase, source } = readPassphrase(context.environment, passphraseFile);
  const home = stackHome(stack.workspace, stack.name);
  const keyCache =
    source === passphraseFile && existsSync(home) ? new KeyCache(keyCacheFile(stack.workspace, stack.name)) : undefined;
  return { passphrase, source, keyCache };
}

/** Runs `work` while holding the stack's lock; a lock of a killed run that was taken over is said. */
export async function withStackLock<T>(context: CommandContext, stack: Stack, work: () => Promise<T>): Promise<T> {
  const paths = backendPaths(stack.workspace.stateDirectory, stack.project, stack.name);
  refuseForeign(stack.workspace);
  prepareFolders(stack.workspace);
  const lock: StackLock = await lockStack(paths.lockDirectory);
  for (const { content } of lock.takenOver) {
    context.progress(
      `An earlier run (process ${content.pid}, ${content.timestamp}) was killed; going on from where it stopped.`,
    );
  }
  // Plain `pulumi up` without --config-file has put it there.
  if (stack.settings.environment === 'local' && removeSaltFromSettings(context.root, stack.name))
    context.progress(`Took the encryptionsalt line out of Pulumi.${stack.name}.yaml; the state keeps it.`);
  const release = (): void => lock.release();
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.removeListener('exit', release);
    release();
  }
}

/**
 * Before either engine changes anything, under the stack's lock: resources of older versions that another one has taken over are forgotten, and
 * operations a killed run had begun are settled. What may have been made is put into the state, and the run that follows reads it. Refused
 * where nobody can know.
 */
export function settleState(context: CommandContext, stack: Stack): void {
  const paths = backendPaths(stack.workspace.stateDirectory, stack.project, stack.name);
  const stored = readForPulumi(paths.checkpoint);
  if (stored === undefined) return;
  const { file, repairs } = settled(withoutRetired(stored));
  const undecided = pendingError(file, paths.checkpoint);
  if (undecided !== undefined) throw undecided;
  if (file === stored) return;
  writeCheckpoint(paths.checkpoint, file);
  for (const { urn, kind } of repairs)
    context.progress(`An earlier run was killed while ${kind} ${nameOf(urn)}; looking at what became of it.`);
}

/** The same where it was ordered: what cannot be known is forgotten. */
export async function repairPendingOperations(context: CommandContext, stack: Stack): Promise<void> {
  const state = await readState(context, stack);
  if (state === undefined || state.pendingOperations.length === 0) return;
  const plan = planPendingRepair(state.file);
  writeCheckpoint(state.paths.checkpoint, repairPending(state.file, plan));
  for (const { urn, kind, action, explanation } of plan) context.progress(`${action}: ${kind} ${urn}. ${explanation}`);
}
