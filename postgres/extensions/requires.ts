/** What extensions require (their control files), where anything but plpgsql: PostgreSQL's own, and those that are met often. */
const REQUIRES: Readonly<Record<string, readonly string[]>> = {
  address_standardizer_data_us: ['address_standardizer'],
  bool_plperl: ['plperl'],
  bool_plperlu: ['plperlu'],
  earthdistance: ['cube'],
  h3_postgis: ['h3', 'postgis', 'postgis_raster'],
  hstore_plperl: ['hstore', 'plperl'],
  hstore_plperlu: ['hstore', 'plperlu'],
  hstore_plpython3u: ['hstore', 'plpython3u'],
  jsonb_plperl: ['plperl'],
  jsonb_plperlu: ['plperlu'],
  jsonb_plpython3u: ['plpython3u'],
  ltree_plpython3u: ['ltree', 'plpython3u'],
  pg_stat_kcache: ['pg_stat_statements'],
  pgrouting: ['postgis'],
  postgis_raster: ['postgis'],
  postgis_sfcgal: ['postgis'],
  postgis_tiger_geocoder: ['postgis', 'fuzzystrmatch'],
  postgis_topology: ['postgis'],
  powa: ['pg_stat_statements', 'btree_gist'],
  vectorscale: ['vector'],
};

/** Names of the extensions that have to be installed before this one. */
export function requirementsOf(extension: string): readonly string[] {
  return Object.hasOwn(REQUIRES, extension) ? (REQUIRES[extension] ?? []) : [];
}

/** Each after what it requires, otherwise as they were given: so one that this table does not know can be put in its place by hand. */
export function inOrderOfRequirement<T extends { name: string }>(extensions: readonly T[]): T[] {
  const byName = new Map(extensions.map((extension) => [extension.name, extension]));
  const ordered = new Set<T>();
  const add = (extension: T): void => {
    for (const name of requirementsOf(extension.name)) {
      const required = byName.get(name);
      if (required !== undefined && !ordered.has(required)) add(required);
    }
    ordered.add(extension);
  };
  for (const extension of extensions) add(extension);
  return [...ordered];
}
