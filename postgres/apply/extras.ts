import type { Client } from 'pg';

import type { Problem } from '../../system/errors';
import type { DatabaseSpec } from '../spec';

/** Roles of nobody's server, that own or hold something in the database. */
const ROLES = `
  SELECT r.rolname::text AS name FROM pg_catalog.pg_roles r
  WHERE NOT rolsuper AND rolname <> ALL ($1) AND rolname <> current_user AND rolname !~ '^(pg_|rds)'
    AND EXISTS (SELECT FROM pg_catalog.pg_shdepend d JOIN pg_catalog.pg_database b ON b.datname = pg_catalog.current_database()
                WHERE d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND d.refobjid = r.oid
                  AND (d.dbid = b.oid OR (d.classid = 'pg_catalog.pg_database'::pg_catalog.regclass AND d.objid = b.oid)))
  ORDER BY 1`;

const EXTENSIONS = `SELECT extname::text AS name FROM pg_catalog.pg_extension WHERE extname <> ALL ($1) AND extname <> 'plpgsql' ORDER BY 1`;

const OF_ALL_ROLES = `
  SELECT split_part(entry, '=', 1) AS name FROM pg_catalog.pg_db_role_setting CROSS JOIN LATERAL unnest(setconfig) AS entry
  WHERE setdatabase = 0 AND setrole = 0 ORDER BY 1`;

/** What is in the database beside the declaration and is nobody's to remove but a person's. */
export async function extras(client: Client, spec: DatabaseSpec): Promise<Problem[]> {
  const declared = [spec.roles, spec.extensions].map((all) => all.map(({ name }) => name));
  const roles = await client.query<{ name: string }>(ROLES, [declared[0]]);
  const extensions = await client.query<{ name: string }>(EXTENSIONS, [declared[1]]);
  const settings = await client.query<{ name: string }>(OF_ALL_ROLES);
  return [
    ...settings.rows.map(({ name }) => ({
      code: 'setting-kept',
      message: `${name} is set for all roles (ALTER ROLE ALL), which nobody but a superuser can reset.`,
      remedy: 'On a managed server its provider set it; elsewhere a superuser resets it: ALTER ROLE ALL RESET ... .',
      object: name,
    })),
    ...roles.rows.map(({ name }) =>
      extra(
        'role',
        name,
        'owns something in the database or holds a right on it',
        'REASSIGN OWNED, DROP OWNED and DROP ROLE',
      ),
    ),
    ...extensions.rows.map(({ name }) => extra('extension', name, 'is installed in the database', 'DROP EXTENSION')),
  ];
}

const extra = (kind: string, name: string, what: string, how: string): Problem => ({
  code: `${kind}-undeclared`,
  message: `The ${kind} ${name} ${what} and is not declared.`,
  remedy: `Declare it in the stack’s settings, or remove it by hand (${how}).`,
  object: name,
});
