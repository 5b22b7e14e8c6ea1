import type { Client } from 'pg';

import { PUBLIC } from '../connection/quote';
import type { GrantSpec, ObjectType } from '../spec';
import { samePrivileges } from './privileges';

/** What a role holds on one object. */
export interface Granted {
  object: string;
  /** Sorted. */
  privileges: string[];
  /** Some of it may be granted on. */
  withGrantOption: boolean;
  /** Those besides the owner who granted something of it. */
  foreignGrantors: string[];
}

/** name, acl and owner of the objects. An access list that was never set means the built-in default. */
const OBJECTS: Record<ObjectType, string> = {
  database: `SELECT datname AS name, coalesce(datacl, pg_catalog.acldefault('d', datdba)) AS acl, datdba AS owner
             FROM pg_catalog.pg_database WHERE datname = $2`,
  schema: `SELECT nspname AS name, coalesce(nspacl, pg_catalog.acldefault('n', nspowner)) AS acl, nspowner AS owner
           FROM pg_catalog.pg_namespace WHERE nspname = $2`,
  // What ON ALL TABLES reaches: tables, partitioned ones, views, materialized views, foreign tables.
  table: relations('r', "'r', 'p', 'v', 'm', 'f'"),
  sequence: relations('s', "'S'"),
  function: `SELECT proname AS name, coalesce(proacl, pg_catalog.acldefault('f', proowner)) AS acl, proowner AS owner
             FROM pg_catalog.pg_proc JOIN pg_catalog.pg_namespace n ON n.oid = pronamespace
             WHERE nspname = $2 AND prokind IN ('f', 'a', 'w') AND (cardinality($3::text[]) = 0 OR proname = ANY ($3::text[]))
             ORDER BY pg_proc.oid`,
};

function relations(type: string, kinds: string): string {
  return `SELECT relname AS name, coalesce(relacl, pg_catalog.acldefault('${type}', relowner)) AS acl, relowner AS owner
          FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
          WHERE nspname = $2 AND relkind IN (${kinds}) AND (cardinality($3::text[]) = 0 OR relname = ANY ($3::text[]))
          ORDER BY c.oid`;
}

/** One row whatever there is, so that one question is enough: PUBLIC has the oid 0, as in aclitem. */
const query = (objects: string): string => `
  WITH role AS (SELECT CASE $1 WHEN '${PUBLIC}' THEN 0 ELSE (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = $1) END AS oid)
  SELECT (SELECT oid FROM role) IS NOT NULL AS "hasRole",
         EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $2) AS "hasSchema",
         coalesce((SELECT json_agg(json_build_object('object', name, 'privileges', privileges,
                                                     'withGrantOption', "withGrantOption", 'foreignGrantors', "foreignGrantors"))
                   FROM (${objects}) AS o CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(DISTINCT privilege_type::text ORDER BY privilege_type::text), '{}') AS privileges,
           coalesce(bool_or(is_grantable), false) AS "withGrantOption",
           coalesce(array_agg(DISTINCT pg_catalog.pg_get_userbyid(grantor)::text) FILTER (WHERE grantor <> owner), '{}') AS "foreignGrantors"
    FROM pg_catalog.aclexplode(acl) WHERE grantee = (SELECT oid FROM role)) AS h), '[]') AS granted`;

/**
 * What the role holds on each of the grant's objects; a named one that does not exist holds nothing. Undefined: the role, the
 * database or the schema does not exist.
 */
export async function grantedOn(client: Client, grant: GrantSpec, database: string): Promise<Granted[] | undefined> {
  const { objectType, schema = '', objects } = grant;
  const isOne = objectType === 'database' || objectType === 'schema';
  const container = objectType === 'database' ? database : schema;
  const { rows } = await client.query<{ hasRole: boolean; hasSchema: boolean; granted: Granted[] }>({
    // Prepared once for each kind: a run asks for many grants, and planning takes longer than looking.
    name: `coachdb_granted_${objectType}`,
    text: query(OBJECTS[objectType]),
    values: [grant.role, container, ...(isOne ? [] : [objects])],
  });
  const { hasRole = false, hasSchema = false, granted = [] } = rows[0] ?? {};
  if (!hasRole || (isOne ? granted.length === 0 : !hasSchema)) return undefined;
  const nothing = { privileges: [], withGrantOption: false, foreignGrantors: [] };
  const missing = objects.filter((name) => !granted.some(({ object }) => object === name));
  return [...granted, ...missing.map((object) => ({ object, ...nothing }))];
}

/** The privileges the role holds where they are not the wanted ones (the first such object's), else the wanted ones. */
export async function readGrant(
  client: Client,
  grant: GrantSpec,
  database: string,
): Promise<{ privileges: string[]; withGrantOption: boolean } | undefined> {
  const all = await grantedOn(client, grant, database);
  if (all === undefined) return undefined;
  const other = all.find(({ privileges }) => !samePrivileges(grant.objectType, grant.privileges, privileges));
  return {
    privileges: other?.privileges ?? grant.privileges,
    withGrantOption: all.some(({ withGrantOption }) => withGrantOption),
  };
}
