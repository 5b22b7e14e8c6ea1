-- Writes a marker about a whole table.
CREATE FUNCTION audit.mark(operation text, table_schema text, table_name text, marker jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  -- The transaction's number is taken before the time of recording, as the chain expects.
  PERFORM txid_current();
  INSERT INTO audit.audit_log (operation, table_schema, table_name, key_hash, marker, user_id)
  VALUES (mark.operation, mark.table_schema, mark.table_name, /*=hashOfMarkedTable*/ (0), mark.marker, /*=user*/ (NULL));
END
$$;
