import type { Client } from 'pg';

import { PUBLIC } from '../connection/quote';
import type { PrivilegesSpec } from '../spec';

/** What can carry an access list. `column` stands for a column of a table. */
export type AclKind =
  | 'table'
  | 'column'
  | 'sequence'
  | 'function'
  | 'schema'
  | 'database'
  | 'type'
  | 'language'
  | 'wrapper'
  | 'server'
  | 'largeObject'
  | 'tablespace'
  | 'parameter';

export interface GrantedPrivilege {
  /** A declared role, or `public`. */
  grantee: string;
  privilege: string;
  /** May be granted on. */
  grantable: boolean;
  /** Null: the object's owner. */
  grantor: string | null;
}

export interface AclObject {
  kind: AclKind;
  /** Null where objects of the kind have none. */
  schema: string | null;
  name: string;
  /** Of a function, as PostgreSQL writes it in a statement: `public.f(integer)`. */
  signature: string | null;
  column: string | null;
  owner: string;
  /** Who owns the schema it lies in; null: what it is lies in none, or cannot be handed over by itself. */
  schemaOwner: string | null;
  /** An extension made it. */
  ofExtension: boolean;
  /** Whoever asks is the owner, or holds the owner's rights. */
  mayChange: boolean;
  /** What the owner itself no longer holds, though a new object gives it everything. */
  ownerLacks: string[];
  granted: GrantedPrivilege[];
}

export interface DefaultAcl {
  /** Whose later objects. */
  owner: string;
  /** Null: wherever they are made. */
  schema: string | null;
  /** pg_default_acl.defaclobjtype. */
  objectType: 'r' | 'S' | 'f' | 'T' | 'n' | 'L';
  /** As of an object. */
  mayChange: boolean;
  granted: Pick<GrantedPrivilege, 'grantee' | 'privilege'>[];
}

export interface PrivilegesState {
  objects: AclObject[];
  defaults: DefaultAcl[];
}

interface Source {
  /** SQL, like the rest: an `AclKind`. */
  kind: string;
  from: string;
  /** A table of pg_catalog. */
  classid: string;
  oid: string;
  sub?: string;
  schema?: string;
  name: string;
  signature?: string;
  column?: string;
  owner: string;
  schemaOwner?: string;
  acl: string;
  /** The letter of acldefault(), as SQL. */
  type: string;
}

const NAMESPACE = (column: string): string => `JOIN pg_catalog.pg_namespace n ON n.oid = ${column}`;

/** A type that is no table's, no array's and no range's, which go with theirs. */
const BY_ITSELF = `typtype <> 'm' AND NOT EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.typarray = o.oid)
      AND (typrelid = 0 OR EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = typrelid AND c.relkind = 'c'))`;

