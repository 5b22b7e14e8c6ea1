import type { AuditSpec } from '../../spec';
import {
  APPLYING_SETTING,
  CHANGE_OPERATIONS,
  type ChangeOperation,
  json,
  literal,
  trailNames,
  TRIGGERS,
} from '../names';
import { ANY_RECORDER } from './anyRecorder';
import { FOREIGN_CASTS, MADE_OF } from './conversions';
import { type AuditFunction, plain, SAFE_PATH } from './function';
import { firesFirst, generatedFrom, needsSql } from './needs';

/**
 * The owner of an audited table may drop or disable its triggers: PostgreSQL has no way to take that from an owner. So event
 * triggers, which only a superuser can touch, look at the state after each DDL statement and refuse it when a table in the list would
 * no longer be recorded. It judges what is, not what was said: ALTER INDEX renames tables and CREATE SCHEMA creates them, so it listens to
 * every command. The trail's owner's members may do everything, and the trail says that they did.
 */
export function guardFunction(spec: AuditSpec): AuditFunction {
  return {
    ...plain('guard', 'event_trigger'),
    // Compiling these queries, or planning them anew for each table, would take longer than running them.
    config: [...SAFE_PATH, 'jit=off', 'plan_cache_mode=force_generic_plan'],
    ownedBy: 'admin',
    source: guardBody(spec),
  };
}

/** The event triggers, as they should be. */
export const GUARD_EVENTS = { ddl: 'ddl_command_end', drop: 'sql_drop', rewrite: 'table_rewrite' } as const;

function guardBody(spec: AuditSpec): string {
  const { audited, fn } = trailNames(spec);
  return `
DECLARE
  trusted CONSTANT boolean := pg_has_role(session_user, ${literal(spec.owner)}, 'MEMBER');
  item record;
  member record;
  wanted record;
  fault text;
  suspects oid[];
  command record;
  gone text[] := '{}';
BEGIN
  IF TG_TAG IN ('COMMENT', 'GRANT', 'REVOKE', 'SECURITY LABEL') OR to_regclass(${literal(audited)}) IS NULL OR (trusted AND current_setting(${literal(APPLYING_SETTING)}, true) = 'on') THEN RETURN; END IF;
  -- The guard’s own statements, further down.
  IF EXISTS (SELECT FROM ${audited} AS a WHERE a.changing = txid_current()) THEN RETURN; END IF;
${markRewrite(spec)}
${dropStrays(spec)}
${findSuspects(spec)}
  -- One query for all tables: with one for each, a migration of many statements would take minutes.
  FOR item IN
    SELECT own.*, c.relkind, c.oid IS NOT NULL AND own.rules ? 'needs' AND NOT own.rules -> 'needs' @> (${needsSql('own.relation')} - 'reason') AS wanting,
           CASE WHEN c.oid IS NOT NULL THEN ${leakFault} END AS leak,
           CASE WHEN c.oid IS NOT NULL THEN coalesce(${tableFault}, CASE WHEN EXISTS (${FOREIGN_CASTS}) THEN ${conversionFault} END) END AS fault
      FROM ${audited} AS own LEFT JOIN pg_class AS c ON c.oid = own.relation ORDER BY own.table_schema, own.table_name
  LOOP
    fault := item.fault;
    IF item.relkind IS NULL THEN
      IF NOT trusted THEN fault := 'it would be gone, and its rows with it, unrecorded';
      ELSE
        DELETE FROM ${audited} AS a WHERE a.relation = item.relation;
        gone := gone || format('%I.%I', item.table_schema, item.table_name);
        PERFORM ${fn('mark')}('DDL', item.table_schema, item.table_name, jsonb_build_object('command', TG_TAG, 'dropped', true, 'role', session_user));
        CONTINUE;
      END IF;
    END IF;
${memberFaults(spec)}
    IF item.leak IS NOT NULL OR (fault IS NOT NULL AND NOT trusted) THEN
      RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
        MESSAGE = format('%s is refused: table %s.%s is audited, and %s.', TG_TAG, item.table_schema, item.table_name, coalesce(item.leak, fault)),
        HINT = CASE WHEN item.leak IS NULL THEN 'Change coach:audit.tables first and run up; then this is allowed.'
                    ELSE 'Hide the new column too (exclude or redact in coach:audit.tables) and run up; then this is allowed.' END;
    END IF;
${takeOver(spec)}
  END LOOP;
${markDrops(spec)}
${markCommands(spec)}
END
`;
}

