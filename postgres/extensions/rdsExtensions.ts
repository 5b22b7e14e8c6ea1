/**
 * Extensions that RDS for PostgreSQL 15 to 18 has (its release notes, "PostgreSQL extension versions"), with the last major of those that
 * ended. The last word has `SHOW rds.extensions`.
 */
const EXTENSIONS: ReadonlyMap<string, number> = new Map([
  ...(
    'address_standardizer address_standardizer_data_us amcheck aws_commons aws_lambda aws_s3 bloom bool_plperl btree_gin btree_gist ' +
    'citext cube dblink dict_int dict_xsyn earthdistance fuzzystrmatch h3 h3_postgis hll hstore hstore_plperl intagg intarray ip4r ' +
    'isn jsonb_plperl lo log_fdw ltree mysql_fdw oracle_fdw orafce pageinspect pg_bigm pg_buffercache pg_cron pg_freespacemap ' +
    'pg_hint_plan pg_partman pg_prewarm pg_proctab pg_repack pg_similarity pg_stat_statements pg_surgery pg_tle pg_transport pg_trgm ' +
    'pg_visibility pg_walinspect pgactive pgaudit pgcrypto pglogical pgrouting pgrowlocks pgstattuple pgtap plcoffee plls plperl ' +
    'plpgsql plprofiler pltcl plv8 postgis postgis_raster postgis_tiger_geocoder postgis_topology postgres_fdw prefix rdkit rds_tools ' +
    'seg sslinfo tablefunc tcn tds_fdw tsm_system_rows tsm_system_time unaccent uuid-ossp vector'
  )
    .split(' ')
    .map((name) => [name, Infinity] as const),
  ['old_snapshot', 16],
]);

/** Undefined: RDS has it. */
export function missingOnRds(name: string, major: number): string | undefined {
  const until = EXTENSIONS.get(name);
  if (until === undefined) return `RDS for PostgreSQL has no extension ${name}.`;
  return major <= until ? undefined : `Extension ${name} ended with PostgreSQL ${until}.`;
}
