import type { Client } from 'pg';

/** Everything that migrations make, by kind, as PostgreSQL itself writes it; owners are left out, their names differ from database to database. */
const CATALOG: Record<string, string> = {
  schemas: `SELECT nspname FROM pg_namespace n WHERE TRUE`,
  relations: `SELECT nspname, relname, relkind, relpersistence, reloptions, relrowsecurity
                FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'c')`,
  columns: `SELECT nspname, relname, attnum, attname, format_type(atttypid, atttypmod) AS type, attnotnull, attidentity, attgenerated,
                   pg_get_expr(adbin, adrelid) AS default
              FROM pg_attribute JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace
              LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
             WHERE attnum > 0 AND NOT attisdropped AND relkind IN ('r', 'p', 'v', 'm')`,
  constraints: `SELECT nspname, relname, conname, pg_get_constraintdef(d.oid) AS definition, convalidated
                  FROM pg_constraint d JOIN pg_class c ON c.oid = conrelid JOIN pg_namespace n ON n.oid = relnamespace WHERE TRUE`,
  indexes: `SELECT nspname, pg_get_indexdef(indexrelid) AS definition, indisvalid, indisready
              FROM pg_index JOIN pg_class c ON c.oid = indexrelid JOIN pg_namespace n ON n.oid = relnamespace WHERE TRUE`,
  types: `SELECT nspname, typname, typtype, (SELECT array_agg(enumlabel ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid)::text
            FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace WHERE typtype IN ('e', 'd')`,
  routines: `SELECT nspname, pg_get_functiondef(p.oid) AS definition FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
              WHERE prokind IN ('f', 'p') AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e')`,
  triggers: `SELECT nspname, pg_get_triggerdef(t.oid) AS definition FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
               JOIN pg_namespace n ON n.oid = relnamespace WHERE NOT tgisinternal`,
  views: `SELECT nspname, relname, pg_get_viewdef(c.oid) AS definition FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
           WHERE relkind IN ('v', 'm')`,
  rules: `SELECT nspname, pg_get_ruledef(r.oid) AS definition FROM pg_rewrite r JOIN pg_class c ON c.oid = ev_class
            JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'r'`,
  policies: `SELECT schemaname AS nspname, tablename, policyname, cmd, qual, with_check FROM pg_policies WHERE TRUE`,
  comments: `SELECT nspname, c.relname, d.objsubid, d.description FROM pg_description d JOIN pg_class c ON c.oid = d.objoid
               JOIN pg_namespace n ON n.oid = relnamespace WHERE d.classoid = 'pg_class'::regclass`,
  extensions: `SELECT nspname, extname FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace WHERE TRUE`,
};

const OWN = `nspname !~ '^pg_' AND nspname <> 'information_schema'`;

/** Catalog, rows and Prisma's record, ready to be compared. */
export async function snapshot(client: Client): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const [kind, sql] of Object.entries(CATALOG)) {
    const condition = kind === 'policies' ? OWN.replaceAll('nspname', 'schemaname') : OWN;
    const { rows } = await client.query<Record<string, unknown>>(`${sql} AND ${condition}`);
    found[kind] = rows.map((row) => JSON.stringify(row)).sort();
  }
  const tables = await client.query<{ table: string }>(
    `SELECT format('%I.%I', nspname, relname) AS table FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
      WHERE relkind = 'r' AND relname <> '_prisma_migrations' AND ${OWN} ORDER BY 1`,
  );
  for (const { table } of tables.rows) {
    const { rows } = await client.query<{ row: string }>(`SELECT t::text AS row FROM ${table} t ORDER BY 1`);
    found[`rows of ${table}`] = rows.map(({ row }) => row);
  }
  const { rows } = await client.query(
    `SELECT migration_name, checksum, logs IS NOT NULL AS logs, finished_at IS NOT NULL AS finished, rolled_back_at IS NOT NULL AS rolled_back,
            applied_steps_count FROM _prisma_migrations ORDER BY started_at`,
  );
  found['_prisma_migrations'] = rows;
  return found;
}
