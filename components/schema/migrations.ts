import { isAbsolute, relative } from 'node:path';

import * as pulumi from '@pulumi/pulumi';

import type { ConnectionArgs } from '../../infra/resources/connection';
import { Migrations } from '../../infra/resources/migrations';
import { readMigrationFolder } from '../../postgres/migrations/folder';
import type { MigrationsSpec } from '../../postgres/spec';
import type { Credentials } from '../database/credentials';

export interface ApplicationSchemaArgs {
  migrations: MigrationsSpec;
  /** Absolute; a folder below it is declared relative to it. */
  projectRoot: string;
  /** Where the database is; who logs in is the migrations' own. */
  connection: Omit<ConnectionArgs, 'user' | 'password'>;
  credentials: Credentials;
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
    const { migrations } = readMigrationFolder(declared.directory);
    this.migrations = new Migrations(
      `${name}-migrations`,
      {
        ...declared,
        directory: relativeBelow(args.projectRoot, declared.directory),
        connection: { ...args.connection, user: login, password: args.credentials.of(login) },
        migrations: migrations.map(({ name: migration, checksum }) => ({ name: migration, checksum })),
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
