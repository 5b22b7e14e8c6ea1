import { symbolicOutputs } from '../engine/graph/symbols';
import type { PropertyMap } from '../engine/state/values';
import type { PolicyGraph, PolicyResource } from './rule';
import { at } from './values';

export const ofType = (graph: PolicyGraph, type: string): PolicyResource[] =>
  graph.resources.filter((resource) => resource.type === type);

/** What other resources call this one by: its outputs, or the symbols that stand for them offline. */
export function namesOf(
  { type, name, inputs, outputs, provider }: PolicyResource,
  graph: PolicyGraph,
): ReadonlySet<string> {
  const region = graph.resources.find(({ urn }) => urn === provider)?.inputs['region'];
  const symbols = symbolicOutputs(type, name, inputs as PropertyMap, typeof region === 'string' ? region : undefined);
  const known = Object.values({ ...symbols, ...outputs }).filter((value) => typeof value === 'string');
  return new Set([`‹${name}.id›`, ...known]);
}

/** The resource of one of these types that a value names; undefined for one of elsewhere. */
export function named(graph: PolicyGraph, value: unknown, ...types: string[]): PolicyResource | undefined {
  if (typeof value !== 'string') return undefined;
  return graph.resources.find((resource) => types.includes(resource.type) && namesOf(resource, graph).has(value));
}

/** Resources of a type whose property names this one: the versioning of a bucket. */
export function beside(graph: PolicyGraph, resource: PolicyResource, type: string, property: string): PolicyResource[] {
  const names = namesOf(resource, graph);
  return ofType(graph, type).filter(({ inputs }) => {
    const value = at(inputs, property);
    return typeof value === 'string' && names.has(value);
  });
}
