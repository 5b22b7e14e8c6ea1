import type { Client } from 'pg';
import { inject } from 'vitest';

import { codeOf } from '../../../system/errors';
import type { AuditedDatabase } from './support';

/** Tables of the application under attack; `secret` is redacted, `Event` partitioned. */
export const SCHEMA = `
CREATE TABLE "Student" (id text PRIMARY KEY, name text, secret text);
CREATE TABLE "Note" (id int PRIMARY KEY, body text);
CREATE TABLE "Event" (id int, year int, what text, PRIMARY KEY (id, year)) PARTITION BY LIST (year);
CREATE TABLE "Event_2026" PARTITION OF "Event" FOR VALUES IN (2026);
`;

export const TABLES = [
  { schema: 'public', table: 'Student', redact: ['secret'] },
  { schema: 'public', table: 'Event' },
];

/** What the server said, SQLSTATE first: `42501 permission denied for table audit_log`; `done` where nothing was refused. */
export async function attempt(client: Client, ...statements: string[]): Promise<string> {
  for (const sql of statements) {
    try {
      await client.query(sql);
    } catch (error) {
      return `${codeOf(error) ?? 'unknown'} ${error instanceof Error ? error.message : String(error)}`;
    }
  }
  return 'done';
}

export interface Attack {
  name: string;
  /** The last one is refused, and none before it. */
  statements: string[];
  /** With which SQLSTATE and message; a pattern where majors or roles word it differently. */
  refused: string | RegExp;
}

const quoted = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
export const pattern = (refused: Attack['refused']): RegExp =>
  typeof refused === 'string' ? new RegExp(`^${quoted(refused)}$`) : refused;

const attack = (refused: Attack['refused'], ...statements: string[]): Attack => ({
  name: statements.join('; '),
  statements,
  refused,
});
const named = (name: string, refused: Attack['refused'], ...statements: string[]): Attack => ({
  name,
  statements,
  refused,
});

/** Who has no USAGE on the trail's schema is told this, whatever he tries on an object in it. */
export const OUTSIDE = '42501 permission denied for schema audit';

