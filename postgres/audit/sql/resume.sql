-- At COMMIT of a transaction that suspended: says what was done in between. Fired early by SET CONSTRAINTS it ends the suspension there.
CREATE FUNCTION audit.resume() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  item record;
BEGIN
  UPDATE audit.suspension SET ended = true WHERE id = NEW.id;
  FOR item IN
    WITH RECURSIVE member AS (
      SELECT a.relation::oid AS root, a.relation::oid AS relation FROM audit.audited_table AS a WHERE a.relation = ANY (NEW.relations)
      UNION SELECT m.root, i.inhrelid FROM member AS m JOIN pg_inherits AS i ON i.inhparent = m.relation
    )
    SELECT a.table_schema, a.table_name,
           sum(pg_stat_get_xact_tuples_inserted(m.relation) - coalesce((NEW.counts -> m.relation::text ->> 'inserted')::bigint, 0)) AS inserted,
           sum(pg_stat_get_xact_tuples_updated(m.relation) - coalesce((NEW.counts -> m.relation::text ->> 'updated')::bigint, 0)) AS updated,
           sum(pg_stat_get_xact_tuples_deleted(m.relation) - coalesce((NEW.counts -> m.relation::text ->> 'deleted')::bigint, 0)) AS deleted
      FROM member AS m JOIN audit.audited_table AS a ON a.relation = m.root GROUP BY 1, 2 ORDER BY 1, 2
  LOOP
    PERFORM audit.mark('RESUMED', item.table_schema, item.table_name, jsonb_build_object('reason', NEW.reason,
      'inserted', item.inserted, 'updated', item.updated, 'deleted', item.deleted));
  END LOOP;
  RETURN NULL;
END
$$;
