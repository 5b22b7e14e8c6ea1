import type { Client } from 'pg';

import { qualified } from '../../connection/quote';
import type { AuditSpec } from '../../spec';
import type { AuditActual, AuditedRow, TableFacts } from '../catalog';
import { cronJobName, guardNames, SUPPORT } from '../names';
import { FOREIGN_CASTS, MADE_OF } from '../sql/conversions';
import { keyColumns } from '../sql/key';
import { firesFirst, generatedFrom, needsSql } from '../sql/needs';

/** What the catalog says about the trail: a constant number of queries, whatever the number of tables. */
export async function readAudit(client: Client, spec: AuditSpec): Promise<AuditActual> {
  const names = spec.tables.map(({ schema, table }) => ({ schema, table }));
  const roles = [spec.owner, ...spec.readers, ...(spec.loaders ?? []), ...(spec.dumpers ?? [])];
  const guards = Object.values(guardNames(spec));
  const { rows } = await client.query<{ facts: Omit<AuditActual, 'tables' | 'audited' | 'cron'> & Presence }>(TRAIL, [
    spec.schema,
    spec.owner,
    roles,
    guards,
    SUPPORT.audited,
  ]);
  const { hasAudited, hasCron, ...facts } = required(rows[0]).facts;
  const tables = await client.query<{ facts: TableFacts[] }>(TABLES, [spec.schema, JSON.stringify(names)]);
  return {
    ...facts,
    tables: required(tables.rows[0]).facts,
    audited: hasAudited ? await readAuditedRows(client, spec) : [],
    cron: hasCron ? { job: await readJob(client, spec) } : null,
  };
}

interface Presence {
  hasAudited: boolean;
  hasCron: boolean;
}

async function readAuditedRows(client: Client, spec: AuditSpec): Promise<AuditedRow[]> {
  const { rows } = await client.query<AuditedRow>(
    `SELECT relation::oid::int8::float8 AS relation, table_schema AS schema, table_name AS "table", key_columns AS "keyColumns", hidden, triggers,
            to_jsonb(a) -> 'rules' AS rules FROM ${qualified(spec.schema, SUPPORT.audited)} a ORDER BY table_schema, table_name`,
  );
  return rows;
}

interface Job {
  schedule: string;
  command: string;
  active: boolean;
}

async function readJob(client: Client, spec: AuditSpec): Promise<Job | null> {
  const { rows } = await client.query<Job>(
    `SELECT schedule, command, active FROM cron.job WHERE jobname = $1 AND database = current_database()`,
    [cronJobName(spec)],
  );
  return rows[0] ?? null;
}

function required<T>(row: T | undefined): T {
  if (row === undefined) throw new Error('A query without FROM returned no row.');
  return row;
}

/** Grants of an object as `grantee:PRIVILEGE`, without the owner's own. */
const grantsOf = (acl: string, owner: string): string => `
  coalesce((SELECT jsonb_agg(DISTINCT CASE a.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(a.grantee) END || ':' || a.privilege_type)
              FROM aclexplode(${acl}) a WHERE a.grantee <> ${owner}), '[]')`;

