/** PostgreSQL's own contrib modules that are extensions (manual, appendix F; 15 to 18). Debian has them in the server's package. */
const CONTRIB = new Set(
  (
    'adminpack amcheck autoinc bloom bool_plperl btree_gin btree_gist citext cube dblink dict_int dict_xsyn earthdistance ' +
    'file_fdw fuzzystrmatch hstore hstore_plperl insert_username intagg intarray isn jsonb_plperl lo ltree moddatetime ' +
    'old_snapshot pageinspect pg_buffercache pg_freespacemap pg_logicalinspect pg_overexplain pg_prewarm pg_stat_statements ' +
    'pg_surgery pg_trgm pg_visibility pg_walinspect pgcrypto pgrowlocks pgstattuple postgres_fdw refint seg sslinfo tablefunc ' +
    'tcn tsm_system_rows tsm_system_time unaccent uuid-ossp xml2'
  ).split(' '),
);

/** Debian and PGDG name these packages otherwise than the extension: postgresql-MAJOR-NAME. */
const DEBIAN: Readonly<Record<string, string>> = {
  hll: 'hll',
  hypopg: 'hypopg',
  pg_cron: 'cron',
  pg_hint_plan: 'pg-hint-plan',
  pg_partman: 'partman',
  pg_qualstats: 'pg-qualstats',
  pg_repack: 'repack',
  pg_similarity: 'similarity',
  pg_squeeze: 'squeeze',
  pg_stat_kcache: 'pg-stat-kcache',
  pg_wait_sampling: 'pg-wait-sampling',
  pgaudit: 'pgaudit',
  pgrouting: 'pgrouting',
  plv8: 'plv8',
  postgis: 'postgis-3',
  postgis_raster: 'postgis-3',
  postgis_topology: 'postgis-3',
  timescaledb: 'timescaledb',
  vector: 'pgvector',
};
const LANGUAGES: Readonly<Record<string, string>> = { plperl: 'plperl', plpython3u: 'plpython3', pltcl: 'pltcl' };

/** Where the extension comes from, as a sentence that names the package for this major version. */
export function packageOf(name: string, major: number): string {
  if (CONTRIB.has(name)) {
    return (
      `It is one of PostgreSQL's contrib modules: postgresql-${major} on Debian and Ubuntu, postgresql${major}-contrib on ` +
      'Red Hat and Alpine, part of postgresql in Homebrew.'
    );
  }
  const known = DEBIAN[name] ?? LANGUAGES[name];
  if (known !== undefined) return `Debian and Ubuntu have it in the package postgresql-${major}-${known}.`;
  return `If it exists, Debian and Ubuntu have it in a package like postgresql-${major}-${name.replaceAll('_', '-')}.`;
}