/** What anybody might try on objects in the trail's schema; `month` is a partition of it. Refused so to who has USAGE on the schema. */
export function attacksInside(month: string): Attack[] {
  const denied = (object: string): string => `42501 permission denied for ${object}`;
  const notOwner = (object: string): string => `42501 must be owner of ${object}`;
  const partition = `audit."${month}"`;
  return [
    ...['audit_log', month, 'audit_log_default'].flatMap((name) => {
      const table = `audit."${name}"`;
      const [right, owner] = [denied(`table ${name}`), notOwner(`table ${name}`)];
      return [
        attack(right, `UPDATE ${table} SET user_id = 'somebody else'`),
        attack(right, `DELETE FROM ${table}`),
        attack(right, `TRUNCATE ${table}`),
        attack(
          right,
          `INSERT INTO ${table} (operation, table_schema, table_name) VALUES ('INSERT', 'public', 'Student')`,
        ),
        attack(right, `COPY ${table} (operation) FROM STDIN`),
        attack(right, `MERGE INTO ${table} t USING (VALUES (1)) v ON true WHEN MATCHED THEN DELETE`),
        attack(right, `BEGIN`, `LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`),
        attack(right, `BEGIN`, `LOCK TABLE ${table} IN ROW EXCLUSIVE MODE`),
        attack(right, `SELECT * FROM ${table} FOR UPDATE`),
        attack(
          right,
          `CREATE TRIGGER nothing BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()`,
        ),
        attack(owner, `DROP TABLE ${table}`),
        attack(owner, `ALTER TABLE ${table} ADD COLUMN x int`),
        attack(owner, `ALTER TABLE ${table} ALTER COLUMN session_user_name SET DEFAULT 'postgres'`),
        attack(owner, `ALTER TABLE ${table} DISABLE ROW LEVEL SECURITY`),
        attack(owner, `ALTER TABLE ${table} OWNER TO CURRENT_USER`),
        attack(owner, `ALTER TABLE ${table} RENAME TO x`),
        attack(owner, `ALTER TABLE ${table} SET SCHEMA public`),
        attack(owner, `ALTER TABLE ${table} SET UNLOGGED`),
        attack(owner, `CREATE RULE nothing AS ON INSERT TO ${table} DO INSTEAD NOTHING`),
        attack(owner, `CREATE POLICY mine ON ${table} USING (true)`),
        attack(owner, `CREATE INDEX ON ${table} (user_id)`),
        attack(owner, `CREATE STATISTICS audit.s ON user_id, operation FROM ${table}`),
        attack(owner, `COMMENT ON TABLE ${table} IS 'x'`),
        attack(
          `42809 cannot inherit from ${name === 'audit_log' ? 'partitioned table' : 'partition'} "${name}"`,
          `CREATE TEMP TABLE child () INHERITS (${table})`,
        ),
      ];
    }),
    attack(notOwner('table audit_log'), `ALTER TABLE audit.audit_log DETACH PARTITION ${partition}`),
    named(
      'attach a table of one’s own',
      notOwner('table audit_log'),
      `CREATE TEMP TABLE own AS SELECT 1 AS id`,
      `ALTER TABLE audit.audit_log ATTACH PARTITION own FOR VALUES FROM ('2000-01-01') TO ('2001-01-01')`,
    ),
    attack(denied(`table ${month}`), `SELECT * FROM ${partition}`),
    attack(denied(`table ${month}`), `COPY ${partition} TO STDOUT`),
    attack(denied('table audit_log_default'), `SELECT * FROM audit.audit_log_default`),
    attack(denied('table suspension'), `SELECT * FROM audit.suspension`),
    ...['audited_table', 'suspension', 'chain_link', 'chain_horizon'].flatMap((table) => [
      attack(denied(`table ${table}`), `DELETE FROM audit.${table}`),
      attack(denied(`table ${table}`), `TRUNCATE audit.${table}`),
      attack(notOwner(`table ${table}`), `DROP TABLE audit.${table}`),
      attack(denied(`table ${table}`), `BEGIN`, `LOCK TABLE audit.${table} IN SHARE UPDATE EXCLUSIVE MODE`),
    ]),
    attack(denied('table audited_table'), `UPDATE audit.audited_table SET triggers = '{}'`),
    attack(
      denied('table suspension'),
      `INSERT INTO audit.suspension (txid, relations, reason, counts, started_at) VALUES (txid_current(), '{}', 'x', '{}', now())`,
    ),
    attack(denied('sequence audit_log_id'), `SELECT setval('audit.audit_log_id', 1)`),
    attack(denied('sequence audit_log_id'), `SELECT nextval('audit.audit_log_id')`),
    attack(denied('sequence audit_log_id'), `SELECT last_value FROM audit.audit_log_id`),
    attack(notOwner('sequence audit_log_id'), `ALTER SEQUENCE audit.audit_log_id RESTART`),
    attack(denied('function mark'), `SELECT audit.mark('DDL', 'public', 'Student', '{}')`),
    attack(denied('function is_suspended'), `SELECT audit.is_suspended(1259)`),
    attack(denied('function expire'), `SELECT audit.expire('${month}', '2026-01-01', 0)`),
    attack(denied('function maintain'), `SELECT audit.maintain()`),
    attack(denied('function maintain'), `SELECT audit.maintain('3000-01-01')`),
    ...['seal', 'resume', 'hash_row', 'guard', 'record_insert_public.Student'].map((name) =>
      attack(denied(`function ${name}`), `SELECT audit."${name}"()`),
    ),
    // Who makes partitions copies triggers, and so may execute the functions of that table's; its members with it.
    attack(
      /^(42501 permission denied for function record_change|0A000 trigger functions can only be called as triggers)$/,
      `SELECT audit.record_change()`,
    ),
    named(
      'the recorder on a table of one’s own',
      denied('function audit.record_insert_public.Student'),
      `CREATE TEMP TABLE "Student" (id text PRIMARY KEY)`,
      `CREATE TRIGGER forge AFTER INSERT ON pg_temp."Student" REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit."record_insert_public.Student"()`,
    ),
    attack(
      OUTSIDE,
      `CREATE OR REPLACE FUNCTION audit.mark(operation text, table_schema text, table_name text, marker jsonb) RETURNS void LANGUAGE sql AS 'SELECT'`,
    ),
    attack(OUTSIDE, `CREATE FUNCTION audit.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL::timestamptz'`),
    attack(notOwner('function maintain'), `ALTER FUNCTION audit.maintain OWNER TO CURRENT_USER`),
    attack(notOwner('function audit.mark'), `ALTER FUNCTION audit.mark SECURITY INVOKER`),
    attack(
      notOwner('function audit.record_update_public.Student'),
      `DROP FUNCTION audit."record_update_public.Student" CASCADE`,
    ),
    attack(OUTSIDE, `CREATE TABLE audit.x (a int)`),
    attack(OUTSIDE, `CREATE VIEW audit.x AS SELECT 1`),
    attack(OUTSIDE, `CREATE OPERATOR audit.= (LEFTARG = text, RIGHTARG = text, FUNCTION = textne)`),
  ];
}

