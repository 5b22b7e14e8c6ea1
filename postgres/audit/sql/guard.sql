/*
 * The owner of an audited table may drop or disable its triggers: PostgreSQL has no way to take that from an owner. So event triggers,
 * which only a superuser can touch, look at the state after each DDL statement and refuse it when a table in the list would no longer be
 * recorded. The guard judges what is, not what was said: ALTER INDEX renames tables and CREATE SCHEMA creates them, so it listens to every
 * command. Members of the trail's owner may do everything, and the trail says that they did.
 */
CREATE FUNCTION audit.guard() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
-- Compiling these queries, or planning them anew for each table, would take longer than running them.
SET jit = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  trusted CONSTANT boolean := pg_has_role(session_user, /*=owner*/ 'coach_audit', 'MEMBER');
  -- Every relation whose rows are recorded, with the table in the list it belongs to.
  roots oid[];
  relations oid[];
  suspects oid[];
  item record;
  member record;
  wanted record;
  command record;
  fault text;
  gone text[] := '{}';
BEGIN
  IF TG_TAG IN ('COMMENT', 'GRANT', 'REVOKE', 'SECURITY LABEL') OR to_regclass(format('%I.audited_table', /*=schema*/ 'audit')) IS NULL
     OR (trusted AND current_setting(/*=applying*/ 'coach_audit.applying', true) = 'on') THEN RETURN; END IF;
  -- The guard's own statements, further down.
  IF EXISTS (SELECT FROM audit.audited_table AS a WHERE a.changing = txid_current()) THEN RETURN; END IF;

  WITH RECURSIVE m AS (
    SELECT a.relation::oid AS root, a.relation::oid AS oid FROM audit.audited_table AS a
    UNION SELECT m.root, i.inhrelid FROM m JOIN pg_inherits AS i ON i.inhparent = m.oid
  )
  SELECT array_agg(m.root), array_agg(m.oid) INTO roots, relations FROM m;

  -- Before a table is written anew: values may then be others, as with ALTER COLUMN ... TYPE ... USING, and no trigger sees it.
  IF TG_EVENT = 'table_rewrite' THEN
    FOR item IN
      SELECT a.* FROM unnest(roots, relations) AS m(root, oid) JOIN audit.audited_table AS a ON a.relation = m.root
       WHERE m.oid = pg_event_trigger_table_rewrite_oid()
    LOOP
      PERFORM audit.mark('DDL', item.table_schema, item.table_name, jsonb_build_object('command', TG_TAG,
        'object', pg_event_trigger_table_rewrite_oid()::regclass::text, 'role', session_user, 'columns', (SELECT jsonb_object_agg(a.attname, format_type(a.atttypid, a.atttypmod)) FROM pg_attribute AS a
          WHERE a.attrelid = item.relation AND a.attnum > 0 AND NOT a.attisdropped),
        'rewrites', (SELECT jsonb_agg(r.what) FROM (VALUES (1, 'persistence'), (2, 'default or expression of a column'), (4, 'type of a column'),
          (8, 'access method')) AS r(bit, what) WHERE r.bit & pg_event_trigger_table_rewrite_reason() <> 0)));
    END LOOP;
    RETURN;
  END IF;

  -- Recorders on a table that belongs to no audited one: a partition that was detached, or somebody's own table. The owner of a
  -- partitioned table has to have EXECUTE on its recorders, or he could make no partition.
  FOR member IN
    SELECT t.oid, t.tgname, n.nspname, c.relname, a.table_schema, a.table_name FROM pg_trigger AS t
      JOIN pg_class AS c ON c.oid = t.tgrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
      JOIN pg_proc AS p ON p.oid = t.tgfoid JOIN pg_namespace AS pn ON pn.oid = p.pronamespace
      LEFT JOIN audit.audited_table AS a
        ON t.tgname = /*=updateTrigger*/ '00_audit_update' AND a.triggers ->> t.tgname::text = p.proname AND p.proname <> 'record_change'
     WHERE t.tgparentid = 0 AND NOT t.tgisinternal AND n.nspname <> /*=schema*/ 'audit' AND pn.nspname = /*=schema*/ 'audit'
       AND NOT EXISTS (SELECT FROM unnest(relations) AS r WHERE r = t.tgrelid) ORDER BY a.table_name IS NULL
  LOOP
    -- Dropping one comes back here, and takes the others along.
    CONTINUE WHEN NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.oid = member.oid);
    IF member.table_name IS NOT NULL THEN
      PERFORM audit.mark('DDL', member.table_schema, member.table_name, jsonb_build_object('command', TG_TAG,
        'object', format('%I.%I', member.nspname, member.relname), 'left', true, 'role', session_user));
    END IF;
    EXECUTE format('DROP TRIGGER %I ON %I.%I', member.tgname, member.nspname, member.relname);
  END LOOP;

  -- Tables of which something may not be as it should: that have other recorders than they should, or fewer of the right ones.
  SELECT array_agg(r.root) INTO suspects FROM (
    SELECT m.root, m.oid, count(t.oid) AS present, count(t.oid) FILTER (WHERE a.triggers ->> t.tgname::text = t.proname AND t.fires) AS good
      FROM unnest(roots, relations) AS m(root, oid) JOIN audit.audited_table AS a ON a.relation = m.root
      LEFT JOIN /*=recorders*/ (SELECT 0::oid AS oid, 0::oid AS tgrelid, ''::name AS tgname, ''::name AS proname, true AS fires) AS t ON t.tgrelid = m.oid
     WHERE m.oid = m.root OR NOT EXISTS (SELECT FROM unnest(roots) AS x WHERE x = m.oid) GROUP BY 1, 2
  ) AS r JOIN pg_class AS c ON c.oid = r.oid WHERE c.relpersistence <> 'p' OR r.present <> 4 OR r.good <> 4;

  -- One query for all tables: with one for each, a migration of many statements would take minutes.
  FOR item IN
    SELECT own.*, c.relkind, c.oid IS NOT NULL AND own.rules ? 'needs' AND NOT own.rules -> 'needs' @> (/*=needsOfOwn*/ ('{}'::jsonb) - 'reason') AS wanting, /*=keyOfOwn*/ (NULL::text[]) AS key,
           CASE WHEN c.oid IS NOT NULL THEN (
             WITH hidden AS (SELECT h.key AS name, h.value::int AS number FROM jsonb_each_text(own.hidden) AS h),
                  unseen AS (SELECT name FROM hidden UNION SELECT jsonb_array_elements_text(own.rules -> 'exclude') UNION SELECT jsonb_array_elements_text(own.rules -> 'redact'))
             SELECT format('column %s, which is hidden from the trail, would be called %s and be seen', h.name, a.attname)
               FROM hidden AS h JOIN pg_attribute AS a ON a.attrelid = own.relation AND a.attnum = h.number AND NOT a.attisdropped
              WHERE a.attname::text NOT IN (SELECT u.name FROM unseen AS u)
             UNION ALL
             SELECT format('column %s would be seen, which is generated from %s, which is hidden from the trail', a.attname, h.name)
               FROM /*=generatedFromOwn*/ (SELECT 0 AS attnum, 0 AS source) AS g JOIN hidden AS h ON h.number = g.source
               JOIN pg_attribute AS a ON a.attrelid = own.relation AND a.attnum = g.attnum
              WHERE a.attname::text NOT IN (SELECT u.name FROM unseen AS u)
             LIMIT 1) END AS leak,
           CASE WHEN c.oid IS NOT NULL THEN CASE
             WHEN to_regclass(format('%I.%I', own.table_schema, own.table_name))::oid <> own.relation::oid THEN 'its name would belong to something that is not recorded'
             ELSE coalesce(
               (SELECT format('trigger %s would fire before its recorders; a name that sorts after %s makes it fire after them', f.name, /*=updateTrigger*/ '00_audit_update')
                  FROM /*=firesFirstOnOwn*/ (SELECT NULL::text AS name) AS f LIMIT 1),
               -- Code of somebody else's that would run as the trail's owner.
               CASE WHEN EXISTS (SELECT FROM /*=foreignCasts*/ (SELECT 0::oid AS castsource) AS f) THEN (
                 WITH RECURSIVE made_of AS (
                   SELECT a.atttypid AS type FROM pg_attribute AS a
                    WHERE a.attnum > 0 AND NOT a.attisdropped AND (a.attrelid = own.relation
                       OR a.attrelid IN (SELECT i.inhrelid FROM pg_inherits AS i WHERE i.inhparent = own.relation))
                   UNION SELECT x.type FROM made_of AS m JOIN pg_type AS y ON y.oid = m.type, LATERAL /*=madeOf*/ (SELECT NULL::oid AS type) AS x
                 )
                 SELECT format('%s, owned by %s, would run as the trail’s owner to turn type %s into JSON', f.function, f.owner, format_type(m.type, NULL))
                   FROM made_of AS m JOIN /*=foreignCasts*/ (SELECT 0::oid AS castsource, '' AS function, '' AS owner) AS f ON f.castsource = m.type LIMIT 1) END)
           END END AS fault
      FROM audit.audited_table AS own LEFT JOIN pg_class AS c ON c.oid = own.relation ORDER BY own.table_schema, own.table_name
  LOOP
    fault := item.fault;
    IF fault IS NULL AND item.relkind IS NOT NULL AND item.key IS DISTINCT FROM item.key_columns THEN
      -- A load may drop the key and make it again while nothing is recorded; without it `resume` refuses the end of the suspension.
      IF item.key IS NOT NULL OR NOT EXISTS (SELECT FROM audit.suspension AS s
                                              WHERE s.txid = txid_current() AND NOT s.ended AND item.relation::oid = ANY (s.relations)) THEN
        fault := format('its primary key would no longer be (%s)', array_to_string(item.key_columns, ', '));
      END IF;
    END IF;
    IF item.relkind IS NULL THEN
      IF NOT trusted THEN fault := 'it would be gone, and its rows with it, unrecorded';
      ELSE
        DELETE FROM audit.audited_table AS a WHERE a.relation = item.relation;
        gone := gone || format('%I.%I', item.table_schema, item.table_name);
        PERFORM audit.mark('DDL', item.table_schema, item.table_name, jsonb_build_object('command', TG_TAG, 'dropped', true, 'role', session_user));
        CONTINUE;
      END IF;
    END IF;

    -- Of the table and all that belongs to it: triggers that would not record. A new partition lacks the one for TRUNCATE and gets it here.
    FOR member IN
      SELECT c.oid, c.relispartition, c.relpersistence, n.nspname, c.relname
        FROM unnest(roots, relations) AS m(root, oid) JOIN pg_class AS c ON c.oid = m.oid JOIN pg_namespace AS n ON n.oid = c.relnamespace
       WHERE m.root = item.relation::oid AND m.root = ANY (suspects) AND fault IS NULL
         AND (m.oid = m.root OR NOT EXISTS (SELECT FROM unnest(roots) AS x WHERE x = m.oid)) ORDER BY 1
    LOOP
      IF EXISTS (SELECT FROM /*=recorders*/ (SELECT 0::oid AS oid, 0::oid AS tgrelid, ''::name AS tgname, ''::name AS proname, true AS fires) AS t
                  WHERE t.tgrelid = member.oid AND t.tgname NOT IN /*=triggers*/ ('')) THEN
        fault := format('another trigger of %s.%s would write into the trail', member.nspname, member.relname);
      END IF;
      IF member.relpersistence <> 'p' THEN fault := format('%s.%s would be emptied by a crash, unrecorded', member.nspname, member.relname); END IF;
      FOR wanted IN
        SELECT w.key AS name, w.value AS function FROM jsonb_each_text(item.triggers) AS w
         WHERE NOT EXISTS (SELECT FROM /*=recorders*/ (SELECT 0::oid AS oid, 0::oid AS tgrelid, ''::name AS tgname, ''::name AS proname, true AS fires) AS t
                            WHERE t.tgrelid = member.oid AND t.tgname = w.key AND t.proname = w.value AND t.fires)
         ORDER BY 1
      LOOP
        IF member.relispartition AND wanted.name = /*=truncateTrigger*/ '00_audit_truncate' AND TG_TAG <> 'DROP TRIGGER'
           AND NOT EXISTS (SELECT FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid
                            WHERE t.tgrelid = member.oid AND (t.tgname = wanted.name OR p.proname = wanted.function)) THEN
          -- Row triggers come to a new partition by themselves, statement triggers do not.
          UPDATE audit.audited_table AS a SET changing = txid_current() WHERE a.relation = item.relation;
          EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I.%I FOR EACH STATEMENT EXECUTE FUNCTION %I.%I()',
            wanted.name, member.nspname, member.relname, /*=schema*/ 'audit', wanted.function);
          EXECUTE format('ALTER TABLE %I.%I ENABLE ALWAYS TRIGGER %I', member.nspname, member.relname, wanted.name);
          UPDATE audit.audited_table AS a SET changing = NULL WHERE a.relation = item.relation;
        ELSIF fault IS NULL THEN
          fault := format('trigger %s of %s.%s would not record', wanted.name, member.nspname, member.relname);
        END IF;
      END LOOP;
    END LOOP;

    IF item.leak IS NOT NULL OR (fault IS NOT NULL AND NOT trusted) THEN
      RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
        MESSAGE = format('%s is refused: table %s.%s is audited, and %s.', TG_TAG, item.table_schema, item.table_name, coalesce(item.leak, fault)),
        HINT = CASE WHEN item.leak IS NULL THEN 'Change coach:audit.tables first and run up; then this is allowed.'
                    ELSE 'Hide the new column too (exclude or redact in coach:audit.tables) and run up; then this is allowed.' END;
    END IF;

    -- Where the statement left a table's recorders wanting (a column of a type whose text depends on the session, a parent through which
    -- rows are changed, a row trigger of the application, a subscription), the recorder of any table takes their place until the next `up`.
    IF TG_EVENT = 'ddl_command_end' AND fault IS NULL AND item.wanting AND item.triggers ->> /*=updateTrigger*/ '00_audit_update' <> 'record_change' THEN
      UPDATE audit.audited_table AS a SET changing = txid_current() WHERE a.relation = item.relation;
      FOR member IN
        SELECT format('%I.%I', n.nspname, c.relname) AS name, w.name AS trigger, w.operation
          FROM unnest(roots, relations) AS m(root, oid) JOIN pg_class AS c ON c.oid = m.oid JOIN pg_namespace AS n ON n.oid = c.relnamespace,
               (VALUES (/*=insertTrigger*/ '00_audit_insert', 'INSERT'), (/*=updateTrigger*/ '00_audit_update', 'UPDATE'), (/*=deleteTrigger*/ '00_audit_delete', 'DELETE')) AS w(name, operation),
               pg_trigger AS t
         WHERE m.root = item.relation::oid AND (m.oid = m.root OR NOT EXISTS (SELECT FROM unnest(roots) AS x WHERE x = m.oid))
           AND t.tgrelid = m.oid AND t.tgname = w.name AND t.tgparentid = 0 ORDER BY m.oid, 2
      LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER %s ON %s FOR EACH ROW EXECUTE FUNCTION %I.record_change()',
          member.trigger, member.operation, member.name, /*=schema*/ 'audit');
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', member.name, member.trigger);
      END LOOP;
      UPDATE audit.audited_table AS a SET changing = NULL, triggers = a.triggers || jsonb_build_object(/*=insertTrigger*/ '00_audit_insert', 'record_change',
        /*=updateTrigger*/ '00_audit_update', 'record_change', /*=deleteTrigger*/ '00_audit_delete', 'record_change') WHERE a.relation = item.relation;
    END IF;
  END LOOP;

  -- A partition or a trigger that is gone: what belonged to it can only be told from the triggers that went with it.
  IF TG_EVENT = 'sql_drop' THEN
    FOR command IN
      SELECT DISTINCT d.address_names[1] AS table_schema, d.address_names[2] AS table_name,
             to_regclass(format('%I.%I', d.address_names[1], d.address_names[2])) IS NULL AS dropped
        FROM (SELECT x.address_names FROM pg_event_trigger_dropped_objects() AS x WHERE x.object_type = 'trigger' OFFSET 0) AS d
       WHERE d.address_names[3] IN /*=triggers*/ ('') AND format('%I.%I', d.address_names[1], d.address_names[2]) <> ALL (gone)
    LOOP
      PERFORM audit.mark('DDL', command.table_schema, command.table_name,
        jsonb_build_object('command', TG_TAG, 'dropped', command.dropped, 'role', session_user));
    END LOOP;
    -- A column may go with its type.
    FOR command IN
      SELECT a.table_schema, a.table_name, a.relation, string_agg(DISTINCT d.object_identity, ', ') AS objects
        FROM pg_event_trigger_dropped_objects() AS d JOIN unnest(roots, relations) AS m(root, oid) ON m.oid = d.objid
        JOIN audit.audited_table AS a ON a.relation = m.root
       WHERE d.object_type = 'table column' AND TG_TAG <> 'ALTER TABLE' AND EXISTS (SELECT FROM pg_class AS c WHERE c.oid = m.oid) GROUP BY 1, 2, 3
    LOOP
      PERFORM audit.mark('DDL', command.table_schema, command.table_name,
        jsonb_build_object('command', TG_TAG, 'object', command.objects, 'role', session_user, 'columns', (SELECT jsonb_object_agg(a.attname, format_type(a.atttypid, a.atttypmod)) FROM pg_attribute AS a
          WHERE a.attrelid = command.relation AND a.attnum > 0 AND NOT a.attisdropped)));
    END LOOP;
  END IF;

  -- What was done to an audited table's definition or to a type it has, with its columns and partitions as they are now.
  IF TG_EVENT = 'ddl_command_end' THEN
    FOR command IN
      WITH RECURSIVE m AS (SELECT x.root, x.oid FROM unnest(roots, relations) AS x(root, oid)
      ), used AS (
        SELECT m.root, a.atttypid AS type FROM m JOIN pg_attribute AS a ON a.attrelid = m.oid AND a.attnum > 0 AND NOT a.attisdropped WHERE TG_TAG LIKE 'ALTER%'
        UNION SELECT u.root, x.type FROM used AS u JOIN pg_type AS y ON y.oid = u.type, LATERAL /*=madeOf*/ (SELECT NULL::oid AS type) AS x
      ), done AS (
        SELECT d.command_tag, d.object_identity, coalesce(t.tgrelid, w.ev_class, CASE WHEN d.classid = 'pg_class'::regclass THEN d.objid END) AS relation,
               CASE WHEN d.classid = 'pg_namespace'::regclass THEN d.objid END AS namespace, CASE WHEN d.classid = 'pg_type'::regclass THEN d.objid END AS type,
               t.tgname::text AS trigger
          FROM pg_event_trigger_ddl_commands() AS d
          LEFT JOIN pg_trigger AS t ON d.classid = 'pg_trigger'::regclass AND t.oid = d.objid
          LEFT JOIN pg_rewrite AS w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
         WHERE d.command_tag <> 'CREATE SCHEMA'
      ), concerned AS (
        SELECT m.root, d.command_tag, d.object_identity, d.trigger
          FROM done AS d JOIN pg_class AS c ON c.oid = d.relation OR c.relnamespace = d.namespace JOIN m ON m.oid = c.oid
        UNION SELECT u.root, d.command_tag, d.object_identity, NULL
          FROM done AS d JOIN used AS u ON u.type = d.type OR u.type = (SELECT c.reltype FROM pg_class AS c WHERE c.oid = d.relation)
      )
      SELECT a.table_schema, a.table_name, d.command_tag, d.object_identity, a.relation
        FROM concerned AS d JOIN audit.audited_table AS a ON a.relation = d.root WHERE d.trigger IS NULL OR NOT a.triggers ? d.trigger
    LOOP
      PERFORM audit.mark('DDL', command.table_schema, command.table_name, jsonb_build_object('command', command.command_tag,
        'object', command.object_identity, 'role', session_user, 'columns', (SELECT jsonb_object_agg(a.attname, format_type(a.atttypid, a.atttypmod)) FROM pg_attribute AS a
          WHERE a.attrelid = command.relation AND a.attnum > 0 AND NOT a.attisdropped))
        || coalesce((SELECT jsonb_build_object('children', jsonb_agg(i.inhrelid::regclass::text ORDER BY i.inhrelid)) FROM pg_inherits AS i
                      WHERE i.inhparent = command.relation HAVING count(*) > 0), '{}'));
    END LOOP;
  END IF;
END
$$;
