import type { AuditSpec } from '../../spec';
import { literal, SUSPENDED_SETTING, tableHash, trailNames } from '../names';
import { userSql } from './bounds';
import { type AuditFunction, plain } from './function';

/**
 * Bulk work without the trail, in one transaction:
 *
 *   BEGIN; SELECT audit.suspend('import of 2026'); COPY ...; COMMIT;
 *
 * A row in `suspension` under this transaction's number is what counts. It can only be written by this function, holds for no
 * other transaction, and goes away with a rollback, so a crash or a forgotten call leaves nothing switched off. At COMMIT a deferred
 * trigger writes what was done in between; fired early by SET CONSTRAINTS, it ends the suspension there.
 */
export function suspendFunctions(spec: AuditSpec): AuditFunction[] {
  return [
    {
      ...plain('mark', 'void'),
      arguments: 'operation text, table_schema text, table_name text, marker jsonb',
      source: markBody(spec),
    },
    { ...plain('is_suspended', 'boolean'), arguments: 'relation oid', source: isSuspendedBody(spec) },
    {
      ...plain('suspend', 'void'),
      arguments: 'reason text, tables text[]',
      declared: 'reason text, tables text[] DEFAULT NULL',
      source: suspendBody(spec),
      execute: spec.loaders ?? [],
    },
    { ...plain('resume', 'trigger'), source: resumeBody(spec) },
  ];
}

function markBody(spec: AuditSpec): string {
  return `
BEGIN
  -- The transaction's number is taken before the time of recording, as the chain expects.
  PERFORM txid_current();
  INSERT INTO ${trailNames(spec).trail} (operation, table_schema, table_name, key_hash, marker, user_id)
  VALUES (mark.operation, mark.table_schema, mark.table_name, ${tableHash('mark.table_schema', 'mark.table_name')}, mark.marker, ${userSql()});
END
`;
}

function isSuspendedBody(spec: AuditSpec): string {
  return `
BEGIN
  RETURN EXISTS (SELECT FROM ${trailNames(spec).suspension} s
                  WHERE s.txid = txid_current() AND NOT s.ended AND is_suspended.relation = ANY (s.relations));
END
`;
}

/** Rows written so far in this transaction, by table; savepoints rolled back included, as PostgreSQL counts them. */
const counts = (relation: string): string =>
  `jsonb_build_object('inserted', pg_stat_get_xact_tuples_inserted(${relation}), ` +
  `'updated', pg_stat_get_xact_tuples_updated(${relation}), 'deleted', pg_stat_get_xact_tuples_deleted(${relation}))`;

const family = (roots: string): string => `
    WITH RECURSIVE member AS (
      SELECT root, root AS relation FROM unnest(${roots}) AS root
      UNION SELECT m.root, i.inhrelid FROM member m JOIN pg_inherits i ON i.inhparent = m.relation)`;

const LONGEST_REASON = 1000;

function suspendBody(spec: AuditSpec): string {
  const { audited, suspension, fn } = trailNames(spec);
  return `
DECLARE
  wanted text;
  roots oid[];
  members oid[];
  before jsonb;
  item record;
BEGIN
  IF coalesce(btrim(reason), '') = '' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'Suspending the audit trail needs a reason.',
      HINT = format('SELECT %I.suspend(''import of last year''), inside the transaction of the load.', ${literal(spec.schema)});
  END IF;
  IF octet_length(reason) > ${LONGEST_REASON} THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('The reason for suspending the audit trail has %s bytes; expected at most ${LONGEST_REASON}.', octet_length(reason)),
      HINT = 'Give a short reason, and keep the rest elsewhere.';
  END IF;
  FOREACH wanted IN ARRAY coalesce(tables, ARRAY[]::text[]) LOOP
    IF NOT EXISTS (SELECT FROM ${audited} a WHERE wanted IN (a.table_name, a.table_schema || '.' || a.table_name)) THEN
      RAISE EXCEPTION USING ERRCODE = 'undefined_table', MESSAGE = format('Table %s is not audited, so its trail cannot be suspended.', wanted),
        HINT = 'Name audited tables as Student or public.Student, or leave the list away to suspend all of them.';
    END IF;
  END LOOP;
  SELECT array_agg(a.relation::oid) INTO roots FROM ${audited} a
   WHERE tables IS NULL OR a.table_name = ANY (tables) OR a.table_schema || '.' || a.table_name = ANY (tables);
  ${family('roots')}
  SELECT array_agg(m.relation), coalesce(jsonb_object_agg(m.relation::text, ${counts('m.relation')}), '{}') INTO members, before FROM member m;
  INSERT INTO ${suspension} (txid, relations, reason, counts, started_at)
  VALUES (txid_current(), coalesce(members, ARRAY[]::oid[]), btrim(reason), before, clock_timestamp());
  FOR item IN SELECT a.table_schema, a.table_name FROM ${audited} a WHERE a.relation = ANY (roots) ORDER BY 1, 2 LOOP
    PERFORM ${fn('mark')}('SUSPENDED', item.table_schema, item.table_name, jsonb_build_object('reason', btrim(reason), 'role', session_user));
  END LOOP;
  PERFORM set_config(${literal(SUSPENDED_SETTING)}, txid_current()::text, true);
END
`;
}

function resumeBody(spec: AuditSpec): string {
  const { audited, suspension, fn } = trailNames(spec);
  return `
DECLARE
  item record;
BEGIN
  UPDATE ${suspension} SET ended = true WHERE id = NEW.id;
  FOR item IN
    ${family('(SELECT array_agg(a.relation::oid) FROM ' + audited + ' a WHERE a.relation = ANY (NEW.relations))')}
    SELECT a.table_schema, a.table_name,
           sum(pg_stat_get_xact_tuples_inserted(m.relation) - coalesce((NEW.counts -> m.relation::text ->> 'inserted')::bigint, 0)) AS inserted,
           sum(pg_stat_get_xact_tuples_updated(m.relation) - coalesce((NEW.counts -> m.relation::text ->> 'updated')::bigint, 0)) AS updated,
           sum(pg_stat_get_xact_tuples_deleted(m.relation) - coalesce((NEW.counts -> m.relation::text ->> 'deleted')::bigint, 0)) AS deleted
      FROM member m JOIN ${audited} a ON a.relation = m.root GROUP BY 1, 2 ORDER BY 1, 2
  LOOP
    PERFORM ${fn('mark')}('RESUMED', item.table_schema, item.table_name, jsonb_build_object('reason', NEW.reason,
      'inserted', item.inserted, 'updated', item.updated, 'deleted', item.deleted));
  END LOOP;
  RETURN NULL;
END
`;
}
