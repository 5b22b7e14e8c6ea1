import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { activeCheckpoint, backendPaths } from '../engine/state/backend';
import { readForPulumi } from '../engine/state/checkpoint';
import { findFreePort, isFree } from '../postgres/server/port';
import type { CommandContext } from './command';
import { SERVER_TYPE } from './localServer';
import type { Stack } from './stack';
import { readLine, refuseForeign, stackHome, writeLine } from './workspace';

/**
 * The local server's port: the settings', else the one kept for this folder, else a free one, which is kept from then on. One
 * that was taken meanwhile is given up only while nothing has been deployed.
 */
export async function ensurePort(context: Pick<CommandContext, 'progress'> | undefined, stack: Stack): Promise<number> {
  const { port } = stack.settings.server;
  if (port !== 'auto') return port;
  refuseForeign(stack.workspace);
  const path = join(stackHome(stack.workspace, stack.name), 'port');
  const kept = Number(readLine(path) ?? '0');
  if (kept > 0) {
    if (isDeployed(stack) || (await isFree(kept))) return kept;
  }
  const chosen = await findFreePort();
  mkdirSync(stackHome(stack.workspace, stack.name), { recursive: true, mode: 0o711 });
  writeLine(path, String(chosen));
  if (kept > 0) context?.progress(`Port ${kept} was taken meanwhile; this stack uses ${chosen} from now on.`);
  return chosen;
}

/** Whether the state holds the local server. */
export function isDeployed(stack: Stack): boolean {
  const { checkpoint } = backendPaths(stack.workspace.stateDirectory, stack.project, stack.name);
  const file = readForPulumi(checkpoint);
  // A state that only Pulumi reads is one of something deployed.
  if (file === undefined) return activeCheckpoint(checkpoint) !== undefined;
  return (file.checkpoint.latest?.resources ?? []).some(({ type }) => type === SERVER_TYPE);
}
