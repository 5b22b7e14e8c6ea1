import type { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { type HistoryEntry, type HistoryQuery, readHistory } from '../../../postgres/audit/reading/history';
import { type AuditedDatabase, auditedDatabase } from './support';

const SCHEMA = `
CREATE TABLE "Student" (id int PRIMARY KEY, name text, score numeric, big bigint);
CREATE TABLE "Completed" (student text, lesson int, points int, PRIMARY KEY (student, lesson));
CREATE TABLE "Login" (at timestamptz PRIMARY KEY, who text);
CREATE TABLE "Thing" (id text PRIMARY KEY);
CREATE TABLE "Unaudited" (id int PRIMARY KEY);
CREATE SCHEMA other; CREATE TABLE other."Student" (id int PRIMARY KEY);
`;
const TABLES = [
  ...['Student', 'Completed', 'Login', 'Thing'].map((table) => ({ schema: 'public', table })),
  { schema: 'other', table: 'Student' },
];

let database: AuditedDatabase;
let auditor: Client;
let admin: Client;
beforeAll(async () => {
  database = await auditedDatabase('audit_history', SCHEMA, { tables: TABLES });
  await database.up();
  admin = database.admin;
  auditor = await database.as('reader');
});
/** An empty trail. */
beforeEach(async () => {
  await admin.query(`TRUNCATE "Student", "Completed", "Login", "Thing", other."Student"; DELETE FROM audit.audit_log`);
});
afterAll(() => database.drop());

const read = async (query: HistoryQuery): Promise<HistoryEntry[]> =>
  (await readHistory(auditor, database.spec, query)).entries;
const brief = (entries: HistoryEntry[]): unknown[] =>
  entries.map(({ operation, key }) => [operation, ...Object.values(key ?? {})]);

describe('what is asked for', () => {
  beforeEach(async () => {
    await admin.query(
      `SET app.current_user_id = 'u1'; INSERT INTO "Student" VALUES (1, 'Ana', 1.50, 9007199254740993)`,
    );
    await admin.query(
      `SET app.current_user_id = 'u2'; UPDATE "Student" SET name = 'Anna', score = 1.5; RESET app.current_user_id`,
    );
    await admin.query(`INSERT INTO other."Student" VALUES (1); DELETE FROM "Student"; TRUNCATE "Completed"`);
  });

  it('is told oldest first, with who, when and what differs', async () => {
    const entries = await read({ table: 'Student' });
    expect(brief(entries)).toEqual([
      ['INSERT', 1],
      ['UPDATE', 1],
      ['DELETE', 1],
    ]);
    const [, update] = entries;
    expect(update).toMatchObject({
      schema: 'public',
      table: 'Student',
      childTable: null,
      user: 'u2',
      sessionUser: 'postgres',
      clientAddress: '127.0.0.1',
      differences: [{ column: 'name', kind: 'changed', before: 'Ana', after: 'Anna' }],
    });
    expect(Math.abs(Date.now() - (update?.clockTime.getTime() ?? 0))).toBeLessThan(60_000);
    expect(update?.txid).toMatch(/^\d+$/);
    expect(entries[2]?.differences.map(({ kind }) => kind)).toEqual(['removed', 'removed', 'removed', 'removed']);
  });

  it('keeps numbers as they are', async () => {
    const [insert] = await read({ table: 'Student', limit: 3 });
    expect(insert?.after).toMatchObject({ big: '9007199254740993', score: 1.5 });
  });

  it.each<[string, HistoryQuery, unknown[]]>([
    ['a table of another schema', { table: 'other.Student' }, [['INSERT', 1]]],
    ['a user', { user: 'u1' }, [['INSERT', 1]]],
    ['an operation', { operation: 'TRUNCATE' }, [['TRUNCATE']]],
    ['a table and an operation', { table: 'public.Student', operation: 'UPDATE' }, [['UPDATE', 1]]],
    ['the newest', { limit: 2 }, [['DELETE', 1], ['TRUNCATE']]],
    ['nothing before', { until: new Date('2020-01-01') }, []],
    ['nothing after', { since: new Date('2099-01-01') }, []],
    ['a key nobody has', { table: 'Student', key: '2' }, []],
    [
      'a key',
      { table: 'Student', key: '1' },
      [
        ['INSERT', 1],
        ['UPDATE', 1],
        ['DELETE', 1],
      ],
    ],
    [
      'a key, as an object',
      { table: 'Student', key: { id: 1 } },
      [
        ['INSERT', 1],
        ['UPDATE', 1],
        ['DELETE', 1],
      ],
    ],
    [
      'a key, written otherwise',
      { table: 'Student', key: ' 01 ' },
      [
        ['INSERT', 1],
        ['UPDATE', 1],
        ['DELETE', 1],
      ],
    ],
    ['a key and a user', { table: 'Student', key: '1', user: 'u2' }, [['UPDATE', 1]]],
    ['the newest of a key', { table: 'Student', key: '1', limit: 1 }, [['DELETE', 1]]],
  ])('%s', async (_what, query, expected) => {
    expect(brief(await read(query))).toEqual(expected);
  });

  it('is still told when the table is gone', async () => {
    await admin.query('BEGIN; DROP TABLE other."Student"; COMMIT');
    expect(brief(await read({ table: 'other.Student', key: '1' }))).toEqual([['INSERT', 1], ['DDL']]);
    await admin.query('CREATE TABLE other."Student" (id int PRIMARY KEY)');
    await database.up();
  });
});

it('gives ids that ascend, and that no other trail gives', async () => {
  await admin.query(
    `INSERT INTO "Student" SELECT n FROM generate_series(1, 50) n; UPDATE "Student" SET name = 'x'; DELETE FROM "Student"`,
  );
  const ids = (await read({ table: 'Student', limit: 1000 })).map(({ id }) => id);
  expect(ids).toHaveLength(150);
  expect([...new Set(ids)].sort()).toEqual(ids);
  expect(ids[0]).toMatch(/^00000000-0000-8000-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const other = await auditedDatabase('audit_other_ids', SCHEMA, { tables: TABLES });
  await other.up();
  await other.admin.query(`INSERT INTO "Student" VALUES (1)`);
  const { rows } = await other.admin.query<{ id: string }>('SELECT id FROM audit.audit_log');
  await other.drop();
  expect((rows[0]?.id ?? '') > (ids.at(-1) ?? '')).toBe(true);
});

describe('a key', () => {
  it('that changed is followed back to what it was', async () => {
    await admin.query(`INSERT INTO "Student" VALUES (1); UPDATE "Student" SET name = 'a'; UPDATE "Student" SET id = 2; UPDATE "Student" SET id = 3;
      INSERT INTO "Student" VALUES (1, 'another'); DELETE FROM "Student" WHERE id = 3`);
    expect(brief(await read({ table: 'Student', key: '3' }))).toEqual([
      ['INSERT', 1],
      ['UPDATE', 1],
      ['UPDATE', 1],
      ['KEY', 2],
      ['UPDATE', 2],
      ['KEY', 3],
      ['DELETE', 3],
    ]);
  });

  it.each<[string, Partial<HistoryQuery>, unknown[][]]>([
    [
      'one operation',
      { operation: 'UPDATE' },
      [
        ['UPDATE', 1],
        ['UPDATE', 1],
        ['UPDATE', 2],
      ],
    ],
    [
      'the newest so many',
      { limit: 4 },
      [
        ['KEY', 2],
        ['UPDATE', 2],
        ['KEY', 3],
        ['DELETE', 3],
      ],
    ],
    [
      'as many as there are',
      { limit: 7 },
      [
        ['INSERT', 1],
        ['UPDATE', 1],
        ['UPDATE', 1],
        ['KEY', 2],
        ['UPDATE', 2],
        ['KEY', 3],
        ['DELETE', 3],
      ],
    ],
  ])('that changed is followed back where only %s are asked for', async (_what, query, expected) => {
    await admin.query(`INSERT INTO "Student" VALUES (1); UPDATE "Student" SET name = 'a'; UPDATE "Student" SET id = 2; UPDATE "Student" SET id = 3;
      DELETE FROM "Student" WHERE id = 3`);
    expect(brief(await read({ table: 'Student', key: '3', ...query }))).toEqual(expected);
  });

  it('that came back is followed through each of its times', async () => {
    await admin.query(`INSERT INTO "Student" VALUES (1); UPDATE "Student" SET id = 2; UPDATE "Student" SET id = 1; UPDATE "Student" SET id = 2;
      UPDATE "Student" SET name = 'late'; UPDATE "Student" SET id = 1`);
    const entries = await read({ table: 'Student', key: '1' });
    expect(entries.filter(({ operation }) => operation !== 'KEY').map(({ after }) => [after?.id, after?.name])).toEqual(
      [
        [1, null],
        [2, null],
        [1, null],
        [2, null],
        [2, 'late'],
        [1, 'late'],
      ],
    );
  });

  it('of several columns is given by name, in any order, or as text', async () => {
    await admin.query(
      `INSERT INTO "Completed" VALUES ('a', 1, 5), ('a', 2, 6); UPDATE "Completed" SET lesson = 7 WHERE lesson = 2`,
    );
    const expected = [
      ['INSERT', 2, 'a'],
      ['UPDATE', 2, 'a'],
      ['KEY', 7, 'a'],
    ];
    for (const key of [{ lesson: 7, student: 'a' }, 'student=a, lesson=7', '{"lesson": 7, "student": "a"}'])
      expect(brief(await read({ table: 'Completed', key }))).toEqual(expected);
  });

  it('that is a moment is the same in every time zone', async () => {
    await admin.query(
      `SET TimeZone = 'Asia/Kathmandu'; INSERT INTO "Login" VALUES ('2026-01-02 03:04:05+00', 'x'); RESET TimeZone`,
    );
    await admin.query(`SET TimeZone = 'America/Lima'; UPDATE "Login" SET who = 'y'; RESET TimeZone`);
    await auditor.query(`SET TimeZone = 'Pacific/Apia'`);
    const entries = await read({ table: 'Login', key: '2026-01-02 03:04:05+00' });
    await auditor.query('RESET TimeZone');
    expect(entries.map(({ operation, key }) => [operation, key])).toEqual(
      ['INSERT', 'UPDATE'].map((operation) => [operation, { at: '2026-01-02T03:04:05+00:00' }]),
    );
  });

  it.each(['007', '{"id": "x"}', 'a=b', `it's "quoted" \\ and {odd}`, '{', ''])(
    'that is the text %s is found as it is',
    async (id) => {
      await admin.query(`INSERT INTO "Thing" VALUES ($1), ('7')`, [id]);
      const key = id.startsWith('{"id') ? { id } : id;
      expect(brief(await read({ table: 'Thing', key }))).toEqual([['INSERT', id]]);
    },
  );
});

describe('the newest, without a key', () => {
  /** Months, two of them without a partition; transactions that record after the month they began in; no order of places. */
  beforeAll(async () => {
    await admin.query(
      `DELETE FROM audit.audit_log; SELECT audit.maintain('2025-01-05'); SELECT audit.maintain('2025-04-05')`,
    );
    const fill = (from: string, hours: number): Promise<unknown> =>
      admin.query(
        `INSERT INTO audit.audit_log (operation, table_schema, table_name, user_id, "timestamp", clock_time, new_data)
         SELECT CASE WHEN n % 7 = 0 THEN 'DELETE' ELSE 'INSERT' END, 'public', 'Thing', 'u' || n % 5, m.at, m.at + make_interval(hours => n % 40), jsonb_build_object('n', n)
           FROM generate_series(1, 300) n, LATERAL (SELECT timestamptz '${from}' + make_interval(hours => (n * 37) % ${hours}) AS at) m`,
      );
    for (const month of ['2024-12', '2025-01', '2025-02', '2025-03', '2025-04'])
      await fill(`${month}-01 00:00+00`, 24 * 28);
    await fill('2025-02-27 00:00+00', 40);
    await fill('2025-02-10 00:00+00', 300);
    await admin.query(
      `CREATE TABLE newest_rows AS SELECT id, operation, user_id, "timestamp", clock_time FROM audit.audit_log`,
    );
  });
  /** The others of this file begin with an empty trail. */
  beforeEach(async () => {
    await admin.query(`INSERT INTO audit.audit_log (id, operation, user_id, "timestamp", clock_time, table_schema, table_name)
      SELECT id, operation, user_id, "timestamp", clock_time, 'public', 'Thing' FROM newest_rows ORDER BY md5(id::text)`);
  });

  const until = new Date('2025-03-02T10:00:00Z');
  const since = new Date('2025-02-26T00:00:00Z');
  it.each<[string, HistoryQuery]>([
    ['all', {}],
    ['a few', { limit: 3 }],
    ['more than a month has', { limit: 700 }],
    ['more than there are', { limit: 5000 }],
    ['before a time', { until, limit: 20 }],
    ['before a time at the edge of a month', { until: new Date('2025-03-01T00:00:00Z'), limit: 20 }],
    ['since a time', { since, limit: 50 }],
    ['between two', { since, until, limit: 40 }],
    ['of a user', { user: 'u3', limit: 150 }],
    ['of a user before a time', { user: 'u1', until, limit: 30 }],
    ['of an operation', { operation: 'DELETE', limit: 60 }],
    ['of a table and an operation', { table: 'Thing', operation: 'DELETE', since, limit: 400 }],
    ['of nobody', { user: 'nobody' }],
  ])('%s are those that sorting all of it gives', async (_what, query) => {
    const { rows } = await admin.query<{ id: string }>(
      `SELECT id FROM newest_rows WHERE ($1::text IS NULL OR user_id = $1) AND ($2::text IS NULL OR operation = $2)
          AND ($3::timestamptz IS NULL OR "timestamp" >= $3) AND ($4::timestamptz IS NULL OR "timestamp" < $4)
        ORDER BY clock_time DESC, id DESC LIMIT $5`,
      [query.user, query.operation, query.since, query.until, query.limit ?? 100],
    );
    const history = await readHistory(auditor, database.spec, query);
    expect(history.entries.map(({ id }) => id)).toEqual(rows.map(({ id }) => id).reverse());
    expect(history.complete).toBe(rows.length < (query.limit ?? 100));
  });
});

describe('what cannot be asked', () => {
  it.each<[string, HistoryQuery, string]>([
    ['a key without its table', { key: '1' }, 'audit-query'],
    ['a key of a table nobody knows', { table: 'Studnet', key: '1' }, 'audit-table-unknown'],
    ['a table nobody knows', { table: 'Studnet' }, 'audit-table-unknown'],
    ['a table nobody knows, of a time', { table: 'nowhere.Student', user: 'u1' }, 'audit-table-unknown'],
    ['a table that is not audited', { table: 'Unaudited' }, 'audit-table-unknown'],
    ['a key of a table that is not audited', { table: 'Unaudited', key: '1' }, 'audit-table-unknown'],
    ['a value the column cannot hold', { table: 'Student', key: 'abc' }, 'audit-key-invalid'],
    ['a number out of range', { table: 'Student', key: '99999999999' }, 'audit-key-invalid'],
    ['half a key', { table: 'Completed', key: { student: 'a' } }, 'audit-key-invalid'],
    ['too much of a key', { table: 'Student', key: { id: 1, name: 'x' } }, 'audit-key-invalid'],
    ['one value for two', { table: 'Completed', key: 'a' }, 'audit-key-invalid'],
  ])('%s', async (_what, query, code) => {
    const error: unknown = await read(query).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code, kind: 'usage' });
    expect(await read({ limit: 1 })).toHaveLength(0);
  });

  it('a table that is not audited names those that are; one that was is read on', async () => {
    await expect(read({ table: 'student' })).rejects.toMatchObject({
      message: 'Table public.student is not audited, and the trail has no row of it.',
      remedy: expect.stringContaining('Audited are public.Completed, public.Login, public.Student') as string,
    });
    await admin.query(`INSERT INTO "Thing" VALUES ('former')`);
    await database.up({ tables: TABLES.filter(({ table }) => table !== 'Thing') });
    expect(await read({ table: 'Thing', until: new Date('2020-01-01') })).toEqual([]);
    expect(brief(await read({ table: 'Thing', operation: 'INSERT' }))).toEqual([['INSERT', 'former']]);
    await database.up({ tables: TABLES });
  });

  it('a trail that is not there, or not for this role', async () => {
    await expect(readHistory(auditor, { schema: 'nowhere', table: 'audit_log' }, {})).rejects.toMatchObject({
      code: 'audit-missing',
    });
    await expect(readHistory(await database.as('app'), database.spec, {})).rejects.toMatchObject({
      code: 'audit-denied',
      kind: 'refused',
    });
  });
});

