import type { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { eventually } from '../../support/eventually';
import { attempt } from './attacks';
import { type AuditedDatabase, auditedDatabase } from './support';

const SCHEMA = `
CREATE TABLE "Student" (id int PRIMARY KEY, name text);
CREATE TABLE "Note" (id int PRIMARY KEY, student int REFERENCES "Student" ON DELETE CASCADE);
CREATE TABLE "Event" (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE "Event_1" PARTITION OF "Event" FOR VALUES FROM (0) TO (100);
`;
const TABLES = ['Student', 'Note', 'Event'].map((table) => ({ schema: 'public', table }));

let database: AuditedDatabase;
let loader: Client;
beforeAll(async () => {
  database = await auditedDatabase('audit_suspend', SCHEMA, { tables: TABLES });
  await database.up();
});
beforeEach(async () => {
  await database.admin.query('TRUNCATE "Student", "Note", "Event"');
  await database.recorded();
  loader = await database.as('migrator');
});
afterAll(() => database.drop());

/** Operation, table, and of a marker what it counts. */
async function rows(): Promise<unknown[]> {
  return (await database.recorded({ all: true })).map(({ operation, table_name: table, marker }) => {
    const { inserted, updated, deleted } = marker ?? {};
    return operation === 'RESUMED' ? [operation, table, inserted, updated, deleted] : [operation, table];
  });
}

describe('a load without the trail', () => {
  it('leaves a beginning, an end with counts for each table, and nothing between', async () => {
    await loader.query(`BEGIN; SELECT audit.suspend('import of 2026');
      INSERT INTO "Student" SELECT g, 's' || g FROM generate_series(1, 50) g; INSERT INTO "Note" SELECT g, g FROM generate_series(1, 20) g;
      UPDATE "Student" SET name = 'x' WHERE id <= 10; DELETE FROM "Student" WHERE id <= 5; INSERT INTO "Event" VALUES (1), (2); COMMIT;
      INSERT INTO "Student" VALUES (99)`);
    expect(await rows()).toEqual([
      ...['Event', 'Note', 'Student'].map((table) => ['SUSPENDED', table]),
      ['RESUMED', 'Event', 2, 0, 0],
      ['RESUMED', 'Note', 20, 0, 5],
      ['RESUMED', 'Student', 50, 10, 5],
      ['INSERT', 'Student'],
    ]);
    const { rows: markers } = await database.admin.query(
      `SELECT DISTINCT marker ->> 'reason' AS reason, marker ->> 'role' AS role, session_user_name AS login FROM audit.audit_log WHERE operation = 'SUSPENDED'`,
    );
    expect(markers).toEqual([
      { reason: 'import of 2026', role: database.roles.migrator, login: database.roles.migrator },
    ]);
  });

  it('counts only what was done after it began, and only the tables it names', async () => {
    await loader.query(`BEGIN; INSERT INTO "Student" VALUES (1); SELECT audit.suspend('load', ARRAY['public.Student', 'Event']);
      INSERT INTO "Student" VALUES (2); INSERT INTO "Note" VALUES (1, 2); INSERT INTO "Event" VALUES (1); COMMIT`);
    expect(await rows()).toEqual([
      ['INSERT', 'Student'],
      ['SUSPENDED', 'Event'],
      ['SUSPENDED', 'Student'],
      ['INSERT', 'Note'],
      ['RESUMED', 'Event', 1, 0, 0],
      ['RESUMED', 'Student', 1, 0, 0],
    ]);
  });

  it('may be a COPY in replica mode, as a restore does it', async () => {
    const { admin } = database;
    await admin.query(`BEGIN; SET LOCAL session_replication_role = replica; SELECT audit.suspend('restore', '{Student}');
      COPY "Student" (id) FROM PROGRAM 'seq 3'; COMMIT`);
    expect(await rows()).toEqual([
      ['SUSPENDED', 'Student'],
      ['RESUMED', 'Student', 3, 0, 0],
    ]);
  });

  it('still says that a table was emptied', async () => {
    await loader.query(`BEGIN; SELECT audit.suspend('load', '{Event}'); TRUNCATE "Event"; COMMIT`);
    expect(await rows()).toEqual([
      ['SUSPENDED', 'Event'],
      ['TRUNCATE', 'Event'],
      ['TRUNCATE', 'Event'],
      ['RESUMED', 'Event', 0, 0, 0],
    ]);
  });
});

describe('it is over', () => {
  it('with its transaction, also where that is a single statement', async () => {
    await loader.query(`SELECT audit.suspend('load', '{Note}')`);
    await loader.query(`INSERT INTO "Student" VALUES (1); INSERT INTO "Note" VALUES (1, 1)`);
    expect(await rows()).toEqual([
      ['SUSPENDED', 'Note'],
      ['RESUMED', 'Note', 0, 0, 0],
      ['INSERT', 'Student'],
      ['INSERT', 'Note'],
    ]);
  });

  it('with ROLLBACK, without a trace', async () => {
    await loader.query(
      `BEGIN; SELECT audit.suspend('load'); INSERT INTO "Student" VALUES (1); ROLLBACK; INSERT INTO "Student" VALUES (2)`,
    );
    expect(await rows()).toEqual([['INSERT', 'Student']]);
  });

  it('with a rollback to a savepoint before it, not to one after it', async () => {
    await loader.query(`BEGIN; SAVEPOINT a; SELECT audit.suspend('load', '{Student}'); INSERT INTO "Student" VALUES (1); ROLLBACK TO a;
      INSERT INTO "Student" VALUES (2); COMMIT`);
    expect(await rows()).toEqual([['INSERT', 'Student']]);
    await loader.query(`BEGIN; SELECT audit.suspend('load', '{Student}'); SAVEPOINT b; INSERT INTO "Student" VALUES (3); ROLLBACK TO b;
      INSERT INTO "Student" VALUES (4); COMMIT`);
    expect((await rows()).map((row) => (row as string[])[0])).toEqual(['SUSPENDED', 'RESUMED']);
  });

  it('with SET CONSTRAINTS, from there on', async () => {
    await loader.query(`BEGIN; SELECT audit.suspend('load', '{Student}'); INSERT INTO "Student" VALUES (1); SET CONSTRAINTS ALL IMMEDIATE;
      INSERT INTO "Student" VALUES (2); SET CONSTRAINTS ALL DEFERRED; INSERT INTO "Student" VALUES (3); COMMIT`);
    expect(await rows()).toEqual([
      ['SUSPENDED', 'Student'],
      ['RESUMED', 'Student', 1, 0, 0],
      ['INSERT', 'Student'],
      ['INSERT', 'Student'],
    ]);
  });

  it('with the death of its session, and nothing was ever switched off for anybody else', async () => {
    await loader.query(`BEGIN; SELECT audit.suspend('load'); INSERT INTO "Student" VALUES (1)`);
    await (await database.as('app')).query(`INSERT INTO "Student" VALUES (2)`);
    const { rows: found } = await loader.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    await database.admin.query('SELECT pg_terminate_backend($1)', [found[0]?.pid]);
    await eventually('the session is gone', async () => {
      const { rowCount } = await database.admin.query('SELECT FROM pg_stat_activity WHERE pid = $1', [found[0]?.pid]);
      return rowCount === 0 ? true : undefined;
    });
    await (await database.as('migrator')).query(`INSERT INTO "Student" VALUES (3)`);
    expect(await rows()).toEqual([
      ['INSERT', 'Student'],
      ['INSERT', 'Student'],
    ]);
  });

  it('is begun again, and each has an end of its own', async () => {
    await loader.query(`BEGIN; SELECT audit.suspend('one', '{Student}'); INSERT INTO "Student" VALUES (1);
      SELECT audit.suspend('two', '{Event}'); INSERT INTO "Event" VALUES (1); COMMIT`);
    expect(await rows()).toEqual([
      ['SUSPENDED', 'Student'],
      ['SUSPENDED', 'Event'],
      ['RESUMED', 'Student', 1, 0, 0],
      ['RESUMED', 'Event', 1, 0, 0],
    ]);
  });
});

describe('it is refused', () => {
  it('to everybody but the declared loaders, who lose it when they are declared no longer', async () => {
    const suspend = async (role: 'app' | 'reader' | 'migrator'): Promise<string> =>
      attempt(await database.as(role), `SELECT audit.suspend('load')`);
    expect(await suspend('app')).toBe('42501 permission denied for schema audit');
    expect(await suspend('reader')).toBe('42501 permission denied for function suspend');
    await database.up({ loaders: [] });
    expect(await suspend('migrator')).toBe('42501 permission denied for schema audit');
    await database.up({ loaders: [database.roles.migrator] });
    expect(await suspend('migrator')).toBe('done');
  });

  it.each([
    ['without a reason', `SELECT audit.suspend(' ')`, '22023 Suspending the audit trail needs a reason.'],
    ['with NULL for one', `SELECT audit.suspend(NULL)`, '22023 Suspending the audit trail needs a reason.'],
    [
      'of a table that is not audited',
      `SELECT audit.suspend('load', '{Studnet}')`,
      '42P01 Table Studnet is not audited, so its trail cannot be suspended.',
    ],
  ])('%s', async (_what, sql, refused) => {
    expect(await attempt(loader, sql)).toBe(refused);
    expect(await rows()).toEqual([]);
  });
});
