import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { activeCheckpoint, backendPaths } from '../engine/state/backend';
import { ownershipOf, requireRunnable } from '../postgres/server/ownership';
import { findFreePort, isFree } from '../postgres/server/port';
import { serverState } from '../postgres/server/state';
import type { CommandContext } from './command';
import { type LocalServer, storedServer } from './localServer';
import type { Stack } from './stack';
import { readLine, refuseForeign, stackHome, writeLine } from './workspace';

/**
 * The local server's port: the settings', else the one kept for this folder, else a free one, which is kept from then on. One that somebody
 * else took while the server was stopped is given up, and so is the original's in a copied folder.
 */
export async function ensurePort(context: Pick<CommandContext, 'progress'> | undefined, stack: Stack): Promise<number> {
  const { port } = stack.settings.server;
  if (port !== 'auto') return port;
  refuseForeign(stack.workspace);
  const path = join(stackHome(stack.workspace, stack.name), 'port');
  const kept = Number(readLine(path) ?? '0');
  const server = storedServer(stack);
  if (server !== undefined) requireRunnable(server.owned);
  const isCopy = server !== undefined && ownershipOf(server.owned).kind === 'copied';
  if (kept > 0 && !isCopy && (answersHere(stack, server, kept) || (await isFree(kept)))) return kept;
  const free = await findFreePort();
  const chosen = isCopy && free === kept ? await findFreePort(kept + 1, kept + 100) : free;
  mkdirSync(stackHome(stack.workspace, stack.name), { recursive: true, mode: 0o711 });
  writeLine(path, String(chosen));
  if (kept > 0) {
    const why = isCopy ? 'is the original’s' : 'was taken meanwhile';
    context?.progress(`Port ${kept} ${why}; this stack uses ${chosen} from now on (\`npm run coachdb -- env\`).`);
  }
  return chosen;
}

/** Where no state says which server there is, or none that can be read here, the data directory does. */
function answersHere(stack: Stack, server: LocalServer | undefined, port: number): boolean {
  if (server !== undefined) return server.answers(port);
  const { dataDirectory = join(stackHome(stack.workspace, stack.name), 'data') } = stack.settings.server;
  const state = serverState(dataDirectory);
  return state.status === 'running' && state.port === port;
}

/** Whether the stack's own server accepts connections on its port, and can answer: nobody else is asked anything. */
export async function isRunning(stack: Stack): Promise<boolean> {
  const port = await ensurePort(undefined, stack);
  const server = storedServer(stack);
  return server?.answers(port) === true && !server.isLeftBehind();
}

/** Whether a stopped server can be started as it was: on another port, or as a copy, it is started by the run itself. */
export async function mayStart(stack: Stack, server: LocalServer): Promise<boolean> {
  return ownershipOf(server.owned).kind === 'own' && (await ensurePort(undefined, stack)) === server.port;
}

/** Whether the state holds the local server. */
export function isDeployed(stack: Stack): boolean {
  const { checkpoint } = backendPaths(stack.workspace.stateDirectory, stack.project, stack.name);
  if (storedServer(stack) !== undefined) return true;
  // A state that only Pulumi reads is one of something deployed.
  return activeCheckpoint(checkpoint)?.compression === 'zstd';
}
