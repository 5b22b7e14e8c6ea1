import { bool, choice, INT, integer, list, type ParameterSpec, size, text } from '../parameter';

/** Client connection defaults. Ranges, units and contexts as pg_settings of PostgreSQL 15 to 18 shows them. */
export const sessionParameters: readonly ParameterSpec[] = [
  // Client Connection Defaults / Locale and Formatting
  list('DateStyle', 'user'),
  choice('IntervalStyle', 'user', 'postgres|postgres_verbose|sql_standard|iso_8601'),
  text('TimeZone', 'user'),
  text('client_encoding', 'user'),
  text('default_text_search_config', 'user'),
  integer('extra_float_digits', 'user', -15, 3),
  text('lc_messages', 'superuser'),
  text('lc_monetary', 'user'),
  text('lc_numeric', 'user'),
  text('lc_time', 'user'),
  text('timezone_abbreviations', 'user'),
  choice('icu_validation_level', 'user', 'disabled|debug5|debug4|debug3|debug2|debug1|log|notice|warning|error', {
    since: 16,
  }),
  // Client Connection Defaults / Other Defaults
  text('dynamic_library_path', 'superuser'),
  integer('gin_fuzzy_search_limit', 'user', 0, INT),
  text('extension_control_path', 'superuser', { since: 18 }),
  // Client Connection Defaults / Shared Library Preloading
  text('jit_provider', 'postmaster'),
  list('local_preload_libraries', 'user'),
  list('session_preload_libraries', 'superuser'),
  list('shared_preload_libraries', 'postmaster'),
  // Client Connection Defaults / Statement Behavior
  choice('bytea_output', 'user', 'escape|hex'),
  bool('check_function_bodies', 'user'),
  choice('client_min_messages', 'user', 'debug5|debug4|debug3|debug2|debug1|log|notice|warning|error'),
  text('default_table_access_method', 'user'),
  text('default_tablespace', 'user'),
  choice('default_toast_compression', 'user', 'pglz|lz4'),
  bool('default_transaction_deferrable', 'user'),
  choice('default_transaction_isolation', 'user', 'serializable|repeatable read|read committed|read uncommitted'),
  bool('default_transaction_read_only', 'user'),
  size('gin_pending_list_limit', 'user', 'kB', 64, INT),
  size('idle_in_transaction_session_timeout', 'user', 'ms', 0, INT),
  size('idle_session_timeout', 'user', 'ms', 0, INT),
  size('lock_timeout', 'user', 'ms', 0, INT),
  bool('row_security', 'user'),
  list('search_path', 'user'),
  choice('session_replication_role', 'superuser', 'origin|replica|local'),
  size('statement_timeout', 'user', 'ms', 0, INT),
  list('temp_tablespaces', 'user'),
  choice('xmlbinary', 'user', 'base64|hex'),
  choice('xmloption', 'user', 'content|document'),
  list('createrole_self_grant', 'user', { since: 16 }),
  bool('event_triggers', 'superuser', { since: 17 }),
  size('transaction_timeout', 'user', 'ms', 0, INT, { since: 17 }),
];
