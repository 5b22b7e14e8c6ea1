/*
 * Bulk work without the trail, in one transaction:
 *
 *   BEGIN; SELECT audit.suspend('import of 2026'); COPY ...; COMMIT;
 *
 * What counts is a row of `suspension` under this transaction's number. Only this function can write it, it holds for no other transaction
 * and goes away with a rollback, so a crash or a forgotten call leaves nothing switched off.
 */
CREATE FUNCTION audit.suspend(reason text, tables text[] DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  longest_reason CONSTANT int := 1000;
  -- The transaction may have written to a table before. What it wrote is then forgotten by a TRUNCATE, which gives the table another file.
  begun CONSTANT boolean := pg_current_xact_id_if_assigned() IS NOT NULL;
  wanted text;
  roots oid[];
  members oid[];
  before jsonb;
  item record;
BEGIN
  IF coalesce(btrim(reason), '') = '' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'Suspending the audit trail needs a reason.',
      HINT = format('SELECT %I.suspend(''import of last year''), inside the transaction of the load.', /*=schema*/ 'audit');
  END IF;
  IF octet_length(reason) > longest_reason THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('The reason for suspending the audit trail has %s bytes; expected at most %s.', octet_length(reason), longest_reason),
      HINT = 'Give a short reason, and keep the rest elsewhere.';
  END IF;
  FOREACH wanted IN ARRAY coalesce(tables, ARRAY[]::text[]) LOOP
    IF NOT EXISTS (SELECT FROM audit.audited_table AS a WHERE wanted IN (a.table_name, a.table_schema || '.' || a.table_name)) THEN
      RAISE EXCEPTION USING ERRCODE = 'undefined_table', MESSAGE = format('Table %s is not audited, so its trail cannot be suspended.', wanted),
        HINT = 'Name audited tables as Student or public.Student, or leave the list away to suspend all of them.';
    END IF;
  END LOOP;
  SELECT array_agg(a.relation::oid) INTO roots FROM audit.audited_table AS a
   WHERE tables IS NULL OR a.table_name = ANY (tables) OR a.table_schema || '.' || a.table_name = ANY (tables);
  -- Rows written so far in this transaction, by table; savepoints rolled back included, as PostgreSQL counts them.
  WITH RECURSIVE member AS (
    SELECT root AS relation FROM unnest(roots) AS root
    UNION SELECT i.inhrelid FROM member AS m JOIN pg_inherits AS i ON i.inhparent = m.relation
  )
  SELECT array_agg(m.relation), coalesce(jsonb_object_agg(m.relation::text, jsonb_build_object(
           'inserted', pg_stat_get_xact_tuples_inserted(m.relation), 'updated', pg_stat_get_xact_tuples_updated(m.relation),
           'deleted', pg_stat_get_xact_tuples_deleted(m.relation), 'file', CASE WHEN begun THEN pg_relation_filenode(m.relation) END)), '{}')
    INTO members, before FROM member AS m;
  INSERT INTO audit.suspension (txid, relations, reason, counts, started_at)
  VALUES (txid_current(), coalesce(members, ARRAY[]::oid[]), btrim(reason), before, clock_timestamp());
  FOR item IN SELECT a.table_schema, a.table_name FROM audit.audited_table AS a WHERE a.relation = ANY (roots) ORDER BY 1, 2 LOOP
    PERFORM audit.mark('SUSPENDED', item.table_schema, item.table_name, jsonb_build_object('reason', btrim(reason), 'role', session_user));
  END LOOP;
  PERFORM set_config(/*=suspended*/ 'coach_audit.suspended', txid_current()::text, true);
END
$$;
