import type * as pulumi from '@pulumi/pulumi';

import type { ConnectionArgs } from './connection';
import { HandledResource } from './shim';

export interface AuditedTableArgs {
  schema: string;
  table: string;
  exclude?: string[];
  redact?: string[];
}

export interface AuditTrailArgs {
  connection: ConnectionArgs;
  /** The trail's own schema. Changing it is refused while it holds a trail. */
  schema: string;
  /** The trail's table. */
  table: string;
  /** Owns everything of the trail; nobody logs in as it. */
  owner: string;
  readers: string[];
  /** May suspend the trail inside one transaction, for a load. */
  loaders?: string[];
  tables: AuditedTableArgs[];
  /** Months kept; 0 keeps all. */
  retentionMonths: number;
  monthsAhead: number;
  hashChain: boolean;
}

/** The audit trail: its table, partitions, functions and triggers. Deleting it takes the triggers away and keeps every row. */
export class AuditTrail extends HandledResource {
  constructor(name: string, args: AuditTrailArgs, options: pulumi.CustomResourceOptions) {
    super('AuditTrail', name, { ...args }, ['warnings'], options);
  }
}
