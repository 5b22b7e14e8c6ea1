import { literal, textArray, TRIGGERS } from '../names';
import { MADE_OF } from './conversions';

/*
 * What the recorders of a table have to take care of, as one query: `up` makes recorders by it, and the guard sees by it that a statement has
 * left them wanting.
 */

export interface Needs {
  /** Settings that the text of a value depends on, besides those of the key. */
  settings: string[];
  /** Columns without a value in a trigger. */
  virtual: string[];
  /** `row`: a statement trigger would miss or misplace rows. `container`: part of the key is an array, an object or a row. */
  traits: ('row' | 'container')[];
  /** Why `row`; empty without it. */
  reason: string;
}

/** What the list of audited tables says of a table for `record_change` and for the guard. */
export interface AuditedRules {
  /** As declared, also of columns that do not exist. */
  exclude: string[];
  redact: string[];
  /** What the recorders of the table take care of. */
  needs: Omit<Needs, 'reason'>;
}

const FLOATS = ['real', 'double precision', 'point', 'line', 'lseg', 'box', 'path', 'polygon', 'circle'];
const RANGES = ['date', 'ts', 'tstz'].flatMap((of) => [`${of}range`, `${of}multirange`]);
const NAMES_OF_OBJECTS = [
  ...['regclass', 'regproc', 'regprocedure', 'regoper', 'regoperator', 'regtype'],
  ...['regrole', 'regnamespace', 'regconfig', 'regdictionary', 'regcollation'],
];

/**
 * Settings that decide how a value is written, by the type it belongs to, and the value they are recorded under. Dates and times alone are
 * written in ISO 8601 by to_jsonb. `ofKey`: of columns of the key alone, where the same moment has to be the same key, whatever zone the session is in.
 */
export const RECORDED_UNDER: readonly { types: string[]; setting: string; value: string; ofKey?: true }[] = [
  { types: FLOATS, setting: 'extra_float_digits', value: '1' },
  { types: ['interval'], setting: 'IntervalStyle', value: 'postgres' },
  { types: ['bytea'], setting: 'bytea_output', value: 'hex' },
  { types: ['money'], setting: 'lc_monetary', value: 'C' },
  { types: RANGES, setting: 'DateStyle', value: 'ISO, MDY' },
  { types: NAMES_OF_OBJECTS, setting: 'search_path', value: 'pg_catalog, pg_temp' },
  { types: NAMES_OF_OBJECTS, setting: 'quote_all_identifiers', value: 'off' },
  {
    types: ['timestamp with time zone', 'tstzrange', 'tstzmultirange'],
    setting: 'TimeZone',
    value: 'UTC',
    ofKey: true,
  },
];

const SETTINGS = RECORDED_UNDER.map(
  ({ types, setting, ofKey }) => `(${textArray(types)}, ${literal(setting)}, ${ofKey === true})`,
).join(', ');

/** A trigger of the application's that fires before ours for the same event: by byte order of its name, in the same phase. */
export const firesFirst = (relation: string): string => `
    SELECT t.tgname::text AS name FROM pg_catalog.pg_trigger AS t
     WHERE t.tgrelid = ${relation} AND NOT t.tgisinternal AND (t.tgtype & 66) = 0 AND (t.tgtype & 28) <> 0 AND t.tgname < ${literal(TRIGGERS.UPDATE)}
       AND t.tgname <> ALL (${textArray(Object.values(TRIGGERS))}::name[])`;

/** Generated columns of a table and what they are made from: rows of two column numbers, `attnum` and `source`. */
export const generatedFrom = (relation: string): string => `
    SELECT d.adnum AS attnum, p.refobjsubid AS source FROM pg_catalog.pg_attrdef AS d JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
      JOIN pg_catalog.pg_depend AS p ON p.classid = 'pg_catalog.pg_attrdef'::regclass AND p.objid = d.oid AND p.refclassid = 'pg_catalog.pg_class'::regclass
     WHERE d.adrelid = ${relation} AND a.attgenerated <> '' AND p.refobjid = d.adrelid AND p.refobjsubid > 0 AND p.refobjsubid <> d.adnum`;

