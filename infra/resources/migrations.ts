import type * as pulumi from '@pulumi/pulumi';

import type { AuditSpec, ExtensionSpec, IndexSpec, MigrationsSpec } from '../../postgres/spec';
import type { ConnectionArgs } from './connection';
import { HandledResource } from './shim';

export interface MigrationEntry {
  name: string;
  /** SHA-256 of migration.sql, in hex. */
  checksum: string;
}

/** `directory` is relative to the folder of Pulumi.yaml where it lies below it; `connection` logs in as `login`. */
interface Declaration extends Omit<MigrationsSpec, 'login'> {
  connection: ConnectionArgs;
  /** What the folder holds; a preview shows a new entry as the change it is. */
  migrations: MigrationEntry[];
}

/** What the same run declares that needs these tables: judged before anything is applied, as far as that can be done. */
interface DependentsArgs {
  /** The administrator's. */
  connection: ConnectionArgs;
  /** Owner of the indexed tables. */
  role: string;
  /** Every role that the run declares. */
  roles: string[];
  extensions: ExtensionSpec[];
  indexes: IndexSpec[];
  audit: AuditSpec;
}

export interface MigrationsArgs extends Declaration {
  dependents: DependentsArgs;
}

/** As the handler gets them. */
export type Dependents = pulumi.Unwrap<DependentsArgs>;
export type MigrationInputs = pulumi.Unwrap<Declaration> & {
  /** Computed for previews: what will be applied, one line each. */
  plan?: string[];
  __dependents?: Dependents;
};

export type MigrationOutputs = MigrationInputs & {
  /** What the database has recorded, in the order it ran. */
  applied: MigrationEntry[];
  /** Names of those in `migrations` that the database has not. */
  pending: string[];
};

/** A folder of migrations applied in order, each atomic, recorded in `_prisma_migrations`. Deleting it changes no data. */
export class Migrations extends HandledResource {
  constructor(name: string, { dependents, ...args }: MigrationsArgs, options: pulumi.CustomResourceOptions) {
    super('Migrations', name, { ...args, __dependents: dependents }, ['applied', 'pending'], options);
  }
}