/** A hidden column that would be seen, under another name or by what is generated from it. Refused to everybody: what is written stays written. */
const leakFault = `(
        WITH hidden AS (SELECT h.key AS name, h.value::int AS number FROM jsonb_each_text(own.hidden) AS h),
             unseen AS (SELECT name FROM hidden UNION SELECT jsonb_array_elements_text(own.rules -> 'exclude') UNION SELECT jsonb_array_elements_text(own.rules -> 'redact'))
        SELECT format('column %s, which is hidden from the trail, would be called %s and be seen', h.name, a.attname)
          FROM hidden AS h JOIN pg_attribute AS a ON a.attrelid = own.relation AND a.attnum = h.number AND NOT a.attisdropped
         WHERE a.attname::text NOT IN (SELECT u.name FROM unseen AS u)
        UNION ALL
        SELECT format('column %s would be seen, which is generated from %s, which is hidden from the trail', a.attname, h.name)
          FROM (${generatedFrom('own.relation')}) AS g JOIN hidden AS h ON h.number = g.source JOIN pg_attribute AS a ON a.attrelid = own.relation AND a.attnum = g.attnum
         WHERE a.attname::text NOT IN (SELECT u.name FROM unseen AS u)
        LIMIT 1)`;

/** Of one table in the list: name, key, triggers in front of the recorders. */
const tableFault = `CASE
        WHEN to_regclass(format('%I.%I', own.table_schema, own.table_name))::oid <> own.relation::oid THEN 'its name would belong to something that is not recorded'
        WHEN own.key_columns IS DISTINCT FROM (
          SELECT array_agg(a.attname::text ORDER BY k.place) FROM pg_index AS i, unnest(i.indkey) WITH ORDINALITY AS k(number, place), pg_attribute AS a
           WHERE i.indrelid = own.relation AND i.indisprimary AND a.attrelid = i.indrelid AND a.attnum = k.number)
          THEN format('its primary key would no longer be (%s)', array_to_string(own.key_columns, ', '))
        ELSE (SELECT format('trigger %s would fire before its recorders; a name that sorts after ${TRIGGERS.UPDATE} makes it fire after them', f.name) FROM (${firesFirst('own.relation')}) AS f LIMIT 1)
      END`;

const conversionFault = `(
        WITH RECURSIVE made_of AS (
          SELECT a.atttypid AS type FROM pg_attribute AS a
           WHERE a.attnum > 0 AND NOT a.attisdropped AND (a.attrelid = own.relation
              OR a.attrelid IN (SELECT i.inhrelid FROM pg_inherits AS i WHERE i.inhparent = own.relation))
          UNION SELECT x.type FROM made_of AS m JOIN pg_type AS y ON y.oid = m.type, LATERAL (${MADE_OF}) AS x
        )
        SELECT format('%s, owned by %s, would run as the trail’s owner to turn type %s into JSON', f.function, f.owner, format_type(m.type, NULL))
          FROM made_of AS m JOIN (${FOREIGN_CASTS}) AS f ON f.castsource = m.type LIMIT 1)`;

const isRecorder = (spec: AuditSpec, trigger: string): string =>
  `EXISTS (SELECT FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE p.oid = ${trigger}.tgfoid AND n.nspname = ${literal(spec.schema)})`;

