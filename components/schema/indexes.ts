import * as pulumi from '@pulumi/pulumi';

import type { ConnectionArgs } from '../../infra/resources/connection';
import { DatabaseIndex } from '../../infra/resources/databaseIndex';
import type { IndexSpec } from '../../postgres/spec';

export interface IndexesArgs {
  indexes: readonly IndexSpec[];
  connection: ConnectionArgs;
  /** Owner of the tables. */
  role: string;
  /** Where the tables come from. */
  after: readonly pulumi.Resource[];
  server?: pulumi.Resource;
}

/** The declared indexes; those that the application's migrations make are none of its business. */
export class Indexes extends pulumi.ComponentResource {
  readonly indexes: readonly DatabaseIndex[];

  constructor(name: string, args: IndexesArgs, options?: pulumi.ComponentResourceOptions) {
    super('coach:schema:Indexes', name, {}, options);
    this.indexes = args.indexes.map(
      (index) =>
        new DatabaseIndex(
          index.name,
          { ...index, connection: args.connection, role: args.role },
          {
            parent: this,
            dependsOn: [...args.after],
            ...(args.server === undefined ? {} : { deletedWith: args.server }),
          },
        ),
    );
    this.registerOutputs({});
  }
}
