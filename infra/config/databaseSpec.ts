import { isAbsolute, join } from 'node:path';

import { PUBLIC } from '../../postgres/connection/quote';
import { inOrderOfRequirement } from '../../postgres/extensions/requires';
import type {
  DatabaseSpec,
  DefaultPrivilegesSpec,
  GrantSpec,
  ObjectType,
  RoleSpec,
  SchemaSpec,
} from '../../postgres/spec';
import { APPLICATION_SCHEMA } from '../../postgres/spec/objects';
import { PlatformError } from '../../system/errors';
import { effectiveParameters, type Machine } from './parameters';
import { schemasOfExtensions } from './schemaSettings';
import type { Settings } from './settings';

export type { DatabaseSpec } from '../../postgres/spec';

export interface SpecContext {
  /** Absolute; what `app.directory` counts from. */
  projectRoot: string;
  /** Where the server runs, for `tuning: auto`. */
  machine?: Machine;
}

/**
 * The one description of the database, derived from settings: pure, so the same settings give the same spec. Throws a `usage`
 * PlatformError when `tuning: auto` meets an unknown machine or the project's root is not absolute.
 */
export function databaseSpec(settings: Settings, { projectRoot, machine }: SpecContext): DatabaseSpec {
  const { roles, audit } = settings;
  return {
    name: settings.database.name,
    owner: roles.owner.name,
    access: settings.database.access,
    parameters: effectiveParameters(settings, machine),
    roles: roleSpecs(settings),
    schemas: schemaSpecs(settings),
    grants: grants(settings),
    defaultPrivileges: defaultPrivileges(settings),
    extensions: inOrderOfRequirement(settings.extensions),
    migrations: {
      directory: migrationsDirectory(settings, projectRoot),
      apply: settings.migrations.apply,
      login: roles.migrator.name,
      role: roles.owner.name,
      schema: APPLICATION_SCHEMA,
      lockTimeoutMs: settings.migrations.lockTimeoutMs,
      statementTimeoutMs: settings.migrations.statementTimeoutMs,
    },
    indexes: settings.indexes,
    audit: {
      schema: audit.schema,
      table: audit.table,
      owner: roles.auditOwner.name,
      readers: [roles.auditor.name],
      loaders: [...new Set([roles.loader.name, ...audit.loaders])],
      dumpers: [roles.backup.name],
      tables: audit.tables
        .filter(({ enabled }) => enabled)
        .map(({ schema, table, exclude, redact }) => ({
          schema,
          table,
          ...(exclude.length === 0 ? {} : { exclude }),
          ...(redact.length === 0 ? {} : { redact }),
        })),
      retentionMonths: audit.retentionMonths,
      monthsAhead: audit.monthsAhead,
      hashChain: audit.hashChain,
    },
  };
}

/** The folder `prisma` of the application: its checkout where `app.directory` names one, else the `app` folder here. */
export function applicationDirectory(settings: Pick<Settings, 'app'>, projectRoot: string): string {
  if (!isAbsolute(projectRoot)) {
    throw new PlatformError(
      'project-root',
      `The project’s root ${projectRoot} is not an absolute path.`,
      'This is a mistake of the caller: pass the folder that holds Pulumi.yaml.',
      { kind: 'usage', object: projectRoot },
    );
  }
  const directory = settings.app.directory ?? 'app';
  return isAbsolute(directory) ? directory : join(projectRoot, directory);
}

const migrationsDirectory = (settings: Settings, projectRoot: string): string =>
  join(applicationDirectory(settings, projectRoot), 'prisma', 'migrations');

/** The roles that have a password. */
export const loginRoles = (settings: Pick<Settings, 'roles'>): string[] =>
  roleSpecs(settings)
    .filter(({ login }) => login)
    .map(({ name }) => name);

function roleSpecs({ roles }: Pick<Settings, 'roles'>): RoleSpec[] {
  const plain = {
    connectionLimit: -1,
    memberOf: [],
    inherit: true,
    superuser: false,
    createDatabase: false,
    createRole: false,
    replication: false,
    bypassRowLevelSecurity: false,
  };
  return [
    { ...plain, ...roles.owner, purpose: 'owner', login: false },
    // Works as the owner from its login on, so that whatever it makes is the owner's and default privileges apply.
    {
      ...plain,
      ...roles.migrator,
      purpose: 'migrator',
      login: true,
      memberOf: [roles.owner.name],
      assumeRole: roles.owner.name,
    },
    // Itself until it says SET ROLE: the trail is suspended by it and never by the owner, who would be every migration.
    { ...plain, ...roles.loader, purpose: 'loader', login: true, memberOf: [roles.owner.name], inherit: false },
    { ...plain, ...roles.application, purpose: 'application', login: true },
    { ...plain, ...roles.readOnly, purpose: 'readOnly', login: true },
    { ...plain, ...roles.monitor, purpose: 'monitor', login: true, memberOf: ['pg_monitor'] },
    { ...plain, ...roles.auditor, purpose: 'auditor', login: true },
    { ...plain, ...roles.backup, purpose: 'backup', login: true, memberOf: ['pg_read_all_data'] },
    { ...plain, ...roles.auditOwner, purpose: 'auditOwner', login: false },
  ];
}

