import { parse } from 'valibot';

import type { Parameters } from '../../postgres/spec';
import { type Environment, type Settings, settingsSchema } from './settings';

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

/** Every default but the parameters. A fresh copy each time. */
export const defaultSettings = (stack: string, environment: Environment): Settings => ({
  stack,
  ...parse(settingsSchema(environment), {}),
});
