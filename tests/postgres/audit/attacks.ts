import type { Client } from 'pg';

import { stateOf } from '../../../postgres/connection/sqlstate';
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

/** Runs the statements one by one; the SQLSTATE of the first that fails, or `done`. */
export async function attempt(client: Client, ...statements: string[]): Promise<string> {
  for (const sql of statements) {
    try {
      await client.query(sql);
    } catch (error) {
      return stateOf(error) ?? 'unknown';
    }
  }
  return 'done';
}

/** What anybody might try on the trail itself, by name; `month` is a partition of it. */
export function trailAttacks(database: AuditedDatabase, month: string): Record<string, string[]> {
  const owner = database.roles.auditOwner;
  const one = (sql: string): [string, string[]] => [sql, [sql]];
  const partition = `audit."${month}"`;
  return Object.fromEntries([
    ...['audit.audit_log', partition, 'audit.audit_log_default'].flatMap((table) => [
      one(`UPDATE ${table} SET user_id = 'somebody else'`),
      one(`DELETE FROM ${table}`),
      one(`TRUNCATE ${table}`),
      one(`INSERT INTO ${table} (operation, table_schema, table_name) VALUES ('INSERT', 'public', 'Student')`),
      one(`COPY ${table} (operation) FROM STDIN`),
      one(`MERGE INTO ${table} t USING (VALUES (1)) v ON true WHEN MATCHED THEN DELETE`),
      one(`DROP TABLE ${table}`),
      one(`ALTER TABLE ${table} ADD COLUMN x int`),
      one(`ALTER TABLE ${table} ALTER COLUMN session_user_name SET DEFAULT 'postgres'`),
      one(`ALTER TABLE ${table} DISABLE ROW LEVEL SECURITY`),
      one(`ALTER TABLE ${table} OWNER TO CURRENT_USER`),
      one(`ALTER TABLE ${table} RENAME TO x`),
      one(`ALTER TABLE ${table} SET SCHEMA public`),
      one(`ALTER TABLE ${table} SET UNLOGGED`),
      one(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`),
      one(`BEGIN; LOCK TABLE ${table} IN ROW EXCLUSIVE MODE`),
      one(`CREATE RULE nothing AS ON INSERT TO ${table} DO INSTEAD NOTHING`),
      one(
        `CREATE TRIGGER nothing BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()`,
      ),
      one(`CREATE POLICY mine ON ${table} USING (true)`),
      one(`CREATE INDEX ON ${table} (user_id)`),
      one(`CREATE STATISTICS audit.s ON user_id, operation FROM ${table}`),
      one(`COMMENT ON TABLE ${table} IS 'x'`),
      one(`CREATE TABLE public.child () INHERITS (${table})`),
      one(`SELECT * FROM ${table} FOR UPDATE`),
    ]),
    one(`ALTER TABLE audit.audit_log DETACH PARTITION ${partition}`),
    one(`CREATE TABLE public.own PARTITION OF audit.audit_log FOR VALUES FROM ('2000-01-01') TO ('2001-01-01')`),
    [
      'attach a table of one’s own',
      [
        `CREATE TEMP TABLE own AS SELECT 1 AS id`,
        `ALTER TABLE audit.audit_log ATTACH PARTITION own FOR VALUES FROM ('2000-01-01') TO ('2001-01-01')`,
      ],
    ],
    one(`SELECT * FROM ${partition}`),
    one(`COPY ${partition} TO STDOUT`),
    one(`SELECT * FROM audit.audit_log_default`),
    one(`SELECT * FROM audit.suspension`),
    ...['audited_table', 'suspension', 'chain_link', 'chain_horizon'].flatMap((table) => [
      one(`DELETE FROM audit.${table}`),
      one(`TRUNCATE audit.${table}`),
      one(`DROP TABLE audit.${table}`),
      one(`BEGIN; LOCK TABLE audit.${table} IN SHARE UPDATE EXCLUSIVE MODE`),
    ]),
    one(`UPDATE audit.audited_table SET triggers = '{}'`),
    one(
      `INSERT INTO audit.suspension (txid, relations, reason, counts, started_at) VALUES (txid_current(), '{}', 'x', '{}', now())`,
    ),
    one(`SELECT setval('audit.audit_log_id', 1)`),
    one(`SELECT nextval('audit.audit_log_id')`),
    one(`SELECT last_value FROM audit.audit_log_id`),
    one(`ALTER SEQUENCE audit.audit_log_id RESTART`),
    one(`SELECT audit.mark('DDL', 'public', 'Student', '{}')`),
    one(`SELECT audit.is_suspended('public."Student"'::regclass)`),
    one(`SELECT audit.expire('${month}', '2026-01-01', 0)`),
    one(`SELECT audit.maintain()`),
    one(`SELECT audit.maintain('3000-01-01')`),
    one(`SELECT audit.seal()`),
    one(`SELECT audit.resume()`),
    one(`SELECT audit.hash_row()`),
    one(`SELECT audit.guard()`),
    one(`SELECT audit."record_insert_public.Student"()`),
    [
      'the recorder on a table of one’s own',
      [
        `CREATE TEMP TABLE "Student" (id text PRIMARY KEY)`,
        `CREATE TRIGGER forge AFTER INSERT ON pg_temp."Student" REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit."record_insert_public.Student"()`,
        `INSERT INTO pg_temp."Student" VALUES ('forged')`,
      ],
    ],
    one(
      `CREATE OR REPLACE FUNCTION audit.mark(operation text, table_schema text, table_name text, marker jsonb) RETURNS void LANGUAGE sql AS 'SELECT'`,
    ),
    one(`CREATE FUNCTION audit.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL::timestamptz'`),
    one(`ALTER FUNCTION audit.maintain OWNER TO CURRENT_USER`),
    one(`ALTER FUNCTION audit.mark SECURITY INVOKER`),
    one(`DROP FUNCTION audit."record_update_public.Student" CASCADE`),
    one(`CREATE TABLE audit.x (a int)`),
    one(`CREATE VIEW audit.x AS SELECT 1`),
    one(`CREATE OPERATOR audit.= (LEFTARG = text, RIGHTARG = text, FUNCTION = textne)`),
    one(`DROP SCHEMA audit CASCADE`),
    one(`ALTER SCHEMA audit RENAME TO x`),
    one(`ALTER SCHEMA audit OWNER TO CURRENT_USER`),
    one(`SET ROLE ${owner}`),
    one(`SET SESSION AUTHORIZATION ${owner}`),
    one(`SET SESSION AUTHORIZATION postgres`),
    one(`GRANT ${owner} TO CURRENT_USER`),
    one(`ALTER ROLE ${owner} LOGIN PASSWORD 'x'`),
    one(`DROP ROLE ${owner}`),
    one(`DROP OWNED BY ${owner}`),
    one(`REASSIGN OWNED BY ${owner} TO CURRENT_USER`),
    one(`ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} GRANT ALL ON TABLES TO PUBLIC`),
    one(`SET session_replication_role = replica`),
    one(`SET LOCAL session_replication_role = replica`),
    one(`ALTER ROLE CURRENT_USER SET session_replication_role = replica`),
    one(`ALTER DATABASE ${database.name} SET session_replication_role = replica`),
    one(`ALTER SYSTEM SET session_replication_role = replica`),
    one(`ALTER EVENT TRIGGER audit_guard_ddl DISABLE`),
    one(`DROP EVENT TRIGGER audit_guard_drop`),
    [
      'an event trigger of one’s own',
      [
        `CREATE FUNCTION pg_temp.own() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'`,
        `CREATE EVENT TRIGGER own ON ddl_command_end EXECUTE FUNCTION pg_temp.own()`,
      ],
    ],
    one(`SET track_counts = off`),
  ]);
}

const ENUM_CAST = [
  `CREATE TYPE public.evil AS ENUM ('x')`,
  `CREATE FUNCTION public.evil_json(public.evil) RETURNS json LANGUAGE plpgsql AS $$BEGIN
     UPDATE audit.audit_log SET user_id = 'forged'; RETURN '1'::json; END$$`,
  `CREATE CAST (public.evil AS json) WITH FUNCTION public.evil_json(public.evil)`,
];

/** What the owner of the audited tables might try so that changes go unrecorded: all of it is refused in the end. */
export const TABLE_ATTACKS: Record<string, string[]> = Object.fromEntries([
  ...['"Student"', '"Event"', '"Event_2026"'].flatMap((table) => [
    ...['insert', 'update', 'delete', 'truncate'].flatMap((operation) =>
      [
        `ALTER TABLE ${table} DISABLE TRIGGER "00_audit_${operation}"`,
        `ALTER TABLE ${table} ENABLE TRIGGER "00_audit_${operation}"`,
        `ALTER TABLE ${table} ENABLE REPLICA TRIGGER "00_audit_${operation}"`,
        `DROP TRIGGER "00_audit_${operation}" ON ${table}`,
        `ALTER TRIGGER "00_audit_${operation}" ON ${table} RENAME TO x`,
      ].map((sql): [string, string[]] => [sql, [sql]]),
    ),
    ...[`DISABLE TRIGGER ALL`, `DISABLE TRIGGER USER`].map((how): [string, string[]] => [
      `${how} of ${table}`,
      [`ALTER TABLE ${table} ${how}`],
    ]),
  ]),
  [
    'a trigger of the same name that does nothing',
    [
      `CREATE FUNCTION public.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`,
      `CREATE OR REPLACE TRIGGER "00_audit_update" AFTER UPDATE ON "Student" FOR EACH ROW EXECUTE FUNCTION public.nothing()`,
    ],
  ],
  ...(
    [
      ['truncate', 'BEFORE INSERT', '"Event_2026"', 'STATEMENT'],
      ['truncate', 'AFTER TRUNCATE', '"Event_2026"', 'STATEMENT'],
      ['update', 'AFTER INSERT', '"Event"', 'ROW'],
    ] as const
  ).map(([operation, when, table, each]): [string, string[]] => [
    `the right trigger for ${operation} at the wrong time (${when})`,
    [
      'RESET ROLE',
      `CREATE OR REPLACE TRIGGER "00_audit_${operation}" ${when} ON ${table} FOR EACH ${each} EXECUTE FUNCTION audit."record_${operation}_public.Event"()`,
    ],
  ]),
  [
    'a trigger of one’s own that has an update recorded as an insert',
    [
      'RESET ROLE',
      `CREATE TRIGGER forge AFTER UPDATE ON "Event_2026" FOR EACH ROW EXECUTE FUNCTION audit."record_insert_public.Event"()`,
    ],
  ],
  ['DROP TABLE', [`DROP TABLE "Student"`]],
  ['DROP TABLE CASCADE', [`DROP TABLE "Event" CASCADE`]],
  ['DROP SCHEMA', [`DROP SCHEMA public CASCADE`]],
  ['DROP OWNED', [`DROP OWNED BY CURRENT_USER`]],
  ['an impostor table', [`ALTER TABLE "Student" RENAME TO old`, `CREATE TABLE "Student" (id text PRIMARY KEY)`]],
  ['an impostor view', [`ALTER TABLE "Student" RENAME TO old`, `CREATE VIEW "Student" AS SELECT * FROM old`]],
  ['an impostor by SELECT INTO', [`ALTER TABLE "Student" RENAME TO old`, `SELECT 1 AS id INTO "Student"`]],
  [
    'an impostor in another schema of the same name',
    [`ALTER SCHEMA public RENAME TO old`, `CREATE SCHEMA public`, `CREATE TABLE public."Student" (id text)`],
  ],
  [
    'an impostor that comes with its schema, in one statement',
    [`ALTER SCHEMA public RENAME TO old`, `CREATE SCHEMA public CREATE TABLE "Student" (id text)`],
  ],
  [
    'an impostor moved in by ALTER TABLE SET SCHEMA',
    [
      `CREATE SCHEMA other`,
      `CREATE TABLE other."Student" (id text)`,
      `ALTER TABLE "Student" RENAME TO old`,
      `ALTER TABLE other."Student" SET SCHEMA public`,
    ],
  ],
  [
    'two tables swapped by ALTER INDEX, which renames tables too',
    [
      `CREATE TABLE impostor (id text PRIMARY KEY)`,
      `ALTER INDEX "Student" RENAME TO old`,
      `ALTER INDEX impostor RENAME TO "Student"`,
    ],
  ],
  ['the key renamed', [`ALTER TABLE "Student" RENAME COLUMN id TO identity`]],
  ['the key dropped', [`ALTER TABLE "Student" DROP CONSTRAINT "Student_pkey"`]],
  ['the key column dropped', [`ALTER TABLE "Student" DROP COLUMN id`]],
  ['the hidden column renamed', [`ALTER TABLE "Student" RENAME COLUMN secret TO shown`]],
  ['a child table without triggers', [`CREATE TABLE child () INHERITS ("Student")`]],
  [
    'a table made a child',
    [`CREATE TABLE child (LIKE "Student" INCLUDING ALL)`, `ALTER TABLE child INHERIT "Student"`],
  ],
  [
    'a partition that is partitioned, its parts without triggers',
    [
      `CREATE TABLE "Event_2027" PARTITION OF "Event" FOR VALUES IN (2027) PARTITION BY LIST (id)`,
      `CREATE TABLE "Event_2027_1" PARTITION OF "Event_2027" FOR VALUES IN (1)`,
      `ALTER TABLE "Event_2027_1" DISABLE TRIGGER ALL`,
    ],
  ],
  [
    'code of one’s own in a column’s conversion to JSON',
    [...ENUM_CAST, `ALTER TABLE "Student" ADD COLUMN e public.evil`],
  ],
  [
    'the same, the column first',
    [`CREATE TYPE public.evil AS ENUM ('x')`, `ALTER TABLE "Student" ADD COLUMN e public.evil`, ...ENUM_CAST.slice(1)],
  ],
  [
    'the same inside a row type, an array and a domain',
    [
      ...ENUM_CAST,
      `CREATE DOMAIN public.evil_domain AS public.evil`,
      `CREATE TYPE public.evil_row AS (a int, b public.evil_domain[])`,
      `ALTER TABLE "Event" ADD COLUMN e public.evil_row[]`,
    ],
  ],
]);