/** What a role may do with every table and sequence of the application's schema, present and future. */
function objectPrivileges({
  roles,
}: Settings): { role: string; objectType: 'table' | 'sequence'; privileges: string[] }[] {
  return [
    { role: roles.application.name, objectType: 'table', privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] },
    { role: roles.application.name, objectType: 'sequence', privileges: ['USAGE', 'SELECT'] },
    { role: roles.readOnly.name, objectType: 'table', privileges: ['SELECT'] },
    { role: roles.readOnly.name, objectType: 'sequence', privileges: ['SELECT'] },
  ];
}

/** `public`, the declared ones, and those that extensions are put in. */
function schemaSpecs({ roles, schemas, extensions }: Settings): SchemaSpec[] {
  const owners = new Map([[APPLICATION_SCHEMA, roles.owner.name]]);
  for (const { name, owner } of schemas) owners.set(name, owner ?? roles.owner.name);
  for (const name of schemasOfExtensions({ extensions })) owners.set(name, owners.get(name) ?? roles.owner.name);
  return [...owners].map(([name, owner]) => ({ name, owner }));
}

/** Each grant is exact: what a role holds beside them on an object is revoked. */
function grants(settings: Settings): GrantSpec[] {
  const { roles } = settings;
  const grant = (
    role: string,
    objectType: ObjectType,
    privileges: string[],
    schema = APPLICATION_SCHEMA,
  ): GrantSpec => ({
    role,
    objectType,
    ...(objectType === 'database' ? {} : { schema }),
    objects: [],
    privileges,
  });
  const usesExtensions = [roles.owner, roles.application, roles.readOnly, roles.monitor];
  return merged([
    grant(PUBLIC, 'database', []),
    // Without CREATE neither CREATE SCHEMA IF NOT EXISTS nor a trusted extension works in a migration.
    grant(roles.owner.name, 'database', ['CREATE', 'TEMPORARY']),
    ...loginRoles(settings).map((name) => grant(name, 'database', ['CONNECT'])),
    // Before PostgreSQL 15 everybody could create in public, and a database keeps that through upgrades.
    grant(PUBLIC, 'schema', ['USAGE']),
    grant(roles.application.name, 'schema', ['USAGE']),
    grant(roles.readOnly.name, 'schema', ['USAGE']),
    ...objectPrivileges(settings).map(({ role, objectType, privileges }) => grant(role, objectType, privileges)),
    ...schemasOfExtensions(settings).flatMap((schema) =>
      usesExtensions.map(({ name }) => grant(name, 'schema', ['USAGE'], schema)),
    ),
    ...settings.schemas.flatMap(({ name, grants: given }) =>
      given.map((each): GrantSpec => ({ ...each, schema: name })),
    ),
  ]).filter((each) => !isOwners(settings, each));
}

/** One grant for each role and object, with all its privileges. */
function merged<T extends { privileges: string[] }>(all: readonly T[]): T[] {
  const byTarget = new Map<string, T>();
  for (const each of all) {
    const key = JSON.stringify(Object.entries({ ...each, privileges: undefined }).sort());
    const privileges = [...new Set([...(byTarget.get(key)?.privileges ?? []), ...each.privileges])];
    byTarget.set(key, { ...each, privileges });
  }
  return [...byTarget.values()];
}

/** A schema's owner holds everything in it that its own privileges could say. */
function isOwners(settings: Settings, { objectType, role, schema }: GrantSpec): boolean {
  return objectType === 'schema' && schemaSpecs(settings).some(({ name, owner }) => name === schema && owner === role);
}

function defaultPrivileges(settings: Settings): DefaultPrivilegesSpec[] {
  const ofApplication = objectPrivileges(settings).map(({ role, objectType, privileges }) => ({
    owner: settings.roles.owner.name,
    role,
    schema: APPLICATION_SCHEMA,
    objectType,
    privileges,
  }));
  const ofSchemas = settings.schemas.flatMap(({ name, owner = settings.roles.owner.name, grants: given }) =>
    given.flatMap(({ role, objectType, objects, privileges }): DefaultPrivilegesSpec[] =>
      objectType === 'schema' || objects.length > 0 || role === owner
        ? []
        : [{ owner, role, schema: name, objectType, privileges }],
    ),
  );
  return merged([...ofApplication, ...ofSchemas]);
}
