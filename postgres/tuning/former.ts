import type { ParameterValue } from '../spec';
import { formatSize } from './units';

/** Parameters that are no longer, or that the server sets itself, and what to write instead. From the release notes. */
export interface FormerParameter {
  /** Completes "NAME ...". */
  what: string;
  /** What to do; gets the value that was written. */
  remedy: (value: ParameterValue) => string;
}

/** `value` segments of `megabytes` each, as a size; a value that is no count keeps the formula. */
function segments(value: ParameterValue, megabytes: number, fallback: string): string {
  const count = typeof value === 'boolean' ? Number.NaN : Number(value);
  return Number.isSafeInteger(count) && count >= 0 ? formatSize(count * megabytes, 'MB') : fallback;
}

const gone = (what: string, remedy: string): FormerParameter => ({ what, remedy: () => remedy });

export const formerParameters: ReadonlyMap<string, FormerParameter> = new Map([
  [
    'wal_keep_segments',
    {
      what: 'left PostgreSQL in 13, where wal_keep_size replaced it',
      remedy: (value: ParameterValue) =>
        `Write wal_keep_size: ${segments(value, 16, '(segments x 16MB)')} instead (segments of 16MB each).`,
    },
  ],
  [
    'checkpoint_segments',
    {
      what: 'left PostgreSQL in 9.5, where max_wal_size replaced it',
      remedy: (value: ParameterValue) =>
        `Write max_wal_size: ${segments(value, 48, '(3 x segments x 16MB)')} instead (3 times the segments of 16MB).`,
    },
  ],
  ['promote_trigger_file', gone('left PostgreSQL in 16', 'Remove it; a standby is promoted with pg_promote().')],
  ['trigger_file', gone('left PostgreSQL in 12', 'Remove it; a standby is promoted with pg_promote().')],
  ['standby_mode', gone('left PostgreSQL in 12', 'Remove it; the file standby.signal makes a standby.')],
  ['force_parallel_mode', gone('was renamed in PostgreSQL 16', 'Write debug_parallel_query instead.')],
  [
    'vacuum_defer_cleanup_age',
    gone('left PostgreSQL in 16', 'Remove it; hot_standby_feedback or a replication slot does its work.'),
  ],
  ['db_user_namespace', gone('left PostgreSQL in 17', 'Remove it; roles belong to the whole server.')],
  ['old_snapshot_threshold', gone('left PostgreSQL in 17', 'Remove it; transaction_timeout bounds long transactions.')],
  ['trace_recovery_messages', gone('left PostgreSQL in 17', 'Remove it; log_min_messages covers recovery.')],
  ['ssl_ecdh_curve', gone('was renamed in PostgreSQL 18', 'Write ssl_groups instead.')],
  ['stats_temp_directory', gone('left PostgreSQL in 15', 'Remove it; statistics are kept in shared memory.')],
  ['vacuum_cleanup_index_scale_factor', gone('left PostgreSQL in 14', 'Remove it.')],
  ['operator_precedence_warning', gone('left PostgreSQL in 14', 'Remove it.')],
  ['default_with_oids', gone('left PostgreSQL in 12', 'Remove it.')],
  ['replacement_sort_tuples', gone('left PostgreSQL in 11', 'Remove it.')],
  ['sql_inheritance', gone('left PostgreSQL in 10', 'Remove it.')],
  ['unix_socket_directory', gone('left PostgreSQL in 9.3', 'Write unix_socket_directories instead.')],
  ['lc_collate', gone('is fixed when the database is created', 'Remove it; CREATE DATABASE sets it.')],
  ['lc_ctype', gone('is fixed when the database is created', 'Remove it; CREATE DATABASE sets it.')],
  [
    'data_checksums',
    gone('is fixed when the data directory is made', 'Remove it; this project always makes data checksums.'),
  ],
  ['wal_segment_size', gone('is fixed when the data directory is made', 'Remove it.')],
  ['block_size', gone('is fixed when the server is built', 'Remove it.')],
  ['server_encoding', gone('is fixed when the database is created', 'Remove it.')],
  ['config_file', gone('cannot be set inside a configuration file', 'Remove it.')],
  ['transaction_isolation', gone('belongs to one transaction', 'Write default_transaction_isolation instead.')],
  ['transaction_read_only', gone('belongs to one transaction', 'Write default_transaction_read_only instead.')],
  ['transaction_deferrable', gone('belongs to one transaction', 'Write default_transaction_deferrable instead.')],
]);
