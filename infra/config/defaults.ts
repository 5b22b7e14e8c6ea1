import type { IndexSpec, Parameters } from '../../postgres/spec';
import type { Environment, Settings } from './settings';

/** The schema of the application's tables. */
export const APPLICATION_SCHEMA = 'public';

export const DEFAULT_POSTGRESQL_PORT = 5432;

/**
 * Parameters of every stack unless its file says otherwise: those of the project's founding document, in which
 * wal_keep_segments = 32 has become wal_keep_size (32 segments of 16MB). A fresh copy each time.
 */
export function defaultParameters(): Parameters {
  return {
    shared_buffers: '256MB',
    effective_cache_size: '1GB',
    work_mem: '4MB',
    wal_level: 'replica',
    max_wal_senders: 3,
    wal_keep_size: '512MB',
    autovacuum: 'on',
    autovacuum_max_workers: 3,
    autovacuum_vacuum_threshold: 50,
    shared_preload_libraries: 'pg_stat_statements',
  };
}

const index = (name: string, table: string, column: string): IndexSpec => ({
  name,
  schema: APPLICATION_SCHEMA,
  table,
  columns: [{ name: column }],
});

/** Every default but the parameters. A fresh copy each time. */
export function defaultSettings(stack: string, environment: Environment): Settings {
  const prod = environment === 'prod';
  return {
    stack,
    environment,
    server: { port: 'auto', binaries: 'auto', ...(prod ? { instanceClass: 'db.t4g.medium' } : {}) },
    database: {
      name: 'inclusive_ai',
      adminUser: 'postgres',
      access: prod ? 'function' : 'direct',
      ...(environment === 'dev' ? { host: '127.0.0.1' } : {}),
      ...(environment === 'local' ? {} : { port: DEFAULT_POSTGRESQL_PORT }),
    },
    tuning: 'explicit',
    parameters: {},
    roles: {
      owner: { name: 'coach_owner' },
      migrator: { name: 'coach_migrator', connectionLimit: -1 },
      // Two pools of 10.
      application: { name: 'inclusive', connectionLimit: 20 },
      readOnly: { name: 'coach_readonly', connectionLimit: -1 },
      monitor: { name: 'coach_monitor', connectionLimit: -1 },
      auditor: { name: 'coach_auditor', connectionLimit: -1 },
      auditOwner: { name: 'coach_audit_owner' },
    },
    schemas: [],
    extensions: ['uuid-ossp', 'pg_trgm', 'btree_gin', 'pg_stat_statements'].map((name) => ({ name })),
    indexes: [
      index('idx_student_location', 'Student', 'location'),
      index('idx_student_language', 'Student', 'language'),
      index('idx_completed_lesson_student', 'CompletedLesson', 'studentId'),
      index('idx_assessment_student', 'Assessment', 'studentId'),
      index('idx_user_email', 'User', 'email'),
    ],
    audit: {
      schema: 'audit',
      table: 'audit_log',
      tables: ['User', 'Student', 'CompletedLesson', 'Assessment'].map((table) => ({
        schema: APPLICATION_SCHEMA,
        table,
        exclude: [],
        redact: [],
        enabled: true,
      })),
      loaders: [],
      retentionMonths: 0,
      monthsAhead: 3,
      hashChain: false,
    },
    migrations: { apply: prod ? 'initial' : 'always', lockTimeoutMs: 5_000, statementTimeoutMs: 600_000 },
    app: {},
    pool: {
      min: 2,
      max: 10,
      acquireTimeoutMs: 30_000,
      createTimeoutMs: 30_000,
      createRetryIntervalMs: 200,
      destroyTimeoutMs: 5_000,
      idleTimeoutMs: 30_000,
      reapIntervalMs: 1_000,
    },
    backup: {
      enabled: true,
      retentionDays: 7,
      compress: true,
      logRetentionDays: 30,
      schedule: { daily: '0 2 * * *', weekly: '0 3 * * 0', logCleanup: '0 4 * * 0', healthCheck: '*/30 * * * *' },
    },
    monitoring: {
      prometheus: { port: 9090, scrapeIntervalSeconds: 15 },
      exporter: { job: 'postgresql', scrapeIntervalSeconds: 30, port: 9187 },
      grafana: { port: 3001 },
    },
    graph: { invokes: {} },
  };
}
