import type { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { planLines } from '../../../postgres/audit/plan/plan';
import { type AuditedDatabase, auditedDatabase, type Recorded } from './support';

const STUDENT = { schema: 'public', table: 'Student' };
const NOTE = { schema: 'public', table: 'Note' };

let database: AuditedDatabase;
let app: Client;
beforeAll(async () => {
  database = await auditedDatabase(
    'audit_rules',
    `CREATE TABLE "Student" (id int PRIMARY KEY, name text, password text, seen int); CREATE TABLE "Note" (id int PRIMARY KEY, body text)`,
    { tables: [STUDENT] },
  );
  await database.up();
  app = await database.as('app');
});
beforeEach(async () => {
  await app.query(`DELETE FROM "Student"; DELETE FROM "Note"`);
  await database.up({ tables: [STUDENT] });
  await database.recorded();
});
afterAll(() => database.drop());

async function after(sql: string): Promise<Recorded[]> {
  await app.query(sql);
  return database.recorded();
}

async function rowsOfTrail(): Promise<number> {
  const { rows } = await database.admin.query<{ count: number }>('SELECT count(*)::int AS count FROM audit.audit_log');
  return rows[0]?.count ?? 0;
}

describe('what is audited', () => {
  it('is applied once: the second run finds nothing to do, and a preview says so', async () => {
    const plan = await database.plan();
    expect(plan).toEqual({ steps: [], problems: [], warnings: [] });
    expect(planLines(plan)).toEqual([]);
    expect((await database.up()).steps).toEqual([]);
  });

  it('fires always, whatever the session’s replication role', async () => {
    const { rows } = await database.admin.query(
      `SELECT tgname AS name, tgenabled AS enabled FROM pg_trigger WHERE tgrelid = '"Student"'::regclass ORDER BY 1`,
    );
    expect(rows).toEqual(
      ['delete', 'insert', 'truncate', 'update'].map((operation) => ({ name: `00_audit_${operation}`, enabled: 'A' })),
    );
  });

  it('is extended by a table and reduced by it, and no row of the trail is lost', async () => {
    await app.query(`INSERT INTO "Student" VALUES (1, 'Ana')`);
    const before = await rowsOfTrail();
    database.spec.tables = [STUDENT, NOTE];
    expect(planLines(await database.plan())).toEqual([
      ...['insert', 'update', 'delete', 'truncate'].map(
        (operation) => `+ function record_${operation}_public.Note: runs as ${database.roles.auditOwner}`,
      ),
      '+ audit of public.Note: inserts and deletes by statement, updates by row',
    ]);
    await database.up();
    expect(await after(`INSERT INTO "Note" VALUES (1, 'hi')`)).toHaveLength(2);
    const plan = await database.up({ tables: [STUDENT] });
    expect(planLines(plan)[0]).toBe('- audit of public.Note: recorded no longer; its rows of the trail stay');
    expect(await after(`DELETE FROM "Note"`)).toEqual([]);
    // The insert, and markers for the beginning and the end.
    expect(await rowsOfTrail()).toBe(before + 3);
    const { rows } = await database.admin.query(
      `SELECT marker ->> 'recording' AS recording FROM audit.audit_log WHERE operation = 'CONFIGURED' AND table_name = 'Note' ORDER BY id`,
    );
    expect(rows).toEqual([{ recording: 'true' }, { recording: 'false' }]);
    const left = await database.admin.query(`SELECT FROM pg_proc WHERE proname LIKE 'record%Note'`);
    expect(left.rowCount).toBe(0);
  });
});

describe('columns', () => {
  it('that a migration adds or drops are recorded before anybody runs up', async () => {
    await app.query(`INSERT INTO "Student" VALUES (1, 'Ana')`);
    const migrator = await database.as('migrator');
    await migrator.query(`ALTER TABLE "Student" ADD COLUMN town text DEFAULT 'Lima'`);
    const [, update] = await after(`UPDATE "Student" SET town = 'Quito'`);
    expect([update?.old_data?.town, update?.new_data?.town]).toEqual(['Lima', 'Quito']);
    await migrator.query(`ALTER TABLE "Student" DROP COLUMN town`);
    const [dropped] = await after(`UPDATE "Student" SET name = 'x'`);
    expect(Object.keys(dropped?.new_data ?? {})).toEqual(['id', 'name', 'seen', 'password']);
    expect((await database.plan()).steps).toEqual([]);
  });

  it('excluded ones leave no trace, and an update of nothing else is none', async () => {
    await database.up({ tables: [{ ...STUDENT, exclude: ['seen'] }] });
    const rows = await after(`INSERT INTO "Student" VALUES (1, 'Ana', 's', 1); UPDATE "Student" SET seen = 2;
      UPDATE "Student" SET seen = 3, name = 'Anna'; UPDATE "Student" SET name = name; DELETE FROM "Student"`);
    const row = { id: 1, name: 'Ana', password: 's' };
    expect(rows.map((one) => [one.operation, one.old_data, one.new_data])).toEqual([
      ['INSERT', null, row],
      ['UPDATE', row, { ...row, name: 'Anna' }],
      ['DELETE', { ...row, name: 'Anna' }, null],
    ]);
  });

  it('excluded ones of any name leave the session’s settings as they were', async () => {
    await database.admin.query(
      `SET ROLE ${database.roles.tableOwner}; CREATE TABLE "Odd" (id int PRIMARY KEY, "RETURN NULL;" int, lasts interval); RESET ROLE`,
    );
    const odd = { schema: 'public', table: 'Odd', exclude: ['RETURN NULL;'] };
    await database.up({ tables: [STUDENT, odd] });
    await app.query(`SET IntervalStyle = iso_8601; INSERT INTO "Odd" VALUES (1, 1, '2 days')`);
    await database.recorded();
    expect(await after(`UPDATE "Odd" SET "RETURN NULL;" = 2`)).toEqual([]);
    const [row] = await after(`UPDATE "Odd" SET lasts = '3 days'`);
    expect(row).toMatchObject({ old_data: { id: 1, lasts: '2 days' }, new_data: { id: 1, lasts: '3 days' } });
    const { rows } = await app.query<{ IntervalStyle: string }>('SHOW IntervalStyle');
    expect(rows).toEqual([{ IntervalStyle: 'iso_8601' }]);
    await app.query('RESET IntervalStyle');
  });

  it('redacted ones say only whether they changed', async () => {
    await database.up({ tables: [{ ...STUDENT, redact: ['password'] }] });
    const rows = await after(`INSERT INTO "Student" VALUES (1, 'Ana', NULL); UPDATE "Student" SET password = 'secret';
      UPDATE "Student" SET name = 'Anna'; UPDATE "Student" SET password = password; DELETE FROM "Student"`);
    const [was, is] = ['[redacted]', '[redacted: changed]'];
    expect(rows.map((one) => [one.operation, one.old_data?.password, one.new_data?.password])).toEqual([
      ['INSERT', undefined, was],
      ['UPDATE', was, is],
      ['UPDATE', was, was],
      ['DELETE', was, undefined],
    ]);
  });

  it('rules come and go as an update that says what they are now', async () => {
    await app.query(`INSERT INTO "Student" VALUES (1, 'Ana', 's', 1)`);
    const before = await rowsOfTrail();
    const plan = await database.up({ tables: [{ ...STUDENT, exclude: ['seen'], redact: ['password'] }] });
    expect(planLines(plan).at(-1)).toBe(
      '~ audit of public.Student: inserts and deletes by statement, updates by row; without seen; password masked',
    );
    await database.up({ tables: [STUDENT] });
    expect(await rowsOfTrail()).toBe(before + 2);
    const [row] = await after(`DELETE FROM "Student"`).then((all) => all.slice(-1));
    expect(row?.old_data).toEqual({ id: 1, name: 'Ana', password: 's', seen: 1 });
    const { rows } = await database.admin.query<{ marker: object }>(
      `SELECT marker FROM audit.audit_log WHERE operation = 'CONFIGURED' ORDER BY id DESC LIMIT 2`,
    );
    expect(rows.map(({ marker }) => marker)).toMatchObject([
      { exclude: [], redact: [] },
      { exclude: ['seen'], redact: ['password'] },
    ]);
  });

  it('to hide that do not exist yet are a warning, and hidden once a migration brings them', async () => {
    const plan = await database.up({ tables: [{ ...STUDENT, redact: ['token'] }] });
    expect(plan.warnings).toMatchObject([{ code: 'audit-column-missing', object: 'token' }]);
    await database.admin.query(`ALTER TABLE "Student" ADD COLUMN token text`);
    expect((await database.up()).steps).toHaveLength(4);
    const [row] = await after(`INSERT INTO "Student" (id, token) VALUES (1, 'abc')`);
    expect(row?.new_data?.token).toBe('[redacted]');
    await database.up({ tables: [STUDENT] });
    await database.admin.query(`ALTER TABLE "Student" DROP COLUMN token`);
  });

  it('a primary key that a migration of a superuser changes is followed by the next run', async () => {
    const { admin } = database;
    await admin.query(
      `ALTER TABLE "Student" DROP CONSTRAINT "Student_pkey"; ALTER TABLE "Student" ADD PRIMARY KEY (id, name)`,
    );
    expect((await database.up()).steps.map(({ action }) => action).join('\n')).toContain('~ audit of public.Student: ');
    const [row] = await after(`INSERT INTO "Student" VALUES (1, 'Ana')`);
    expect(row?.key).toEqual({ id: 1, name: 'Ana' });
    await admin.query(
      `ALTER TABLE "Student" DROP CONSTRAINT "Student_pkey"; ALTER TABLE "Student" ADD PRIMARY KEY (id)`,
    );
  });
});
