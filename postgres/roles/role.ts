import type { Client } from 'pg';

import { toBase } from '../tuning/units';

/** What is declared of a role. Times are milliseconds, 0 for the server's own. */
export interface RoleAttributes {
  name: string;
  login: boolean;
  superuser: boolean;
  inherit: boolean;
  createRole: boolean;
  createDatabase: boolean;
  replication: boolean;
  bypassRowLevelSecurity: boolean;
  /** -1: no limit. */
  connectionLimit: number;
  /** `infinity`, or a timestamp as PostgreSQL prints it. */
  validUntil: string;
  /** SET ROLE at login, or empty. */
  assumeRole: string;
  /** search_path at login; empty: the server's own. */
  searchPaths: string[];
  statementTimeout: number;
  idleInTransactionSessionTimeout: number;
  /** Direct memberships, sorted; one that may be passed on ends in ADMIN_SUFFIX, which is never declared. */
  memberOf: string[];
}

/** What a role is made with where nothing else is said. */
export const PLAIN_ROLE: Omit<RoleAttributes, 'name'> = {
  login: false,
  superuser: false,
  inherit: true,
  createRole: false,
  createDatabase: false,
  replication: false,
  bypassRowLevelSecurity: false,
  connectionLimit: -1,
  validUntil: 'infinity',
  assumeRole: '',
  searchPaths: [],
  statementTimeout: 0,
  idleInTransactionSessionTimeout: 0,
  memberOf: [],
};

export const ADMIN_SUFFIX = ' WITH ADMIN OPTION';

export interface Membership {
  role: string;
  /** Null where whoever granted it has been dropped. */
  grantor: string | null;
  admin: boolean;
}

/** A role as PostgreSQL has it. */
export interface RoleState extends RoleAttributes {
  memberships: Membership[];
  /** The account that asks. */
  isCurrent: boolean;
  serverMajor: number;
  /** Only when asked for: the stored verifier, null for none. */
  password?: string | null;
}

interface Row extends Omit<
  RoleState,
  'assumeRole' | 'searchPaths' | 'statementTimeout' | 'idleInTransactionSessionTimeout' | 'memberOf'
> {
  settings: string[];
}

const SELECT = `
  SELECT rolname AS name, rolcanlogin AS login, rolsuper AS superuser, rolinherit AS inherit, rolcreaterole AS "createRole",
         rolcreatedb AS "createDatabase", rolreplication AS replication, rolbypassrls AS "bypassRowLevelSecurity",
         rolconnlimit AS "connectionLimit", coalesce(rolvaliduntil::text, 'infinity') AS "validUntil",
         coalesce(rolconfig, '{}') AS settings, rolname = current_user AS "isCurrent",
         current_setting('server_version_num')::int / 10000 AS "serverMajor",
         coalesce((SELECT json_agg(json_build_object('role', g.rolname, 'grantor', w.rolname, 'admin', m.admin_option)
                                   ORDER BY g.rolname, w.rolname)
                   FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles g ON g.oid = m.roleid
                   LEFT JOIN pg_catalog.pg_roles w ON w.oid = m.grantor WHERE m.member = r.oid), '[]') AS memberships`;
const FROM = `FROM pg_catalog.pg_roles r WHERE rolname = $1`;
/** pg_authid is for superusers only. */
const PASSWORD = ', (SELECT rolpassword FROM pg_catalog.pg_authid a WHERE a.oid = r.oid) AS password';

/** The role, or undefined when there is none of that name. `withPassword` reads the stored verifier too, which takes a superuser. */
export async function readRole(client: Client, name: string, withPassword = false): Promise<RoleState | undefined> {
  const { rows } = await client.query<Row>({
    // Prepared once for each connection: planning takes longer than looking.
    name: withPassword ? 'coachdb_role_password' : 'coachdb_role',
    text: `${SELECT}${withPassword ? PASSWORD : ''} ${FROM}`,
    values: [name],
  });
  const row = rows[0];
  if (row === undefined) return undefined;
  const { settings, ...rest } = row;
  const setting = settingsOf(settings);
  return {
    ...rest,
    assumeRole: setting('role'),
    searchPaths: searchPathsOf(setting('search_path')),
    statementTimeout: millisecondsOf(setting('statement_timeout')),
    idleInTransactionSessionTimeout: millisecondsOf(setting('idle_in_transaction_session_timeout')),
    memberOf: [...new Set(row.memberships.map(({ role, admin }) => `${role}${admin ? ADMIN_SUFFIX : ''}`))],
  };
}

/** Entries of pg_db_role_setting: `name=value`. */
function settingsOf(entries: readonly string[]): (name: string) => string {
  const values = new Map(
    entries.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
  );
  return (name) => values.get(name) ?? '';
}

function searchPathsOf(setting: string): string[] {
  return setting === ''
    ? []
    : setting.split(', ').map((schema) => schema.replace(/^"(.*)"$/, '$1').replaceAll('""', '"'));
}

/** `30s` -> 30000. PostgreSQL keeps the text as it was given and has checked it. */
function millisecondsOf(setting: string): number {
  const [, amount = '0', unit = 'ms'] = /^([\d.]+)\s*([a-z]+)?$/.exec(setting) ?? [];
  return toBase(Number(amount), unit, 'ms') ?? 0;
}
