import { isObject } from '../../system/isObject';
import { countOperations, type DeploymentResult, type PropertyChange, type ResourceChange } from '../changes';
import type { Graph, GraphResource } from './graph';

/** What the second graph declares otherwise than the first, as the change tree of a preview. Nothing is known of the real world. */
export function compareGraphs(base: Graph, head: Graph): Pick<DeploymentResult, 'changes' | 'counts'> {
  const before = new Map(base.resources.map((resource) => [resource.urn, resource]));
  const after = new Map(head.resources.map((resource) => [resource.urn, resource]));
  const changes: ResourceChange[] = head.resources.map((resource) => {
    const old = before.get(resource.urn);
    if (old === undefined) return { ...changeOf(resource), operation: 'create', changed: [] };
    const changed = differences(comparable(old), comparable(resource), '');
    return { ...changeOf(resource), operation: changed.length > 0 ? 'update' : 'same', changed };
  });
  for (const resource of base.resources) {
    if (!after.has(resource.urn)) changes.push({ ...changeOf(resource), operation: 'delete', changed: [] });
  }
  return { changes, counts: countOperations(changes) };
}

function changeOf(resource: GraphResource): Omit<ResourceChange, 'operation' | 'changed'> {
  const { urn, type, name, parent } = resource;
  return { urn, type, name, ...(parent === undefined ? {} : { parent }), replaces: [] };
}

/** What says which resource it is, not how it is declared. */
const IDENTITY = new Set(['inputs', 'urn', 'type', 'name', 'parent', 'custom']);

/** Inputs at the top, everything else below `options`, so that a path reads like the program's text. */
function comparable(resource: GraphResource): Record<string, unknown> {
  const options = Object.fromEntries(Object.entries(resource).filter(([key]) => !IDENTITY.has(key)));
  return { ...resource.inputs, options };
}

function differences(before: unknown, after: unknown, path: string): PropertyChange[] {
  if (isObject(before) && isObject(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    return keys.flatMap((key) => differences(before[key], after[key], path === '' ? key : `${path}.${key}`));
  }
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  if (before === undefined) return [{ path, kind: 'add', after }];
  if (after === undefined) return [{ path, kind: 'delete', before }];
  return [{ path, kind: 'update', before, after }];
}
