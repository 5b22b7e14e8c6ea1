import { isAbsolute, relative } from 'node:path';

import * as pulumi from '@pulumi/pulumi';

import type { ConnectionArgs } from '../../infra/resources/connection';
import type { MigrationEntry } from '../../infra/resources/migrations';
import { Migrations, type MigrationsArgs } from '../../infra/resources/migrations';
import { readMigrationFolder } from '../../postgres/migrations/folder';
import type { MigrationsSpec } from '../../postgres/spec';
import type { Credentials } from '../database/credentials';

/** What the folder holds. To be read before anything is declared: a folder that is missing or unfit then stops the program in time. */
export function declaredMigrations({ directory }: MigrationsSpec): MigrationEntry[] {
  return readMigrationFolder(directory).migrations.map(({ name, checksum }) => ({ name, checksum }));
}

export interface ApplicationSchemaArgs {
  migrations: MigrationsSpec;
  entries: readonly MigrationEntry[];
  /** Absolute; a folder below it is declared relative to it. */
  projectRoot: string;
  /** Where the database is; who logs in is the migrations' own. */
  connection: Omit<ConnectionArgs, 'user' | 'password'>;
  credentials: Credentials;
  dependents: MigrationsArgs['dependents'];
  /** Database, roles, extensions and default privileges: everything a migration may rely on. */
  after: readonly pulumi.Resource[];
  server?: pulumi.Resource;
}

/** The application's tables: its migrations, applied as `migrations.apply` says. */
export class ApplicationSchema extends pulumi.ComponentResource {
  readonly migrations: Migrations;

  constructor(name: string, args: ApplicationSchemaArgs, options?: pulumi.ComponentResourceOptions) {
    super('coach:schema:ApplicationSchema', name, {}, options);
    const { login, ...declared } = args.migrations;
    this.migrations = new Migrations(
      `${name}-migrations`,
      {
        ...declared,
        directory: relativeBelow(args.projectRoot, declared.directory),
        connection: { ...args.connection, user: login, password: args.credentials.of(login) },
        migrations: [...args.entries],
        dependents: args.dependents,
      },
      {
        parent: this,
        dependsOn: [...args.after],
        ...(args.server === undefined ? {} : { deletedWith: args.server }),
      },
    );
    this.registerOutputs({});
  }
}

function relativeBelow(root: string, directory: string): string {
  const path = relative(root, directory);
  return path.startsWith('..') || isAbsolute(path) ? directory : path;
}