describe('what happened to the whole table', () => {
  it('stands among a row’s own entries, in its place, since the row was made', async () => {
    await admin.query(`ALTER TABLE "Thing" ADD COLUMN before int; INSERT INTO "Thing" (id) VALUES ('a')`);
    await admin.query(`ALTER TABLE "Thing" ALTER COLUMN before TYPE int USING 7`);
    await admin.query(`UPDATE "Thing" SET before = 8`);
    await admin.query(`BEGIN; SELECT audit.suspend('load', '{Thing}'); UPDATE "Thing" SET before = 9; COMMIT`);
    await admin.query(`INSERT INTO "Login" VALUES ('2026-01-01 00:00+00'); TRUNCATE "Thing"`);
    const entries = await read({ table: 'Thing', key: 'a' });
    expect(
      entries.map(({ operation, marker }) => [operation, marker?.rewrites ?? marker?.command ?? marker?.updated]),
    ).toEqual([
      ['INSERT', undefined],
      ['DDL', ['type of a column']],
      ['DDL', 'ALTER TABLE'],
      ['UPDATE', undefined],
      ['SUSPENDED', undefined],
      ['RESUMED', 1],
      ['TRUNCATE', undefined],
    ]);
    expect(brief(await read({ table: 'Thing', key: 'a', operation: 'UPDATE' }))).toEqual([['UPDATE', 'a']]);
    expect(brief(await read({ table: 'Thing', key: 'a', limit: 2 }))).toEqual([['RESUMED'], ['TRUNCATE']]);
    await admin.query(`ALTER TABLE "Thing" DROP COLUMN before`);
  });

  it('is told of a row that the trail has nothing else of: it may have been changed by it', async () => {
    await admin.query(`ALTER TABLE "Thing" ADD COLUMN other int DEFAULT 5; ALTER TABLE "Thing" DROP COLUMN other`);
    expect(brief(await read({ table: 'Thing', key: 'never changed' }))).toEqual([['DDL'], ['DDL']]);
  });

  it('is found by the index, however large the trail is', async () => {
    await admin.query(`ALTER TABLE "Thing" ADD COLUMN other int; ALTER TABLE "Thing" DROP COLUMN other`);
    const { rows } = await admin.query<{ hashes: number }>(
      `SELECT count(DISTINCT key_hash)::int AS hashes FROM audit.audit_log WHERE table_name = 'Thing' AND key_hash IS NOT NULL`,
    );
    expect(rows).toEqual([{ hashes: 1 }]);
  });
});
