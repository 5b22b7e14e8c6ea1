import type * as pulumi from '@pulumi/pulumi';

import type { AuditSpec } from '../../postgres/spec';
import type { ConnectionArgs } from './connection';
import { HandledResource } from './shim';

export interface AuditTrailArgs extends AuditSpec {
  /** A superuser (on RDS: a member of rds_superuser). */
  connection: ConnectionArgs;
}

/** As the handler gets them. */
export type AuditTrailInputs = pulumi.Unwrap<AuditTrailArgs> & {
  /**
   * Computed by `check` from the database, where one answers, so that a preview says it: what would be created, changed and removed, or what
   * stands in the way as things are. Empty: everything is as declared.
   */
  plan?: string[];
};

export type AuditTrailOutputs = AuditTrailInputs & {
  /** What cannot be had here, or should be looked at. */
  warnings: string[];
};

/** The audit trail: its table, partitions, functions and triggers. Deleting it takes the triggers away and keeps every row. */
export class AuditTrail extends HandledResource {
  constructor(name: string, args: AuditTrailArgs, options: pulumi.CustomResourceOptions) {
    super('AuditTrail', name, { ...args }, ['warnings'], options);
  }
}
