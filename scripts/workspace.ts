import { chmodSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { initialiseStack } from '../engine/state/backend';
import { KeyCache } from '../engine/state/keyCache';
import { Crypter } from '../engine/state/passphrase';
import { createPassphraseFile, readPassphrase } from '../engine/state/passphraseFile';
import { accountName } from '../postgres/server/account';
import { findFreePort } from '../postgres/server/port';
import { writeAtomically } from '../system/atomicFile';
import { codeOf, PlatformError } from '../system/errors';

/** Where things are kept, below the project's root; README lists them. */
export interface Workspace {
  root: string;
  /** `.coachdb`: traversable by the server's account, not listable. */
  home: string;
  /** Pulumi's file backend. */
  stateDirectory: string;
  /** The generated passphrase of the state's secrets, mode 0600. */
  passphraseFile: string;
}

export function workspaceOf(root: string): Workspace {
  const home = join(root, '.coachdb');
  return { root, home, stateDirectory: join(home, 'state'), passphraseFile: join(home, 'passphrase') };
}

/** The folder of one stack: `data`, `logs`, `backups`, `reports` and its port. */
export function stackHome(workspace: Workspace, stack: string): string {
  return join(workspace.home, stack);
}

/** The key derived from the generated passphrase, of one stack. */
export function keyCacheFile(workspace: Workspace, stack: string): string {
  return join(stackHome(workspace, stack), 'state.key');
}

/** What one user made holds secrets only that user can read: everybody else but root is told so before anything is tried. */
export function refuseForeign({ home }: Workspace): void {
  const uid = process.getuid?.() ?? 0;
  const owner = statSync(home, { throwIfNoEntry: false })?.uid;
  if (uid === 0 || owner === undefined || owner === uid) return;
  throw new PlatformError(
    'workspace-foreign',
    `${home} belongs to ${accountName(owner)}, and this command runs as ${accountName(uid)}, who can neither read nor write it.`,
    `Run the command as ${accountName(owner)}, or hand the folder over (as root: \`chown -R ${accountName(uid)} ${home}\` with the server stopped).`,
    { kind: 'refused', object: home },
  );
}

/** Makes what every command and plain `pulumi` rely on. Repeating it changes nothing. */
export function prepareFolders(workspace: Workspace): void {
  for (const folder of [workspace.home, workspace.stateDirectory]) {
    if (!existsSync(folder)) mkdirSync(folder, { recursive: true, mode: 0o711 });
  }
  chmodSync(workspace.home, 0o711);
}

/** A one-line file, or undefined when there is none. */
export function readLine(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

export function writeLine(path: string, text: string): void {
  writeAtomically(path, `${text}\n`, { mode: 0o644 });
}

/**
 * npm's `prepare`: the state folder, a passphrase with the key derived from it, and the local stack's port, so that plain `pulumi up` works too and
 * the first `up` need not wait for the derivation.
 */
export async function prepareWorkspace(root: string): Promise<void> {
  const workspace = workspaceOf(root);
  prepareFolders(workspace);
  ensurePassphrase(workspace);
  initialiseStack(workspace.stateDirectory, 'coach', 'local');
  const port = join(stackHome(workspace, 'local'), 'port');
  mkdirSync(stackHome(workspace, 'local'), { recursive: true, mode: 0o711 });
  if (!existsSync(keyCacheFile(workspace, 'local'))) {
    const { passphrase } = readPassphrase({}, workspace.passphraseFile);
    await Crypter.create(passphrase, new KeyCache(keyCacheFile(workspace, 'local')));
  }
  if (!existsSync(port)) writeLine(port, String(await findFreePort()));
}

/** A random passphrase, made once. An existing one is never touched: without it the state's secrets are lost. */
export function ensurePassphrase(workspace: Workspace): void {
  createPassphraseFile(workspace.passphraseFile);
}
