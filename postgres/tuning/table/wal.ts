import { bool, choice, INT, integer, type ParameterSpec, real, size, text } from '../parameter';

/** Write-ahead log, checkpoints, archiving, recovery. Ranges, units and contexts as pg_settings of PostgreSQL 15 to 18 shows them. */
export const walParameters: readonly ParameterSpec[] = [
  // Write-Ahead Log / Archive Recovery
  text('archive_cleanup_command', 'sighup'),
  text('recovery_end_command', 'sighup'),
  text('restore_command', 'sighup'),
  // Write-Ahead Log / Archiving
  text('archive_command', 'sighup'),
  text('archive_library', 'sighup'),
  choice('archive_mode', 'postmaster', 'always|on|off'),
  size('archive_timeout', 'sighup', 's', 0, 1_073_741_823),
  // Write-Ahead Log / Checkpoints
  real('checkpoint_completion_target', 'sighup', 0, 1),
  size('checkpoint_flush_after', 'sighup', '8kB', 0, 256),
  size('checkpoint_timeout', 'sighup', 's', 30, 86_400),
  size('checkpoint_warning', 'sighup', 's', 0, INT),
  size('max_wal_size', 'sighup', 'MB', 2, INT),
  size('min_wal_size', 'sighup', 'MB', 2, INT),
  // Write-Ahead Log / Recovery
  choice('recovery_prefetch', 'sighup', 'off|on|try'),
  size('wal_decode_buffer_size', 'postmaster', 'B', 65_536, 1_073_741_823),
  // Write-Ahead Log / Recovery Target
  text('recovery_target', 'postmaster'),
  choice('recovery_target_action', 'postmaster', 'pause|promote|shutdown'),
  bool('recovery_target_inclusive', 'postmaster'),
  text('recovery_target_lsn', 'postmaster'),
  text('recovery_target_name', 'postmaster'),
  text('recovery_target_time', 'postmaster'),
  text('recovery_target_timeline', 'postmaster'),
  text('recovery_target_xid', 'postmaster'),
  // Write-Ahead Log / Settings
  integer('commit_delay', 'superuser', 0, 100_000),
  integer('commit_siblings', 'user', 0, 1000),
  bool('fsync', 'sighup'),
  bool('full_page_writes', 'sighup'),
  choice('synchronous_commit', 'user', 'local|remote_write|remote_apply|on|off'),
  size('wal_buffers', 'postmaster', '8kB', -1, 262_143),
  choice('wal_compression', 'superuser', 'pglz|lz4|zstd|on|off'),
  bool('wal_init_zero', 'superuser'),
  choice('wal_level', 'postmaster', 'minimal|replica|logical'),
  bool('wal_log_hints', 'postmaster'),
  bool('wal_recycle', 'superuser'),
  size('wal_skip_threshold', 'user', 'kB', 0, INT),
  choice('wal_sync_method', 'sighup', 'fsync|fdatasync|open_sync|open_datasync|fsync_writethrough'),
  size('wal_writer_delay', 'sighup', 'ms', 1, 10_000),
  size('wal_writer_flush_after', 'sighup', '8kB', 0, INT),
  // Write-Ahead Log / Summarization
  bool('summarize_wal', 'sighup', { since: 17 }),
  size('wal_summary_keep_time', 'sighup', 'min', 0, 35_791_394, { since: 17 }),
];
