import type { Client } from 'pg';

import { quoteIdentifier } from '../connection/quote';
import type { LoginSettingsSpec } from '../spec';
import { converge } from '../steps/converge';
import { type Step, step } from '../steps/step';
import { membershipOptionSteps } from './membershipOptions';

/** One setting that sessions find when they begin. */
export interface LoginSetting {
  /** Both null: ALTER ROLE ALL. */
  database: string | null;
  role: string | null;
  name: string;
  value: string;
}

export interface LoginSettingsState {
  settings: LoginSetting[];
  /** Of `OF_THE_SERVER`, those that ALTER SYSTEM set. */
  ofServer: string[];
}

/**
 * Parameters that no declaration has and that take one away when ALTER SYSTEM sets them: where the application finds its tables, whether it
 * may write, whether triggers and event triggers (17 on) fire. What else ALTER SYSTEM sets is the server's business.
 */
const OF_THE_SERVER = ['default_transaction_read_only', 'event_triggers', 'search_path', 'session_replication_role'];

/** Attributes of a role, in every database: the role's own resource sets and resets them. */
const OF_ROLE = ['idle_in_transaction_session_timeout', 'role', 'search_path', 'statement_timeout'];

/** Of the database, the roles, the roles in the database, and all roles. Other databases' are none of our business. */
const SETTINGS = `
  SELECT datname AS database, rolname AS role, split_part(entry, '=', 1) AS name,
         substr(entry, position('=' IN entry) + 1) AS value
  FROM pg_catalog.pg_db_role_setting s
  CROSS JOIN LATERAL unnest(setconfig) AS entry
  LEFT JOIN pg_catalog.pg_database d ON d.oid = setdatabase LEFT JOIN pg_catalog.pg_roles r ON r.oid = setrole
  WHERE (setdatabase = 0 OR datname = $1) AND (setrole = 0 OR rolname = ANY ($2))
    AND NOT (setdatabase = 0 AND setrole <> 0 AND split_part(entry, '=', 1) = ANY ($3))
  ORDER BY 1 NULLS FIRST, 2 NULLS FIRST, 3`;

/** For superusers only, as ALTER SYSTEM is. */
const ALTERED = `
  SELECT DISTINCT lower(name) AS name FROM pg_catalog.pg_file_settings
  WHERE sourcefile LIKE '%postgresql.auto.conf' AND lower(name) = ANY ($1) ORDER BY 1`;

export async function readLoginSettings(client: Client, spec: LoginSettingsSpec): Promise<LoginSettingsState> {
  const { rows: settings } = await client.query<LoginSetting>(SETTINGS, [spec.database, spec.roles, OF_ROLE]);
  const { rows: mayLook } = await client.query<{ yes: boolean }>(
    `SELECT rolsuper AS yes FROM pg_catalog.pg_roles WHERE rolname = current_user`,
  );
  // Settings of all roles are a superuser's, too, and nobody else's to reset.
  if (mayLook[0]?.yes !== true)
    return { settings: settings.filter(({ database, role }) => database !== null || role !== null), ofServer: [] };
  const { rows } = await client.query<{ name: string }>(ALTERED, [OF_THE_SERVER]);
  return { settings, ofServer: rows.map(({ name }) => name) };
}

/** Whatever is found is reset. */
export function planLoginSettings({ settings, ofServer }: LoginSettingsState): Step[] {
  const resets = settings.map(({ database, role, name, value }): Step => {
    const target = alter(database, role);
    return step(`${target.what}: RESET ${name} (it is ${value})`, `${target.sql} RESET ${quoteIdentifier(name)}`);
  });
  const ofTheServer = ofServer.map((name): Step => ({
    ...step(`server: ALTER SYSTEM RESET ${name}`, `ALTER SYSTEM RESET ${quoteIdentifier(name)}`),
    phase: 'alone',
  }));
  const reload: Step[] = [{ ...step('server: reload', 'SELECT pg_catalog.pg_reload_conf()'), phase: 'alone' }];
  return [...resets, ...ofTheServer, ...(ofServer.length > 0 ? reload : [])];
}

function alter(database: string | null, role: string | null): { what: string; sql: string } {
  if (role === null && database === null) return { what: 'all roles', sql: 'ALTER ROLE ALL' };
  if (role === null) return { what: `database ${database}`, sql: `ALTER DATABASE ${quoteIdentifier(database ?? '')}` };
  const sql = `ALTER ROLE ${quoteIdentifier(role)}`;
  if (database === null) return { what: `role ${role}`, sql };
  return { what: `role ${role} in database ${database}`, sql: `${sql} IN DATABASE ${quoteIdentifier(database)}` };
}

/** With the options of memberships, which decide as much about a session and have to be right before migrations run. */
export async function loginSettingSteps(client: Client, spec: LoginSettingsSpec): Promise<Step[]> {
  const settings = planLoginSettings(await readLoginSettings(client, spec));
  return [...settings, ...(await membershipOptionSteps(client, spec.roles))];
}

export function applyLoginSettings(client: Client, spec: LoginSettingsSpec): Promise<readonly Step[]> {
  return converge(client, () => loginSettingSteps(client, spec), 'Resetting settings at login', spec.database);
}
