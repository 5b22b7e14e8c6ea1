import type { ResourceState } from './resource';

/**
 * Without references to what is no longer there: a refresh drops resources that others still name, and Pulumi refuses a
 * state whose references lead nowhere. The next `up` writes each resource's references anew anyway.
 */
export function pruneReferences(resources: readonly ResourceState[]): ResourceState[] {
  const seen = new Set<string>();
  return resources.map((resource) => {
    const pruned = prune(resource, seen);
    seen.add(resource.urn);
    return pruned;
  });
}

function prune(resource: ResourceState, seen: ReadonlySet<string>): ResourceState {
  const has = (urn: string): boolean => seen.has(urn);
  const byProperty = resource.propertyDependencies ?? {};
  const whole =
    resource.dependencies.every(has) &&
    Object.values(byProperty).every((urns) => urns.every(has)) &&
    (resource.parent === undefined || has(resource.parent)) &&
    (resource.deletedWith === undefined || has(resource.deletedWith));
  if (whole) return resource;
  const { parent, deletedWith, propertyDependencies, ...others } = resource;
  return {
    ...others,
    dependencies: resource.dependencies.filter(has),
    ...(parent !== undefined && has(parent) ? { parent } : {}),
    ...(deletedWith !== undefined && has(deletedWith) ? { deletedWith } : {}),
    ...(propertyDependencies === undefined
      ? {}
      : {
          propertyDependencies: Object.fromEntries(
            Object.entries(byProperty).map(([property, urns]) => [property, urns.filter(has)]),
          ),
        }),
  };
}
