import type { PolicyResource as Given, StackValidationPolicy } from '@pulumi/policy';

import type { PolicyGraph, PolicyResource, Rule } from '../rule';
import { isObject, UNKNOWN } from '../values';

/** A rule as a policy over the whole stack: over what is planned in a preview, over what was made in an update. */
export function policyOf(rule: Rule): StackValidationPolicy {
  return {
    name: rule.id,
    description: `${rule.title} (${rule.source})`,
    enforcementLevel: rule.level,
    validateStack: ({ resources }, report) => {
      for (const { urn, message } of rule.check(graphOf(resources))) report(message, urn);
    },
  };
}

/** What Pulumi hands over, in the shape of the offline graph. A stack's outputs are not among it. */
export function graphOf(given: readonly Given[]): PolicyGraph {
  const stack = given[0]?.urn.split(':')[2] ?? '';
  return { stack, outputs: {}, resources: given.map(resourceOf) };
}

function resourceOf(given: Given): PolicyResource {
  const { urn, type, name, opts, parent, provider, dependencies, propertyDependencies } = given;
  const properties = plain(given.props) as Record<string, unknown>;
  return {
    urn,
    type,
    name,
    ...(parent === undefined ? {} : { parent: parent.urn }),
    ...(provider === undefined ? {} : { provider: provider.urn }),
    protect: opts.protect,
    dependencies: dependencies.map((one) => one.urn),
    inputs: Object.fromEntries(
      Object.entries(properties).map(([key, value]) => [key, referring(value, propertyDependencies[key] ?? [])]),
    ),
    outputs: properties,
  };
}

/** An unknown value that comes of one resource alone is the symbol that the offline graph would have, so that rules find that resource. */
const referring = (value: unknown, from: readonly Given[]): unknown =>
  value === UNKNOWN && from.length === 1 ? `‹${from[0]?.name}.id›` : value;

/** A copy of what Pulumi's proxy guards: reading an unknown value of it throws. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return Array.from({ length: value.length }, (_, index) => read(value, String(index)));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.keys(value).map((key) => [key, read(value, key)]));
}

function read(value: unknown, key: string): unknown {
  let found: unknown;
  try {
    found = (value as Record<string, unknown>)[key];
  } catch {
    return UNKNOWN;
  }
  return plain(found);
}
