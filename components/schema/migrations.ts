import { isAbsolute, relative } from 'node:path';

import * as pulumi from '@pulumi/pulumi';

import type { ConnectionArgs } from '../../infra/resources/connection';
import { Migrations } from '../../infra/resources/migrations';
import { readMigrationFolder } from '../../postgres/migrations/folder';
import type { MigrationsSpec } from '../../postgres/spec';

export interface ApplicationSchemaArgs {
  migrations: MigrationsSpec;
  /** Absolute; a folder below it is declared relative to it. */
  projectRoot: string;
  connection: ConnectionArgs;
  /** Database, roles, extensions and default privileges: everything a migration may rely on. */
  after: readonly pulumi.Resource[];
  server?: pulumi.Resource;
}

/** The application's tables: its migrations, applied as `migrations.apply` says. */
export class ApplicationSchema extends pulumi.ComponentResource {
  readonly migrations: Migrations;

  constructor(name: string, args: ApplicationSchemaArgs, options?: pulumi.ComponentResourceOptions) {
    super('coach:schema:ApplicationSchema', name, {}, options);
    const { migrations } = readMigrationFolder(args.migrations.directory);
    this.migrations = new Migrations(
      `${name}-migrations`,
      {
        ...args.migrations,
        directory: relativeBelow(args.projectRoot, args.migrations.directory),
        connection: args.connection,
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
