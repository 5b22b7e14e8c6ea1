import type { PolicyGraph, PolicyResource } from '../rule';
import {
  ALARM,
  CLUSTER,
  FUNCTION,
  INSTANCE,
  LOG_GROUP,
  METRIC_FILTER,
  PERMISSION,
  PROXY,
  PROXY_TARGET,
  TASK_DEFINITION,
} from '../types';
import { at, isUnknown, shown, texts } from '../values';
import { containersOf } from './ecs';

/** Which property of which type says what a resource is called. */
const NAMES: Readonly<Record<string, string>> = {
  [INSTANCE]: 'identifier',
  [FUNCTION]: 'name',
  [PROXY]: 'name',
  [CLUSTER]: 'name',
  [LOG_GROUP]: 'name',
};

/** Names that stand as plain text, so that nothing but this rule sees when they lead nowhere. */
const BY_NAME: readonly { type: string; path: string; of: string }[] = [
  { type: ALARM, path: 'dimensions.DBInstanceIdentifier', of: INSTANCE },
  { type: ALARM, path: 'dimensions.FunctionName', of: FUNCTION },
  { type: ALARM, path: 'dimensions.ProxyName', of: PROXY },
  { type: ALARM, path: 'dimensions.ClusterName', of: CLUSTER },
  { type: METRIC_FILTER, path: 'logGroupName', of: LOG_GROUP },
  { type: PERMISSION, path: 'function', of: FUNCTION },
  { type: PROXY_TARGET, path: 'dbInstanceIdentifier', of: INSTANCE },
];

export function danglingReferences(resource: PolicyResource, graph: PolicyGraph): string[] {
  const urns = new Set(graph.resources.map(({ urn }) => urn));
  const { parent, provider, dependencies } = resource;
  const links = [parent, provider, ...dependencies].filter((urn) => urn !== undefined && urn !== '' && !urns.has(urn));
  return [
    ...links.map((urn) => `it refers to ${String(urn).split('::').slice(-2).join(' ')}, which is not declared`),
    ...symbols(resource, graph),
    ...plainNames(resource, graph),
  ];
}

/** `‹NAME.OUTPUT›`: what the offline graph puts in the place of a value. */
function symbols({ inputs }: PolicyResource, graph: PolicyGraph): string[] {
  const names = new Set(graph.resources.map(({ name }) => name));
  return texts(inputs).flatMap(({ path, text }) =>
    [...text.matchAll(/‹([^›]+)\.\w+›/g)]
      .map(([symbol, name = '']) => ({ symbol, name }))
      .filter(({ name }) => !names.has(name))
      .map(({ symbol }) => `${path} is ${symbol}, of which no resource is declared`),
  );
}

function plainNames(resource: PolicyResource, graph: PolicyGraph): string[] {
  const named = BY_NAME.filter(({ type }) => type === resource.type).map(({ path, of }) => ({
    path,
    of,
    name: at(resource.inputs, path),
  }));
  const groups = resource.type === TASK_DEFINITION ? containersOf(resource) : [];
  const logs = groups.map((container) => ({
    path: 'logConfiguration.options.awslogs-group',
    of: LOG_GROUP,
    name: at(container, 'logConfiguration.options.awslogs-group'),
  }));
  return [...named, ...logs]
    .filter(
      ({ of, name }) =>
        typeof name === 'string' && !isUnknown(name) && !name.includes('‹') && !isDeclared(graph, of, name),
    )
    .map(({ path, of, name }) => `${path} is ${shown(name)}; no ${of.split(':').at(-1)} of that name is declared`);
}

function isDeclared(graph: PolicyGraph, type: string, name: string): boolean {
  const property = NAMES[type] ?? 'name';
  return graph.resources.some(
    (one) => one.type === type && (one.inputs[property] === name || one.outputs?.[property] === name),
  );
}
