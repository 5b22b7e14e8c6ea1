import { bool, choice, INT, integer, type ParameterSpec, real, size } from '../parameter';

/** Memory, disk, I/O, background writer, workers. Ranges, units and contexts as pg_settings of PostgreSQL 15 to 18 shows them. */
export const resourceParameters: readonly ParameterSpec[] = [
  // Resource Usage / Asynchronous Behavior
  size('old_snapshot_threshold', 'postmaster', 'min', -1, 86_400, { until: 16 }),
  // Resource Usage / Background Writer
  size('bgwriter_delay', 'sighup', 'ms', 10, 10_000),
  size('bgwriter_flush_after', 'sighup', '8kB', 0, 256),
  integer('bgwriter_lru_maxpages', 'sighup', 0, 1_073_741_823),
  real('bgwriter_lru_multiplier', 'sighup', 0, 10),
  // Resource Usage / Disk
  size('temp_file_limit', 'superuser', 'kB', -1, INT),
  choice('file_extend_method', 'sighup', 'posix_fallocate|write_zeros', { since: 16 }),
  integer('max_notify_queue_pages', 'postmaster', 64, INT, { since: 17 }),
  choice('file_copy_method', 'user', 'copy|clone', { since: 18 }),
  // Resource Usage / I/O
  size('backend_flush_after', 'user', '8kB', 0, 256),
  integer('effective_io_concurrency', 'user', 0, 1000),
  integer('maintenance_io_concurrency', 'user', 0, 1000),
  size('io_combine_limit', 'user', '8kB', 1, 128, { since: 17, older: { upTo: 17, max: 32 } }),
  size('io_max_combine_limit', 'postmaster', '8kB', 1, 128, { since: 18 }),
  integer('io_max_concurrency', 'postmaster', -1, 1024, { since: 18 }),
  choice('io_method', 'postmaster', 'sync|worker|io_uring', { since: 18 }),
  integer('io_workers', 'sighup', 1, 32, { since: 18 }),
  // Resource Usage / Kernel Resources
  integer('max_files_per_process', 'postmaster', 64, INT),
  // Resource Usage / Memory
  size('autovacuum_work_mem', 'sighup', 'kB', -1, INT),
  choice('dynamic_shared_memory_type', 'postmaster', 'posix|sysv|mmap|windows'),
  real('hash_mem_multiplier', 'user', 1, 1000),
  size('huge_page_size', 'postmaster', 'kB', 0, INT),
  choice('huge_pages', 'postmaster', 'off|on|try'),
  size('logical_decoding_work_mem', 'user', 'kB', 64, INT),
  size('maintenance_work_mem', 'user', 'kB', 64, INT, { older: { upTo: 16, min: 1024 } }),
  integer('max_prepared_transactions', 'postmaster', 0, 262_143),
  size('max_stack_depth', 'superuser', 'kB', 100, INT),
  size('min_dynamic_shared_memory', 'postmaster', 'MB', 0, INT),
  size('shared_buffers', 'postmaster', '8kB', 16, 1_073_741_823),
  choice('shared_memory_type', 'postmaster', 'sysv|mmap|windows'),
  size('temp_buffers', 'user', '8kB', 100, 1_073_741_823),
  size('work_mem', 'user', 'kB', 64, INT),
  size('vacuum_buffer_usage_limit', 'user', 'kB', 0, 16_777_216, { since: 16 }),
  size('commit_timestamp_buffers', 'postmaster', '8kB', 0, 131_072, { since: 17 }),
  size('multixact_member_buffers', 'postmaster', '8kB', 16, 131_072, { since: 17 }),
  size('multixact_offset_buffers', 'postmaster', '8kB', 16, 131_072, { since: 17 }),
  size('notify_buffers', 'postmaster', '8kB', 16, 131_072, { since: 17 }),
  size('serializable_buffers', 'postmaster', '8kB', 16, 131_072, { since: 17 }),
  size('subtransaction_buffers', 'postmaster', '8kB', 0, 131_072, { since: 17 }),
  size('transaction_buffers', 'postmaster', '8kB', 0, 131_072, { since: 17 }),
  // Resource Usage / Worker Processes
  integer('max_parallel_maintenance_workers', 'user', 0, 1024),
  integer('max_parallel_workers', 'user', 0, 1024),
  integer('max_parallel_workers_per_gather', 'user', 0, 1024),
  integer('max_worker_processes', 'postmaster', 0, 262_143),
  bool('parallel_leader_participation', 'user'),
];
