import { pruneReferences } from '../engine/state/references';
import type { ResourceState } from '../engine/state/resource';
import { copyText, ownershipOf } from '../postgres/server/ownership';
import type { CommandContext } from './command';
import { type LocalServer, SERVER_TYPE, storedServer } from './localServer';
import type { Stack } from './stack';
import { readState } from './stackState';

/** Resources without the server and everything that goes with it: what a state knows once the data is gone. */
export function withoutServer(resources: readonly ResourceState[]): ResourceState[] {
  const gone = new Set(resources.filter(({ type }) => type === SERVER_TYPE).map(({ urn }) => urn));
  return pruneReferences(
    resources.filter(({ urn, deletedWith }) => !gone.has(urn) && (deletedWith === undefined || !gone.has(deletedWith))),
  );
}

/**
 * Before a stack is brought up, under its lock: a server that is gone is refused, and with --yes forgotten together with all that was in it, so
 * that the run makes and counts everything anew. A folder that is a copy is told so.
 */
export async function settleServer(context: CommandContext, stack: Stack): Promise<void> {
  const server = storedServer(stack);
  if (server === undefined) return;
  tellCopy(context, server);
  const loss = server.loss();
  if (loss === undefined) return;
  if (!context.yes) throw loss;
  context.progress(`${loss.message} With --yes it is forgotten, and everything in it made anew.`);
  const state = await readState(context, stack);
  await state?.save(withoutServer(state.resources));
}

export function tellCopy(context: Pick<CommandContext, 'progress'>, { owned }: LocalServer): void {
  const ownership = ownershipOf(owned);
  if (ownership.kind === 'copied') context.progress(copyText(ownership.from));
}
