import type { PolicyGraph, PolicyResource } from '../../policies/rule';

/** Breaks one rule in a copy of a graph. */
export type Mutation = (graph: { resources: PolicyResource[] } & PolicyGraph) => void;

export function mutated(graph: PolicyGraph, mutation: Mutation): PolicyGraph {
  const copy = structuredClone(graph) as PolicyGraph & { resources: PolicyResource[] };
  mutation(copy);
  return copy;
}

/** The first of a type, or the one of that name. */
export function find(graph: PolicyGraph, type: string, name?: string): PolicyResource {
  const found = graph.resources.find((one) => one.type === type && (name === undefined || one.name === name));
  if (found === undefined) throw new Error(`The graph has no ${type}${name === undefined ? '' : ` named ${name}`}.`);
  return found;
}

type Container = Record<string, unknown>;

/** `undefined` removes what stands at the path. */
export function put(value: Container, path: string, to: unknown): void {
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  let here = value;
  for (const key of keys) here = (here[key] ??= {}) as Container;
  if (to === undefined) delete here[last];
  else here[last] = to;
}

export const set =
  (type: string, path: string, to: unknown, name?: string): Mutation =>
  (graph) =>
    put(find(graph, type, name).inputs, path, to);

/** A list at a path, as the function makes it of the one that is there. */
export const edit =
  <T>(type: string, property: string, change: (value: T) => T, name?: string): Mutation =>
  (graph) => {
    const { inputs } = find(graph, type, name);
    inputs[property] = change(inputs[property] as T);
  };

/** Of a document that is JSON in a property. */
export const editJson = <T>(type: string, property: string, change: (value: T) => T, name?: string): Mutation =>
  edit<string>(type, property, (text) => JSON.stringify(change(JSON.parse(text) as T)), name);

type Document = { Statement: Record<string, unknown>[] };

/** Adds a statement to a policy document. */
export const allow = (type: string, property: string, statement: Record<string, unknown>, name?: string): Mutation =>
  editJson<Document>(
    type,
    property,
    (document) => ({
      ...document,
      Statement: [...document.Statement, { Sid: 'Added', Effect: 'Allow', ...statement }],
    }),
    name,
  );

export const container = (path: string, to: unknown): Mutation =>
  editJson<Container[]>('aws:ecs/taskDefinition:TaskDefinition', 'containerDefinitions', ([first = {}, ...rest]) => {
    put(first, path, to);
    return [first, ...rest];
  });

export const remove =
  (type: string, name?: string): Mutation =>
  (graph) => {
    const gone = find(graph, type, name);
    graph.resources = graph.resources.filter((one) => one !== gone);
    for (const one of graph.resources) one.dependencies = one.dependencies.filter((urn) => urn !== gone.urn);
  };

export const add =
  (type: string, name: string, inputs: Container): Mutation =>
  (graph) => {
    const { provider } = graph.resources.find((one) => one.type.startsWith('aws:')) ?? {};
    graph.resources.push({
      urn: `urn:pulumi:prod::coach::${type}::${name}`,
      type,
      name,
      inputs,
      dependencies: [],
      protect: false,
      ...(provider === undefined ? {} : { provider }),
    });
  };
