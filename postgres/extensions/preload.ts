import { splitList } from '../tuning/value';

/** Extensions that do nothing, or cannot be created, until the library of their name is preloaded. */
const PRELOADED: ReadonlySet<string> = new Set([
  'citus',
  'pg_cron',
  'pg_qualstats',
  'pg_squeeze',
  'pg_stat_kcache',
  'pg_stat_statements',
  'pg_wait_sampling',
  'pgaudit',
  'timescaledb',
]);

/** Of these extensions those whose library `libraries`, the value of shared_preload_libraries, lacks. */
export function notPreloaded(extensions: readonly string[], libraries: string): string[] {
  const loaded = (splitList(libraries) ?? []).map((path) => path.split('/').at(-1));
  return extensions.filter((name) => PRELOADED.has(name) && !loaded.includes(name));
}
