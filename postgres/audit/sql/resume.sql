-- At COMMIT of a transaction that suspended: says what was done in between. Fired early by SET CONSTRAINTS it ends the suspension there. The guard
-- let the load drop the tables' keys; what is not there again by now is refused.
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
    ), counted AS (
      SELECT m.root, c.name, sum(c.total - coalesce(c.before, 0)) AS rows, bool_and(c.before IS NULL OR c.before = 0 OR c.file IS NULL
               OR c.file = pg_relation_filenode(m.relation)::text) AS known
        FROM member AS m, LATERAL (SELECT x.name, x.total, (NEW.counts -> m.relation::text ->> x.name)::bigint AS before,
               NEW.counts -> m.relation::text ->> 'file' AS file FROM (VALUES ('inserted', pg_stat_get_xact_tuples_inserted(m.relation)),
               ('updated', pg_stat_get_xact_tuples_updated(m.relation)), ('deleted', pg_stat_get_xact_tuples_deleted(m.relation))) AS x(name, total)) AS c
       GROUP BY 1, 2
    )
    SELECT own.table_schema, own.table_name, own.key_columns, own.key_columns IS DISTINCT FROM /*=keyOfOwn*/ (NULL::text[]) AS without_key,
           jsonb_object_agg(c.name, CASE WHEN c.known THEN c.rows END) AS counts
      FROM counted AS c JOIN audit.audited_table AS own ON own.relation = c.root GROUP BY own.relation ORDER BY 1, 2
  LOOP
    IF item.without_key THEN
      RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
        MESSAGE = format('Ending the suspension is refused: table %s.%s is audited, and its primary key would no longer be (%s).',
          item.table_schema, item.table_name, array_to_string(item.key_columns, ', ')),
        HINT = 'Make the key again in the same transaction, before COMMIT or SET CONSTRAINTS; then this is allowed.';
    END IF;
    PERFORM audit.mark('RESUMED', item.table_schema, item.table_name, jsonb_build_object('reason', NEW.reason) || item.counts);
  END LOOP;
  RETURN NULL;
END
$$;
