import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { removeAudit } from '../../../postgres/audit/plan/apply';
import { planLines } from '../../../postgres/audit/plan/plan';
import { type AuditedDatabase, auditedDatabase } from './support';

const SCHEMA = `
CREATE TABLE "Student" (id int PRIMARY KEY, name text, secret text);
CREATE TABLE "Event" (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE "Event_1" PARTITION OF "Event" FOR VALUES FROM (0) TO (100);
CREATE TABLE "Person" (id int PRIMARY KEY);
CREATE TABLE "Teacher" (PRIMARY KEY (id)) INHERITS ("Person");
`;
const TABLES = [
  { schema: 'public', table: 'Student', redact: ['secret'] },
  { schema: 'public', table: 'Event' },
  { schema: 'public', table: 'Person' },
];

let database: AuditedDatabase;
beforeAll(async () => {
  database = await auditedDatabase('audit_drift', SCHEMA, { tables: TABLES, hashChain: true });
  // What this role makes is everybody's, unless said otherwise.
  const { app, reader } = database.roles;
  await database.admin
    .query(`ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO ${app}; ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO ${app};
    ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO ${app}, ${reader}; ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO ${app}`);
  await database.up();
});
afterAll(async () => {
  const { app, reader } = database.roles;
  await database.admin
    .query(`ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM ${app}; ALTER DEFAULT PRIVILEGES REVOKE ALL ON SEQUENCES FROM ${app};
    ALTER DEFAULT PRIVILEGES REVOKE ALL ON FUNCTIONS FROM ${app}, ${reader}; ALTER DEFAULT PRIVILEGES REVOKE ALL ON SCHEMAS FROM ${app}`);
  await database.drop();
});

it('is nothing after the first run, whatever default privileges say', async () => {
  expect(planLines(await database.plan())).toEqual([]);
});

describe('what was changed by hand is found and repaired', () => {
  const cases: [what: string, sql: (names: AuditedDatabase['roles']) => string, object: string][] = [
    ['a trigger disabled', () => `ALTER TABLE "Student" DISABLE TRIGGER "00_audit_update"`, 'audit of public.Student'],
    [
      'a trigger that fires by origin',
      () => `ALTER TABLE "Student" ENABLE TRIGGER "00_audit_insert"`,
      'audit of public.Student',
    ],
    ['a trigger dropped', () => `DROP TRIGGER "00_audit_delete" ON "Student"`, 'audit of public.Student'],
    [
      'a trigger with a condition',
      () =>
        `CREATE OR REPLACE TRIGGER "00_audit_update" AFTER UPDATE ON "Student" FOR EACH ROW WHEN (NEW.id > 5) EXECUTE FUNCTION audit."record_update_public.Student"()`,
      'audit of public.Student',
    ],
    [
      'a trigger of some columns',
      () =>
        `CREATE OR REPLACE TRIGGER "00_audit_update" AFTER UPDATE OF name ON "Student" FOR EACH ROW EXECUTE FUNCTION audit."record_update_public.Student"()`,
      'audit of public.Student',
    ],
    [
      'a trigger of a partition',
      () => `ALTER TABLE "Event_1" DISABLE TRIGGER "00_audit_insert"`,
      'audit of public.Event',
    ],
    [
      'the TRUNCATE trigger of a partition',
      () => `DROP TRIGGER "00_audit_truncate" ON "Event_1"`,
      'audit of public.Event',
    ],
    ['a trigger of a child table', () => `DROP TRIGGER "00_audit_insert" ON "Teacher"`, 'audit of public.Person'],
    [
      'a function replaced',
      () =>
        `CREATE OR REPLACE FUNCTION audit."record_update_public.Student"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN NULL; END'`,
      'function record_update_public.Student',
    ],
    ['a function that runs as its caller', () => `ALTER FUNCTION audit.mark SECURITY INVOKER`, 'function mark'],
    [
      'a function without its search path',
      () => `ALTER FUNCTION audit.maintain RESET search_path`,
      'function maintain',
    ],
    ['a function of somebody else', ({ app }) => `ALTER FUNCTION audit.suspend OWNER TO ${app}`, 'function suspend'],
    ['a function for everybody', () => `GRANT EXECUTE ON FUNCTION audit.mark TO PUBLIC`, 'function mark'],
    ['the guard dropped', () => `DROP EVENT TRIGGER audit_guard_drop`, 'event trigger audit_guard_drop'],
    ['the guard disabled', () => `ALTER EVENT TRIGGER audit_guard_ddl DISABLE`, 'event trigger audit_guard_ddl'],
    ['the trail for somebody else', ({ app }) => `GRANT SELECT ON audit.audit_log TO ${app}`, 'access to audit_log'],
    [
      'the trail written by its reader',
      ({ reader }) => `GRANT INSERT ON audit.audit_log TO ${reader}`,
      'access to audit_log',
    ],
    [
      'the trail not for its reader',
      ({ reader }) => `REVOKE SELECT ON audit.audit_log FROM ${reader}`,
      'access to audit_log',
    ],
    [
      'the trail of another owner',
      ({ tableOwner }) => `ALTER TABLE audit.audit_log OWNER TO ${tableOwner}`,
      'access to audit_log',
    ],
    [
      'a partition for somebody else',
      ({ app }) => `GRANT ALL ON audit.audit_log_default TO ${app}`,
      'access to audit_log_default',
    ],
    [
      'a partition without row security',
      () => `ALTER TABLE audit.audit_log_default DISABLE ROW LEVEL SECURITY`,
      'access to audit_log_default',
    ],
    [
      'the sequence for somebody else',
      ({ app }) => `GRANT ALL ON audit.audit_log_id TO ${app}`,
      'access to audit_log_id',
    ],
    ['a policy more', () => `CREATE POLICY more ON audit.audit_log USING (true)`, 'policy more on audit_log'],
    ['the readers’ policy dropped', () => `DROP POLICY readers ON audit.audit_log`, 'policy readers on audit_log'],
    [
      'a partition that the dump does not see',
      () => `DROP POLICY dump ON audit.audit_log_default`,
      'policy dump on audit_log_default',
    ],
    ['the schema open', ({ app }) => `GRANT ALL ON SCHEMA audit TO ${app}`, 'schema audit'],
    ['the schema of another owner', ({ app }) => `ALTER SCHEMA audit OWNER TO ${app}`, 'schema audit'],
    ['the owner logs in', ({ auditOwner }) => `ALTER ROLE ${auditOwner} LOGIN`, `role `],
    [
      'the list without a table',
      () => `DELETE FROM audit.audited_table WHERE table_name = 'Student'`,
      'audit of public.Student',
    ],
    ['the search index dropped', () => `DROP INDEX audit.audit_log_search`, 'index audit_log_search'],
    [
      'the hash trigger disabled',
      () => `ALTER TABLE audit.audit_log DISABLE TRIGGER hash_row`,
      'trigger hash_row on audit_log',
    ],
    ['the resume trigger dropped', () => `DROP TRIGGER resume ON audit.suspension`, 'trigger resume on suspension'],
    [
      'a default of the trail dropped',
      () => `ALTER TABLE audit.audit_log ALTER session_user_name DROP DEFAULT`,
      'trail audit.audit_log',
    ],
    ['the default partition dropped', () => `DROP TABLE audit.audit_log_default`, 'partition audit_log_default'],
    [
      'a month dropped',
      () =>
        `DO $$BEGIN EXECUTE (SELECT 'DROP TABLE audit.' || max(relname) FROM pg_class WHERE relname ~ '^audit_log_\\d+_\\d+$'); END$$`,
      'partitions',
    ],
  ];

  it.each(cases)('%s', async (_what, sql, object) => {
    await database.admin.query(sql(database.roles));
    const plan = await database.plan();
    expect(plan.steps.map(({ action }) => action).join('\n')).toContain(object);
    await database.up();
    expect(planLines(await database.plan())).toEqual([]);
    await database.recorded();
    await database.admin.query(
      `INSERT INTO "Student" VALUES (1); UPDATE "Student" SET name = 'x'; DELETE FROM "Student"`,
    );
    expect((await database.recorded()).map(({ operation }) => operation)).toEqual(['INSERT', 'UPDATE', 'DELETE']);
  });
});

