import type { ResourceChange } from '../changes';
import { isDefaultProvider } from '../protocol/registration';
import { markSecrets, rewrap, unwrap } from '../protocol/wire';
import type { ResourceState } from '../state/resource';
import { propertyChanges } from './difference';
import { changeOfState } from './goal';
import { interrupted } from './interrupted';
import type { ProviderRegistry } from './registry';

/** Every custom resource read again, in the order of the state; what no longer exists is dropped from it. Records each, returns the new state. */
export async function refreshResources(
  olds: readonly ResourceState[],
  registry: ProviderRegistry,
  record: (change: ResourceChange) => void,
  save: (resources: ResourceState[]) => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<ResourceState[]> {
  const byUrn = new Map(olds.map((state) => [state.urn, state]));
  const fresh: ResourceState[] = [];
  let changed = false;
  for (const [at, state] of olds.entries()) {
    if (signal?.aborted === true) {
      if (changed) await save([...fresh, ...olds.slice(at)]);
      throw interrupted();
    }
    if (!state.custom || state.type.startsWith('pulumi:providers:') || state.delete === true) {
      fresh.push(state);
      // There is nothing to read of a component or a provider. It counts as in every other operation, where default providers do not.
      if (state.delete !== true && !isDefaultProvider(state.urn)) record(changeOfState(state, 'same'));
      continue;
    }
    const started = performance.now();
    const reference = state.provider ?? '';
    const config = byUrn.get(reference.slice(0, reference.lastIndexOf('::')))?.inputs ?? {};
    const provider = await registry.provider(state.type.split(':')[0] ?? '', reference, unwrap(config));
    const found = await provider.read(state.type, state.id ?? '', unwrap(state.outputs), unwrap(state.inputs));
    const durationMs = Math.round(performance.now() - started);
    if (found === undefined) {
      changed = true;
      record({ ...changeOfState(state, 'delete'), note: 'no longer exists', durationMs });
      await save([...fresh, ...olds.slice(at + 1)]);
      continue;
    }
    const outputs = markSecrets(
      rewrap(found.outputs),
      { ...state.inputs, ...state.outputs },
      state.additionalSecretOutputs,
    );
    const differences = propertyChanges(state.outputs, outputs);
    fresh.push({ ...state, id: found.id, outputs });
    record({ ...changeOfState(state, differences.length > 0 ? 'update' : 'same'), changed: differences, durationMs });
    if (differences.length > 0) changed = true;
  }
  if (changed) await save(fresh);
  return fresh;
}
