import { messageOf, PlatformError } from '../../system/errors';
import type { ResourceChange } from '../changes';
import { isDefaultProvider } from '../protocol/registration';
import { unwrap } from '../protocol/wire';
import type { ResourceState } from '../state/resource';
import { changeOfState } from './goal';
import { interrupted } from './interrupted';
import type { ProviderRegistry } from './registry';
import { soFar } from './soFar';

export interface RemovalOptions {
  dryRun: boolean;
  /** The whole stack goes, not what the program left out. */
  all?: boolean;
  registry: ProviderRegistry;
  approve: (changes: readonly ResourceChange[]) => Promise<boolean>;
  lookup: (urn: string) => ResourceState | undefined;
  record: (change: ResourceChange) => void;
  /** What the run has done before. */
  changes: readonly ResourceChange[];
  /** The state is gone: store that. */
  removed: (state: ResourceState) => Promise<void>;
  /** Aborted: the deletion under way is finished, no other one begun. */
  signal?: AbortSignal;
}

/**
 * Deletes resources, dependents first. What is `deletedWith` another resource that goes too is only forgotten. Throws before
 * anything is done when one of them is protected or the deletion is not approved.
 */
export async function removeResources(resources: readonly ResourceState[], options: RemovalOptions): Promise<void> {
  const doomed = [...resources].reverse();
  const changes = doomed.map((state) => changeOfState(state, 'delete'));
  const guarded = doomed.find((state) => state.protect === true && state.delete !== true);
  if (guarded !== undefined) {
    throw new PlatformError(
      'delete-protected',
      `${guarded.urn} is protected, and ${options.all === true ? 'all of the stack was to go' : 'the program no longer declares it'}. Nothing was deleted.`,
      options.all === true
        ? 'Take its protection away first: docs/prod.md says how.'
        : 'Declare it again. What is protected goes only with `npm run coachdb -- destroy --delete-data`.',
      { kind: 'refused', object: guarded.urn },
    );
  }
  const visible = changes.filter(
    ({ urn }, at) => doomed[at]?.custom === true && doomed[at]?.delete !== true && !isDefaultProvider(urn),
  );
  if (!options.dryRun && visible.length > 0 && !(await options.approve(visible))) {
    throw new PlatformError(
      'delete-declined',
      `Deleting ${visible.map(({ name }) => name).join(', ')} was not approved, so nothing was deleted. ${soFar(options.changes)}`,
      'Run again with --yes if it should be deleted.',
      { kind: 'refused' },
    );
  }
  const urns = new Set(doomed.filter((state) => state.delete !== true).map((state) => state.urn));
  for (const state of doomed) {
    if (options.signal?.aborted === true) throw interrupted();
    const change = changeOfState(state, 'delete');
    if (state.delete === true) change.note = 'the one that was replaced';
    const started = performance.now();
    if (!options.dryRun) {
      const goesAlong = state.deletedWith !== undefined && urns.has(state.deletedWith);
      if (state.custom && !goesAlong) await deleteOne(state, options, change);
      await options.removed(state);
    }
    change.durationMs = Math.round(performance.now() - started);
    if (!isDefaultProvider(state.urn)) options.record(change);
  }
}

async function deleteOne(state: ResourceState, options: RemovalOptions, change: ResourceChange): Promise<void> {
  if (state.type.startsWith('pulumi:providers:')) return;
  const reference = state.provider ?? '';
  const config = options.lookup(reference.slice(0, reference.lastIndexOf('::')))?.inputs ?? {};
  const packageName = state.type.split(':')[0] ?? '';
  try {
    const provider = await options.registry.provider(packageName, reference, unwrap(config));
    await provider.delete(state.type, state.id ?? '', unwrap(state.outputs));
  } catch (error) {
    options.record({ ...change, error: messageOf(error) });
    throw error;
  }
}
