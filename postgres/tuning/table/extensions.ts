import { bool, choice, INT, integer, list, type ParameterSpec, real, size, text } from '../parameter';

/**
 * Parameters of the extensions this project preloads or creates, as pg_settings shows them once the library is loaded. Those
 * of any other extension (a name with one dot) are passed on unchecked: their meaning is the extension's.
 */
export const extensionParameters: readonly ParameterSpec[] = [
  // pg_stat_statements
  integer('pg_stat_statements.max', 'postmaster', 100, 1_073_741_823),
  bool('pg_stat_statements.save', 'sighup'),
  choice('pg_stat_statements.track', 'superuser', 'none|top|all'),
  bool('pg_stat_statements.track_planning', 'superuser'),
  bool('pg_stat_statements.track_utility', 'superuser'),
  // auto_explain
  bool('auto_explain.log_analyze', 'superuser'),
  bool('auto_explain.log_buffers', 'superuser'),
  choice('auto_explain.log_format', 'superuser', 'text|xml|json|yaml'),
  choice('auto_explain.log_level', 'superuser', 'debug5|debug4|debug3|debug2|debug1|info|notice|warning|log'),
  size('auto_explain.log_min_duration', 'superuser', 'ms', -1, INT),
  bool('auto_explain.log_nested_statements', 'superuser'),
  size('auto_explain.log_parameter_max_length', 'superuser', 'B', -1, INT, { since: 16 }),
  bool('auto_explain.log_settings', 'superuser'),
  bool('auto_explain.log_timing', 'superuser'),
  bool('auto_explain.log_triggers', 'superuser'),
  bool('auto_explain.log_verbose', 'superuser'),
  bool('auto_explain.log_wal', 'superuser'),
  real('auto_explain.sample_rate', 'superuser', 0, 1),
  // pg_trgm
  real('pg_trgm.similarity_threshold', 'user', 0, 1),
  real('pg_trgm.word_similarity_threshold', 'user', 0, 1),
  real('pg_trgm.strict_word_similarity_threshold', 'user', 0, 1),
  // pgaudit (its README)
  list('pgaudit.log', 'superuser'),
  bool('pgaudit.log_catalog', 'superuser'),
  bool('pgaudit.log_parameter', 'superuser'),
  bool('pgaudit.log_relation', 'superuser'),
  text('pgaudit.role', 'superuser'),
  // pg_cron (its README)
  text('cron.database_name', 'postmaster'),
  bool('cron.use_background_workers', 'postmaster'),
  bool('cron.log_run', 'postmaster'),
];
