import type { Client } from 'pg';

import { assertNotRunning } from './running';

export interface TargetColumn {
  name: string;
  /** As PostgreSQL prints it: `timestamp(3) without time zone`. */
  type: string;
  /** Name in pg_type of the type itself or of what a domain stands for: `timestamp`, `int4`, `varchar`. */
  base: string;
  /** Of that type, -1: none. */
  modifier: number;
  /** Labels of an enum. */
  labels: string[];
  nullable: boolean;
  hasDefault: boolean;
  /** Computed by PostgreSQL: cannot be loaded. */
  isGenerated: boolean;
  /** Sequence that gives its default, qualified and quoted. */
  sequence: string | null;
}

export interface TargetConstraint {
  name: string;
  /** c, f, p, u, x as in pg_constraint. */
  type: string;
  /** For ALTER TABLE ... ADD CONSTRAINT. */
  definition: string;
  /** Columns of this table, in the constraint's order. */
  columns: string[];
  comment: string | null;
  /** Of a foreign key: the table it refers to, qualified and quoted, and its columns. */
  refersTo: string | null;
  referredColumns: string[];
  validated: boolean;
}

export interface TargetIndex {
  /** Qualified and quoted. */
  name: string;
  bareName: string;
  definition: string;
  comment: string | null;
  valid: boolean;
  /** The primary key's or unique constraint's that made it. */
  constraint: string | null;
  clustered: boolean;
  replicaIdentity: boolean;
  /** ALTER INDEX ... ALTER COLUMN n SET STATISTICS target. */
  statistics: { column: number; target: number }[];
  /** Other than the database's; no definition says it. */
  tablespace: string | null;
  /** Something else depends on it, so that it can neither be dropped nor made again. */
  needed: boolean;
}

export interface TargetTrigger {
  name: string;
  /** O, R or A as in pg_trigger. */
  enabled: string;
}

export interface TargetTable {
  name: string;
  /** Qualified and quoted. */
  qualified: string;
  kind: 'table' | 'partitioned table' | 'view' | 'foreign table';
  owner: string;
  /** Row security holds for the owner too. */
  forcesRowSecurity: boolean;
  columns: TargetColumn[];
  constraints: TargetConstraint[];
  indexes: TargetIndex[];
  /** The application's own, enabled. */
  triggers: TargetTrigger[];
  rules: TargetTrigger[];
  /** Foreign keys of other tables that refer to this one. */
  referredBy: { table: string; constraint: TargetConstraint }[];
}

/** Tables, views and foreign tables of a schema, in the order of their names; `trail`: the schema whose triggers stay as they are. Throws `transfer-running`. */
export async function readTarget(client: Client, schema: string, trail: string): Promise<TargetTable[]> {
  await assertNotRunning(client);
  const { rows } = await client.query<{ found: TargetTable }>(TABLES, [schema, trail]);
  return rows.map(({ found }) => found);
}

const CONSTRAINT = `json_build_object('name', k.conname, 'type', k.contype, 'definition', pg_get_constraintdef(k.oid),
  'columns', ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u(number, position)
                     JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = u.number ORDER BY u.position),
  'comment', obj_description(k.oid, 'pg_constraint'), 'validated', k.convalidated,
  'refersTo', (SELECT format('%I.%I', n.nspname, r.relname) FROM pg_class AS r JOIN pg_namespace AS n ON n.oid = r.relnamespace WHERE r.oid = k.confrelid),
  'referredColumns', ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS u(number, position)
                     JOIN pg_attribute AS a ON a.attrelid = k.confrelid AND a.attnum = u.number ORDER BY u.position))`;

