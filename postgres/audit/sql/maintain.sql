/*
 * Monthly partitions made ahead, rows of the default partition moved to their month, months past retention dropped, closed months
 * indexed, the chain sealed as far as it is final. Returns what it did, a line each. Waits for a lock at most 2 s: what is busy is left for
 * the next call.
 */
CREATE FUNCTION audit.maintain(moment timestamp with time zone DEFAULT clock_timestamp()) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  months_ahead CONSTANT int := /*=monthsAhead*/ 3;
  -- 0 keeps all.
  retention_months CONSTANT int := /*=retentionMonths*/ 0;
  home CONSTANT text := /*=schema*/ 'audit';
  trail CONSTANT text := /*=table*/ 'audit_log';
  spare CONSTANT text := /*=defaultPartition*/ 'audit_log_default';
  -- Roles that dump the database, quoted; empty: none.
  dumpers CONSTANT text := /*=dumpers*/ '"coach_backup"';
  dump_policy CONSTANT text := /*=dumpPolicy*/ 'dump';
  -- Months are UTC's, and counted without a zone.
  this_month CONSTANT timestamp := date_trunc('month', moment AT TIME ZONE 'UTC');
  item record;
  moved bigint;
  made boolean;
BEGIN
  PERFORM set_config('lock_timeout', '2s', true);
  IF /*=hashChain*/ false THEN
    -- First, while this transaction has changed nothing. What else is due does not wait for it.
    BEGIN
      RETURN QUERY SELECT * FROM audit.seal();
    EXCEPTION
      WHEN lock_not_available THEN RETURN NEXT 'postponed sealing: another session is at it';
      WHEN OTHERS THEN
        RAISE WARNING 'sealing failed: %', SQLERRM;
        RETURN NEXT format('sealing failed: %s', SQLERRM);
    END;
  END IF;
  -- One at a time. A table lock, since an advisory one could be held by anybody.
  LOCK TABLE audit.audited_table IN SHARE UPDATE EXCLUSIVE MODE;

  FOR item IN
    SELECT m.month, m.month AT TIME ZONE 'UTC' AS lower, (m.month + interval '1 month') AT TIME ZONE 'UTC' AS upper,
           trail || to_char(m.month, '_YYYY_MM') AS partition
      FROM (SELECT generate_series(this_month, this_month + make_interval(months => months_ahead), interval '1 month') AS month
            UNION SELECT date_trunc('month', d."timestamp" AT TIME ZONE 'UTC') FROM audit.audit_log_default AS d) AS m
     ORDER BY 1
  LOOP
    CONTINUE WHEN EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhrelid = to_regclass(format('%I.%I', home, item.partition)));
    BEGIN
      -- One that a person detached is attached again, with what it holds.
      made := to_regclass(format('%I.%I', home, item.partition)) IS NULL;
      IF made THEN EXECUTE format('CREATE TABLE %1$I.%2$I (LIKE %1$I.%3$I INCLUDING ALL)', home, item.partition, trail); END IF;
      EXECUTE format('ALTER TABLE %I.%I ENABLE ROW LEVEL SECURITY', home, item.partition);
      IF dumpers <> '' AND NOT EXISTS (SELECT FROM pg_policy AS p
           WHERE p.polrelid = to_regclass(format('%I.%I', home, item.partition)) AND p.polname = dump_policy) THEN
        EXECUTE format('CREATE POLICY %I ON %I.%I FOR SELECT TO %s USING (true)', dump_policy, home, item.partition, dumpers);
      END IF;
      moved := 0;
      IF EXISTS (SELECT FROM audit.audit_log_default AS d WHERE d."timestamp" >= item.lower AND d."timestamp" < item.upper) THEN
        LOCK TABLE audit.audit_log_default IN ACCESS EXCLUSIVE MODE;
        EXECUTE format('WITH moved AS (DELETE FROM %1$I.%2$I WHERE "timestamp" >= %4$L AND "timestamp" < %5$L RETURNING *) '
          'INSERT INTO %1$I.%3$I SELECT * FROM moved', home, spare, item.partition, item.lower, item.upper);
        GET DIAGNOSTICS moved = ROW_COUNT;
      END IF;
      EXECUTE format('ALTER TABLE %1$I.%2$I ATTACH PARTITION %1$I.%3$I FOR VALUES FROM (%4$L) TO (%5$L)',
        home, trail, item.partition, item.lower, item.upper);
      -- An index made on an empty table counts its first range as summarised: each row of it would go into the filter.
      PERFORM brin_desummarize_range(i.indexrelid, 0) FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am a ON a.oid = x.relam
        WHERE made AND i.indrelid = to_regclass(format('%I.%I', home, item.partition)) AND a.amname = 'brin';
      RETURN NEXT format('%s %s%s', CASE WHEN made THEN 'created' ELSE 'attached' END, item.partition, CASE WHEN moved > 0 THEN format(', moved %s rows into it', moved) END);
    EXCEPTION WHEN lock_not_available THEN
      RETURN NEXT format('postponed %s: the trail is busy', item.partition);
    END;
  END LOOP;

  FOR item IN
    SELECT c.relname::text AS partition, c.reltuples::bigint AS about, to_timestamp(right(c.relname, 7), 'YYYY_MM')::timestamp AS month,
           to_regclass(format('%I.%I', home, c.relname || '_key')) IS NOT NULL AS indexed
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = to_regclass(format('%I.%I', home, trail)) AND c.relname ~ '_[0-9]{4}_[0-9]{2}$' ORDER BY c.relname
  LOOP
    BEGIN
      IF retention_months > 0 AND item.month < this_month - make_interval(months => retention_months) THEN
        PERFORM audit.expire(item.partition, item.month::date, item.about);
        RETURN NEXT format('dropped %s', item.partition);
      ELSIF item.month < this_month AND NOT item.indexed THEN
        -- Nothing is written to a closed month any more: there a B-tree costs its space alone.
        EXECUTE format('CREATE INDEX %I ON %I.%I (key_hash)', item.partition || '_key', home, item.partition);
        RETURN NEXT format('indexed %s', item.partition);
      END IF;
    EXCEPTION WHEN lock_not_available THEN
      RETURN NEXT format('postponed %s: it is busy', item.partition);
    END;
  END LOOP;

  DELETE FROM audit.suspension AS s WHERE s.started_at < moment - interval '1 day';
END
$$;
