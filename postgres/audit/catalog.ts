import type { AuditedRules, Needs } from './sql/needs';

/** What the catalog says about one trail and the tables it audits; `readAudit` fills it, `planAudit` only reads it. */
export interface AuditActual {
  /** The connected role, and whether it may make event triggers. */
  admin: string;
  mayGuard: boolean;
  lz4: boolean;
  /** Those of the declared roles that exist. */
  roles: RoleFacts[];
  /** Roles that may act as the trail's owner without being superuser. */
  ownersMembers: string[];
  /** Roles that new objects of the connected role are granted to by default privileges. */
  defaultGrantees: string[];
  schema: { owner: string; usage: string[]; create: string[] } | null;
  relations: RelationFacts[];
  policies: PolicyFacts[];
  functions: FunctionFacts[];
  eventTriggers: EventTriggerFacts[];
  /** The declared tables that exist, and every other table with a trigger of this trail. */
  tables: TableFacts[];
  audited: AuditedRow[];
  cron: { job: { schedule: string; command: string; active: boolean } | null } | null;
}

export interface RoleFacts {
  name: string;
  login: boolean;
}

export interface RelationFacts {
  name: string;
  kind: string;
  owner: string;
  rowSecurity: boolean;
  parent: string | null;
  columns: { name: string; type: string; hasDefault: boolean }[];
  indexes: { name: string; valid: boolean }[];
  /** `grantee:PRIVILEGE`, without the owner's. */
  grants: string[];
  /** User triggers: name and function. */
  triggers: { name: string; enabled: string; function: string }[];
}

export interface PolicyFacts {
  name: string;
  relation: string;
  command: string;
  roles: string[];
  using: string | null;
}

export interface FunctionFacts {
  name: string;
  arguments: string;
  owner: string;
  definer: boolean;
  config: string[];
  language: string;
  source: string;
  /** Roles that may execute it, without the owner; `public` for everybody. */
  execute: string[];
}

export interface EventTriggerFacts {
  name: string;
  event: string;
  enabled: string;
  function: string;
  tags: string[];
}

export interface ColumnFacts {
  name: string;
  number: number;
  /** Columns of the table that its expression reads, where it is generated. */
  generatedFrom: string[];
}

export interface TriggerFacts {
  name: string;
  /** A, O, R or D, as pg_trigger.tgenabled. */
  enabled: string;
  /** `schema.function`. */
  function: string;
  row: boolean;
  after: boolean;
  events: { insert: boolean; update: boolean; delete: boolean; truncate: boolean };
  oldTable: string | null;
  newTable: string | null;
  /** Has a WHEN condition, a column list or arguments: none of ours has. */
  conditional: boolean;
}

export interface TableFacts {
  oid: number;
  schema: string;
  table: string;
  kind: 'table' | 'partitioned table' | 'view' | 'materialized view' | 'foreign table' | 'other';
  persistence: 'permanent' | 'unlogged' | 'temporary';
  owner: string;
  /** Functions of somebody who is no superuser, with their owner, that would turn a value of the table into JSON. */
  conversions: string[];
  columns: ColumnFacts[];
  primaryKey: string[];
  /** `schema.table` it inherits from or is a partition of. */
  parent: string | null;
  descendants: DescendantFacts[];
  needs: Needs;
  /** Triggers of others that would fire before ours. */
  firesFirst: string[];
  triggers: TriggerFacts[];
}

export interface DescendantFacts {
  oid: number;
  schema: string;
  table: string;
  partition: boolean;
  /** Clones of the parent's triggers that do not fire always. */
  weak: string[];
}

/** A row of the trail's own list of audited tables. */
export interface AuditedRow {
  relation: number;
  schema: string;
  table: string;
  keyColumns: string[];
  hidden: Record<string, number>;
  triggers: Record<string, string>;
  /** Null in a list of an earlier version. */
  rules: AuditedRules | null;
}
