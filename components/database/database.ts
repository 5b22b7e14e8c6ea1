import * as postgresql from '@pulumi/postgresql';
import * as pulumi from '@pulumi/pulumi';

import type { DefaultPrivilegesSpec, ExtensionSpec, GrantSpec } from '../../postgres/spec';

export interface DatabaseArgs {
  /** Changing it replaces the database, which is protected: such a change is refused. */
  databaseName: string;
  owner: string;
  extensions: readonly ExtensionSpec[];
  /** Grants on the database and its schemas; those on tables belong to `TableGrants`, after the migrations. */
  grants: readonly GrantSpec[];
  defaultPrivileges: readonly DefaultPrivilegesSpec[];
  provider: postgresql.Provider;
  /** Roles that owner and grants name. */
  roles: readonly pulumi.Resource[];
  server?: pulumi.Resource;
}

/** The application's database: owner, extensions, who may do what in it, and what later tables grant by themselves. */
export class Database extends pulumi.ComponentResource {
  readonly database: postgresql.Database;
  /** The last object made: what uses the database depends on it. */
  readonly ready: readonly pulumi.Resource[];

  constructor(name: string, args: DatabaseArgs, options?: pulumi.ComponentResourceOptions) {
    super('coach:database:Database', name, {}, options);
    const shared = {
      parent: this,
      provider: args.provider,
      ...(args.server === undefined ? {} : { deletedWith: args.server }),
    };
    this.database = new postgresql.Database(
      name,
      {
        name: args.databaseName,
        owner: args.owner,
        encoding: 'UTF8',
        lcCollate: 'C.UTF-8',
        lcCtype: 'C.UTF-8',
        template: 'template0',
      },
      { ...shared, dependsOn: [...args.roles], protect: true },
    );
    const extensions = this.createExtensions(name, args, shared);
    const grants = createGrants(name, args.databaseName, args.grants, shared, [this.database, ...args.roles]);
    const defaults = this.createDefaultPrivileges(name, args, shared);
    this.ready = [this.database, ...extensions, ...grants, ...defaults];
    this.registerOutputs({});
  }

  private createExtensions(
    name: string,
    args: DatabaseArgs,
    shared: pulumi.CustomResourceOptions,
  ): postgresql.Extension[] {
    return args.extensions.map(
      (extension) =>
        new postgresql.Extension(
          `${name}-${extension.name}`,
          { ...extension, database: args.databaseName },
          { ...shared, dependsOn: [this.database] },
        ),
    );
  }

  private createDefaultPrivileges(
    name: string,
    args: DatabaseArgs,
    shared: pulumi.CustomResourceOptions,
  ): postgresql.DefaultPrivileges[] {
    const made: postgresql.DefaultPrivileges[] = [];
    for (const defaults of args.defaultPrivileges) {
      const logical = `${name}-default-${defaults.role}-${defaults.schema}-${defaults.objectType}`;
      const previous = made.slice(-1);
      const dependsOn = [this.database, ...args.roles, ...previous];
      made.push(
        new postgresql.DefaultPrivileges(
          logical,
          { ...defaults, database: args.databaseName },
          { ...shared, dependsOn },
        ),
      );
    }
    return made;
  }
}

/**
 * Grants, one after the other: PostgreSQL refuses two at once on the same object ("tuple concurrently updated"). All of
 * them come after `after`.
 */
export function createGrants(
  name: string,
  databaseName: string,
  grants: readonly GrantSpec[],
  shared: pulumi.CustomResourceOptions,
  after: readonly pulumi.Resource[],
): postgresql.Grant[] {
  const made: postgresql.Grant[] = [];
  for (const { role, objectType, schema, objects, privileges } of grants) {
    const logical = [name, role, schema, objectType, ...objects].filter((part) => part !== undefined).join('-');
    made.push(
      new postgresql.Grant(
        logical,
        {
          database: databaseName,
          role,
          objectType,
          privileges: [...privileges],
          ...(schema === undefined ? {} : { schema }),
          ...(objects.length === 0 ? {} : { objects: [...objects] }),
        },
        { ...shared, dependsOn: [...after, ...made.slice(-1)] },
      ),
    );
  }
  return made;
}