const SOURCES: readonly Source[] = [
  {
    kind: `CASE relkind WHEN 'S' THEN 'sequence' ELSE 'table' END`,
    from: `pg_catalog.pg_class o ${NAMESPACE('relnamespace')} WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')`,
    classid: 'pg_class',
    oid: 'o.oid',
    schema: 'nspname',
    name: 'relname',
    owner: 'relowner',
    schemaOwner: 'nspowner',
    acl: 'relacl',
    type: `CASE relkind WHEN 'S' THEN 's' ELSE 'r' END`,
  },
  {
    kind: `'column'`,
    from: `pg_catalog.pg_attribute a JOIN pg_catalog.pg_class o ON o.oid = attrelid ${NAMESPACE('relnamespace')} WHERE attacl IS NOT NULL AND NOT attisdropped`,
    classid: 'pg_class',
    oid: 'o.oid',
    sub: 'attnum',
    schema: 'nspname',
    name: 'relname',
    column: 'attname',
    owner: 'relowner',
    acl: 'attacl',
    type: `'c'`,
  },
  {
    kind: `'function'`,
    from: `pg_catalog.pg_proc o ${NAMESPACE('pronamespace')} WHERE proacl IS NOT NULL OR nspname = ANY ($2)`,
    classid: 'pg_proc',
    oid: 'o.oid',
    schema: 'nspname',
    name: 'proname',
    signature: `o.oid::pg_catalog.regprocedure::text`,
    owner: 'proowner',
    schemaOwner: 'nspowner',
    acl: 'proacl',
    type: `'f'`,
  },
  {
    kind: `'schema'`,
    from: 'pg_catalog.pg_namespace o',
    classid: 'pg_namespace',
    oid: 'o.oid',
    schema: 'nspname',
    name: 'nspname',
    owner: 'nspowner',
    acl: 'nspacl',
    type: `'n'`,
  },
  {
    kind: `'database'`,
    from: 'pg_catalog.pg_database o WHERE datname = pg_catalog.current_database()',
    classid: 'pg_database',
    oid: 'o.oid',
    name: 'datname',
    owner: 'datdba',
    // Never set: the built-in default, by which everybody may connect.
    acl: `coalesce(datacl, pg_catalog.acldefault('d', datdba))`,
    type: `'d'`,
  },
  {
    kind: `'type'`,
    from: `pg_catalog.pg_type o ${NAMESPACE('typnamespace')} WHERE typacl IS NOT NULL OR (nspname = ANY ($2) AND ${BY_ITSELF})`,
    classid: 'pg_type',
    oid: 'o.oid',
    schema: 'nspname',
    name: 'typname',
    owner: 'typowner',
    schemaOwner: 'nspowner',
    acl: 'typacl',
    type: `'T'`,
  },
  global(`'language'`, 'pg_language', 'lanname', 'lanowner', 'lanacl', 'l'),
  global(`'wrapper'`, 'pg_foreign_data_wrapper', 'fdwname', 'fdwowner', 'fdwacl', 'F'),
  global(`'server'`, 'pg_foreign_server', 'srvname', 'srvowner', 'srvacl', 'S'),
  global(`'largeObject'`, 'pg_largeobject_metadata', 'o.oid::text', 'lomowner', 'lomacl', 'L'),
  global(`'tablespace'`, 'pg_tablespace', 'spcname', 'spcowner', 'spcacl', 't'),
  // Parameters belong to nobody; access lists name the bootstrap superuser.
  global(`'parameter'`, 'pg_parameter_acl', 'parname', '10', 'paracl', 'p'),
];

function global(kind: string, table: string, name: string, owner: string, acl: string, type: string): Source {
  const from = `pg_catalog.${table} o WHERE ${acl} IS NOT NULL`;
  return { kind, from, classid: table, oid: 'o.oid', name, owner, acl, type: `'${type}'` };
}

const select = (source: Source): string => {
  const {
    kind,
    from,
    classid,
    oid,
    sub = '0',
    schema = 'NULL',
    name,
    signature = 'NULL',
    column = 'NULL',
    schemaOwner = 'NULL',
  } = source;
  return `SELECT ${kind} AS kind, 'pg_catalog.${classid}'::pg_catalog.regclass AS classid, ${oid} AS objid, ${sub}::int AS subid,
    ${schema}::text AS schema, ${name}::text AS name, ${signature} AS signature, ${column}::text AS "column",
    ${source.owner}::pg_catalog.oid AS owner, ${schemaOwner}::pg_catalog.oid AS "schemaOwner", ${source.acl} AS acl, ${source.type}::"char" AS type FROM ${from}`;
};

/**
 * $1 roles, $2 schemas. Of PUBLIC's privileges, those that PostgreSQL or an extension's script gives by itself are left out, and so is
 * everything in schemas that others made. PUBLIC has the oid 0, as in aclitem.
 */