describe('what a superuser does to the recording stands in the trail', () => {
  it.each([
    ['disabling a trigger', `ALTER TABLE "Student" DISABLE TRIGGER ALL`, { command: 'ALTER TABLE' }],
    ['dropping a trigger', `DROP TRIGGER "00_audit_insert" ON "Student"`, { command: 'DROP TRIGGER', dropped: false }],
    ['dropping a partition', `DROP TABLE "Event_1"`, { command: 'DROP TABLE', dropped: true }],
    ['dropping a table', `DROP TABLE "Student"`, { command: 'DROP TABLE', dropped: true }],
  ])('%s', async (_what, sql, marker) => {
    await database.recorded();
    await database.admin.query(`BEGIN; ${sql}`);
    const rows = await database.recorded({ all: true });
    await database.admin.query('ROLLBACK');
    expect(rows).toMatchObject([{ operation: 'DDL', marker: { ...marker, role: 'postgres' } }]);
  });
});

it('members of the owner are named', async () => {
  const { app, auditOwner } = database.roles;
  await database.admin.query(`GRANT ${auditOwner} TO ${app}`);
  expect((await database.plan()).warnings).toMatchObject([
    { code: 'audit-owner-member', object: app, remedy: `REVOKE ${auditOwner} FROM ${app};` },
  ]);
  await database.admin.query(`REVOKE ${auditOwner} FROM ${app}`);
});

it('removing the trail takes everything off the tables and keeps its rows and their reader', async () => {
  const { admin, spec } = database;
  await database.recorded({ all: true });
  const { rows: before } = await admin.query<{ id: string }>('SELECT id FROM audit.audit_log ORDER BY id');
  await removeAudit(admin, spec);
  const { rows: left } = await admin.query(
    `SELECT proname AS name FROM pg_proc WHERE pronamespace = 'audit'::regnamespace UNION ALL SELECT evtname FROM pg_event_trigger WHERE evtname LIKE 'audit%'
      UNION ALL SELECT tgname FROM pg_trigger WHERE tgname LIKE '00_audit%' UNION ALL SELECT table_name FROM audit.audited_table`,
  );
  expect(left).toEqual([]);
  // The trail says of each table that it is recorded no longer, and nothing more after that.
  const marks = await database.recorded({ all: true });
  expect(marks.map(({ table_name: table, marker }) => [table, marker]).sort()).toEqual(
    [...spec.tables.map(({ table }) => [table, { recording: false }])].sort(),
  );
  await admin.query(
    `INSERT INTO "Student" VALUES (7); INSERT INTO "Event" VALUES (7); TRUNCATE "Event_1"; DROP TABLE "Person" CASCADE`,
  );
  await removeAudit(admin, spec);
  expect(await database.recorded({ all: true })).toEqual([]);
  const { rows: after } = await (
    await database.as('reader')
  ).query<{ id: string }>('SELECT id FROM audit.audit_log ORDER BY id');
  expect(after.slice(0, before.length)).toEqual(before);
  await database.up({ tables: TABLES.slice(0, 2) });
  expect(planLines(await database.plan())).toEqual([]);
  await database.recorded();
  await admin.query(`DELETE FROM "Student"`);
  expect(await database.recorded()).toHaveLength(1);
});
