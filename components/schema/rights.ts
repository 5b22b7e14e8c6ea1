import * as pulumi from '@pulumi/pulumi';

import type { ConnectionArgs } from '../../infra/resources/connection';
import { Privileges } from '../../infra/resources/privileges';
import type { PrivilegesSpec } from '../../postgres/spec';

export interface RightsArgs {
  privileges: PrivilegesSpec;
  connection: ConnectionArgs;
  /** Roles, the database, and where tables come from. */
  after: readonly pulumi.Resource[];
  server?: pulumi.Resource;
}

/** Who may do what with the tables that the migrations made, and nothing beside it; default privileges cover the ones to come. */
export class Rights extends pulumi.ComponentResource {
  readonly privileges: Privileges;

  constructor(name: string, args: RightsArgs, options?: pulumi.ComponentResourceOptions) {
    super('coach:schema:Rights', name, {}, options);
    this.privileges = new Privileges(
      name,
      { ...args.privileges, connection: args.connection },
      {
        parent: this,
        dependsOn: [...args.after],
        ...(args.server === undefined ? {} : { deletedWith: args.server }),
      },
    );
    this.registerOutputs({});
  }
}
