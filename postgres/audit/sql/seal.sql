/*
 * Links what is final: for each month with rows recorded since, one link over their hashes and the link before it. A stretch of time is final when
 * nothing can be added to it any more: whoever records before T has a transaction number below the next one at T, so once all of those
 * have ended, [.., T) is.
 */
CREATE FUNCTION audit.seal() RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  moment timestamptz;
  our_txid bigint;
  ended_below bigint;
  limits record;
  reaches timestamptz;
  item record;
BEGIN
  -- A number taken earlier says nothing about who recorded since.
  IF pg_current_xact_id_if_assigned() IS NOT NULL THEN
    RETURN NEXT 'sealing waits for a transaction of its own: this one has changed something already';
    RETURN;
  END IF;
  -- One at a time. A table lock, since an advisory one could be held by anybody.
  LOCK TABLE audit.chain_horizon IN SHARE UPDATE EXCLUSIVE MODE;
  -- In this order: who recorded before the moment has a lower number than ours, and the snapshot tells whether all of those have ended.
  moment := clock_timestamp();
  our_txid := txid_current();
  ended_below := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
  INSERT INTO audit.chain_horizon (sealed_until) VALUES ('-infinity') ON CONFLICT DO NOTHING;
  SELECT * INTO STRICT limits FROM audit.chain_horizon;
  IF ended_below >= our_txid THEN
    reaches := moment;
  ELSIF limits.pending_txid IS NULL OR limits.pending_txid > our_txid THEN
    -- A number above ours was restored from another cluster.
    UPDATE audit.chain_horizon SET pending_until = moment, pending_txid = our_txid;
    RETURN NEXT 'sealing waits for transactions that are under way';
    RETURN;
  ELSIF ended_below >= limits.pending_txid THEN
    reaches := limits.pending_until;
  ELSE
    RETURN NEXT format('sealing waits for a transaction that is under way since before %s', limits.pending_until);
    RETURN;
  END IF;
  FOR item IN
    SELECT date_trunc('month', t."timestamp" AT TIME ZONE 'UTC')::date AS month FROM audit.audit_log AS t
     WHERE t.clock_time >= limits.sealed_until AND t.clock_time < reaches GROUP BY 1 ORDER BY 1
  LOOP
    INSERT INTO audit.chain_link (month, position, from_time, until_time, row_count, digest, previous, hash)
    SELECT l.*, /*=linkHash*/ (NULL) FROM (
      SELECT item.month AS month, coalesce(p.position, 0) + 1 AS position, coalesce(p.until_time, '-infinity') AS from_time, reaches AS until_time,
             s.row_count, s.digest, coalesce(p.hash, /*=genesis*/ (NULL::bytea)) AS previous
        -- Hashes in order, in blocks, since a value is 1 GB at most.
        FROM (SELECT coalesce(sum(b.rows), 0)::bigint AS row_count, sha256(coalesce(string_agg(b.block, '' ORDER BY b.number), '')) AS digest
                FROM (SELECT r.number / 65536 AS number, count(*) AS rows, sha256(string_agg(r.hash, '' ORDER BY r.number)) AS block
                        FROM (SELECT coalesce(t.hash, /*=digestOfRow*/ (NULL)) AS hash, row_number() OVER (ORDER BY t.clock_time, t.id) AS number
                                FROM audit.audit_log AS t
                               WHERE t."timestamp" >= item.month::timestamp AT TIME ZONE 'UTC'
                                 AND t."timestamp" < (item.month::timestamp + interval '1 month') AT TIME ZONE 'UTC'
                                 AND t.clock_time >= limits.sealed_until AND t.clock_time < reaches) AS r GROUP BY 1) AS b) AS s
        LEFT JOIN (SELECT x.position, x.until_time, x.hash FROM audit.chain_link AS x WHERE x.month = item.month ORDER BY x.position DESC LIMIT 1) AS p ON true) AS l;
    RETURN NEXT format('sealed %s', to_char(item.month, 'YYYY-MM'));
  END LOOP;
  UPDATE audit.chain_horizon SET sealed_until = reaches, pending_until = nullif(moment, reaches), pending_txid = CASE WHEN moment <> reaches THEN our_txid END;
END
$$;