/** The trigger fires for the operation its name says and at its time: bits of pg_trigger.tgtype, 2 for BEFORE and 64 for INSTEAD OF. */
function firesFor(trigger: string): string {
  const bits: Record<ChangeOperation, number> = { INSERT: 4, DELETE: 8, UPDATE: 16, TRUNCATE: 32 + 2 };
  const cases = Object.entries(TRIGGERS).map(
    ([operation, name]) => `WHEN ${literal(name)} THEN ${bits[operation as ChangeOperation]}`,
  );
  return `(${trigger}.tgtype & 126) = CASE ${trigger}.tgname ${cases.join(' ')} END`;
}

/** Every relation whose rows are recorded, with the table in the list it belongs to. */
const family = (spec: AuditSpec): string =>
  `m AS (SELECT a.relation::oid AS root, a.relation::oid AS oid FROM ${trailNames(spec).audited} AS a ` +
  `UNION SELECT m.root, i.inhrelid FROM m JOIN pg_inherits AS i ON i.inhparent = m.oid)`;

/**
 * Recorders on a table that belongs to no audited one: a partition that was detached, or somebody’s own table. The owner of a partitioned table
 * has to have EXECUTE on its recorders, or he could make no partition.
 */
function dropStrays(spec: AuditSpec): string {
  const { audited, fn } = trailNames(spec);
  return `
  FOR member IN
    WITH RECURSIVE ${family(spec)}
    SELECT t.oid, t.tgname, n.nspname, c.relname, a.table_schema, a.table_name FROM pg_trigger AS t
      JOIN pg_class AS c ON c.oid = t.tgrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_proc AS p ON p.oid = t.tgfoid
      LEFT JOIN ${audited} AS a ON t.tgname = ${literal(TRIGGERS.UPDATE)} AND a.triggers ->> t.tgname::text = p.proname AND p.proname <> ${literal(ANY_RECORDER)}
     WHERE t.tgparentid = 0 AND NOT t.tgisinternal AND n.nspname <> ${literal(spec.schema)} AND ${isRecorder(spec, 't')}
       AND NOT EXISTS (SELECT FROM m WHERE m.oid = t.tgrelid) ORDER BY a.table_name IS NULL
  LOOP
    -- Dropping one comes back here, and takes the others along.
    CONTINUE WHEN NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.oid = member.oid);
    IF member.table_name IS NOT NULL THEN
      PERFORM ${fn('mark')}('DDL', member.table_schema, member.table_name, jsonb_build_object('command', TG_TAG,
        'object', format('%I.%I', member.nspname, member.relname), 'left', true, 'role', session_user));
    END IF;
    EXECUTE format('DROP TRIGGER %I ON %I.%I', member.tgname, member.nspname, member.relname);
  END LOOP;`;
}

/** Tables of which something may not be as it should: that has other recorders than it should, or fewer of the right ones. */
function findSuspects(spec: AuditSpec): string {
  const { audited } = trailNames(spec);
  const wanted = CHANGE_OPERATIONS.length;
  return `
  WITH RECURSIVE ${family(spec)}, recorder AS (
    SELECT m.root, m.oid, count(t.oid) AS present,
           count(t.oid) FILTER (WHERE a.triggers ->> t.tgname::text = p.proname AND t.tgenabled = 'A' AND t.tgqual IS NULL AND t.tgattr::text = '' AND ${firesFor('t')}) AS good
      FROM m JOIN ${audited} AS a ON a.relation = m.root
      LEFT JOIN (pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid JOIN pg_namespace AS n ON n.oid = p.pronamespace AND n.nspname = ${literal(spec.schema)}) ON t.tgrelid = m.oid
     WHERE m.oid = m.root OR m.oid <> ALL (ARRAY(SELECT x.relation::oid FROM ${audited} AS x)) GROUP BY 1, 2
  )
  SELECT array_agg(r.root) INTO suspects FROM recorder AS r JOIN pg_class AS c ON c.oid = r.oid
   WHERE c.relpersistence <> 'p' OR r.present <> ${wanted} OR r.good <> ${wanted};`;
}

