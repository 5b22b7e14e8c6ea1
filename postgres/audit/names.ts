import { createHash } from 'node:crypto';

import { qualified, quoteIdentifier, quoteLiteral } from '../connection/quote';
import type { AuditSpec } from '../spec';

export const CHANGE_OPERATIONS = ['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE'] as const;
export type ChangeOperation = (typeof CHANGE_OPERATIONS)[number];

/**
 * Rows of the trail that are no change of a row. KEY: this key came from another one by an UPDATE; CONFIGURED: the rules of a
 * table changed; DDL: its definition did; SUSPENDED and RESUMED: bulk work between them is not recorded; EXPIRED: a month was dropped.
 */
const MARKER_OPERATIONS = ['KEY', 'CONFIGURED', 'DDL', 'SUSPENDED', 'RESUMED', 'EXPIRED'] as const;

export const OPERATIONS = [...CHANGE_OPERATIONS, ...MARKER_OPERATIONS] as const;
export type Operation = (typeof OPERATIONS)[number];

/** Byte order decides which trigger fires first: before foreign keys (`RI_...`) and before whatever else an application has. */
export const TRIGGERS: Record<ChangeOperation, string> = {
  INSERT: '00_audit_insert',
  UPDATE: '00_audit_update',
  DELETE: '00_audit_delete',
  TRUNCATE: '00_audit_truncate',
};

/** Set by `suspend`, for the transaction. Only a hint to look: what counts is the row it wrote, so setting it by hand does nothing. */
export const SUSPENDED_SETTING = 'coach_audit.suspended';

/** Set while this library changes the trail, so that its own DDL is not recorded beside the CONFIGURED row. */
export const APPLYING_SETTING = 'coach_audit.applying';

/** The application's user, set by the application with SET LOCAL. */
export const USER_SETTING = 'app.current_user_id';

/** Lets whoever dumps the database read a partition. */
export const DUMP_POLICY = 'dump';

export const MASK = '[redacted]';
export const CHANGED_MASK = '[redacted: changed]';

/** The trail's table. */
export type TrailRef = Pick<AuditSpec, 'schema' | 'table'>;

/** A table of the application. */
export interface TableRef {
  schema: string;
  table: string;
}

/** The objects of one trail, each as SQL. */
export interface TrailNames {
  schema: string;
  trail: string;
  sequence: string;
  defaultPartition: string;
  audited: string;
  suspension: string;
  chain: string;
  horizon: string;
  /** `fn('maintain')` -> `"audit"."maintain"`. */
  fn: (name: string) => string;
}

export function trailNames(spec: TrailRef): TrailNames {
  const object = (name: string): string => qualified(spec.schema, name);
  return {
    schema: quoteIdentifier(spec.schema),
    trail: object(spec.table),
    sequence: object(sequenceName(spec)),
    defaultPartition: object(defaultPartitionName(spec)),
    audited: object(SUPPORT.audited),
    suspension: object(SUPPORT.suspension),
    chain: object(SUPPORT.chain),
    horizon: object(SUPPORT.horizon),
    fn: object,
  };
}

/** Tables beside the trail: what is audited, what is suspended, the links of the hash chains and how far they reach. */
export const SUPPORT = {
  audited: 'audited_table',
  suspension: 'suspension',
  chain: 'chain_link',
  horizon: 'chain_horizon',
} as const;

export const sequenceName = (spec: Pick<AuditSpec, 'table'>): string => `${spec.table}_id`;
export const defaultPartitionName = (spec: Pick<AuditSpec, 'table'>): string => `${spec.table}_default`;
export const searchIndexName = (spec: Pick<AuditSpec, 'table'>): string => `${spec.table}_search`;
/** Names of the event triggers, by what they listen to. */
export const guardNames = (spec: Pick<AuditSpec, 'schema'>): Record<'ddl' | 'drop' | 'rewrite', string> => ({
  ddl: `${spec.schema}_guard_ddl`,
  drop: `${spec.schema}_guard_drop`,
  rewrite: `${spec.schema}_guard_table`,
});
/** `key_hash` of what concerns a whole table: with it a row's history finds it as it finds the row's own. Both arguments are SQL. */
export const tableHash = (schema: string, table: string): string =>
  `pg_catalog.jsonb_hash_extended(pg_catalog.jsonb_build_array(${schema}, ${table}), 0)`;
export const cronJobName = (spec: Pick<AuditSpec, 'schema'>): string => `coachdb-${spec.schema}-maintain`;

/** `record_update_public.Student`; cut to PostgreSQL's 63 bytes with a hash where it is longer. */
export function recorderName(operation: ChangeOperation, schema: string, table: string): string {
  const full = `record_${operation.toLowerCase()}_${schema}.${table}`;
  if (Buffer.byteLength(full) <= 63) return full;
  const hash = createHash('sha256').update(full).digest('hex').slice(0, 10);
  let head = full;
  while (Buffer.byteLength(head) > 52) head = head.slice(0, -1);
  return `${head}_${hash}`;
}

export const tableLabel = (table: TableRef): string => `${table.schema}.${table.table}`;

/** `ARRAY['a', 'b']::text[]`, whatever array_nulls and standard_conforming_strings say. */
export function textArray(values: readonly string[]): string {
  return `ARRAY[${values.map((value) => quoteLiteral(value).trim()).join(', ')}]::pg_catalog.text[]`;
}

export const literal = (value: string): string => quoteLiteral(value).trim();
export const json = (value: unknown): string => `${literal(JSON.stringify(value))}::pg_catalog.jsonb`;
