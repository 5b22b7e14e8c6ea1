import type { Graph, GraphResource } from '../engine/graph/graph';

/** A resource as rules see it: as the graph has it, or as Pulumi hands it to a policy pack, which knows `outputs` as well. */
export interface PolicyResource extends Omit<GraphResource, 'custom'> {
  outputs?: Record<string, unknown>;
}

export interface PolicyGraph extends Pick<Graph, 'stack' | 'outputs'> {
  resources: readonly PolicyResource[];
}

export interface Violation {
  urn: string;
  /** What was found and what was expected, without the resource's name. */
  message: string;
}

/** `mandatory`: prod never breaks it; `advisory`: a setting may decide otherwise. */
export type Level = 'mandatory' | 'advisory';

export interface Rule {
  /** Kebab case, unique; the policy's name in the pack. */
  id: string;
  /** What holds where nothing is violated. */
  title: string;
  /** A control of AWS Foundational Security Best Practices by its id, or ours. */
  source: `FSBP ${string}` | 'coach';
  level: Level;
  /** Type tokens of the resources it looks at; empty: every resource. */
  types: readonly string[];
  /** What it looks at in this graph. */
  subjects: (graph: PolicyGraph) => readonly PolicyResource[];
  check: (graph: PolicyGraph) => Violation[];
}

export interface RuleArgs {
  title: string;
  source?: Rule['source'];
  level?: Level;
  types: readonly string[];
  /** Narrows the resources of those types. */
  where?: (resource: PolicyResource, graph: PolicyGraph) => boolean;
  /** What is wrong with one of them; empty: nothing. A value that is not known yet is not judged. */
  find: (resource: PolicyResource, graph: PolicyGraph) => readonly string[];
}

export function rule(id: string, args: RuleArgs): Rule {
  const { title, source = 'coach', level = 'mandatory', types, where = () => true, find } = args;
  const subjects = (graph: PolicyGraph): PolicyResource[] =>
    graph.resources.filter(
      (resource) => (types.length === 0 || types.includes(resource.type)) && where(resource, graph),
    );
  return {
    id,
    title,
    source,
    level,
    types,
    subjects,
    check: (graph) =>
      subjects(graph).flatMap((resource) => find(resource, graph).map((message) => ({ urn: resource.urn, message }))),
  };
}