/** Of the table and all that belongs to it: triggers that would not record. A new partition lacks the one for TRUNCATE and gets it here. */
function memberFaults(spec: AuditSpec): string {
  const names = Object.values(TRIGGERS).map(literal).join(', ');
  const { audited } = trailNames(spec);
  return `
    FOR member IN
      WITH RECURSIVE m AS (SELECT item.relation::oid AS oid UNION SELECT i.inhrelid FROM m JOIN pg_inherits AS i ON i.inhparent = m.oid)
      SELECT m.oid, c.relispartition, c.relpersistence, n.nspname, c.relname FROM m JOIN pg_class AS c ON c.oid = m.oid JOIN pg_namespace AS n ON n.oid = c.relnamespace
       WHERE item.relation::oid = ANY (suspects) AND fault IS NULL AND (m.oid = item.relation OR NOT EXISTS (SELECT FROM ${audited} AS own WHERE own.relation = m.oid)) ORDER BY 1
    LOOP
      IF EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = member.oid AND t.tgname NOT IN (${names}) AND ${isRecorder(spec, 't')}) THEN
        fault := format('another trigger of %s.%s would write into the trail', member.nspname, member.relname);
      END IF;
      IF member.relpersistence <> 'p' THEN fault := format('%s.%s would be emptied by a crash, unrecorded', member.nspname, member.relname); END IF;
      FOR wanted IN
        SELECT w.key AS name, w.value AS function FROM jsonb_each_text(item.triggers) AS w
         WHERE NOT EXISTS (SELECT FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid
                            WHERE t.tgrelid = member.oid AND t.tgname = w.key AND t.tgenabled = 'A' AND t.tgqual IS NULL AND t.tgattr::text = ''
                              AND p.proname = w.value AND ${isRecorder(spec, 't')} AND ${firesFor('t')})
         ORDER BY 1
      LOOP
        IF member.relispartition AND wanted.name = ${literal(TRIGGERS.TRUNCATE)} AND TG_TAG <> 'DROP TRIGGER'
           AND NOT EXISTS (SELECT FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid
                            WHERE t.tgrelid = member.oid AND (t.tgname = wanted.name OR p.proname = wanted.function)) THEN
          -- Row triggers come to a new partition by themselves, statement triggers do not.
          UPDATE ${audited} AS a SET changing = txid_current() WHERE a.relation = item.relation;
          EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I.%I FOR EACH STATEMENT EXECUTE FUNCTION %I.%I()',
            wanted.name, member.nspname, member.relname, ${literal(spec.schema)}, wanted.function);
          EXECUTE format('ALTER TABLE %I.%I ENABLE ALWAYS TRIGGER %I', member.nspname, member.relname, wanted.name);
          UPDATE ${audited} AS a SET changing = NULL WHERE a.relation = item.relation;
        ELSIF fault IS NULL THEN
          fault := format('trigger %s of %s.%s would not record', wanted.name, member.nspname, member.relname);
        END IF;
      END LOOP;
    END LOOP;`;
}

/**
 * Where the statement left a table’s recorders wanting (a column of a type whose text depends on the session, a parent through which rows
 * are changed, a row trigger of the application, a subscription), the recorder of any table takes their place until the next `up`.
 */
