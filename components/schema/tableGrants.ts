import type * as postgresql from '@pulumi/postgresql';
import * as pulumi from '@pulumi/pulumi';

import type { GrantSpec } from '../../postgres/spec';
import { createGrants } from '../database/database';

export interface TableGrantsArgs {
  databaseName: string;
  /** Grants on every table or sequence of a schema. */
  grants: readonly GrantSpec[];
  provider: postgresql.Provider;
  /** Where the tables come from. */
  after: readonly pulumi.Resource[];
  server?: pulumi.Resource;
}

/** Who may do what with the tables that the migrations made; default privileges cover the ones to come. */
export class TableGrants extends pulumi.ComponentResource {
  readonly ready: readonly pulumi.Resource[];

  constructor(name: string, args: TableGrantsArgs, options?: pulumi.ComponentResourceOptions) {
    super('coach:schema:TableGrants', name, {}, options);
    const server = args.server === undefined ? {} : { deletedWith: args.server };
    const shared = { parent: this, provider: args.provider, ...server };
    this.ready = createGrants(name, args.databaseName, args.grants, shared, args.after);
    this.registerOutputs({});
  }
}
