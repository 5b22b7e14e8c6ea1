import { isAbsolute, join } from 'node:path';

import * as postgresql from '@pulumi/postgresql';
import type * as pulumi from '@pulumi/pulumi';

import type { Credentials } from '../components/database/credentials';
import { Database } from '../components/database/database';
import { Roles } from '../components/database/roles';
import { Audit } from '../components/schema/audit';
import { Indexes } from '../components/schema/indexes';
import { ApplicationSchema, type declaredMigrations } from '../components/schema/migrations';
import { Rights } from '../components/schema/rights';
import type { DatabaseAddress } from '../infra/config/access';
import type { DatabaseSpec } from '../infra/config/databaseSpec';

export interface ObjectsArgs {
  spec: DatabaseSpec;
  /** What the migrations folder holds. */
  migrations: ReturnType<typeof declaredMigrations>;
  credentials: Credentials;
  /** Known values: outputs would make every object show as an update whenever the server changes. */
  address: DatabaseAddress;
  adminUser: string;
  /** Absolute; a migrations folder below it is declared relative to it, so that a moved checkout changes nothing. */
  projectRoot: string;
  /** What has to run before anything can be declared in it. */
  server?: pulumi.Resource;
}

/** Everything inside a PostgreSQL server that the deploying machine can reach (`database.access: direct`). */
export function declareObjects(args: ObjectsArgs): void {
  const { spec, migrations, credentials, address, adminUser, projectRoot, server } = args;
  const { host, port, sslMode = 'disable', caFile } = address;
  const password = credentials.of(adminUser);
  const provider = new postgresql.Provider(
    'database-server',
    {
      host,
      port,
      username: adminUser,
      password,
      sslmode: sslMode,
      // A provider runs in the program's folder, dist/infra; an absolute path would be true of this machine's folder alone.
      ...(caFile === undefined ? {} : { sslrootcert: isAbsolute(caFile) ? caFile : join('..', '..', caFile) }),
      superuser: true,
      connectTimeout: 15,
    },
    server === undefined ? {} : { dependsOn: server },
  );
  const along = server === undefined ? {} : { server };
  const connection = { ...address, database: spec.name, user: adminUser, password };

  const roles = new Roles('role', { roles: spec.roles, credentials, provider, ...along });
  const allRoles = [...roles.byName.values()];
  const database = new Database('database', {
    databaseName: spec.name,
    owner: adminUser,
    schemas: spec.schemas,
    extensions: spec.extensions,
    grants: spec.grants,
    defaultPrivileges: spec.defaultPrivileges,
    provider,
    connection,
    roles: roles.byName,
    ...along,
  });
  const schema = new ApplicationSchema('application', {
    migrations: spec.migrations,
    entries: migrations,
    projectRoot,
    connection,
    credentials,
    dependents: {
      connection,
      role: spec.owner,
      roles: spec.roles.map(({ name }) => name),
      extensions: spec.extensions,
      indexes: spec.indexes,
      audit: spec.audit,
    },
    after: [...allRoles, ...database.ready],
    ...along,
  });
  const { indexes } = new Indexes('indexes', {
    indexes: spec.indexes,
    connection,
    role: spec.owner,
    after: [schema.migrations],
    ...along,
  });
  const rights = new Rights('privileges', {
    privileges: {
      roles: spec.roles.map(({ name }) => name),
      schemas: spec.schemas.map(({ name }) => name),
      grants: spec.grants,
      defaultPrivileges: spec.defaultPrivileges,
      trail: spec.audit.schema,
    },
    connection,
    after: [...database.ready, schema.migrations],
    ...along,
  });
  new Audit('audit', {
    audit: spec.audit,
    connection,
    after: [...allRoles, schema.migrations, rights.privileges, ...indexes],
    ...along,
  });
}