const TABLES = `
SELECT json_build_object('name', c.relname, 'qualified', format('%I.%I', n.nspname, c.relname), 'owner', pg_get_userbyid(c.relowner),
  'kind', CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'f' THEN 'foreign table' ELSE 'view' END,
  'forcesRowSecurity', c.relforcerowsecurity,
  'columns', (SELECT coalesce(json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
      'base', b.typname, 'modifier', CASE WHEN a.atttypmod = -1 THEN t.typtypmod ELSE a.atttypmod END,
      'labels', ARRAY(SELECT e.enumlabel::text FROM pg_enum AS e WHERE e.enumtypid = b.oid ORDER BY e.enumsortorder),
      'nullable', NOT a.attnotnull AND NOT t.typnotnull, 'hasDefault', a.atthasdef OR a.attidentity <> '' OR t.typdefault IS NOT NULL,
      'isGenerated', a.attgenerated <> '',
      'sequence', (SELECT format('%I.%I', sn.nspname, s.relname) FROM pg_depend AS d JOIN pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'
                     JOIN pg_namespace AS sn ON sn.oid = s.relnamespace
                    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.refobjsubid = a.attnum
                      AND d.deptype IN ('a', 'i') LIMIT 1)) ORDER BY a.attnum), '[]')
    FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
    JOIN pg_type AS b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
   WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
  'constraints', (SELECT coalesce(json_agg(${CONSTRAINT} ORDER BY k.conname), '[]') FROM pg_constraint AS k
                   WHERE k.conrelid = c.oid AND k.conparentid = 0 AND k.contype IN ('f', 'p', 'u', 'x')),
  'indexes', (SELECT coalesce(json_agg(json_build_object('name', format('%I.%I', n.nspname, i.relname), 'bareName', i.relname, 'definition', pg_get_indexdef(i.oid),
      'comment', obj_description(i.oid, 'pg_class'), 'valid', x.indisvalid, 'clustered', x.indisclustered, 'replicaIdentity', x.indisreplident,
      'constraint', (SELECT k.conname FROM pg_constraint AS k WHERE k.conindid = i.oid AND k.contype IN ('p', 'u', 'x') AND k.conrelid = c.oid),
      'statistics', (SELECT coalesce(json_agg(json_build_object('column', a.attnum, 'target', a.attstattarget)), '[]') FROM pg_attribute AS a
                      WHERE a.attrelid = i.oid AND a.attstattarget >= 0),
      'tablespace', (SELECT ts.spcname FROM pg_tablespace AS ts WHERE ts.oid = i.reltablespace),
      'needed', EXISTS (SELECT FROM pg_depend AS d LEFT JOIN pg_constraint AS k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
                 WHERE (d.refclassid, d.refobjid) IN (('pg_class'::regclass, i.oid),
                        ('pg_constraint'::regclass, (SELECT own.oid FROM pg_constraint AS own WHERE own.conindid = i.oid AND own.contype IN ('p', 'u', 'x') AND own.conrelid = c.oid)))
                   AND d.deptype IN ('n', 'a') AND coalesce(k.contype, '') <> 'f')) ORDER BY i.relname), '[]')
    FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid WHERE x.indrelid = c.oid),
  'triggers', (SELECT coalesce(json_agg(json_build_object('name', t.tgname, 'enabled', t.tgenabled) ORDER BY t.tgname), '[]')
    FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid JOIN pg_namespace AS pn ON pn.oid = p.pronamespace
   WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgenabled <> 'D' AND pn.nspname <> $2),
  'rules', (SELECT coalesce(json_agg(json_build_object('name', w.rulename, 'enabled', w.ev_enabled) ORDER BY w.rulename), '[]')
    FROM pg_rewrite AS w WHERE w.ev_class = c.oid AND c.relkind IN ('r', 'p') AND w.ev_enabled <> 'D'),
  'referredBy', (SELECT coalesce(json_agg(json_build_object('table', format('%I.%I', rn.nspname, r.relname), 'constraint', ${CONSTRAINT}) ORDER BY r.relname, k.conname), '[]')
    FROM pg_constraint AS k JOIN pg_class AS r ON r.oid = k.conrelid JOIN pg_namespace AS rn ON rn.oid = r.relnamespace
   WHERE k.confrelid = c.oid AND k.contype = 'f' AND k.conparentid = 0 AND k.conrelid <> c.oid)) AS found
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
 ORDER BY c.relname`;
