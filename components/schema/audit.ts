import * as pulumi from '@pulumi/pulumi';

import { AuditTrail } from '../../infra/resources/auditTrail';
import type { ConnectionArgs } from '../../infra/resources/connection';
import type { AuditSpec } from '../../postgres/spec';

export interface AuditArgs {
  audit: AuditSpec;
  connection: ConnectionArgs;
  /** Audited tables, the trail's owner and its readers, and everything else of the database. */
  after: readonly pulumi.Resource[];
  server?: pulumi.Resource;
}

/**
 * Who changed which row when: the trail of the audited tables. It is made last and protected, so that `pulumi destroy`, which goes the other way
 * round, is refused before anything is gone.
 */
export class Audit extends pulumi.ComponentResource {
  readonly trail: AuditTrail;

  constructor(name: string, args: AuditArgs, options?: pulumi.ComponentResourceOptions) {
    super('coach:schema:Audit', name, {}, options);
    this.trail = new AuditTrail(
      `${name}-trail`,
      { ...args.audit, connection: args.connection },
      {
        parent: this,
        dependsOn: [...args.after],
        protect: true,
        ...(args.server === undefined ? {} : { deletedWith: args.server }),
      },
    );
    this.registerOutputs({});
  }
}