const TRAIL = `
SELECT jsonb_build_object(
  'admin', current_user,
  'mayGuard', (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user)
     OR EXISTS (SELECT FROM pg_roles r WHERE r.rolname = 'rds_superuser' AND pg_has_role(current_user, r.oid, 'MEMBER')),
  'lz4', EXISTS (SELECT FROM pg_settings s WHERE s.name = 'default_toast_compression' AND 'lz4' = ANY (s.enumvals)),
  'roles', coalesce((SELECT jsonb_agg(jsonb_build_object('name', r.rolname, 'login', r.rolcanlogin) ORDER BY r.rolname)
     FROM pg_roles r WHERE r.rolname = ANY ($3::text[])), '[]'),
  'ownersMembers', coalesce((SELECT jsonb_agg(r.rolname ORDER BY r.rolname) FROM pg_roles r, pg_roles o
     WHERE o.rolname = $2 AND r.oid <> o.oid AND NOT r.rolsuper AND pg_has_role(r.oid, o.oid, 'MEMBER')), '[]'),
  'defaultGrantees', coalesce((SELECT jsonb_agg(DISTINCT pg_get_userbyid(a.grantee)) FROM pg_default_acl d, aclexplode(d.defaclacl) a
     WHERE d.defaclrole = current_user::regrole AND a.grantee NOT IN (0, d.defaclrole)), '[]'),
  'schema', (SELECT jsonb_build_object('owner', pg_get_userbyid(n.nspowner),
       'usage', (SELECT coalesce(jsonb_agg(DISTINCT CASE a.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(a.grantee) END), '[]')
          FROM aclexplode(n.nspacl) a WHERE a.privilege_type = 'USAGE' AND a.grantee <> n.nspowner),
       'create', (SELECT coalesce(jsonb_agg(DISTINCT CASE a.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(a.grantee) END), '[]')
          FROM aclexplode(n.nspacl) a WHERE a.privilege_type = 'CREATE' AND a.grantee <> n.nspowner))
     FROM pg_namespace n WHERE n.nspname = $1),
  'relations', coalesce((SELECT jsonb_agg(jsonb_build_object(
       'name', c.relname, 'kind', c.relkind, 'owner', pg_get_userbyid(c.relowner), 'rowSecurity', c.relrowsecurity,
       'parent', (SELECT p.relname FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent WHERE i.inhrelid = c.oid),
       'columns', CASE WHEN NOT c.relispartition AND c.relkind IN ('r', 'p') THEN (SELECT jsonb_agg(jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
            'hasDefault', a.atthasdef) ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
          ELSE '[]' END,
       'indexes', coalesce((SELECT jsonb_agg(jsonb_build_object('name', x.relname, 'valid', i.indisvalid) ORDER BY x.relname)
          FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid), '[]'),
       'triggers', coalesce((SELECT jsonb_agg(jsonb_build_object('name', t.tgname, 'enabled', t.tgenabled, 'function', p.proname) ORDER BY t.tgname)
          FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgparentid = 0), '[]'),
       'grants', ${grantsOf('c.relacl', 'c.relowner')}) ORDER BY c.relname)
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'S', 'v', 'm', 'f')), '[]'),
  'policies', coalesce((SELECT jsonb_agg(jsonb_build_object('name', p.policyname, 'relation', p.tablename, 'command', p.cmd,
       'roles', to_jsonb(p.roles), 'using', p.qual) ORDER BY p.tablename, p.policyname) FROM pg_policies p WHERE p.schemaname = $1), '[]'),
  'functions', coalesce((SELECT jsonb_agg(jsonb_build_object(
       'name', p.proname, 'arguments', pg_get_function_identity_arguments(p.oid), 'owner', pg_get_userbyid(p.proowner), 'definer', p.prosecdef,
       'config', coalesce(to_jsonb(p.proconfig), '[]'), 'language', l.lanname, 'source', p.prosrc,
       'execute', (SELECT coalesce(jsonb_agg(DISTINCT CASE a.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(a.grantee) END), '[]')
          FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee <> p.proowner)) ORDER BY p.proname)
     FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang WHERE n.nspname = $1), '[]'),
  'eventTriggers', coalesce((SELECT jsonb_agg(jsonb_build_object('name', e.evtname, 'event', e.evtevent, 'enabled', e.evtenabled,
       'function', n.nspname || '.' || p.proname, 'tags', coalesce(to_jsonb(e.evttags), '[]')) ORDER BY e.evtname)
     FROM pg_event_trigger e JOIN pg_proc p ON p.oid = e.evtfoid JOIN pg_namespace n ON n.oid = p.pronamespace WHERE e.evtname = ANY ($4::text[])), '[]'),
  'hasAudited', to_regclass(format('%I.%I', $1::text, $5::text)) IS NOT NULL,
  'hasCron', EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_cron')) AS facts`;

