import type { Client } from 'pg';

/** Extensions whose library has to be in shared_preload_libraries, and the library's name. */
const LIBRARIES: Readonly<Record<string, string>> = {
  citus: 'citus',
  pg_cron: 'pg_cron',
  pg_qualstats: 'pg_qualstats',
  pg_squeeze: 'pg_squeeze',
  pg_stat_kcache: 'pg_stat_kcache',
  pg_stat_statements: 'pg_stat_statements',
  pg_wait_sampling: 'pg_wait_sampling',
  pgaudit: 'pgaudit',
  timescaledb: 'timescaledb',
};

/** The library an extension wants preloaded; undefined: none. */
export function preloadOf(extension: string): string | undefined {
  return Object.hasOwn(LIBRARIES, extension) ? LIBRARIES[extension] : undefined;
}

/**
 * Of these extensions those that do nothing until their library is preloaded and the server restarted. pg_stat_statements can be
 * created without, and its view then fails whenever it is read.
 */
export async function notPreloaded(client: Client, extensions: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ libraries: string }>(
    `SELECT current_setting('shared_preload_libraries') AS libraries`,
  );
  const loaded = (rows[0]?.libraries ?? '').split(',').map((library) => library.trim().replace(/^"(.*)"$/, '$1'));
  return extensions.filter((name) => {
    const library = preloadOf(name);
    return library !== undefined && !loaded.some((path) => path.split('/').at(-1) === library);
  });
}
