import type { Client } from 'pg';

import { quoteIdentifier, quoteLiteral } from '../../postgres/connection/quote';

/** A setting of this server that a session may be given, with a value that is neither its own nor the one the platform pins. */
export interface OddSetting {
  name: string;
  value: string;
}

/** Where a value cannot be told from the type. */
const TEXTS: Record<string, string> = {
  DateStyle: 'SQL, DMY',
  TimeZone: 'Asia/Kathmandu',
  timezone_abbreviations: 'India',
  client_encoding: 'LATIN1',
  search_path: 'nowhere',
  default_tablespace: 'pg_global',
  temp_tablespaces: 'pg_global',
  default_table_access_method: 'odd_heap',
  default_text_search_config: 'pg_catalog.german',
  lc_messages: 'C.UTF-8',
  lc_monetary: 'C.UTF-8',
  lc_numeric: 'C.UTF-8',
  lc_time: 'C.UTF-8',
  backtrace_functions: 'odd',
  application_name: 'odd',
  createrole_self_grant: 'set',
  restrict_nonsystem_relation_kind: 'view',
  // Since 18 even the libraries of encodings are looked up there.
  dynamic_library_path: '/nowhere:$libdir',
  extension_control_path: '/nowhere',
  wal_consistency_checking: 'heap',
};

/** Where a number beside the own would end every session before its first statement. */
const NUMBERS: Record<string, string> = { transaction_timeout: '1h' };

/** Left out: they refuse every new connection, the one that would take them back included; and one that cannot be on beside its like. */
const LEFT_OUT = ['local_preload_libraries', 'session_preload_libraries', 'log_statement_stats'];

/** Some settings that pg_settings does not list. */
const UNLISTED: OddSetting[] = [
  { name: 'role', value: 'odd_role' },
  { name: 'app.current_user_id', value: 'odd' },
];

interface Row {
  name: string;
  type: 'bool' | 'enum' | 'integer' | 'real' | 'string';
  value: string;
  least: string | null;
  most: string | null;
  words: string[] | null;
}

/** Every setting of sessions the running server has, each with an odd value. Makes what those values name. */
export async function oddSettings(client: Client): Promise<OddSetting[]> {
  await client.query(`CREATE ACCESS METHOD odd_heap TYPE TABLE HANDLER heap_tableam_handler; CREATE ROLE odd_role;`);
  const { rows } = await client.query<Row>(
    `SELECT name, vartype AS type, boot_val AS value, min_val AS least, max_val AS most, enumvals AS words
       FROM pg_settings WHERE context IN ('user', 'superuser') AND name NOT IN (SELECT unnest($1::text[])) ORDER BY name`,
    [LEFT_OUT],
  );
  return [...rows.flatMap((row) => ({ name: row.name, value: oddValue(row) ?? '' })), ...UNLISTED].filter(
    ({ value }) => value !== '',
  );
}

function oddValue({ name, type, value, least, most, words }: Row): string | undefined {
  if (type === 'bool') return value === 'on' ? 'off' : 'on';
  if (type === 'enum') return words?.find((word) => word !== value && word !== 'serializable') ?? undefined;
  if (type === 'string') return TEXTS[name];
  if (name in NUMBERS) return NUMBERS[name];
  const [own, low, high] = [Number(value), Number(least), Number(most)];
  const step = type === 'real' ? Math.min(0.5, (high - low) / 4) : 1;
  return [own + step, own - step].find((one) => one >= low && one <= high)?.toString();
}

/** Where a setting can come from. */
export type Level = 'server' | 'database' | 'role';

export function setting(level: Level, name: string, of: { database: string; role: string }, value?: string): string {
  const where = {
    server: 'SYSTEM',
    database: `DATABASE ${quoteIdentifier(of.database)}`,
    role: `ROLE ${quoteIdentifier(of.role)}`,
  };
  // A list is several values, not one that holds a comma.
  const shown = name === 'DateStyle' ? value : value === undefined ? undefined : quoteLiteral(value);
  const parameter = name.split('.').map(quoteIdentifier).join('.');
  return `ALTER ${where[level]} ${value === undefined ? `RESET ${parameter}` : `SET ${parameter} = ${shown}`}`;
}

/** What programs of PostgreSQL read from the environment, and what `pg` does; each would lead elsewhere or change answers. */
export const ENVIRONMENT: Record<string, string> = {
  PGHOST: 'nowhere.invalid',
  PGHOSTADDR: '192.0.2.1',
  PGPORT: '1',
  PGDATABASE: 'template1',
  PGUSER: 'nobody',
  PGPASSWORD: 'wrong',
  PGPASSFILE: '/nowhere',
  PGSERVICE: 'nowhere',
  PGSERVICEFILE: '/nowhere',
  PGSYSCONFDIR: '/nowhere',
  PGOPTIONS: '-c statement_timeout=1 -c search_path=nowhere -c default_transaction_read_only=on',
  PGAPPNAME: 'odd',
  PGCLIENTENCODING: 'LATIN1',
  PGCLIENT_ENCODING: 'LATIN1',
  PGDATESTYLE: 'SQL, DMY',
  PGTZ: 'Asia/Kathmandu',
  PGGEQO: 'off',
  PGSSLMODE: 'verify-full',
  PGSSLNEGOTIATION: 'direct',
  PGSSLCERT: '/nowhere',
  PGSSLKEY: '/nowhere',
  PGSSLROOTCERT: '/nowhere',
  PGSSLCRL: '/nowhere',
  PGSSLSNI: '0',
  PGREQUIRESSL: '1',
  PGREQUIREAUTH: 'none',
  PGREQUIREPEER: 'nobody',
  PGCHANNELBINDING: 'require',
  PGGSSENCMODE: 'require',
  PGKRBSRVNAME: 'odd',
  PGCONNECT_TIMEOUT: '0.001',
  PGTARGETSESSIONATTRS: 'read-only',
  PGLOADBALANCEHOSTS: 'random',
  PGREPLICATION: 'database',
  PGBINARY: '1',
  PGDATA: '/nowhere',
  NODE_PG_FORCE_NATIVE: '1',
  NODE_TLS_REJECT_UNAUTHORIZED: '1',
  TZ: 'Asia/Kathmandu',
};
