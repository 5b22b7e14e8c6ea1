import { isObject } from '../../system/isObject';

/**
 * What Pulumi demands of a snapshot before it uses one (pkg/resource/stack/snapshot): every resource named and typed, every
 * reference to something that comes before it, no live resource twice. Throws an Error that says which is not.
 */
export function validateResources(resources: readonly unknown[]): void {
  const seen = new Set<string>();
  const live = new Set<string>();
  const providers = new Set<string>();
  const all = new Set(resources.map((resource) => (isObject(resource) ? resource['urn'] : undefined)));
  for (const [at, resource] of resources.entries()) {
    const { urn, type, custom, id } = isObject(resource) ? resource : {};
    if (!isObject(resource) || typeof urn !== 'string' || urn === '' || typeof type !== 'string' || type === '') {
      throw new Error(`resource ${at + 1} has no urn or no type.`);
    }
    if (typeof custom !== 'boolean') throw new Error(`${urn} does not say whether it is custom.`);
    if (!custom && typeof id === 'string' && id !== '') throw new Error(`${urn} is no custom resource but has an id.`);
    for (const [role, target] of referencesOf(resource)) {
      if (seen.has(target)) continue;
      throw new Error(
        `${urn} refers to its ${role} ${target}, which ${all.has(target) ? 'comes after it' : 'is missing'}.`,
      );
    }
    const provider = resource['provider'];
    if (
      typeof provider === 'string' &&
      provider !== '' &&
      !providers.has(provider) &&
      resource['pendingReplacement'] !== true
    ) {
      throw new Error(`${urn} refers to its provider ${provider}, which is missing.`);
    }
    if (type.startsWith('pulumi:providers:')) {
      if (typeof id !== 'string' || id === '') throw new Error(`the provider ${urn} has no id.`);
      providers.add(`${urn}::${id}`);
    }
    seen.add(urn);
    if (resource['delete'] === true) continue;
    if (live.has(urn)) throw new Error(`${urn} stands in it twice.`);
    live.add(urn);
  }
}

function referencesOf(resource: Record<string, unknown>): [string, string][] {
  const references: [string, string][] = [];
  const add = (role: string, target: unknown): void => {
    if (typeof target === 'string' && target !== '') references.push([role, target]);
  };
  add('parent', resource['parent']);
  for (const target of listOf(resource['dependencies'])) add('dependency', target);
  const byProperty = resource['propertyDependencies'];
  for (const targets of isObject(byProperty) ? Object.values(byProperty) : []) {
    for (const target of listOf(targets)) add('property dependency', target);
  }
  add('deletedWith', resource['deletedWith']);
  return references;
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
