import { expect, inject } from 'vitest';

import type { Properties, ResourceProvider } from '../../../../engine/apply/provider';

export const ROLE = 'postgresql:index/role:Role';
export const DATABASE = 'postgresql:index/database:Database';
export const EXTENSION = 'postgresql:index/extension:Extension';
export const GRANT = 'postgresql:index/grant:Grant';
export const DEFAULTS = 'postgresql:index/defaultPrivileges:DefaultPrivileges';

/** The run's server as the configuration of a provider resource: all scalars are text. */
export function configOf(more: Properties = {}): Properties {
  const { host, port, user, password } = inject('cluster');
  const connection = { host, port: String(port), username: user, password };
  return { ...connection, sslmode: 'disable', superuser: 'true', connectTimeout: '15', ...more };
}

/** One resource as the engine drives it. */
export class Driven {
  id = '';
  outputs: Properties = {};
  inputs: Properties = {};

  constructor(
    private readonly provider: ResourceProvider,
    readonly type: string,
    private readonly given: Properties,
  ) {}

  async create(): Promise<this> {
    this.inputs = await this.checked(this.given);
    ({ id: this.id, outputs: this.outputs } = await this.provider.create(this.type, this.inputs));
    return this;
  }

  /** What a run finds to do. The outputs are refreshed, as the engine does first. */
  async drift(given = this.given): Promise<string[] | 'gone'> {
    const found = await this.provider.read(this.type, this.id, this.outputs, this.inputs);
    if (found === undefined) return 'gone';
    ({ id: this.id, outputs: this.outputs } = found);
    const inputs = await this.checked(given);
    return (await this.provider.diff(this.type, this.id, this.outputs, this.inputs, inputs)).changed;
  }

  async update(given = this.given): Promise<void> {
    const inputs = await this.checked(given);
    ({ outputs: this.outputs } = await this.provider.update(this.type, this.id, this.outputs, this.inputs, inputs));
    this.inputs = inputs;
  }

  delete(): Promise<void> {
    return this.provider.delete(this.type, this.id, this.outputs);
  }

  private async checked(given: Properties): Promise<Properties> {
    const { inputs, failures } = await this.provider.check(this.type, undefined, given);
    expect(failures).toEqual([]);
    return inputs;
  }
}
