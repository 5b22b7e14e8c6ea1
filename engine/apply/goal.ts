import { messageOf, PlatformError } from '../../system/errors';
import type { PropertyChange, ResourceChange } from '../changes';
import { nameOf, type Registration, typeOf } from '../protocol/registration';
import type { ResourceState } from '../state/resource';

/** What became of one registration. */
export interface StepResult {
  state: ResourceState;
  change: ResourceChange;
  /** The old state of a replaced resource, to be deleted at the end. */
  condemned?: ResourceState;
  /** Why `check` or `diff` refused it; in a plan alone, which goes on so that every refusal is known at once. */
  refused?: readonly unknown[];
}

/** The state a registration asks for, outputs aside. */
export function goalOf(
  registration: Registration,
  urn: string,
  old: ResourceState | undefined,
): Omit<ResourceState, 'outputs'> {
  return {
    urn,
    custom: registration.custom,
    type: registration.type,
    inputs: registration.inputs,
    dependencies: registration.dependencies,
    ...(registration.parent === '' ? {} : { parent: registration.parent }),
    ...(registration.protect === true ? { protect: true } : {}),
    ...(registration.deletedWith === '' ? {} : { deletedWith: registration.deletedWith }),
    ...(registration.custom ? propertyDependenciesOf(registration) : {}),
    ...(registration.additionalSecretOutputs.length > 0
      ? { additionalSecretOutputs: registration.additionalSecretOutputs }
      : {}),
    ...(old?.created === undefined ? {} : { created: old.created }),
    ...(old?.modified === undefined ? {} : { modified: old.modified }),
    ...(old?.rest === undefined ? {} : { rest: old.rest }),
  };
}

/** As the state keeps them: without the mark of a preview, and not at all where there are none. */
function propertyDependenciesOf(registration: Registration): Pick<ResourceState, 'propertyDependencies'> {
  const kept = Object.entries(registration.propertyDependencies).filter(([property]) => property !== '__preview');
  return kept.length === 0 ? {} : { propertyDependencies: Object.fromEntries(kept) };
}

export function changeOf(
  resource: { type: string; name: string; parent?: string },
  urn: string,
  operation: ResourceChange['operation'],
  changed: PropertyChange[],
): ResourceChange {
  const parent = resource.parent === undefined || resource.parent === '' ? {} : { parent: resource.parent };
  return { urn, type: resource.type, name: resource.name, ...parent, operation, changed, replaces: [] };
}

/** The same for a resource known only from the state. */
export function changeOfState(state: ResourceState, operation: ResourceChange['operation']): ResourceChange {
  const parent = state.parent === undefined ? {} : { parent: state.parent };
  return changeOf({ type: typeOf(state.urn), name: nameOf(state.urn), ...parent }, state.urn, operation, []);
}

/** An error as the tree shows it: remedy included. */
export function errorShown(error: unknown): string {
  if (error instanceof PlatformError) return `${error.message}\n${error.remedy}`;
  return messageOf(error);
}
