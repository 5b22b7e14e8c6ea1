import { bool, choice, INT, integer, list, type ParameterSpec, size, text } from '../parameter';

/** Locks, error handling, compatibility, developer options. Ranges, units and contexts as pg_settings of PostgreSQL 15 to 18 shows them. */
export const otherParameters: readonly ParameterSpec[] = [
  // Developer options
  bool('allow_in_place_tablespaces', 'superuser'),
  bool('allow_system_table_mods', 'superuser'),
  text('application_name', 'user'),
  text('backtrace_functions', 'superuser'),
  integer('debug_discard_caches', 'superuser', 0, 0),
  choice('force_parallel_mode', 'user', 'off|on|regress', { until: 15 }),
  bool('ignore_checksum_failure', 'superuser'),
  bool('ignore_invalid_pages', 'postmaster'),
  bool('ignore_system_indexes', 'backend'),
  bool('jit_debugging_support', 'superuser-backend'),
  bool('jit_dump_bitcode', 'superuser'),
  bool('jit_expressions', 'user'),
  bool('jit_profiling_support', 'superuser-backend'),
  bool('jit_tuple_deforming', 'user'),
  size('post_auth_delay', 'backend', 's', 0, 2147),
  size('pre_auth_delay', 'sighup', 's', 0, 60),
  bool('remove_temp_files_after_crash', 'sighup'),
  list('restrict_nonsystem_relation_kind', 'user'),
  bool('trace_notify', 'user'),
  choice('trace_recovery_messages', 'sighup', 'debug5|debug4|debug3|debug2|debug1|log|notice|warning|error', {
    until: 16,
  }),
  bool('trace_sort', 'user'),
  list('wal_consistency_checking', 'superuser'),
  bool('zero_damaged_pages', 'superuser'),
  list('debug_io_direct', 'postmaster', { since: 16 }),
  choice('debug_logical_replication_streaming', 'user', 'buffered|immediate', { since: 16 }),
  choice('debug_parallel_query', 'user', 'off|on|regress', { since: 16 }),
  bool('send_abort_for_crash', 'sighup', { since: 16 }),
  bool('send_abort_for_kill', 'sighup', { since: 16 }),
  bool('trace_connection_negotiation', 'postmaster', { since: 17 }),
  // Error Handling
  bool('data_sync_retry', 'postmaster'),
  bool('exit_on_error', 'user'),
  choice('recovery_init_sync_method', 'sighup', 'fsync|syncfs'),
  bool('restart_after_crash', 'sighup'),
  // Lock Management
  size('deadlock_timeout', 'superuser', 'ms', 1, INT),
  integer('max_locks_per_transaction', 'postmaster', 10, INT),
  integer('max_pred_locks_per_page', 'sighup', 0, INT),
  integer('max_pred_locks_per_relation', 'sighup', -2_147_483_648, INT),
  integer('max_pred_locks_per_transaction', 'postmaster', 10, INT),
  // Version and Platform Compatibility / Other Platforms and Clients
  bool('transform_null_equals', 'user'),
  bool('allow_alter_system', 'sighup', { since: 17 }),
  // Version and Platform Compatibility / Previous PostgreSQL Versions
  bool('array_nulls', 'user'),
  choice('backslash_quote', 'user', 'safe_encoding|on|off'),
  bool('escape_string_warning', 'user'),
  bool('lo_compat_privileges', 'superuser'),
  bool('quote_all_identifiers', 'user'),
  bool('standard_conforming_strings', 'user'),
  bool('synchronize_seqscans', 'user'),
];
