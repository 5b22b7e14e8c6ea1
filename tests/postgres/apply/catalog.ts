import type { Client } from 'pg';

/** Names that stand for whoever administers the server: the local superuser, or RDS's master and superuser. */
const ADMINISTRATOR = 'ADMINISTRATOR';

/**
 * Everything a declaration brings about, a line each, from the catalog alone. What two servers made by different administrators may differ in is left
 * out by name:
 * - whose name the administrator has, in whatever belongs to him (the database, extensions and their objects, the guard, the run locks);
 * - memberships of the administrator himself: as the roles' creator (16 on), and in the owners of tables and trail;
 * - `rds_iam`, in place of passwords;
 * - who granted a membership.
 */
export async function catalogOf(client: Client, administrators: readonly string[]): Promise<string[]> {
  await client.query(`SET search_path = ''`);
  const lines: string[] = [];
  for (const [what, query] of Object.entries(QUERIES)) {
    const text = `SELECT line FROM (${query}) AS lines WHERE $1::text[] IS NOT NULL`;
    const { rows } = await client.query<{ line: string }>(text, [administrators]);
    lines.push(...rows.map(({ line }) => `${what} ${line}`).sort());
  }
  return lines;
}

const name = (oid: string): string =>
  `CASE WHEN ${oid} = 0 THEN 'PUBLIC' WHEN pg_catalog.pg_get_userbyid(${oid})::text = ANY ($1) THEN '${ADMINISTRATOR}' ELSE pg_catalog.pg_get_userbyid(${oid})::text END`;

const acl = (list: string, type: string, owner: string): string => `(
  SELECT string_agg(entry, ',' ORDER BY entry) FROM (
    SELECT DISTINCT ${name('e.grantee')} || ':' || privilege_type || CASE WHEN is_grantable THEN '*' ELSE '' END || '/' || ${name('e.grantor')} AS entry
    FROM pg_catalog.aclexplode(coalesce(${list}, pg_catalog.acldefault('${type}', ${owner}))) e) AS entries)`;

const OURS = `nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('information_schema', 'rdsadmin')`;
const ROLES = `rolname !~ '^(pg_|rds)' AND NOT rolname::text = ANY ($1)`;

const QUERIES: Record<string, string> = {
  role: `SELECT concat_ws(' ', rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolconnlimit, rolvaliduntil, rolconfig) AS line
    FROM pg_catalog.pg_roles WHERE ${ROLES}`,
  membership: `SELECT concat_ws(' ', g.rolname, 'of', r.rolname, to_jsonb(m) - '{oid,roleid,member,grantor}'::text[]) AS line
    FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles r ON r.oid = m.member JOIN pg_catalog.pg_roles g ON g.oid = m.roleid
    WHERE r.rolname !~ '^(pg_|rds)' AND NOT r.rolname::text = ANY ($1) AND g.rolname <> 'rds_iam'`,
  setting: `SELECT concat_ws(' ', d.datname, r.rolname, setconfig) AS line FROM pg_catalog.pg_db_role_setting
    LEFT JOIN pg_catalog.pg_database d ON d.oid = setdatabase LEFT JOIN pg_catalog.pg_roles r ON r.oid = setrole`,
  database: `SELECT concat_ws(' ', datname, ${name('datdba')}, pg_encoding_to_char(encoding), datcollate, datctype, datconnlimit, datallowconn, ${acl('datacl', 'd', 'datdba')}) AS line
    FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()`,
  schema: `SELECT concat_ws(' ', nspname, ${name('nspowner')}, ${acl('nspacl', 'n', 'nspowner')}) AS line FROM pg_catalog.pg_namespace WHERE ${OURS}`,
  relation: `SELECT concat_ws(' ', nspname, relname, relkind, relpersistence, relrowsecurity, relforcerowsecurity, ${name('relowner')}, reloptions, ${acl('relacl', 'r', 'relowner')}) AS line
    FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace WHERE ${OURS} AND relkind <> 'S'`,
  sequence: `SELECT concat_ws(' ', nspname, relname, ${name('relowner')}, ${acl('relacl', 's', 'relowner')}) AS line
    FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace WHERE ${OURS} AND relkind = 'S'`,
  column: `SELECT concat_ws(' ', nspname, relname, attnum, attname, format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid), attacl) AS line
    FROM pg_catalog.pg_attribute JOIN pg_catalog.pg_class c ON c.oid = attrelid JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
    LEFT JOIN pg_catalog.pg_attrdef ON adrelid = attrelid AND adnum = attnum WHERE ${OURS} AND attnum > 0 AND NOT attisdropped`,
  constraint: `SELECT concat_ws(' ', conrelid::pg_catalog.regclass, conname, pg_get_constraintdef(o.oid), convalidated) AS line
    FROM pg_catalog.pg_constraint o JOIN pg_catalog.pg_namespace n ON n.oid = connamespace WHERE ${OURS}`,
  index: `SELECT concat_ws(' ', pg_get_indexdef(indexrelid), indisvalid, indisready) AS line
    FROM pg_catalog.pg_index JOIN pg_catalog.pg_class c ON c.oid = indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace WHERE ${OURS}`,
  function: `SELECT concat_ws(' ', p.oid::pg_catalog.regprocedure, prokind, prosecdef, proconfig, pg_catalog.md5(prosrc), ${name('proowner')}, ${acl('proacl', 'f', 'proowner')}) AS line
    FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = pronamespace WHERE ${OURS}`,
  type: `SELECT concat_ws(' ', nspname, typname, ${name('typowner')}, ${acl('typacl', 'T', 'typowner')}) AS line
    FROM pg_catalog.pg_type JOIN pg_catalog.pg_namespace n ON n.oid = typnamespace WHERE ${OURS}`,
  trigger: `SELECT concat_ws(' ', pg_get_triggerdef(t.oid), tgenabled) AS line FROM pg_catalog.pg_trigger t WHERE NOT tgisinternal`,
  eventTrigger: `SELECT concat_ws(' ', evtname, evtevent, evtenabled, evtfoid::pg_catalog.regproc, ${name('evtowner')}) AS line FROM pg_catalog.pg_event_trigger`,
  policy: `SELECT concat_ws(' ', polrelid::pg_catalog.regclass, polname, polcmd, (SELECT string_agg(${name('r')}, ',') FROM unnest(polroles) AS r), pg_get_expr(polqual, polrelid)) AS line FROM pg_catalog.pg_policy`,
  later: `SELECT concat_ws(' ', ${name('defaclrole')}, nspname, defaclobjtype, ${acl('defaclacl', 'r', 'defaclrole')}) AS line
    FROM pg_catalog.pg_default_acl LEFT JOIN pg_catalog.pg_namespace n ON n.oid = defaclnamespace`,
  extension: `SELECT concat_ws(' ', extname, extversion, nspname, ${name('extowner')}) AS line FROM pg_catalog.pg_extension JOIN pg_catalog.pg_namespace n ON n.oid = extnamespace`,
};