/** Declared tables, and those that carry a trigger of this trail; a clone on a partition belongs to its parent. */
const TABLES = `
WITH RECURSIVE declared AS (
  SELECT d.schema, d."table" FROM jsonb_to_recordset($2::jsonb) AS d(schema text, "table" text)
), wanted AS (
  SELECT c.oid FROM declared d JOIN pg_namespace n ON n.nspname = d.schema JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = d."table"
   WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
  UNION
  SELECT t.tgrelid FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_namespace n ON n.oid = p.pronamespace
    JOIN pg_class c ON c.oid = t.tgrelid
   WHERE n.nspname = $1 AND t.tgparentid = 0 AND NOT EXISTS (SELECT FROM pg_namespace s WHERE s.oid = c.relnamespace AND s.nspname = $1)
), below AS (
  SELECT w.oid AS root, i.inhrelid AS oid FROM wanted w JOIN pg_inherits i ON i.inhparent = w.oid
  UNION
  SELECT b.root, i.inhrelid FROM below b JOIN pg_inherits i ON i.inhparent = b.oid
), made_of AS (
  SELECT DISTINCT a.atttypid AS root, a.atttypid AS type FROM wanted w JOIN pg_attribute a ON a.attrelid = w.oid AND a.attnum > 0 AND NOT a.attisdropped
  UNION
  SELECT m.root, x.type FROM made_of m JOIN pg_type y ON y.oid = m.type, LATERAL (${MADE_OF}) x
)
SELECT coalesce(jsonb_agg(jsonb_build_object(
  'oid', c.oid::int8, 'schema', n.nspname, 'table', c.relname,
  'kind', CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
             WHEN 'f' THEN 'foreign table' ELSE 'other' END,
  'persistence', CASE c.relpersistence WHEN 't' THEN 'temporary' WHEN 'u' THEN 'unlogged' ELSE 'permanent' END, 'owner', pg_get_userbyid(c.relowner),
  'conversions', coalesce((SELECT jsonb_agg(DISTINCT format('%s (%s)', f.function, f.owner)) FROM (${FOREIGN_CASTS}) f, made_of m, pg_attribute a
     WHERE f.castsource = m.type AND a.atttypid = m.root AND a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]'),
  'columns', coalesce((SELECT jsonb_agg(jsonb_build_object('name', a.attname, 'number', a.attnum,
       'generatedFrom', coalesce((SELECT jsonb_agg(f.attname ORDER BY f.attnum) FROM (${generatedFrom('c.oid')}) g JOIN pg_attribute f
          ON f.attrelid = c.oid AND f.attnum = g.source WHERE g.attnum = a.attnum), '[]')) ORDER BY a.attnum)
     FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]'),
  'primaryKey', coalesce(to_jsonb(${keyColumns('c.oid')}), '[]'),
  'parent', (SELECT min(format('%s.%s', pn.nspname, p.relname)) FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent
     JOIN pg_namespace pn ON pn.oid = p.relnamespace WHERE i.inhrelid = c.oid),
  'descendants', coalesce((SELECT jsonb_agg(jsonb_build_object('oid', k.oid::int8, 'schema', kn.nspname, 'table', k.relname, 'partition', k.relispartition,
       'weak', (SELECT coalesce(jsonb_agg(t.tgname), '[]') FROM pg_trigger t WHERE t.tgrelid = k.oid AND t.tgparentid <> 0 AND t.tgname LIKE '00\\_audit\\_%' AND t.tgenabled <> 'A'))
       ORDER BY kn.nspname, k.relname) FROM below b JOIN pg_class k ON k.oid = b.oid JOIN pg_namespace kn ON kn.oid = k.relnamespace WHERE b.root = c.oid), '[]'),
  'needs', ${needsSql('c.oid')},
  'firesFirst', coalesce((SELECT jsonb_agg(f.name ORDER BY f.name) FROM (${firesFirst('c.oid')}) f), '[]'),
  'triggers', coalesce((SELECT jsonb_agg(jsonb_build_object('name', t.tgname, 'enabled', t.tgenabled, 'function', pn.nspname || '.' || p.proname,
       'row', (t.tgtype & 1) <> 0, 'after', (t.tgtype & 66) = 0,
       'events', jsonb_build_object('insert', (t.tgtype & 4) <> 0, 'delete', (t.tgtype & 8) <> 0, 'update', (t.tgtype & 16) <> 0, 'truncate', (t.tgtype & 32) <> 0),
       'oldTable', t.tgoldtable, 'newTable', t.tgnewtable, 'conditional', t.tgqual IS NOT NULL OR t.tgattr::text <> '' OR t.tgnargs <> 0) ORDER BY t.tgname)
     FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_namespace pn ON pn.oid = p.pronamespace
    WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgparentid = 0), '[]')) ORDER BY n.nspname, c.relname), '[]') AS facts
  FROM wanted w JOIN pg_class c ON c.oid = w.oid JOIN pg_namespace n ON n.oid = c.relnamespace`;
