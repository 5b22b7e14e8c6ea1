import type { Connection } from './connection';

export interface AuditedTableInputs {
  schema: string;
  table: string;
  exclude?: string[];
  redact?: string[];
}

export interface AuditTrailInputs {
  /** The trail's own schema. */
  schema: string;
  table: string;
  /** Owns everything of the trail; nobody logs in as it. */
  owner: string;
  readers: string[];
  /** May suspend the trail inside one transaction. */
  loaders?: string[];
  tables: AuditedTableInputs[];
  /** Months kept; 0 keeps all. */
  retentionMonths: number;
  monthsAhead: number;
  hashChain: boolean;
  /** A superuser (on RDS: a member of rds_superuser). */
  connection: Connection;
  /**
   * Computed by `check` from the database, where one answers, so that a preview says it: what would be created, changed and removed, or what
   * stands in the way as things are. Empty: everything is as declared.
   */
  plan?: string[];
}

export interface AuditTrailOutputs extends AuditTrailInputs {
  /** What cannot be had here, or should be looked at. */
  warnings: string[];
}