function takeOver(spec: AuditSpec): string {
  const { audited, fn } = trailNames(spec);
  const rowOperations = CHANGE_OPERATIONS.filter((operation) => operation !== 'TRUNCATE');
  const triggers = rowOperations
    .map((operation) => `(${literal(TRIGGERS[operation])}, ${literal(operation)})`)
    .join(', ');
  const registered = json(Object.fromEntries(rowOperations.map((operation) => [TRIGGERS[operation], ANY_RECORDER])));
  return `
    IF TG_EVENT = 'ddl_command_end' AND fault IS NULL AND item.wanting AND item.triggers -> ${literal(TRIGGERS.UPDATE)} <> ${json(ANY_RECORDER)} THEN
      UPDATE ${audited} AS a SET changing = txid_current() WHERE a.relation = item.relation;
      FOR member IN
        WITH RECURSIVE m AS (SELECT item.relation::oid AS oid UNION SELECT i.inhrelid FROM m JOIN pg_inherits AS i ON i.inhparent = m.oid)
        SELECT format('%I.%I', n.nspname, c.relname) AS name, w.name AS trigger, w.operation FROM m JOIN pg_class AS c ON c.oid = m.oid JOIN pg_namespace AS n ON n.oid = c.relnamespace,
               (VALUES ${triggers}) AS w(name, operation), pg_trigger AS t
         WHERE (m.oid = item.relation OR NOT EXISTS (SELECT FROM ${audited} AS own WHERE own.relation = m.oid))
           AND t.tgrelid = m.oid AND t.tgname = w.name AND t.tgparentid = 0 ORDER BY m.oid, 2
      LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER %s ON %s FOR EACH ROW EXECUTE FUNCTION ${fn(ANY_RECORDER)}()', member.trigger, member.operation, member.name);
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', member.name, member.trigger);
      END LOOP;
      UPDATE ${audited} AS a SET changing = NULL, triggers = a.triggers || ${registered} WHERE a.relation = item.relation;
    END IF;`;
}

/** Columns of `relation` (SQL) with their types, as they are now. */
const columnsOf = (relation: string): string =>
  `(SELECT jsonb_object_agg(a.attname, format_type(a.atttypid, a.atttypmod)) FROM pg_attribute AS a WHERE a.attrelid = ${relation} AND a.attnum > 0 AND NOT a.attisdropped)`;

/** Bits of pg_event_trigger_table_rewrite_reason(). */
const REWRITE_REASONS = {
  1: 'persistence',
  2: 'default or expression of a column',
  4: 'type of a column',
  8: 'access method',
};

/** Before a table is written anew: values may then be others, as with ALTER COLUMN ... TYPE ... USING, and no trigger sees it. */
function markRewrite(spec: AuditSpec): string {
  const { audited, fn } = trailNames(spec);
  const reasons = Object.entries(REWRITE_REASONS).map(([bit, what]) => `(${bit}, ${literal(what)})`);
  return `
  IF TG_EVENT = 'table_rewrite' THEN
    FOR item IN
      WITH RECURSIVE ${family(spec)}
      SELECT a.* FROM m JOIN ${audited} AS a ON a.relation = m.root WHERE m.oid = pg_event_trigger_table_rewrite_oid()
    LOOP
      PERFORM ${fn('mark')}('DDL', item.table_schema, item.table_name, jsonb_build_object('command', TG_TAG,
        'object', pg_event_trigger_table_rewrite_oid()::regclass::text, 'role', session_user, 'columns', ${columnsOf('item.relation')},
        'rewrites', (SELECT jsonb_agg(r.what) FROM (VALUES ${reasons.join(', ')}) AS r(bit, what) WHERE r.bit & pg_event_trigger_table_rewrite_reason() <> 0)));
    END LOOP;
    RETURN;
  END IF;`;
}

