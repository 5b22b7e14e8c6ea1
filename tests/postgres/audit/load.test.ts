import type { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { readHistory } from '../../../postgres/audit/reading/history';
import { verifyChain } from '../../../postgres/audit/reading/verify';
import { type Load, load } from './load';
import { type AuditedDatabase, auditedDatabase } from './support';

const SCHEMA = `
CREATE TABLE "User" (id text PRIMARY KEY, email text NOT NULL UNIQUE);
CREATE TABLE "Student" (id text PRIMARY KEY, "user" text UNIQUE REFERENCES "User" ON DELETE CASCADE, town text);
CREATE INDEX student_town ON "Student" (town);
CREATE TABLE "Lesson" (id int, student text REFERENCES "Student", score int, PRIMARY KEY (student, id));
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the application’s trigger fired'; END $$;
CREATE TRIGGER zz_touch AFTER INSERT OR DELETE ON "Lesson" FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TABLE "Event" (id int, year int, what text, PRIMARY KEY (id, year)) PARTITION BY LIST (year);
CREATE TABLE "Event_2025" PARTITION OF "Event" FOR VALUES IN (2025);
CREATE TABLE "Event_2026" PARTITION OF "Event" FOR VALUES IN (2026);
CREATE TABLE "Note" (id int PRIMARY KEY, student text REFERENCES "Student");
`;
const AUDITED = ['Event', 'Lesson', 'Student', 'User'];
const ROWS = {
  User: ['u1\ta@example.org', 'u2\tb@example.org', 'u3\tc@example.org'],
  Student: ['s1\tu1\tLima', 's2\tu2\tCusco'],
  Lesson: ['1\ts1\t10', '2\ts1\t20', '1\ts2\t30', '2\ts2\t40'],
  Event_2025: ['1\t2025\tx'],
  Event_2026: ['1\t2026\tx', '2\t2026\ty'],
};

let database: AuditedDatabase;
let loader: Client;
let whole: Load;
beforeAll(async () => {
  database = await auditedDatabase('audit_load', SCHEMA, {
    tables: AUDITED.map((table) => ({ schema: 'public', table })),
    hashChain: true,
  });
  await database.up();
  whole = { owner: database.roles.tableOwner, tables: [...AUDITED, 'Note'], rows: ROWS };
});
beforeEach(async () => {
  await database.recorded();
  loader = await database.as('loader');
});
afterAll(() => database.drop());

/** Operation and table, with what a RESUMED row counts; DDL rows as one for each table. */
async function recorded(): Promise<string[]> {
  const rows = (await database.recorded({ all: true })).map(({ operation, table_name: table, child_table, marker }) => {
    const { inserted, updated, deleted } = marker ?? {};
    const counts = operation === 'RESUMED' ? ` +${String(inserted)} ~${String(updated)} -${String(deleted)}` : '';
    return `${operation} ${child_table ?? table}${counts}`;
  });
  return rows.filter((row, index) => !row.startsWith('DDL ') || rows.indexOf(row) === index);
}

/** Every index, constraint and trigger of the application's tables, by definition. */
async function definitions(): Promise<string[]> {
  const { rows } = await database.admin.query<{ text: string }>(`
    SELECT pg_get_indexdef(indexrelid) || ' ' || indisvalid AS text FROM pg_index i JOIN pg_class c ON c.oid = indrelid WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT format('%s %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid), convalidated) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT pg_get_triggerdef(t.oid) || ' ' || tgenabled::text FROM pg_trigger t WHERE NOT tgisinternal AND tgrelid::regclass::text !~ '^audit'
    ORDER BY 1`);
  return rows.map(({ text }) => text);
}

describe('a load that drops every key and index', () => {
  it('leaves markers alone, the right counts, and everything as it was', async () => {
    const before = await definitions();
    await load(loader, whole);
    await loader.query('COMMIT');
    const truncated = [...AUDITED, 'public."Event_2025"', 'public."Event_2026"'];
    expect((await recorded()).sort()).toEqual(
      [
        ...AUDITED.map((table) => `SUSPENDED ${table}`),
        ...AUDITED.map((table) => `DDL ${table}`),
        ...truncated.map((table) => `TRUNCATE ${table}`),
        ...['Event +3', 'Lesson +4', 'Student +2', 'User +3'].map((counts) => `RESUMED ${counts} ~0 -0`),
      ].sort(),
    );
    expect(await definitions()).toEqual(before);
    expect(await database.plan()).toMatchObject({ steps: [], problems: [] });
    await (await database.as('app')).query(`UPDATE "Student" SET town = 'Puno' WHERE id = 's1'`);
    expect(await recorded()).toEqual(['UPDATE Student']);
  });

  it('counts a second one in the same session anew, and one statement for each table is one DDL row', async () => {
    await load(loader, whole);
    await loader.query('COMMIT');
    await database.recorded({ all: true });
    await load(loader, { ...whole, rows: { User: ROWS.User.slice(1) } });
    await loader.query('COMMIT');
    const rows = await database.recorded({ all: true });
    expect(
      rows
        .filter(({ operation }) => operation === 'RESUMED')
        .map(({ table_name, marker }) => [table_name, marker?.inserted]),
    ).toEqual(
      [['Event', 0], ['Lesson', 0], ['Student', 0], ['User', 2]], // prettier-ignore
    );
    // Foreign keys, keys and triggers, down and up again.
    const ofLesson = rows.filter(({ operation, table_name }) => operation === 'DDL' && table_name === 'Lesson');
    expect(ofLesson.map(({ marker }) => marker?.command)).toEqual(Array(6).fill('ALTER TABLE'));
  });

  it('leaves nothing when it is taken back', async () => {
    const before = await definitions();
    await load(loader, whole);
    await loader.query('ROLLBACK');
    expect([await recorded(), await definitions()]).toEqual([[], before]);
  });

  it('counts what came after the last TRUNCATE, and says nothing where that cannot be told', async () => {
    let id = 0;
    const insert = (): string => `INSERT INTO "User" VALUES ('k${++id}', 'k${id}@example.org')`;
    const become = `SET LOCAL ROLE ${whole.owner}`;
    const suspend = `RESET ROLE; SELECT audit.suspend('load', '{User}'); ${become}`;
    const empty = 'TRUNCATE "User" CASCADE';
    for (const [statements, counted] of [
      [[suspend, insert(), insert(), empty, insert()], '+1 ~0 -0'],
      [[become, insert(), suspend, empty, insert()], '+null ~0 -0'],
      [[become, insert(), suspend, insert(), insert()], '+2 ~0 -0'],
      [[suspend, insert(), `UPDATE "User" SET email = id`, 'DELETE FROM "User"', empty], '+0 ~0 -0'],
    ] as const) {
      await loader.query(`BEGIN; ${statements.join('; ')}; COMMIT`);
      expect((await recorded()).at(-1), statements.join('; ')).toBe(`RESUMED User ${counted}`);
    }
  });

  it('leaves the chain intact, and a row’s history where it was', async () => {
    await database.admin.query(`DELETE FROM "User"`);
    await (await database.as('app')).query(`INSERT INTO "User" VALUES ('u1', 'old@example.org')`);
    await load(loader, whole);
    await loader.query('COMMIT');
    await (await database.as('app')).query(`UPDATE "User" SET email = 'new@example.org' WHERE id = 'u1'`);
    const reader = await database.as('reader');
    const { entries } = await readHistory(reader, database.spec, { table: 'User', key: 'u1' });
    const changes = entries.map(({ operation }) => operation).filter((operation) => operation !== 'DDL');
    expect(changes.slice(-5)).toEqual(['INSERT', 'SUSPENDED', 'TRUNCATE', 'RESUMED', 'UPDATE']);
    const { months } = await verifyChain(reader, database.spec);
    expect(months.flatMap(({ problems }) => problems)).toEqual([]);
    expect(months.reduce((rows, { unsealed }) => rows + unsealed, 0)).toBeGreaterThan(0);
  });
});