/** What anybody might try around it: refused in the same words to everybody. */
export function attacksAround(database: AuditedDatabase): Attack[] {
  const owner = database.roles.auditOwner;
  const replica = '42501 permission denied to set parameter "session_replication_role"';
  return [
    attack(
      /^42501 (must be owner of table audit_log|permission denied for schema (audit|public))$/,
      `CREATE TABLE public.own PARTITION OF audit.audit_log FOR VALUES FROM ('2000-01-01') TO ('2001-01-01')`,
    ),
    attack('42501 must be owner of schema audit', `DROP SCHEMA audit CASCADE`),
    attack('42501 must be owner of schema audit', `ALTER SCHEMA audit RENAME TO x`),
    attack('42501 must be owner of schema audit', `ALTER SCHEMA audit OWNER TO CURRENT_USER`),
    attack(`42501 permission denied to set role "${owner}"`, `SET ROLE ${owner}`),
    attack(`42501 permission denied to set session authorization "${owner}"`, `SET SESSION AUTHORIZATION ${owner}`),
    attack('42501 permission denied to set session authorization "postgres"', `SET SESSION AUTHORIZATION postgres`),
    attack(
      new RegExp(`^42501 (must have admin option on|permission denied to grant) role "${owner}"$`),
      `GRANT ${owner} TO CURRENT_USER`,
    ),
    attack(/^42501 permission denied( to alter role)?$/, `ALTER ROLE ${owner} LOGIN PASSWORD 'x'`),
    attack('42501 permission denied to drop role', `DROP ROLE ${owner}`),
    attack('42501 permission denied to drop objects', `DROP OWNED BY ${owner}`),
    attack('42501 permission denied to reassign objects', `REASSIGN OWNED BY ${owner} TO CURRENT_USER`),
    attack(
      new RegExp(`^42501 (must be member of role "${owner}"|permission denied to change default privileges)$`),
      `ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} GRANT ALL ON TABLES TO PUBLIC`,
    ),
    attack(replica, `SET session_replication_role = replica`),
    attack(replica, `BEGIN`, `SET LOCAL session_replication_role = replica`),
    attack(replica, `ALTER ROLE CURRENT_USER SET session_replication_role = replica`),
    attack(
      new RegExp(`^(${quoted(replica)}|42501 must be owner of database ${database.name})$`),
      `ALTER DATABASE ${database.name} SET session_replication_role = replica`,
    ),
    attack(replica, `ALTER SYSTEM SET session_replication_role = replica`),
    attack('42501 must be owner of event trigger audit_guard_ddl', `ALTER EVENT TRIGGER audit_guard_ddl DISABLE`),
    attack('42501 must be owner of event trigger audit_guard_drop', `DROP EVENT TRIGGER audit_guard_drop`),
    named(
      'an event trigger of one’s own',
      '42501 permission denied to create event trigger "own"',
      `CREATE FUNCTION pg_temp.own() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'`,
      `CREATE EVENT TRIGGER own ON ddl_command_end EXECUTE FUNCTION pg_temp.own()`,
    ),
    attack('42501 permission denied to set parameter "track_counts"', `SET track_counts = off`),
  ];
}