/**
 * The needs of the table whose oid is `relation`, as jsonb. A statement trigger fires for the table a statement names and after all row
 * triggers: it misses what goes straight to a partition, through a parent, or by an apply worker, and would be recorded after what a row
 * trigger of the application does to the same table.
 */
export function needsSql(relation: string): string {
  return `(
  WITH RECURSIVE made_of AS (
    SELECT a.attnum, a.atttypid AS type FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = ${relation} AND a.attnum > 0 AND NOT a.attisdropped
    UNION SELECT m.attnum, x.type FROM made_of AS m JOIN pg_catalog.pg_type AS y ON y.oid = m.type, LATERAL (${MADE_OF}) AS x
  ), part AS (
    SELECT m.attnum, pg_catalog.format_type(m.type, NULL) AS type, y.typcategory IN ('A', 'C') OR m.type IN ('json'::regtype, 'jsonb'::regtype) AS container,
           EXISTS (SELECT FROM pg_catalog.pg_index AS i WHERE i.indrelid = ${relation} AND i.indisprimary AND m.attnum = ANY (i.indkey)) AS of_key
      FROM made_of AS m JOIN pg_catalog.pg_type AS y ON y.oid = m.type
  ), reason AS (
    SELECT coalesce(CASE
      WHEN (SELECT k.relkind FROM pg_catalog.pg_class AS k WHERE k.oid = ${relation}) = 'p' THEN 'partitioned' END,
      (SELECT pg_catalog.format('part of %s.%s', n.nspname, p.relname) FROM pg_catalog.pg_inherits AS i JOIN pg_catalog.pg_class AS p ON p.oid = i.inhparent
         JOIN pg_catalog.pg_namespace AS n ON n.oid = p.relnamespace WHERE i.inhrelid = ${relation} ORDER BY 1 LIMIT 1),
      (SELECT 'has child tables' FROM pg_catalog.pg_inherits AS i WHERE i.inhparent = ${relation} LIMIT 1),
      (SELECT 'target of a subscription' FROM pg_catalog.pg_subscription_rel AS s WHERE s.srrelid = ${relation} LIMIT 1),
      (SELECT 'row trigger ' || pg_catalog.string_agg(t.tgname, ', ' ORDER BY t.tgname) FROM pg_catalog.pg_trigger AS t
        WHERE t.tgrelid = ${relation} AND NOT t.tgisinternal AND (t.tgtype & 1) = 1 AND (t.tgtype & 66) = 0 AND (t.tgtype & 12) <> 0
          AND t.tgname <> ALL (${textArray(Object.values(TRIGGERS))}::name[])), '') AS why
  )
  SELECT pg_catalog.jsonb_build_object(
    'settings', coalesce((SELECT pg_catalog.jsonb_agg(s.setting ORDER BY s.setting) FROM (VALUES ${SETTINGS}) AS s(types, setting, of_key)
       WHERE EXISTS (SELECT FROM part AS p WHERE p.type = ANY (s.types) AND (p.of_key OR NOT s.of_key))), '[]'),
    'virtual', coalesce((SELECT pg_catalog.jsonb_agg(a.attname ORDER BY a.attname) FROM pg_catalog.pg_attribute AS a
       WHERE a.attrelid = ${relation} AND a.attgenerated = 'v' AND NOT a.attisdropped), '[]'),
    'traits', pg_catalog.to_jsonb(pg_catalog.array_remove(ARRAY[CASE WHEN r.why <> '' THEN 'row' END,
       CASE WHEN EXISTS (SELECT FROM part AS p WHERE p.of_key AND p.container) THEN 'container' END], NULL)),
    'reason', r.why) FROM reason AS r)`;
}