const OBJECTS = `
  WITH grantees AS (
    SELECT oid, rolname::text AS name FROM pg_catalog.pg_roles WHERE rolname = ANY ($1) UNION ALL SELECT 0, '${PUBLIC}'),
  objects AS (${SOURCES.map(select).join('\n  UNION ALL ')}),
  marked AS (
    SELECT o.*, schema = ANY ($2) AS "isOurs",
           EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = o.classid AND d.objid = o.objid AND d.deptype = 'e') AS "ofExtension",
           coalesce((SELECT initprivs FROM pg_catalog.pg_init_privs i
                     WHERE i.classoid = o.classid AND i.objoid = o.objid AND i.objsubid = o.subid),
                    pg_catalog.acldefault(type, owner)) AS builtin
    FROM objects o)
  SELECT kind, schema, name, signature, "column", pg_catalog.pg_get_userbyid(owner)::text AS owner,
         pg_catalog.pg_get_userbyid("schemaOwner")::text AS "schemaOwner", "ofExtension", pg_catalog.pg_has_role(owner, 'USAGE') AS "mayChange",
         CASE WHEN acl IS NULL OR kind = 'column' THEN '{}' ELSE ARRAY(
           SELECT privilege_type::text FROM pg_catalog.aclexplode(pg_catalog.acldefault(type, owner)) WHERE grantee = owner
           EXCEPT SELECT privilege_type::text FROM pg_catalog.aclexplode(acl) WHERE grantee = owner ORDER BY 1) END AS "ownerLacks",
         coalesce(granted, '[]') AS granted
  FROM marked CROSS JOIN LATERAL (
    SELECT json_agg(json_build_object('grantee', g.name, 'privilege', privilege_type, 'grantable', is_grantable,
                      'grantor', CASE WHEN grantor <> owner THEN pg_catalog.pg_get_userbyid(grantor) END)
                    ORDER BY g.name, privilege_type) AS granted
    FROM pg_catalog.aclexplode(acl) e JOIN grantees g ON g.oid = e.grantee
    WHERE e.grantee <> owner AND (e.grantee <> 0
      OR kind = 'database' OR (kind = 'schema' AND "isOurs")
      OR (("isOurs" OR schema IS NULL OR schema LIKE 'pg\\_%' OR schema = 'information_schema' OR "ofExtension")
          -- information_schema is made after initdb has noted the initial privileges.
          AND (schema IS DISTINCT FROM 'information_schema' OR e.privilege_type NOT IN ('USAGE', 'SELECT'))
          AND NOT EXISTS (SELECT FROM pg_catalog.aclexplode(builtin) b WHERE b.grantee = 0 AND b.privilege_type = e.privilege_type)))) AS h
  WHERE granted IS NOT NULL OR ("isOurs" AND NOT "ofExtension")
  ORDER BY kind, schema, name, signature, "column"`;

const DEFAULTS = `
  WITH grantees AS (
    SELECT oid, rolname::text AS name FROM pg_catalog.pg_roles WHERE rolname = ANY ($1) UNION ALL SELECT 0, '${PUBLIC}')
  SELECT pg_catalog.pg_get_userbyid(defaclrole)::text AS owner, nspname::text AS schema, defaclobjtype::text AS "objectType",
         pg_catalog.pg_has_role(defaclrole, 'USAGE') AS "mayChange",
         json_agg(json_build_object('grantee', g.name, 'privilege', privilege_type) ORDER BY g.name, privilege_type) AS granted
  FROM pg_catalog.pg_default_acl d LEFT JOIN pg_catalog.pg_namespace n ON n.oid = defaclnamespace
  CROSS JOIN LATERAL pg_catalog.aclexplode(defaclacl) e JOIN grantees g ON g.oid = e.grantee
  WHERE e.grantee <> defaclrole
    -- What others give everybody of their own later objects matters in our schemas alone.
    AND (e.grantee <> 0 OR nspname = ANY ($2) OR (defaclnamespace = 0 AND (
           defaclrole IN (SELECT oid FROM grantees) OR pg_catalog.pg_get_userbyid(defaclrole) = current_user)
         AND NOT EXISTS (SELECT FROM pg_catalog.aclexplode(pg_catalog.acldefault(CASE defaclobjtype WHEN 'S' THEN 's' ELSE defaclobjtype END, defaclrole)) b
                         WHERE b.grantee = 0 AND b.privilege_type = e.privilege_type)))
  GROUP BY 1, 2, 3, 4 ORDER BY 1, 2 NULLS FIRST, 3`;

/** Three queries, however many objects there are. */
export async function readPrivileges(
  client: Client,
  { roles, schemas }: Pick<PrivilegesSpec, 'roles' | 'schemas'>,
): Promise<PrivilegesState> {
  // By its estimates worth compiling, which takes ten times as long as running it.
  await client.query(`SELECT pg_catalog.set_config('jit', 'off', false)`);
  const { rows: objects } = await client.query<AclObject>(OBJECTS, [roles, schemas]);
  const { rows: defaults } = await client.query<DefaultAcl>(DEFAULTS, [roles, schemas]);
  return { objects, defaults };
}
