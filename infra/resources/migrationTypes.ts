import type { AuditSpec } from '../../postgres/spec';
import type { Connection } from './connection';
import type { DatabaseIndexInputs } from './databaseIndexTypes';

export interface MigrationEntry {
  name: string;
  /** SHA-256 of migration.sql, in hex. */
  checksum: string;
}

export interface MigrationInputs {
  /** Folder in Prisma's format, absolute or relative to the folder of Pulumi.yaml. */
  directory: string;
  /** What the program found in the folder. */
  migrations: MigrationEntry[];
  /** `initial`: only on a database without any applied migration. */
  apply: 'always' | 'initial';
  /** Migrations run as this role and what they make belongs to it. */
  role: string;
  /** Holds `_prisma_migrations` and whatever a migration makes without naming a schema. */
  schema: string;
  lockTimeoutMs: number;
  statementTimeoutMs: number;
  connection: Connection;
  /** Computed for previews: what will be applied, one line each. */
  plan?: string[];
  /** What the same run declares that needs these tables: judged before anything is applied, as far as that can be done. */
  __dependents?: Dependents;
}

export interface Dependents {
  /** The administrator's. */
  connection: Connection;
  /** Owner of the indexed tables. */
  role: string;
  /** Every role that the run declares. */
  roles: string[];
  extensions: { name: string; schema?: string; version?: string }[];
  indexes: Omit<DatabaseIndexInputs, 'role' | 'connection' | 'plan'>[];
  audit: AuditSpec;
}

export interface MigrationOutputs extends MigrationInputs {
  /** What the database has recorded, in the order it ran. */
  applied: MigrationEntry[];
  /** Names of those in `migrations` that the database has not. */
  pending: string[];
}
