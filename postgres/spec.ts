/**
 * DatabaseSpec: the one description of the database. Plain data derived from settings; declaration, drift, health and
 * verification all read it. No secrets, no Outputs, no paths outside `migrations.directory`.
 */

import type { InferOutput } from 'valibot';

import type { audit, extension, index, migrations } from './spec/objects';
import type { parameterValue } from './spec/values';

/** What is asked of TLS: nothing, or a certificate for this very host by a known authority. */
export const SSL_MODES = ['disable', 'verify-full'] as const;
export type SslMode = (typeof SSL_MODES)[number];

/** Where and as whom to connect. Passwords travel here in memory only. */
export interface ConnectionTarget {
  host: string;
  port: number;
  database: string;
  user: string;
  password?: string;
  /** Asked for a password of a few minutes before each connection, instead of `password`. */
  token?: () => Promise<string>;
  /** `disable`, the default, reaches this machine alone. There is no `require`: it would verify nobody. */
  sslMode?: SslMode;
  /** Certificates of the authority, PEM; `verify-full` needs it or `authorities`. */
  caFile?: string;
  /** Certificates as PEM texts, beside those of the file. */
  authorities?: readonly string[];
}

/** A server parameter as a person writes it: `256MB`, `on`, 3, `0.9`, `30s`. */
export type ParameterValue = InferOutput<typeof parameterValue>;
export type Parameters = Record<string, ParameterValue>;

export interface RoleSpec {
  name: string;
  login: boolean;
  /** -1: no limit. */
  connectionLimit: number;
  /** Roles this one is a member of; exact: any other membership is revoked. */
  memberOf: string[];
  inherit: boolean;
  /** `SET ROLE` at login. */
  assumeRole?: string;
  superuser: boolean;
  createDatabase: boolean;
  createRole: boolean;
  replication: boolean;
  bypassRowLevelSecurity: boolean;
  purpose:
    'owner' | 'migrator' | 'loader' | 'application' | 'readOnly' | 'monitor' | 'auditor' | 'backup' | 'auditOwner';
}

/** What lies in a schema and carries rights of its own. */
export const SCHEMA_OBJECTS = ['table', 'sequence', 'function'] as const;
export type SchemaObject = (typeof SCHEMA_OBJECTS)[number];
export type ObjectType = 'database' | 'schema' | SchemaObject;

export interface GrantSpec {
  role: string;
  objectType: ObjectType;
  schema?: string;
  /** Empty: every object of that type in the schema. */
  objects: string[];
  /** Empty: revokes everything. */
  privileges: string[];
}

export interface DefaultPrivilegesSpec {
  owner: string;
  role: string;
  schema: string;
  objectType: SchemaObject;
  privileges: string[];
}

/** A schema and the role that owns it; made where it is missing, never dropped. */
export interface SchemaSpec {
  name: string;
  owner: string;
}

/** Whose rights inside one database are exactly the declared ones. */
export interface PrivilegesSpec {
  /** Every declared role: what it holds beside `grants`, on whatever object, is revoked. */
  roles: string[];
  /** Schemas in which PUBLIC, too, holds the declared rights and PostgreSQL's own defaults alone. */
  schemas: string[];
  /** Every grant there is in the database. On tables, sequences and functions they are made as well. */
  grants: GrantSpec[];
  /** Every default privilege there is. */
  defaultPrivileges: DefaultPrivilegesSpec[];
  /** The trail's schema: whole objects in it are the trail's own business. */
  trail: string;
}

/** Where nothing may be set beside the declaration: ALTER DATABASE, ALTER ROLE, ALTER ROLE IN DATABASE, ALTER ROLE ALL ... SET. */
export interface LoginSettingsSpec {
  database: string;
  /** Every declared role. */
  roles: string[];
}

export type ExtensionSpec = InferOutput<typeof extension>;
export type IndexSpec = InferOutput<typeof index>;
export type IndexColumn = IndexSpec['columns'][number];

type AuditSettings = InferOutput<typeof audit>;
type AuditedTableSettings = AuditSettings['tables'][number];

/** Columns to exclude or redact: absent for none, as the states of before have it. */
export type AuditedTable = Pick<AuditedTableSettings, 'schema' | 'table'> &
  Partial<Pick<AuditedTableSettings, 'exclude' | 'redact'>>;

export interface AuditSpec extends Omit<AuditSettings, 'tables' | 'loaders'> {
  /** Owns schema, table and functions; nobody logs in as it. */
  owner: string;
  /** May read the trail. */
  readers: string[];
  /** Default: superusers alone. */
  loaders?: string[];
  /** May read every partition of the trail, to dump the database. Default: superusers alone. */
  dumpers?: string[];
  tables: AuditedTable[];
}

export interface MigrationsSpec extends InferOutput<ReturnType<typeof migrations>> {
  /** Absolute path of the folder in Prisma's format. */
  directory: string;
  /** Who logs in to migrate: a member of `role` and never a superuser, so that RESET ROLE inside a migration leads nowhere else. */
  login: string;
  /** The role migrations run as, by SET ROLE, and what they make belongs to. */
  role: string;
  schema: string;
}

export interface DatabaseSpec {
  name: string;
  /** Of the tables and their schema. The database itself belongs to the administrator. */
  owner: string;
  access: 'direct' | 'function';
  parameters: Parameters;
  roles: RoleSpec[];
  schemas: SchemaSpec[];
  grants: GrantSpec[];
  defaultPrivileges: DefaultPrivilegesSpec[];
  extensions: ExtensionSpec[];
  migrations: MigrationsSpec;
  indexes: IndexSpec[];
  audit: AuditSpec;
}
