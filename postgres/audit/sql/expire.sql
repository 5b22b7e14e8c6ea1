-- Drops one month, its links of the hash chain with it, and says so in the trail.
CREATE FUNCTION audit.expire(partition text, month date, about bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  EXECUTE format('DROP TABLE %I.%I', /*=schema*/ 'audit', partition);
  PERFORM audit.mark('EXPIRED', /*=schema*/ 'audit', /*=table*/ 'audit_log', jsonb_build_object('partition', partition,
    'rowsAbout', about, 'retentionMonths', /*=retentionMonths*/ 0,
    'head', (SELECT encode(l.hash, 'hex') FROM audit.chain_link AS l WHERE l.month = expire.month ORDER BY l.position DESC LIMIT 1)));
  DELETE FROM audit.chain_link AS l WHERE l.month = expire.month;
END
$$;
