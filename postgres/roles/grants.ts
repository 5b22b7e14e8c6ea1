import type { Client } from 'pg';

import { withTransaction } from '../connection/client';
import { qualified, quoteIdentifier } from '../connection/quote';
import { PlatformError } from '../errors';
import type { DefaultPrivilegesSpec, GrantSpec, ObjectType } from '../spec';

/** PostgreSQL's own list for each type (manual, "Privileges"). */
const PRIVILEGES: Record<ObjectType, readonly string[]> = {
  database: ['CREATE', 'CONNECT', 'TEMPORARY'],
  schema: ['CREATE', 'USAGE'],
  table: ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN'],
  sequence: ['USAGE', 'SELECT', 'UPDATE'],
  function: ['EXECUTE'],
};

/** Kinds of pg_class that a grant on all objects of a type reaches. */
const KINDS = { table: ['r', 'p', 'v', 'm', 'f'], sequence: ['S'] } as const;

function grantee(role: string): string {
  return role.toLowerCase() === 'public' ? 'PUBLIC' : quoteIdentifier(role);
}

/** Privilege words come from settings: only PostgreSQL's own reach SQL. */
function words(objectType: ObjectType, privileges: readonly string[]): string {
  const known = PRIVILEGES[objectType];
  const unknown = privileges.find((privilege) => ![...known, 'ALL'].includes(privilege.toUpperCase()));
  if (unknown !== undefined) {
    throw new PlatformError(
      'privilege-unknown',
      `${unknown} is no privilege on a ${objectType}.`,
      `Give one of ${known.join(', ')}, ALL.`,
      { kind: 'usage', object: unknown },
    );
  }
  return privileges.map((privilege) => privilege.toUpperCase()).join(', ');
}

function target(grant: GrantSpec, database: string): string {
  const { objectType, schema = 'public', objects } = grant;
  if (objectType === 'database') return `DATABASE ${quoteIdentifier(database)}`;
  if (objectType === 'schema') return `SCHEMA ${quoteIdentifier(schema)}`;
  const word = objectType.toUpperCase();
  if (objects.length === 0) return `ALL ${word}S IN SCHEMA ${quoteIdentifier(schema)}`;
  return `${word} ${objects.map((name) => qualified(schema, name)).join(', ')}`;
}

/** Gives the role exactly these privileges on the named objects, in one transaction. Empty: none. */
export async function applyGrant(client: Client, grant: GrantSpec, database: string): Promise<void> {
  const on = target(grant, database);
  const privileges = words(grant.objectType, grant.privileges);
  await withTransaction(client, async () => {
    await client.query(`REVOKE ALL PRIVILEGES ON ${on} FROM ${grantee(grant.role)}`);
    if (privileges !== '') await client.query(`GRANT ${privileges} ON ${on} TO ${grantee(grant.role)}`);
  });
}

/**
 * The role's privileges on the grant's objects: those of the first object that differs from the wanted ones, else the wanted
 * ones. Undefined: the role does not exist.
 */
export async function readGrant(client: Client, grant: GrantSpec, database: string): Promise<string[] | undefined> {
  const role = await roleId(client, grant.role);
  if (role === undefined) return undefined;
  const wanted = sorted(grant.privileges.map((privilege) => privilege.toUpperCase()));
  for (const found of await privilegesOf(client, grant, database, role)) {
    if (sorted(found).join() !== wanted.join()) return sorted(found);
  }
  return wanted;
}

const sorted = (list: readonly string[]): string[] => [...list].sort();

/** 0 stands for PUBLIC, as in aclitem. */
async function roleId(client: Client, role: string): Promise<string | undefined> {
  if (role.toLowerCase() === 'public') return '0';
  const { rows } = await client.query<{ oid: string }>('SELECT oid::text FROM pg_catalog.pg_roles WHERE rolname = $1', [
    role,
  ]);
  return rows[0]?.oid;
}

/** One list of privileges for each object. An ACL that was never set means the built-in default. */
async function privilegesOf(client: Client, grant: GrantSpec, database: string, role: string): Promise<string[][]> {
  const { objectType, schema = 'public', objects } = grant;
  const list = (acl: string): string =>
    `ARRAY(SELECT a.privilege_type::text FROM pg_catalog.aclexplode(${acl}) AS a WHERE a.grantee = $1::oid) AS privileges`;
  const query = async (text: string, values: unknown[]): Promise<string[][]> => {
    const { rows } = await client.query<{ privileges: string[] }>(text, values);
    return rows.map(({ privileges }) => privileges);
  };
  switch (objectType) {
    case 'database':
      return query(
        `SELECT ${list("coalesce(datacl, pg_catalog.acldefault('d', datdba))")} FROM pg_catalog.pg_database WHERE datname = $2`,
        [role, database],
      );
    case 'schema':
      return query(
        `SELECT ${list("coalesce(nspacl, pg_catalog.acldefault('n', nspowner))")} FROM pg_catalog.pg_namespace WHERE nspname = $2`,
        [role, schema],
      );
    case 'function':
      return query(
        `SELECT ${list("coalesce(proacl, pg_catalog.acldefault('f', proowner))")} FROM pg_catalog.pg_proc p
         JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
         WHERE n.nspname = $2 AND (cardinality($3::text[]) = 0 OR p.proname = ANY ($3::text[])) ORDER BY p.oid`,
        [role, schema, objects],
      );
    default:
      return query(
        `SELECT ${list(`coalesce(relacl, pg_catalog.acldefault('${objectType === 'sequence' ? 's' : 'r'}', relowner))`)}
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = $2 AND c.relkind = ANY ($4::"char"[]) AND (cardinality($3::text[]) = 0 OR c.relname = ANY ($3::text[]))
         ORDER BY c.oid`,
        [role, schema, objects, KINDS[objectType]],
      );
  }
}

/** What objects that the owner makes later grant to the role by themselves: exactly these privileges. */
export async function applyDefaultPrivileges(client: Client, defaults: DefaultPrivilegesSpec): Promise<void> {
  const { owner, role, schema, objectType } = defaults;
  const inSchema = schema === '' ? '' : ` IN SCHEMA ${quoteIdentifier(schema)}`;
  const alter = `ALTER DEFAULT PRIVILEGES FOR ROLE ${quoteIdentifier(owner)}${inSchema}`;
  const privileges = words(objectType, defaults.privileges);
  const on = `${objectType.toUpperCase()}S`;
  await withTransaction(client, async () => {
    await client.query(`${alter} REVOKE ALL ON ${on} FROM ${grantee(role)}`);
    if (privileges !== '') await client.query(`${alter} GRANT ${privileges} ON ${on} TO ${grantee(role)}`);
  });
}

const DEFAULT_KINDS = { table: 'r', sequence: 'S', function: 'f' } as const;

export async function readDefaultPrivileges(
  client: Client,
  defaults: DefaultPrivilegesSpec,
): Promise<string[] | undefined> {
  const role = await roleId(client, defaults.role);
  const owner = await roleId(client, defaults.owner);
  if (role === undefined || owner === undefined) return undefined;
  const { rows } = await client.query<{ privilege: string }>(
    `SELECT a.privilege_type::text AS privilege FROM pg_catalog.pg_default_acl d
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace
     CROSS JOIN LATERAL pg_catalog.aclexplode(d.defaclacl) AS a
     WHERE d.defaclrole = $1::oid AND d.defaclobjtype = $2 AND coalesce(n.nspname, '') = $3 AND a.grantee = $4::oid ORDER BY 1`,
    [owner, DEFAULT_KINDS[defaults.objectType], defaults.schema, role],
  );
  return rows.map(({ privilege }) => privilege);
}
