-- Whether this transaction has suspended the recording of that table.
CREATE FUNCTION audit.is_suspended(relation oid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN EXISTS (SELECT FROM audit.suspension AS s
                  WHERE s.txid = txid_current() AND NOT s.ended AND is_suspended.relation = ANY (s.relations));
END
$$;
