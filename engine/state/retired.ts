import type { CheckpointFile, RawResource } from './checkpointFile';

/** Grants on tables and sequences were resources of the postgresql provider once; now the resource `privileges` has them. */
const RETIRED = /::coach:schema:TableGrants\$postgresql:index\/grant:Grant::/;

/**
 * The state without resources that another one has taken over. Deleted as what is no longer declared, each would revoke at the end of a run
 * what the new one granted. The same object where there is nothing to forget.
 */
export function withoutRetired(file: CheckpointFile): CheckpointFile {
  const { latest } = file.checkpoint;
  const resources = latest?.resources ?? [];
  const kept = resources.filter((resource) => !isRetired(resource['urn']));
  if (latest === undefined || kept.length === resources.length) return file;
  return { ...file, checkpoint: { ...file.checkpoint, latest: { ...latest, resources: kept.map(pruned) } } };
}

const isRetired = (urn: unknown): boolean => typeof urn === 'string' && RETIRED.test(urn);

function pruned(resource: RawResource): RawResource {
  const { dependencies, propertyDependencies } = resource;
  const without = (urns: unknown): unknown => (Array.isArray(urns) ? urns.filter((urn) => !isRetired(urn)) : urns);
  return {
    ...resource,
    ...(dependencies === undefined ? {} : { dependencies: without(dependencies) }),
    ...(propertyDependencies === undefined
      ? {}
      : {
          propertyDependencies: Object.fromEntries(
            Object.entries(propertyDependencies as object).map(([key, urns]) => [key, without(urns)]),
          ),
        }),
  };
}