const ENUM_CAST = [
  `CREATE TYPE public.evil AS ENUM ('x')`,
  `CREATE FUNCTION public.evil_json(public.evil) RETURNS json LANGUAGE plpgsql AS $$BEGIN
     UPDATE audit.audit_log SET user_id = 'forged'; RETURN '1'::json; END$$`,
  `CREATE CAST (public.evil AS json) WITH FUNCTION public.evil_json(public.evil)`,
];

/** What the guard says of `command`: `42501 DROP TABLE is refused: table public.Student is audited, and it would be gone, ...`. */
const guarded = (command: string, table: string, why: string): string =>
  `42501 ${command} is refused: table public.${table} is audited, and ${why}.`;
const unrecorded = (command: string, table: string, operation: string, member = table): string =>
  guarded(command, table, `trigger 00_audit_${operation} of public.${member} would not record`);
const forging = (command: string, table: string, member = table): string =>
  guarded(command, table, `another trigger of public.${member} would write into the trail`);
const impostor = (command: string): string =>
  guarded(command, 'Student', 'its name would belong to something that is not recorded');
const gone = (command: string, table: string): string =>
  guarded(command, table, 'it would be gone, and its rows with it, unrecorded');
const key = guarded('ALTER TABLE', 'Student', 'its primary key would no longer be (id)');
const conversion = (command: string, table: string): RegExp =>
  new RegExp(
    `^42501 ${command} is refused: table public\\.${table} is audited, and public\\.evil_json\\(public\\.evil\\), owned by \\w+, would run as the trail’s owner to turn type public\\.evil into JSON\\.$`,
  );

/** What PostgreSQL itself says to the renaming of a copy: an internal error before 18. */
const RENAMED_COPY = inject('cluster').major >= 18 ? '0A000' : 'XX000';

/** Of one table, whole or (`of`) a partition, whose row triggers are copies that PostgreSQL itself holds in place. */
function triggerAttacks(name: string, of?: string): Attack[] {
  const table = `"${name}"`;
  const whole = of ?? name;
  return [
    ...['insert', 'update', 'delete', 'truncate'].flatMap((operation) => {
      const trigger = `00_audit_${operation}`;
      const isCopy = of !== undefined && operation !== 'truncate';
      // Its copies on partitions take the new name too, and come later.
      const renamed = whole === 'Event' && operation !== 'truncate' ? 'Event_2026' : name;
      return [
        ...['DISABLE', 'ENABLE', 'ENABLE REPLICA'].map((how) =>
          attack(unrecorded('ALTER TABLE', whole, operation, name), `ALTER TABLE ${table} ${how} TRIGGER "${trigger}"`),
        ),
        attack(
          isCopy
            ? `2BP01 cannot drop trigger ${trigger} on table ${table} because trigger ${trigger} on table "${whole}" requires it`
            : unrecorded('DROP TRIGGER', whole, operation, name),
          `DROP TRIGGER "${trigger}" ON ${table}`,
        ),
        attack(
          isCopy
            ? `${RENAMED_COPY} cannot rename trigger "${trigger}" on table ${table}`
            : forging('ALTER TRIGGER', whole, renamed),
          `ALTER TRIGGER "${trigger}" ON ${table} RENAME TO x`,
        ),
      ];
    }),
    ...['ALL', 'USER'].map((which) =>
      attack(unrecorded('ALTER TABLE', whole, 'delete', name), `ALTER TABLE ${table} DISABLE TRIGGER ${which}`),
    ),
  ];
}

