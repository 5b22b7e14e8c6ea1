import type { AuditSpec } from '../spec';
import { type AuditFunction, plain } from './auditFunction';
import { APPLYING_SETTING, literal, trailNames } from './names';

/** DDL after which the guard looks; what drops something is caught by its own event. */
export const GUARDED_TAGS = [
  'ALTER FOREIGN TABLE',
  'ALTER MATERIALIZED VIEW',
  'ALTER SCHEMA',
  'ALTER TABLE',
  'ALTER TRIGGER',
  'ALTER VIEW',
  'CREATE FOREIGN TABLE',
  'CREATE MATERIALIZED VIEW',
  'CREATE RULE',
  'CREATE SEQUENCE',
  'CREATE TABLE',
  'CREATE TABLE AS',
  'CREATE TRIGGER',
  'CREATE VIEW',
  'SELECT INTO',
];

/**
 * The owner of an audited table may drop or disable its triggers: PostgreSQL has no way to take that from an owner. So event
 * triggers, which only a superuser can touch, look at the state after each DDL statement and refuse it when a table in the list would
 * no longer be recorded. It judges what is, not what was said, so no spelling gets past it. The trail's owner's members may do
 * everything, and the trail says that they did.
 */
export function guardFunction(spec: AuditSpec): AuditFunction {
  return { ...plain('guard', 'event_trigger'), ownedBy: 'admin', source: guardBody(spec) };
}

function guardBody(spec: AuditSpec): string {
  const { audited, fn } = trailNames(spec);
  return `
DECLARE
  trusted CONSTANT boolean := pg_has_role(session_user, ${literal(spec.owner)}, 'MEMBER');
  item record;
  member record;
  wanted record;
  fault text;
  command record;
BEGIN
  IF to_regclass(${literal(audited)}) IS NULL OR (trusted AND current_setting(${literal(APPLYING_SETTING)}, true) = 'on') THEN RETURN; END IF;
  FOR item IN
    SELECT a.*, c.relkind, to_regclass(format('%I.%I', a.table_schema, a.table_name))::oid AS holder
      FROM ${audited} AS a LEFT JOIN pg_class AS c ON c.oid = a.relation ORDER BY a.table_schema, a.table_name
  LOOP
    fault := NULL;
    IF item.relkind IS NULL THEN
      IF NOT trusted THEN fault := 'it would be gone, and its rows with it, unrecorded';
      ELSE
        DELETE FROM ${audited} AS a WHERE a.relation = item.relation;
        PERFORM ${fn('mark')}('DDL', item.table_schema, item.table_name, jsonb_build_object('command', TG_TAG, 'dropped', true, 'role', session_user));
        CONTINUE;
      END IF;
    ELSIF item.holder <> item.relation::oid THEN
      fault := 'its name would belong to something that is not recorded';
    ELSIF item.key_columns IS DISTINCT FROM (
      SELECT array_agg(a.attname::text ORDER BY k.place) FROM pg_index AS i, unnest(i.indkey) WITH ORDINALITY AS k(number, place), pg_attribute AS a
       WHERE i.indrelid = item.relation AND i.indisprimary AND a.attrelid = i.indrelid AND a.attnum = k.number) THEN
      fault := format('its primary key would no longer be (%s)', array_to_string(item.key_columns, ', '));
    ELSE
      SELECT format('column %s, which is hidden from the trail, would be called %s and be seen', h.key, a.attname) INTO fault
        FROM jsonb_each_text(item.hidden) AS h JOIN pg_attribute AS a ON a.attrelid = item.relation AND a.attnum = h.value::int AND NOT a.attisdropped
       WHERE NOT item.hidden ? a.attname LIMIT 1;
    END IF;
    FOR member IN
      WITH RECURSIVE m AS (SELECT item.relation::oid AS oid UNION SELECT i.inhrelid FROM m JOIN pg_inherits AS i ON i.inhparent = m.oid)
      SELECT m.oid, c.relispartition, n.nspname, c.relname FROM m JOIN pg_class AS c ON c.oid = m.oid JOIN pg_namespace AS n ON n.oid = c.relnamespace
       WHERE fault IS NULL AND (m.oid = item.relation OR NOT EXISTS (SELECT FROM ${audited} AS own WHERE own.relation = m.oid)) ORDER BY 1
    LOOP
      FOR wanted IN
        SELECT w.key AS name, w.value AS function FROM jsonb_each_text(item.triggers) AS w
         WHERE NOT EXISTS (SELECT FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid JOIN pg_namespace AS n ON n.oid = p.pronamespace
                            WHERE t.tgrelid = member.oid AND t.tgname = w.key AND t.tgenabled = 'A' AND t.tgqual IS NULL AND t.tgattr::text = ''
                              AND p.proname = w.value AND n.nspname = ${literal(spec.schema)})
         ORDER BY 1
      LOOP
        IF member.relispartition AND wanted.name LIKE '%truncate'
           AND NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = member.oid AND t.tgname = wanted.name) THEN
          -- Row triggers come to a new partition by themselves, statement triggers do not.
          EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I.%I FOR EACH STATEMENT EXECUTE FUNCTION %I.%I()',
            wanted.name, member.nspname, member.relname, ${literal(spec.schema)}, wanted.function);
          EXECUTE format('ALTER TABLE %I.%I ENABLE ALWAYS TRIGGER %I', member.nspname, member.relname, wanted.name);
        ELSIF fault IS NULL THEN
          fault := format('trigger %s of %s.%s would not record', wanted.name, member.nspname, member.relname);
        END IF;
      END LOOP;
    END LOOP;
    IF fault IS NOT NULL AND NOT trusted THEN
      RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
        MESSAGE = format('%s is refused: table %s.%s is audited, and %s.', TG_TAG, item.table_schema, item.table_name, fault),
        HINT = 'Change coach:audit.tables first and run up; then this is allowed.';
    END IF;
  END LOOP;

  IF TG_EVENT = 'ddl_command_end' THEN
    FOR command IN
      SELECT DISTINCT a.table_schema, a.table_name, d.command_tag, d.object_identity, a.relation
        FROM pg_event_trigger_ddl_commands() AS d
        LEFT JOIN pg_trigger AS t ON d.classid = 'pg_trigger'::regclass AND t.oid = d.objid
        LEFT JOIN pg_rewrite AS w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
        JOIN pg_class AS c ON c.oid = coalesce(t.tgrelid, w.ev_class, CASE WHEN d.classid = 'pg_class'::regclass THEN d.objid END)
        LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid
        JOIN ${audited} AS a ON a.relation = c.oid OR a.relation = i.inhparent
       WHERE NOT (t.tgname IS NOT NULL AND a.triggers ? t.tgname::text)
    LOOP
      PERFORM ${fn('mark')}('DDL', command.table_schema, command.table_name, jsonb_build_object('command', command.command_tag,
        'object', command.object_identity, 'role', session_user, 'columns', (SELECT jsonb_object_agg(a.attname, format_type(a.atttypid, a.atttypmod))
           FROM pg_attribute AS a WHERE a.attrelid = command.relation AND a.attnum > 0 AND NOT a.attisdropped)));
    END LOOP;
  END IF;
END
`;
}

/** The two event triggers, as they should be. */
export const GUARD_EVENTS = { ddl: 'ddl_command_end', drop: 'sql_drop' } as const;
