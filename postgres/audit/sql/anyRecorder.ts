import type { AuditSpec } from '../../spec';
import { CHANGED_MASK, json, literal, MASK, SUSPENDED_SETTING, trailNames } from '../names';
import { userSql } from './bounds';
import { type AuditFunction, plain } from './function';
import { RECORDED_UNDER } from './needs';

/** Records a change of a row of any audited table, whatever its columns are by now. */
export const ANY_RECORDER = 'record_change';

/**
 * The recorder of a table whose own ones no longer do, from the statement that changed it until the next `up`. It looks everything up, row by row,
 * which its SET clauses and the catalog make slow; in exchange nothing about the table is built into it.
 */
export function anyRecorder(spec: AuditSpec, partitioners: readonly string[]): AuditFunction {
  const settings = RECORDED_UNDER.filter(({ setting }) => setting !== 'search_path');
  return {
    ...plain(ANY_RECORDER, 'trigger'),
    config: ['search_path=pg_catalog, pg_temp', ...settings.map(({ setting, value }) => `${setting}=${value}`)],
    execute: [...partitioners],
    source: body(spec),
  };
}

function body(spec: AuditSpec): string {
  const { audited, trail, fn } = trailNames(spec);
  return `
DECLARE
  item record;
  before jsonb;
  after jsonb;
  mask jsonb;
  identity jsonb;
  later jsonb;
  child text;
  who CONSTANT text := ${userSql()};
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF NEW *= OLD THEN RETURN NULL; END IF;
  END IF;
  IF current_setting(${literal(SUSPENDED_SETTING)}, true) IS NOT NULL AND ${fn('is_suspended')}(TG_RELID) THEN RETURN NULL; END IF;
  WITH RECURSIVE above AS (SELECT TG_RELID AS oid, 0 AS steps UNION SELECT i.inhparent, x.steps + 1 FROM above AS x JOIN pg_inherits AS i ON i.inhrelid = x.oid)
  SELECT a.relation, a.key_columns, a.table_schema, a.table_name,
         ARRAY(SELECT jsonb_array_elements_text(a.rules -> 'redact')) AS redact,
         ARRAY(SELECT jsonb_array_elements_text(a.rules -> 'exclude') UNION ALL
               SELECT c.attname FROM pg_attribute AS c WHERE c.attrelid = TG_RELID AND c.attgenerated = 'v') AS hide
    INTO item FROM above AS x JOIN ${audited} AS a ON a.relation = x.oid ORDER BY x.steps LIMIT 1;
  IF NOT FOUND THEN RETURN NULL; END IF;
  IF TG_OP <> 'INSERT' THEN before := ${fn('bounded')}(to_jsonb(OLD) - item.hide, item.key_columns); END IF;
  IF TG_OP <> 'DELETE' THEN after := ${fn('bounded')}(to_jsonb(NEW) - item.hide, item.key_columns); END IF;
  IF cardinality(item.hide) > 0 AND before::text = after::text THEN RETURN NULL; END IF;
  SELECT jsonb_object_agg(c, CASE WHEN TG_OP = 'UPDATE' AND before -> c <> after -> c THEN ${json(CHANGED_MASK)} ELSE ${json(MASK)} END)
    INTO mask FROM unnest(item.redact) AS c WHERE coalesce(after, before) ? c;
  IF mask IS NOT NULL THEN
    after := after || mask;
    before := before || (SELECT jsonb_object_agg(m, ${json(MASK)}) FROM jsonb_object_keys(mask) AS m);
  END IF;
  SELECT jsonb_object_agg(k, coalesce(before, after) -> k), jsonb_object_agg(k, coalesce(after, before) -> k)
    INTO identity, later FROM unnest(item.key_columns) AS k;
  -- A table's own name is the one it has now; a partition's or child's row is one of the whole table.
  IF TG_RELID = item.relation THEN
    item.table_schema := TG_TABLE_SCHEMA;
    item.table_name := TG_TABLE_NAME;
  ELSE
    child := format('%I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME);
  END IF;
  INSERT INTO ${trail} (operation, old_data, new_data, user_id, table_name, table_schema, child_table, key, key_hash)
  VALUES (TG_OP, before, after, who, item.table_name, item.table_schema, child, identity, ${hash('identity')});
  IF TG_OP = 'UPDATE' AND later <> identity THEN
    INSERT INTO ${trail} (operation, marker, user_id, table_name, table_schema, child_table, key, key_hash)
    VALUES ('KEY', jsonb_build_object('from', identity), who, item.table_name, item.table_schema, child, later, ${hash('later')});
  END IF;
  RETURN NULL;
END
`;
}

/** Of a key of one column its value is hashed, of several the object, as the other recorders do. */
const hash = (key: string): string =>
  `jsonb_hash_extended(CASE WHEN cardinality(item.key_columns) = 1 THEN ${key} -> item.key_columns[1] ELSE ${key} END, 0)`;
