/** What Pulumi itself demands of a snapshot: every reference names something earlier in the list. Throws an Error that says which does not. */
export function validateResources(resources: readonly Record<string, unknown>[]): void {
  const seen = new Set<string>();
  for (const [at, resource] of resources.entries()) {
    const { urn, type, custom } = resource;
    if (typeof urn !== 'string' || typeof type !== 'string' || typeof custom !== 'boolean') {
      throw new Error(`resource ${at + 1} has no urn, type or custom.`);
    }
    for (const reference of referencesOf(resource)) {
      if (!seen.has(reference)) throw new Error(`${urn} refers to ${reference}, which does not come before it.`);
    }
    if (resource['delete'] !== true) {
      if (seen.has(urn)) throw new Error(`${urn} stands in it twice.`);
      seen.add(urn);
    }
  }
}

function referencesOf(resource: Record<string, unknown>): string[] {
  const references: string[] = [];
  if (typeof resource['parent'] === 'string') references.push(resource['parent']);
  const provider = resource['provider'];
  if (typeof provider === 'string' && provider !== '') references.push(provider.slice(0, provider.lastIndexOf('::')));
  if (Array.isArray(resource['dependencies'])) references.push(...(resource['dependencies'] as string[]));
  return references;
}