/** The right name, function and ENABLE ALWAYS, for other events or at another time: no owner can make one, a superuser can. */
export const WRONG_TIMES = (
  [
    ['truncate', 'BEFORE INSERT', 'Event_2026', 'STATEMENT'],
    ['truncate', 'AFTER TRUNCATE', 'Event_2026', 'STATEMENT'],
    ['update', 'AFTER INSERT', 'Event', 'ROW'],
    ['update', 'BEFORE UPDATE', 'Event', 'ROW'],
    ['update', 'AFTER UPDATE OR INSERT', 'Event', 'ROW'],
    ['delete', 'AFTER UPDATE', 'Event', 'ROW'],
    ['delete', 'AFTER DELETE OR TRUNCATE', 'Student', 'STATEMENT'],
    ['insert', 'AFTER UPDATE', 'Student', 'STATEMENT'],
    ['insert', 'BEFORE INSERT', 'Student', 'STATEMENT'],
    ['update', 'AFTER UPDATE OF name', 'Student', 'ROW'],
    ['update', 'AFTER UPDATE', 'Student', 'ROW WHEN (false)'],
  ] as const
).map(([operation, when, name, each]) => {
  const table = name === 'Event_2026' ? 'Event' : name;
  const trigger = `"00_audit_${operation}"`;
  return {
    name: `${operation} ${when} of ${name} (${each})`,
    sql: `CREATE OR REPLACE TRIGGER ${trigger} ${when} ON "${name}" FOR EACH ${each} EXECUTE FUNCTION audit."record_${operation}_public.${table}"();
      ALTER TABLE "${name}" ENABLE ALWAYS TRIGGER ${trigger}`,
    refused: unrecorded('CREATE TABLE', table, operation, name),
  };
});

