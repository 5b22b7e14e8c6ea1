import type * as pulumi from '@pulumi/pulumi';

import type { ConnectionArgs } from './connection';
import type { Dependents } from './migrationTypes';
import { HandledResource } from './shim';

export interface MigrationsArgs {
  connection: ConnectionArgs;
  /** Folder in Prisma's format, relative to the folder of Pulumi.yaml or absolute. */
  directory: string;
  /** What the folder holds; a preview shows a new entry as the change it is. */
  migrations: { name: string; checksum: string }[];
  apply: 'always' | 'initial';
  role: string;
  schema: string;
  lockTimeoutMs: number;
  statementTimeoutMs: number;
  /** What needs these tables; see `Dependents`. */
  dependents: Omit<Dependents, 'connection'> & { connection: ConnectionArgs };
}

/** A folder of migrations applied in order, each atomic, recorded in `_prisma_migrations`. Deleting it changes no data. */
export class Migrations extends HandledResource {
  constructor(name: string, { dependents, ...args }: MigrationsArgs, options: pulumi.CustomResourceOptions) {
    super('Migrations', name, { ...args, __dependents: dependents }, ['applied', 'pending'], options);
  }
}
