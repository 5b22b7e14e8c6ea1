import { bool, INT, integer, list, type ParameterSpec, size, text } from '../parameter';

/** Senders, standbys, subscribers. Ranges, units and contexts as pg_settings of PostgreSQL 15 to 18 shows them. */
export const replicationParameters: readonly ParameterSpec[] = [
  // Replication / Primary Server
  list('synchronous_standby_names', 'sighup'),
  integer('vacuum_defer_cleanup_age', 'sighup', 0, 1_000_000, { until: 15 }),
  list('synchronized_standby_slots', 'sighup', { since: 17 }),
  // Replication / Sending Servers
  integer('max_replication_slots', 'postmaster', 0, 262_143),
  size('max_slot_wal_keep_size', 'sighup', 'MB', -1, INT),
  integer('max_wal_senders', 'postmaster', 0, 262_143),
  bool('track_commit_timestamp', 'postmaster'),
  size('wal_keep_size', 'sighup', 'MB', 0, INT),
  size('wal_sender_timeout', 'user', 'ms', 0, INT),
  size('idle_replication_slot_timeout', 'sighup', 's', 0, INT, { since: 18 }),
  // Replication / Standby Servers
  bool('hot_standby', 'postmaster'),
  bool('hot_standby_feedback', 'sighup'),
  size('max_standby_archive_delay', 'sighup', 'ms', -1, INT),
  size('max_standby_streaming_delay', 'sighup', 'ms', -1, INT),
  text('primary_conninfo', 'sighup'),
  text('primary_slot_name', 'sighup'),
  text('promote_trigger_file', 'sighup', { until: 15 }),
  size('recovery_min_apply_delay', 'sighup', 'ms', 0, INT),
  bool('wal_receiver_create_temp_slot', 'sighup'),
  size('wal_receiver_status_interval', 'sighup', 's', 0, 2_147_483),
  size('wal_receiver_timeout', 'sighup', 'ms', 0, INT),
  size('wal_retrieve_retry_interval', 'sighup', 'ms', 1, INT),
  bool('sync_replication_slots', 'sighup', { since: 17 }),
  // Replication / Subscribers
  integer('max_logical_replication_workers', 'postmaster', 0, 262_143),
  integer('max_sync_workers_per_subscription', 'sighup', 0, 262_143),
  integer('max_parallel_apply_workers_per_subscription', 'sighup', 0, 1024, { since: 16 }),
  integer('max_active_replication_origins', 'postmaster', 0, 262_143, { since: 18 }),
];