/** What the owner of the audited tables might try so that changes go unrecorded: all of it is refused in the end. */
export const TABLE_ATTACKS: Attack[] = [
  ...triggerAttacks('Student'),
  ...triggerAttacks('Event'),
  ...triggerAttacks('Event_2026', 'Event'),
  named(
    'a trigger of the same name that does nothing',
    unrecorded('CREATE TRIGGER', 'Student', 'update'),
    `CREATE FUNCTION public.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`,
    `CREATE OR REPLACE TRIGGER "00_audit_update" AFTER UPDATE ON "Student" FOR EACH ROW EXECUTE FUNCTION public.nothing()`,
  ),
  named(
    'the recorder of TRUNCATE, which nobody may execute',
    '42501 permission denied for function audit.record_truncate_public.Event',
    'RESET ROLE',
    `CREATE OR REPLACE TRIGGER "00_audit_truncate" AFTER TRUNCATE ON "Event_2026" FOR EACH STATEMENT EXECUTE FUNCTION audit."record_truncate_public.Event"()`,
  ),
  named(
    'a trigger of one’s own that has an update recorded as an insert',
    forging('CREATE TRIGGER', 'Event', 'Event_2026'),
    'RESET ROLE',
    `CREATE TRIGGER forge AFTER UPDATE ON "Event_2026" FOR EACH ROW EXECUTE FUNCTION audit."record_insert_public.Event"()`,
  ),
  attack(gone('DROP TABLE', 'Student'), `DROP TABLE "Student"`),
  attack(gone('DROP TABLE', 'Event'), `DROP TABLE "Event" CASCADE`),
  attack(gone('DROP SCHEMA', 'Event'), `DROP SCHEMA public CASCADE`),
  attack(gone('DROP OWNED', 'Event'), `DROP OWNED BY CURRENT_USER`),
  named(
    'an impostor table',
    impostor('CREATE TABLE'),
    `ALTER TABLE "Student" RENAME TO old`,
    `CREATE TABLE "Student" (id text PRIMARY KEY)`,
  ),
  named(
    'an impostor view',
    impostor('CREATE VIEW'),
    `ALTER TABLE "Student" RENAME TO old`,
    `CREATE VIEW "Student" AS SELECT * FROM old`,
  ),
  named(
    'an impostor by SELECT INTO',
    impostor('SELECT INTO'),
    `ALTER TABLE "Student" RENAME TO old`,
    `SELECT 1 AS id INTO "Student"`,
  ),
  named(
    'an impostor in another schema of the same name',
    impostor('CREATE TABLE'),
    `ALTER SCHEMA public RENAME TO old`,
    `CREATE SCHEMA public`,
    `CREATE TABLE public."Student" (id text)`,
  ),
  named(
    'an impostor that comes with its schema, in one statement',
    impostor('CREATE SCHEMA'),
    `ALTER SCHEMA public RENAME TO old`,
    `CREATE SCHEMA public CREATE TABLE "Student" (id text)`,
  ),
  named(
    'an impostor moved in by ALTER TABLE SET SCHEMA',
    impostor('ALTER TABLE'),
    `CREATE SCHEMA other`,
    `CREATE TABLE other."Student" (id text)`,
    `ALTER TABLE "Student" RENAME TO old`,
    `ALTER TABLE other."Student" SET SCHEMA public`,
  ),
  named(
    'two tables swapped by ALTER INDEX, which renames tables too',
    impostor('ALTER INDEX'),
    `CREATE TABLE impostor (id text PRIMARY KEY)`,
    `ALTER INDEX "Student" RENAME TO old`,
    `ALTER INDEX impostor RENAME TO "Student"`,
  ),
  attack(key, `ALTER TABLE "Student" RENAME COLUMN id TO identity`),
  attack(key, `ALTER TABLE "Student" DROP CONSTRAINT "Student_pkey"`),
  attack(key, `ALTER TABLE "Student" DROP COLUMN id`),
  attack(
    guarded(
      'ALTER TABLE',
      'Student',
      'column secret, which is hidden from the trail, would be called shown and be seen',
    ),
    `ALTER TABLE "Student" RENAME COLUMN secret TO shown`,
  ),
  named(
    'a child table without triggers',
    unrecorded('CREATE TABLE', 'Student', 'delete', 'child'),
    `CREATE TABLE child () INHERITS ("Student")`,
  ),
  named(
    'a table made a child',
    unrecorded('ALTER TABLE', 'Student', 'delete', 'child'),
    `CREATE TABLE child (LIKE "Student" INCLUDING ALL)`,
    `ALTER TABLE child INHERIT "Student"`,
  ),
  named(
    'a partition that is partitioned, its parts without triggers',
    unrecorded('ALTER TABLE', 'Event', 'delete', 'Event_2027_1'),
    `CREATE TABLE "Event_2027" PARTITION OF "Event" FOR VALUES IN (2027) PARTITION BY LIST (id)`,
    `CREATE TABLE "Event_2027_1" PARTITION OF "Event_2027" FOR VALUES IN (1)`,
    `ALTER TABLE "Event_2027_1" DISABLE TRIGGER ALL`,
  ),
  named(
    'code of one’s own in a column’s conversion to JSON',
    conversion('ALTER TABLE', 'Student'),
    ...ENUM_CAST,
    `ALTER TABLE "Student" ADD COLUMN e public.evil`,
  ),
  named(
    'the same, the column first',
    conversion('CREATE CAST', 'Student'),
    `CREATE TYPE public.evil AS ENUM ('x')`,
    `ALTER TABLE "Student" ADD COLUMN e public.evil`,
    ...ENUM_CAST.slice(1),
  ),
  named(
    'the same inside a row type, an array and a domain',
    conversion('ALTER TABLE', 'Event'),
    ...ENUM_CAST,
    `CREATE DOMAIN public.evil_domain AS public.evil`,
    `CREATE TYPE public.evil_row AS (a int, b public.evil_domain[])`,
    `ALTER TABLE "Event" ADD COLUMN e public.evil_row[]`,
  ),
];
