import type { Client } from 'pg';

/** Beside the dump: what pg_dump says nothing of, the roles and the database itself. */
export const DESCRIPTION_FILE = 'database.json';

export interface DescribedRole {
  name: string;
  login: boolean;
  superuser: boolean;
  inherit: boolean;
  createRole: boolean;
  createDatabase: boolean;
  replication: boolean;
  bypassRowLevelSecurity: boolean;
  connectionLimit: number;
  validUntil: string | null;
  memberOf: { role: string; admin: boolean }[];
  /** `name=value`, of ALTER ROLE ... SET. */
  settings: string[];
  comment: string | null;
}

export interface DescribedDatabase {
  name: string;
  owner: string;
  encoding: string;
  collate: string;
  ctype: string;
  /** `c`: the operating system's; `i`: ICU; `b`: built in. */
  provider: string;
  /** Of the providers that have one. */
  locale: string | null;
  connectionLimit: number;
  isTemplate: boolean;
  comment: string | null;
  /** PostgreSQL's own where nothing was ever granted. */
  grants: { grantee: string; privilege: string; grantable: boolean }[];
  /** Of ALTER DATABASE ... SET, and of ALTER ROLE ... IN DATABASE ... SET with the role. */
  settings: { role: string | null; entries: string[] }[];
}

export interface Description {
  roles: DescribedRole[];
  database: DescribedDatabase;
}

/** In the session's own snapshot. Passwords are not read: `up` sets the declared ones. */
export async function describeDatabase(client: Client, major: number): Promise<Description> {
  const { rows } = await client.query<{ roles: DescribedRole[]; database: DescribedDatabase }>(
    DESCRIBE.replace('$locale', major >= 17 ? 'd.datlocale' : major >= 15 ? 'd.daticulocale' : 'NULL').replace(
      '$provider',
      major >= 15 ? 'd.datlocprovider' : `'c'`,
    ),
  );
  const found = rows[0];
  if (found === undefined) throw new Error('A query without FROM returned no row.');
  return found;
}

const DESCRIBE = `
SELECT (SELECT coalesce(jsonb_agg(jsonb_build_object(
          'name', r.rolname, 'login', r.rolcanlogin, 'superuser', r.rolsuper, 'inherit', r.rolinherit, 'createRole', r.rolcreaterole,
          'createDatabase', r.rolcreatedb, 'replication', r.rolreplication, 'bypassRowLevelSecurity', r.rolbypassrls,
          'connectionLimit', r.rolconnlimit, 'validUntil', r.rolvaliduntil::text,
          'memberOf', coalesce((SELECT jsonb_agg(DISTINCT jsonb_build_object('role', g.rolname, 'admin', m.admin_option))
                                  FROM pg_auth_members AS m JOIN pg_roles AS g ON g.oid = m.roleid WHERE m.member = r.oid), '[]'),
          'settings', coalesce((SELECT to_jsonb(s.setconfig) FROM pg_db_role_setting AS s WHERE s.setrole = r.oid AND s.setdatabase = 0), '[]'),
          'comment', shobj_description(r.oid, 'pg_authid')) ORDER BY r.rolname COLLATE "C"), '[]')
          FROM pg_roles AS r WHERE r.rolname !~ '^pg_') AS roles,
       (SELECT jsonb_build_object(
          'name', d.datname, 'owner', pg_get_userbyid(d.datdba), 'encoding', pg_encoding_to_char(d.encoding), 'collate', d.datcollate,
          'ctype', d.datctype, 'provider', $provider, 'locale', $locale, 'connectionLimit', d.datconnlimit, 'isTemplate', d.datistemplate,
          'comment', shobj_description(d.oid, 'pg_database'),
          'grants', (SELECT coalesce(jsonb_agg(jsonb_build_object('grantee', CASE a.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(a.grantee) END,
                       'privilege', a.privilege_type, 'grantable', a.is_grantable)), '[]')
                       FROM aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS a),
          'settings', (SELECT coalesce(jsonb_agg(jsonb_build_object('role', CASE s.setrole WHEN 0 THEN NULL ELSE pg_get_userbyid(s.setrole) END,
                       'entries', to_jsonb(s.setconfig)) ORDER BY s.setrole), '[]') FROM pg_db_role_setting AS s WHERE s.setdatabase = d.oid))
          FROM pg_database AS d WHERE d.datname = current_database()) AS database`;
