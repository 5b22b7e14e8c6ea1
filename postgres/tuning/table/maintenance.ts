import { bool, choice, INT, integer, type ParameterSpec, real, realSize, size } from '../parameter';

/** Autovacuum, freezing, statistics. Ranges, units and contexts as pg_settings of PostgreSQL 15 to 18 shows them. */
export const maintenanceParameters: readonly ParameterSpec[] = [
  // Statistics / Cumulative Query and Index Statistics
  choice('stats_fetch_consistency', 'user', 'none|cache|snapshot'),
  bool('track_activities', 'superuser'),
  size('track_activity_query_size', 'postmaster', 'B', 100, 1_048_576),
  bool('track_counts', 'superuser'),
  choice('track_functions', 'superuser', 'none|pl|all'),
  bool('track_io_timing', 'superuser'),
  bool('track_wal_io_timing', 'superuser'),
  bool('track_cost_delay_timing', 'superuser', { since: 18 }),
  // Statistics / Monitoring
  choice('compute_query_id', 'superuser', 'auto|regress|on|off'),
  bool('log_executor_stats', 'superuser'),
  bool('log_parser_stats', 'superuser'),
  bool('log_planner_stats', 'superuser'),
  bool('log_statement_stats', 'superuser'),
  // Vacuuming / Automatic Vacuuming
  bool('autovacuum', 'sighup'),
  real('autovacuum_analyze_scale_factor', 'sighup', 0, 100),
  integer('autovacuum_analyze_threshold', 'sighup', 0, INT),
  integer('autovacuum_freeze_max_age', 'postmaster', 100_000, 2_000_000_000),
  integer('autovacuum_max_workers', 'sighup', 1, 262_143, { older: { upTo: 17, context: 'postmaster' } }),
  integer('autovacuum_multixact_freeze_max_age', 'postmaster', 10_000, 2_000_000_000),
  size('autovacuum_naptime', 'sighup', 's', 1, 2_147_483),
  realSize('autovacuum_vacuum_cost_delay', 'sighup', 'ms', -1, 100),
  integer('autovacuum_vacuum_cost_limit', 'sighup', -1, 10_000),
  real('autovacuum_vacuum_insert_scale_factor', 'sighup', 0, 100),
  integer('autovacuum_vacuum_insert_threshold', 'sighup', -1, INT),
  real('autovacuum_vacuum_scale_factor', 'sighup', 0, 100),
  integer('autovacuum_vacuum_threshold', 'sighup', 0, INT),
  integer('autovacuum_vacuum_max_threshold', 'sighup', -1, INT, { since: 18 }),
  integer('autovacuum_worker_slots', 'postmaster', 1, 262_143, { since: 18 }),
  // Vacuuming / Cost-Based Vacuum Delay
  realSize('vacuum_cost_delay', 'user', 'ms', 0, 100),
  integer('vacuum_cost_limit', 'user', 1, 10_000),
  integer('vacuum_cost_page_dirty', 'user', 0, 10_000),
  integer('vacuum_cost_page_hit', 'user', 0, 10_000),
  integer('vacuum_cost_page_miss', 'user', 0, 10_000),
  // Vacuuming / Default Behavior
  bool('vacuum_truncate', 'user', { since: 18 }),
  // Vacuuming / Freezing
  integer('vacuum_failsafe_age', 'user', 0, 2_100_000_000),
  integer('vacuum_freeze_min_age', 'user', 0, 1_000_000_000),
  integer('vacuum_freeze_table_age', 'user', 0, 2_000_000_000),
  integer('vacuum_multixact_failsafe_age', 'user', 0, 2_100_000_000),
  integer('vacuum_multixact_freeze_min_age', 'user', 0, 1_000_000_000),
  integer('vacuum_multixact_freeze_table_age', 'user', 0, 2_000_000_000),
  real('vacuum_max_eager_freeze_failure_rate', 'user', 0, 1, { since: 18 }),
];
