import type { Client } from 'pg';

import { quoteLiteral } from './quote';

/**
 * What every session of the platform has, whatever server, database, role and environment say: what pg_dump pins, and everything else
 * that changes an answer, refuses what is allowed or ends the session. Known to every supported major and open to every role, so these
 * go into the start-up message: they hold before the first statement (a role's `statement_timeout = 1` would end that one already) and
 * survive RESET ALL and DISCARD ALL. What only sets limits of memory or costs of plans is the server's own affair and stays.
 */
const BOUNDS = {
  statement_timeout: '0',
  lock_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  idle_session_timeout: '0',
  exit_on_error: 'off',
  // A library that is not there refuses the connection.
  local_preload_libraries: '',
} as const;

const ANSWERS = {
  search_path: '',
  // The trail lets its readers see rows by policies.
  row_security: 'on',
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  timezone_abbreviations: 'Default',
  extra_float_digits: '1',
  bytea_output: 'hex',
  xmlbinary: 'base64',
  xmloption: 'content',
  lc_monetary: 'C',
  lc_numeric: 'C',
  lc_time: 'C',
  quote_all_identifiers: 'off',
  standard_conforming_strings: 'on',
  backslash_quote: 'safe_encoding',
  escape_string_warning: 'on',
  array_nulls: 'on',
  transform_null_equals: 'off',
  gin_fuzzy_search_limit: '0',
  synchronize_seqscans: 'off',
  client_min_messages: 'warning',
  check_function_bodies: 'on',
  default_tablespace: '',
  temp_tablespaces: '',
  default_table_access_method: 'heap',
  default_toast_compression: 'pglz',
  default_transaction_isolation: 'read committed',
  default_transaction_read_only: 'off',
  default_transaction_deferrable: 'off',
  synchronous_commit: 'on',
  password_encryption: 'scram-sha-256',
  // Planning: short statements over the catalog, never worth compiling.
  jit: 'off',
  plan_cache_mode: 'auto',
  constraint_exclusion: 'partition',
  // The application's user, which the trail records: none of its users is at work here.
  'app.current_user_id': '',
} as const;

/** Of some majors only, or for those who may set them (superusers, mostly): after the connection is made, as far as that goes. */
const LATER = {
  session_replication_role: 'origin',
  lo_compat_privileges: 'off',
  event_triggers: 'on',
  transaction_timeout: '0',
  createrole_self_grant: '',
  restrict_nonsystem_relation_kind: '',
} as const;

/**
 * `platform`: everything above from the start. `script`: only what keeps the session alive, since a start-up option survives RESET ALL and a
 * migration's script shall find the settings that Prisma's connection would find: those of role, database and server. `pinSession`
 * pins the rest by SET for our own statements, and RESET ALL takes it back before each script.
 */
export type SessionKind = 'platform' | 'script';

/** Parameters of the start-up message. */
export function startupSettings(kind: SessionKind): Record<string, string> {
  // A script's RESET ROLE leads to the role setting of who logged in, the owner of the tables, as on Prisma's connection.
  return kind === 'platform' ? { ...BOUNDS, ...ANSWERS, role: 'none' } : { ...BOUNDS };
}

/** Pins what the start-up message did not; `local`: until the transaction ends. Leaves the role alone. */
export async function pinSession(client: Client, kind: SessionKind, local = false): Promise<void> {
  // Names are looked up in pg_catalog alone before anything that looks one up.
  const path = `SET ${local ? 'LOCAL' : 'SESSION'} search_path = '';`;
  await client.query(kind === 'platform' ? PIN_LATER : `${path} ${pinning({ ...ANSWERS, ...LATER }, local)}`);
}

function pinning(settings: Record<string, string>, local: boolean): string {
  const rows = Object.entries(settings).map(([name, value]) => `(${quoteLiteral(name)}, ${quoteLiteral(value)})`);
  return `SELECT pg_catalog.set_config(s.name, s.value, ${local}) FROM (VALUES ${rows.join(', ')}) AS s (name, value)
    WHERE pg_catalog.current_setting(s.name, true) <> s.value AND (s.name NOT IN (${SUPERUSERS})
       OR pg_catalog.current_setting('is_superuser') = 'on' OR pg_catalog.has_parameter_privilege(s.name, 'SET'))`;
}

const SUPERUSERS = ['session_replication_role', 'lo_compat_privileges', 'event_triggers'].map(quoteLiteral).join(', ');

const PIN_LATER = pinning(LATER, false);