/** A partition or a trigger that is gone: what belonged to it can only be told from the triggers that went with it. A column may go with its type. */
function markDrops(spec: AuditSpec): string {
  const { audited, fn } = trailNames(spec);
  const names = Object.values(TRIGGERS).map(literal).join(', ');
  return `
  IF TG_EVENT = 'sql_drop' THEN
    FOR command IN
      SELECT DISTINCT d.address_names[1] AS table_schema, d.address_names[2] AS table_name,
             to_regclass(format('%I.%I', d.address_names[1], d.address_names[2])) IS NULL AS dropped
        FROM (SELECT x.address_names FROM pg_event_trigger_dropped_objects() AS x WHERE x.object_type = 'trigger' OFFSET 0) AS d
       WHERE d.address_names[3] IN (${names})
         AND format('%I.%I', d.address_names[1], d.address_names[2]) <> ALL (gone)
    LOOP
      PERFORM ${fn('mark')}('DDL', command.table_schema, command.table_name,
        jsonb_build_object('command', TG_TAG, 'dropped', command.dropped, 'role', session_user));
    END LOOP;
    FOR command IN
      WITH RECURSIVE ${family(spec)}
      SELECT a.table_schema, a.table_name, a.relation, string_agg(DISTINCT d.object_identity, ', ') AS objects
        FROM pg_event_trigger_dropped_objects() AS d JOIN m ON m.oid = d.objid JOIN ${audited} AS a ON a.relation = m.root
       WHERE d.object_type = 'table column' AND TG_TAG <> 'ALTER TABLE' AND EXISTS (SELECT FROM pg_class AS c WHERE c.oid = m.oid) GROUP BY 1, 2, 3
    LOOP
      PERFORM ${fn('mark')}('DDL', command.table_schema, command.table_name,
        jsonb_build_object('command', TG_TAG, 'object', command.objects, 'role', session_user, 'columns', ${columnsOf('command.relation')}));
    END LOOP;
  END IF;`;
}

/** What was done to an audited table’s definition or to a type it has, with its columns and partitions as they are now. */
function markCommands(spec: AuditSpec): string {
  const { audited, fn } = trailNames(spec);
  return `
  IF TG_EVENT = 'ddl_command_end' THEN
    FOR command IN
      WITH RECURSIVE ${family(spec)}, used AS (
        SELECT m.root, a.atttypid AS type FROM m JOIN pg_attribute AS a ON a.attrelid = m.oid AND a.attnum > 0 AND NOT a.attisdropped WHERE TG_TAG LIKE 'ALTER%'
        UNION SELECT u.root, x.type FROM used AS u JOIN pg_type AS y ON y.oid = u.type, LATERAL (${MADE_OF}) AS x
      ), done AS (
        SELECT d.command_tag, d.object_identity, coalesce(t.tgrelid, w.ev_class, CASE WHEN d.classid = 'pg_class'::regclass THEN d.objid END) AS relation,
               CASE WHEN d.classid = 'pg_namespace'::regclass THEN d.objid END AS namespace, CASE WHEN d.classid = 'pg_type'::regclass THEN d.objid END AS type, t.tgname::text AS trigger
          FROM pg_event_trigger_ddl_commands() AS d
          LEFT JOIN pg_trigger AS t ON d.classid = 'pg_trigger'::regclass AND t.oid = d.objid
          LEFT JOIN pg_rewrite AS w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
         WHERE d.command_tag <> 'CREATE SCHEMA'
      ), concerned AS (
        SELECT m.root, d.command_tag, d.object_identity, d.trigger FROM done AS d JOIN pg_class AS c ON c.oid = d.relation OR c.relnamespace = d.namespace JOIN m ON m.oid = c.oid
        UNION SELECT u.root, d.command_tag, d.object_identity, NULL FROM done AS d JOIN used AS u ON u.type = d.type OR u.type = (SELECT c.reltype FROM pg_class AS c WHERE c.oid = d.relation)
      )
      SELECT a.table_schema, a.table_name, d.command_tag, d.object_identity, a.relation
        FROM concerned AS d JOIN ${audited} AS a ON a.relation = d.root WHERE d.trigger IS NULL OR NOT a.triggers ? d.trigger
    LOOP
      PERFORM ${fn('mark')}('DDL', command.table_schema, command.table_name, jsonb_build_object('command', command.command_tag,
        'object', command.object_identity, 'role', session_user, 'columns', ${columnsOf('command.relation')})
        || coalesce((SELECT jsonb_build_object('children', jsonb_agg(i.inhrelid::regclass::text ORDER BY i.inhrelid)) FROM pg_inherits AS i
                      WHERE i.inhparent = command.relation HAVING count(*) > 0), '{}'));
    END LOOP;
  END IF;`;
}
