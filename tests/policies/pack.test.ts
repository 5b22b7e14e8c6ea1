import type { PolicyResource as Given } from '@pulumi/policy';
import * as guards from '@pulumi/policy/proxy';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { RULES } from '../../policies/index';
import { graphOf, policyOf } from '../../policies/pack/adapter';
import type { PolicyGraph, PolicyResource } from '../../policies/rule';
import { BUCKET_VERSIONING, INSTANCE } from '../../policies/types';
import { isObject } from '../../policies/values';
import { TestProject } from '../support/project';
import { mutated, set } from './mutate';
import { prodGraph } from './prodGraph';

/** What the package's own server wraps properties with; its declarations leave it out. */
const { unknownCheckingProxy, unknownStringValue } = guards as unknown as {
  unknownCheckingProxy: (value: unknown) => Record<string, unknown>;
  unknownStringValue: string;
};

let project: TestProject;
let prod: PolicyGraph;
beforeAll(async () => {
  project = new TestProject();
  prod = await prodGraph(project);
});
afterAll(() => project.remove());

/** A graph as Pulumi hands it over in the preview of a new stack: what the offline graph has a symbol for is unknown, and guarded. */
function previewed(graph: PolicyGraph): Given[] {
  const given = new Map(graph.resources.map((resource) => [resource.urn, bare(resource)]));
  const all = [...given.values()];
  for (const { urn, parent, provider, dependencies, inputs } of graph.resources) {
    const one = given.get(urn);
    if (one === undefined) continue;
    const parentOf = given.get(parent ?? '');
    const providerOf = given.get(provider ?? '');
    if (parentOf !== undefined) one.parent = parentOf;
    if (providerOf !== undefined) one.provider = providerOf;
    one.dependencies = dependencies.flatMap((other) => given.get(other) ?? []);
    for (const [key, value] of Object.entries(inputs)) {
      const names = [...JSON.stringify(value).matchAll(/‹([^›]+)\.\w+›/g)].map(([, name]) => name);
      one.propertyDependencies[key] = all.filter(({ name, type }) => names.includes(name) && type.startsWith('aws:'));
    }
  }
  return all;
}

function bare({ urn, type, name, inputs, protect }: PolicyResource): Given {
  return {
    urn,
    type,
    name,
    props: unknownCheckingProxy(unknown(inputs)),
    opts: { protect, ignoreChanges: [], aliases: [], additionalSecretOutputs: [] } as unknown as Given['opts'],
    dependencies: [],
    propertyDependencies: {},
    isType: () => false,
    asType: () => undefined,
  };
}

function unknown(value: unknown): unknown {
  if (typeof value === 'string') return value.includes('‹') ? unknownStringValue : value;
  if (Array.isArray(value)) return value.map(unknown);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, unknown(entry)]));
}

async function violations(given: Given[]): Promise<string[]> {
  const found: string[] = [];
  for (const rule of RULES) {
    const { name, validateStack } = policyOf(rule);
    const args = {
      resources: given,
      stackTags: new Map(),
      getConfig: () => ({}) as never,
      notApplicable: () => undefined as never,
    };
    await validateStack(args, (message, urn) => {
      found.push(`${name}: ${urn?.split('::').at(-1)} ${message}`);
    });
  }
  return found;
}

describe('the policy pack', () => {
  it('has nothing against the preview of a new prod, of which much is not known yet', async () => {
    expect(await violations(previewed(prod))).toEqual([]);
  });

  it.each([
    ['rds-private', set(INSTANCE, 'publiclyAccessible', true), 'database publiclyAccessible is true; expected false'],
    [
      's3-versioning',
      set(BUCKET_VERSIONING, 'versioningConfiguration.status', 'Suspended', 'backups-versioning'),
      'backups its versioning is "Suspended"; expected "Enabled"',
    ],
  ])('finds there what breaks %s', async (id, mutation, message) => {
    expect(await violations(previewed(mutated(prod, mutation)))).toEqual([`${id}: ${message}`]);
  });

  it('reads what Pulumi knows as the offline graph does', () => {
    const known = graphOf(
      prod.resources.map((resource) => ({
        ...bare(resource),
        props: unknownCheckingProxy(resource.inputs),
      })),
    );
    expect(known.stack).toBe('prod');
    expect(known.resources.map(({ inputs }) => inputs)).toEqual(prod.resources.map(({ inputs }) => inputs));
  });
});
