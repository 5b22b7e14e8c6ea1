/*
 * Records a change of a row of any audited table, whatever its columns are by now: the recorder of a table whose own ones no longer do, from
 * the statement that changed it until the next `up`. It looks everything up, row by row, which its SET clauses and the catalog make slow; in
 * exchange nothing about the table is built into it.
 */
CREATE FUNCTION audit.record_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  item record;
  before jsonb;
  after jsonb;
  mask jsonb;
  identity jsonb;
  later jsonb;
  child text;
  who CONSTANT text := /*=user*/ (NULL);
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF NEW *= OLD THEN RETURN NULL; END IF;
  END IF;
  IF current_setting(/*=suspended*/ 'coach_audit.suspended', true) IS NOT NULL AND audit.is_suspended(TG_RELID) THEN RETURN NULL; END IF;
  WITH RECURSIVE above AS (SELECT TG_RELID AS oid, 0 AS steps UNION SELECT i.inhparent, x.steps + 1 FROM above AS x JOIN pg_inherits AS i ON i.inhrelid = x.oid)
  SELECT a.relation, a.key_columns, a.table_schema, a.table_name,
         ARRAY(SELECT jsonb_array_elements_text(a.rules -> 'redact')) AS redact,
         ARRAY(SELECT jsonb_array_elements_text(a.rules -> 'exclude') UNION ALL
               SELECT c.attname FROM pg_attribute AS c WHERE c.attrelid = TG_RELID AND c.attgenerated = 'v') AS hide
    INTO item FROM above AS x JOIN audit.audited_table AS a ON a.relation = x.oid ORDER BY x.steps LIMIT 1;
  IF NOT FOUND THEN RETURN NULL; END IF;
  IF TG_OP <> 'INSERT' THEN before := audit.bounded(to_jsonb(OLD) - item.hide, item.key_columns); END IF;
  IF TG_OP <> 'DELETE' THEN after := audit.bounded(to_jsonb(NEW) - item.hide, item.key_columns); END IF;
  IF cardinality(item.hide) > 0 AND before::text = after::text THEN RETURN NULL; END IF;
  SELECT jsonb_object_agg(c, CASE WHEN TG_OP = 'UPDATE' AND before -> c <> after -> c THEN /*=changedMask*/ ('"[redacted: changed]"'::jsonb) ELSE /*=mask*/ ('"[redacted]"'::jsonb) END)
    INTO mask FROM unnest(item.redact) AS c WHERE coalesce(after, before) ? c;
  IF mask IS NOT NULL THEN
    after := after || mask;
    before := before || (SELECT jsonb_object_agg(m, /*=mask*/ ('"[redacted]"'::jsonb)) FROM jsonb_object_keys(mask) AS m);
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
  INSERT INTO audit.audit_log (operation, old_data, new_data, user_id, table_name, table_schema, child_table, key, key_hash)
  VALUES (TG_OP, before, after, who, item.table_name, item.table_schema, child, identity, jsonb_hash_extended(CASE WHEN cardinality(item.key_columns) = 1 THEN identity -> item.key_columns[1] ELSE identity END, 0));
  IF TG_OP = 'UPDATE' AND later <> identity THEN
    INSERT INTO audit.audit_log (operation, marker, user_id, table_name, table_schema, child_table, key, key_hash)
    VALUES ('KEY', jsonb_build_object('from', identity), who, item.table_name, item.table_schema, child, later, jsonb_hash_extended(CASE WHEN cardinality(item.key_columns) = 1 THEN later -> item.key_columns[1] ELSE later END, 0));
  END IF;
  RETURN NULL;
END
$$;
