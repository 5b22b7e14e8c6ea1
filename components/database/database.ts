import * as postgresql from '@pulumi/postgresql';
import * as pulumi from '@pulumi/pulumi';

import type { ConnectionArgs } from '../../infra/resources/connection';
import { LoginSettings } from '../../infra/resources/loginSettings';
import { Schemas } from '../../infra/resources/schemas';
import { NEW_DATABASE } from '../../postgres/roles/database';
import type { DefaultPrivilegesSpec, ExtensionSpec, GrantSpec, SchemaSpec } from '../../postgres/spec';

export interface DatabaseArgs {
  /** Changing it renames the database. */
  databaseName: string;
  /** The administrator: nobody who logs in otherwise can become the owner, who may drop the database from another one. */
  owner: string;
  schemas: readonly SchemaSpec[];
  extensions: readonly ExtensionSpec[];
  /** Those on the database and its schemas are made here; what lies in the schemas is `Rights`', after the migrations. */
  grants: readonly GrantSpec[];
  defaultPrivileges: readonly DefaultPrivilegesSpec[];
  provider: postgresql.Provider;
  connection: ConnectionArgs;
  /** Roles that owners and grants name, by name. */
  roles: ReadonlyMap<string, pulumi.Resource>;
  server?: pulumi.Resource;
}

/** The application's database: schemas, extensions, who may do what in it, and what later tables grant by themselves. */
export class Database extends pulumi.ComponentResource {
  readonly database: postgresql.Database;
  /** The last object made: what uses the database depends on it. */
  readonly ready: readonly pulumi.Resource[];

  constructor(name: string, args: DatabaseArgs, options?: pulumi.ComponentResourceOptions) {
    super('coach:database:Database', name, {}, options);
    const roles = [...args.roles.values()];
    const along = args.server === undefined ? {} : { deletedWith: args.server };
    const shared = { parent: this, provider: args.provider, ...along };
    this.database = new postgresql.Database(
      name,
      {
        name: args.databaseName,
        owner: args.owner,
        ...NEW_DATABASE,
      },
      { ...shared, dependsOn: roles, protect: true },
    );
    const own = { parent: this, dependsOn: [this.database, ...roles], ...along };
    const settings = new LoginSettings(
      `${name}-login-settings`,
      { database: args.databaseName, roles: [...args.roles.keys()], connection: args.connection },
      own,
    );
    const schemas = new Schemas(
      `${name}-schemas`,
      { schemas: [...args.schemas], connection: args.connection },
      { ...own, dependsOn: [...own.dependsOn, settings] },
    );
    const made = [this.database, ...roles, settings, schemas];
    const extensions = this.createExtensions(name, args, shared, made);
    const grants = createGrants(name, args.databaseName, args.grants, shared, made);
    const defaults = this.createDefaultPrivileges(name, args, shared, made);
    this.ready = [...made, ...extensions, ...grants, ...defaults];
    this.registerOutputs({});
  }

  private createExtensions(
    name: string,
    args: DatabaseArgs,
    shared: pulumi.CustomResourceOptions,
    after: readonly pulumi.Resource[],
  ): postgresql.Extension[] {
    const made: postgresql.Extension[] = [];
    for (const extension of args.extensions) {
      made.push(
        new postgresql.Extension(
          `${name}-${extension.name}`,
          { ...extension, database: args.databaseName },
          // One after the other, as they require each other: they are dropped the other way round.
          { ...shared, dependsOn: [...after, ...made.slice(-1)] },
        ),
      );
    }
    return made;
  }

  private createDefaultPrivileges(
    name: string,
    args: DatabaseArgs,
    shared: pulumi.CustomResourceOptions,
    after: readonly pulumi.Resource[],
  ): postgresql.DefaultPrivileges[] {
    const made: postgresql.DefaultPrivileges[] = [];
    for (const defaults of args.defaultPrivileges) {
      const logical = `${name}-default-${defaults.role}-${defaults.schema}-${defaults.objectType}`;
      const dependsOn = [...after, ...made.slice(-1)];
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
function createGrants(
  name: string,
  databaseName: string,
  grants: readonly GrantSpec[],
  shared: pulumi.CustomResourceOptions,
  after: readonly pulumi.Resource[],
): postgresql.Grant[] {
  const made: postgresql.Grant[] = [];
  for (const { role, objectType, schema, privileges } of grants) {
    if (objectType !== 'database' && objectType !== 'schema') continue;
    const logical = [name, role, schema, objectType].filter((part) => part !== undefined).join('-');
    made.push(
      new postgresql.Grant(
        logical,
        {
          database: databaseName,
          role,
          objectType,
          privileges: [...privileges],
          ...(schema === undefined ? {} : { schema }),
        },
        { ...shared, dependsOn: [...after, ...made.slice(-1)] },
      ),
    );
  }
  return made;
}
