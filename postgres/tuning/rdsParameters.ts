/** How Amazon RDS takes a change: at once, at the next reboot, or not at all. */
export type RdsApply = 'dynamic' | 'static' | 'unavailable';

/**
 * Where Amazon RDS for PostgreSQL differs from the contexts of pg_settings (static = postmaster, dynamic = the rest). Sources:
 * the RDS User Guide's parameter list and its chapters on TLS, replication and logging. The last word has
 * `aws rds describe-db-parameters` (IsModifiable, ApplyType) for the family in use.
 */
export interface Unavailable {
  reason: string;
  /** The value RDS always runs with, where it is known. */
  always?: boolean | string;
}

const because = (reason: string, names: string, always?: boolean | string): [string, Unavailable][] =>
  names.split(' ').map((name) => [name, always === undefined ? { reason } : { reason, always }]);

/** Parameters that describe the host, which is Amazon's, or that its own backups and failover depend on. */
export const unavailableOnRds: ReadonlyMap<string, Unavailable> = new Map<string, Unavailable>([
  ...because(
    'files and folders of the host are Amazon’s',
    'data_directory hba_file ident_file external_pid_file unix_socket_directories unix_socket_group unix_socket_permissions ' +
      'dynamic_library_path extension_control_path jit_provider local_preload_libraries',
  ),
  ...because('address and port belong to the DB instance', 'listen_addresses port bonjour bonjour_name'),
  ...because('RDS never gives up durability', 'fsync full_page_writes', true),
  ...because('RDS never gives up durability', 'wal_sync_method wal_log_hints data_sync_retry'),
  ...because('RDS sets it; rds.logical_replication raises it', 'wal_level'),
  ...because('RDS archives the WAL itself', 'archive_mode', 'on'),
  ...because(
    'RDS archives and restores the WAL itself',
    'archive_command archive_library archive_timeout archive_cleanup_command restore_command recovery_end_command ' +
      'recovery_target recovery_target_action recovery_target_inclusive recovery_target_lsn recovery_target_name ' +
      'recovery_target_time recovery_target_timeline recovery_target_xid recovery_init_sync_method',
  ),
  ...because(
    'RDS runs its standbys and replicas itself',
    'hot_standby primary_conninfo primary_slot_name promote_trigger_file synchronous_standby_names cluster_name',
  ),
  ...because('RDS always offers TLS; rds.force_ssl requires it', 'ssl', true),
  ...because(
    'RDS brings the server certificate',
    'ssl_ca_file ssl_cert_file ssl_crl_dir ssl_crl_file ssl_dh_params_file ssl_key_file ssl_passphrase_command ' +
      'ssl_passphrase_command_supports_reload ssl_ecdh_curve ssl_prefer_server_ciphers krb_server_keyfile',
  ),
  ...because('RDS collects the server log itself', 'logging_collector', true),
  ...because(
    'RDS collects the server log itself',
    'log_directory log_file_mode log_truncate_on_rotation syslog_facility syslog_ident syslog_sequence_numbers ' +
      'syslog_split_messages event_source',
  ),
  ...because('RDS restarts a crashed server itself', 'restart_after_crash remove_temp_files_after_crash exit_on_error'),
  ...because(
    'it is a developer option',
    'allow_in_place_tablespaces allow_system_table_mods ignore_checksum_failure ignore_invalid_pages ' +
      'ignore_system_indexes zero_damaged_pages wal_consistency_checking debug_io_direct trace_connection_negotiation ' +
      'post_auth_delay pre_auth_delay send_abort_for_crash send_abort_for_kill jit_debugging_support jit_profiling_support',
  ),
  ...because('shared memory of the host is Amazon’s', 'dynamic_shared_memory_type shared_memory_type huge_page_size'),
  ...because('parameter groups replace ALTER SYSTEM', 'allow_alter_system'),
]);

/** Parameters only RDS has. */
export const rdsOwnParameters: ReadonlyMap<string, RdsApply> = new Map<string, RdsApply>([
  ['rds.force_ssl', 'dynamic'],
  ['rds.logical_replication', 'static'],
  ['rds.log_retention_period', 'dynamic'],
  ['rds.adaptive_autovacuum', 'dynamic'],
  ['rds.restrict_password_commands', 'static'],
  ['rds.force_autovacuum_logging_level', 'dynamic'],
]);

/**
 * Values that the families postgres15 to postgres18 have by themselves, in the parameter's own unit. One declared with `immediate` beside it would
 * differ for ever: RDS keeps the method of its own default, `pending-reboot` (Terraform's aws_db_parameter_group, Problematic Plan Changes).
 */
export const RDS_DEFAULTS: ReadonlyMap<string, string> = new Map([
  ['autovacuum', '1'],
  ['autovacuum_vacuum_threshold', '50'],
  ['rds.force_ssl', '1'],
  ['work_mem', '4096'],
]);

/** What shared_preload_libraries may name (RDS User Guide, parameter list). */
export const RDS_LIBRARIES: readonly string[] = [
  'auto_explain',
  'orafce',
  'pg_bigm',
  'pg_cron',
  'pg_hint_plan',
  'pg_prewarm',
  'pg_similarity',
  'pg_stat_statements',
  'pg_transport',
  'pgaudit',
  'pglogical',
  'plprofiler',
];
