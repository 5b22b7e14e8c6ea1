import { PlatformError } from '../../system/errors';
import { DYNAMIC_PACKAGE } from './dynamic';
import type { GivenPackages, Properties, ResourceProvider } from './provider';

/** How the engine comes by the providers of the closed list; `createX` are given so that tests can hand in others. */
export interface ProviderFactories {
  dynamic: ResourceProvider;
  random: () => ResourceProvider;
  postgresql: (config: Properties) => ResourceProvider;
}

/** One provider per provider resource (`URN::ID`), made when first needed, closed together. */
export class ProviderRegistry {
  private readonly open = new Map<string, { config: string; provider: ResourceProvider }>();

  constructor(
    private readonly factories: ProviderFactories,
    private readonly given: GivenPackages = {},
  ) {}

  /** `config`: the provider resource's inputs, secrets unwrapped. A changed one makes a new provider. */
  async provider(packageName: string, reference: string, config: Properties): Promise<ResourceProvider> {
    if (packageName === DYNAMIC_PACKAGE) return this.factories.dynamic;
    const key = JSON.stringify(config);
    const known = this.open.get(reference);
    if (known?.config === key) return known.provider;
    await known?.provider.close();
    const provider = this.make(packageName, config);
    this.open.set(reference, { config: key, provider });
    return provider;
  }

  private make(packageName: string, config: Properties): ResourceProvider {
    const given = this.given[packageName];
    if (given !== undefined) return given.open(config);
    if (packageName === 'random') return this.factories.random();
    if (packageName === 'postgresql') return this.factories.postgresql(config);
    throw new PlatformError(
      'type-unsupported',
      `The embedded engine has no provider for package ${packageName}.`,
      'Install Pulumi (`npm run coachdb -- engine install`) and run with --engine pulumi.',
      { kind: 'refused', object: packageName },
    );
  }

  async close(): Promise<void> {
    for (const { provider } of this.open.values()) await provider.close();
    this.open.clear();
    await this.factories.dynamic.close();
  }
}
