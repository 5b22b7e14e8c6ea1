import type { AuditedDatabase, Recorded } from './support';

/** Tables of every kind the matrix needs. */
export const SCHEMA = `
CREATE TABLE "Student" (id text PRIMARY KEY, name text, score double precision);
CREATE TABLE "Lesson" (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, title text NOT NULL, shout text GENERATED ALWAYS AS (upper(title)) STORED);
CREATE TABLE "Completed" ("studentId" text REFERENCES "Student" ON DELETE CASCADE ON UPDATE CASCADE, lesson int, points int, PRIMARY KEY ("studentId", lesson));
CREATE TABLE "Note" (id int PRIMARY KEY, student text REFERENCES "Student" ON DELETE SET NULL ON UPDATE CASCADE, body text);
CREATE TABLE "Event" (id int, year int, what text, PRIMARY KEY (id, year)) PARTITION BY LIST (year);
CREATE TABLE "Event_2025" PARTITION OF "Event" FOR VALUES IN (2025);
CREATE TABLE "Event_2026" PARTITION OF "Event" FOR VALUES IN (2026);
CREATE TABLE "Person" (id int PRIMARY KEY, name text);
CREATE TABLE "Teacher" (subject text, PRIMARY KEY (id)) INHERITS ("Person");
CREATE TABLE "odd ""name.x" ("r" int PRIMARY KEY, "data" text, "who" text, "x" text, "select" text);
`;

export const TABLES = ['Student', 'Lesson', 'Completed', 'Note', 'Event', 'Person', 'odd "name.x'].map((table) => ({
  schema: 'public',
  table,
}));

export interface Case {
  name: string;
  /** Not recorded: puts the tables into the state the case begins with. */
  before?: string;
  run: string | ((database: AuditedDatabase) => Promise<void>);
  expected: Partial<Recorded>[];
}

const student = (id: string, name: string | null = null, score: number | null = null): Record<string, unknown> => ({
  id,
  name,
  score,
});

const insert = (table: string, key: object, row: object, more: Partial<Recorded> = {}): Partial<Recorded> =>
  ({ operation: 'INSERT', table_name: table, key, old_data: null, new_data: row, ...more }) as Partial<Recorded>;
const remove = (table: string, key: object, row: object, more: Partial<Recorded> = {}): Partial<Recorded> =>
  ({ operation: 'DELETE', table_name: table, key, old_data: row, new_data: null, ...more }) as Partial<Recorded>;
const update = (
  table: string,
  key: object,
  old: object,
  now: object,
  more: Partial<Recorded> = {},
): Partial<Recorded> =>
  ({ operation: 'UPDATE', table_name: table, key, old_data: old, new_data: now, ...more }) as Partial<Recorded>;
const moved = (table: string, key: object, from: object): Partial<Recorded> =>
  ({ operation: 'KEY', table_name: table, key, old_data: null, new_data: null, marker: { from } }) as Partial<Recorded>;
const truncated = (table: string, more: Partial<Recorded> = {}): Partial<Recorded> => ({
  operation: 'TRUNCATE',
  table_name: table,
  key: null,
  old_data: null,
  new_data: null,
  ...more,
});

const BIG = 'x'.repeat(300_000);

/** What is done, and the rows the trail has afterwards, all of them and in order. */
export const MATRIX: Case[] = [
  {
    name: 'one row inserted, updated and deleted',
    run: `INSERT INTO "Student" VALUES ('a', 'Ana', 1.5); UPDATE "Student" SET name = 'Anna'; DELETE FROM "Student"`,
    expected: [
      insert('Student', { id: 'a' }, student('a', 'Ana', 1.5)),
      update('Student', { id: 'a' }, student('a', 'Ana', 1.5), student('a', 'Anna', 1.5)),
      remove('Student', { id: 'a' }, student('a', 'Anna', 1.5)),
    ],
  },
  {
    name: 'many rows in one statement',
    run: `INSERT INTO "Student" SELECT 's' || i FROM generate_series(1, 3) i; UPDATE "Student" SET score = 1 WHERE id <> 's2'; DELETE FROM "Student" WHERE id > 's1'`,
    expected: [
      ...['s1', 's2', 's3'].map((id) => insert('Student', { id }, student(id))),
      ...['s1', 's3'].map((id) => update('Student', { id }, student(id), student(id, null, 1))),
      remove('Student', { id: 's2' }, student('s2')),
      remove('Student', { id: 's3' }, student('s3', null, 1)),
    ],
  },
  {
    name: 'statements that touch no row',
    run: `UPDATE "Student" SET name = 'x'; DELETE FROM "Student"; INSERT INTO "Student" SELECT 'a' WHERE false`,
    expected: [],
  },
  {
    name: 'updates that change nothing',
    before: `INSERT INTO "Student" VALUES ('a', 'Ana', 1)`,
    run: `UPDATE "Student" SET name = 'Ana'; UPDATE "Student" SET score = score, id = id`,
    expected: [],
  },
  {
    name: 'upsert',
    before: `INSERT INTO "Student" VALUES ('a', 'Ana')`,
    run: `INSERT INTO "Student" VALUES ('a', 'new'), ('b', 'Ben') ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name;
          INSERT INTO "Student" VALUES ('a', 'ignored'), ('c', 'Cleo') ON CONFLICT DO NOTHING`,
    expected: [
      update('Student', { id: 'a' }, student('a', 'Ana'), student('a', 'new')),
      insert('Student', { id: 'b' }, student('b', 'Ben')),
      insert('Student', { id: 'c' }, student('c', 'Cleo')),
    ],
  },
  {
    name: 'MERGE',
    before: `INSERT INTO "Student" VALUES ('a', 'Ana'), ('b', 'Ben')`,
    run: `MERGE INTO "Student" s USING (VALUES ('a', 'Anna'), ('b', NULL), ('c', 'Cleo')) AS v(id, name) ON s.id = v.id
          WHEN MATCHED AND v.name IS NULL THEN DELETE WHEN MATCHED THEN UPDATE SET name = v.name WHEN NOT MATCHED THEN INSERT VALUES (v.id, v.name)`,
    expected: [
      update('Student', { id: 'a' }, student('a', 'Ana'), student('a', 'Anna')),
      remove('Student', { id: 'b' }, student('b', 'Ben')),
      insert('Student', { id: 'c' }, student('c', 'Cleo')),
    ],
  },
  {
    name: 'one statement with several changes (WITH)',
    before: `INSERT INTO "Student" VALUES ('a', 'Ana'), ('b', 'Ben')`,
    run: `WITH gone AS (DELETE FROM "Student" WHERE id = 'a' RETURNING *), changed AS (UPDATE "Student" SET score = 2 WHERE id = 'b')
          INSERT INTO "Student" SELECT 'z' || id, name FROM gone`,
    expected: [
      remove('Student', { id: 'a' }, student('a', 'Ana')),
      insert('Student', { id: 'za' }, student('za', 'Ana')),
      update('Student', { id: 'b' }, student('b', 'Ben'), student('b', 'Ben', 2)),
    ],
  },
  {
    name: 'COPY',
    run: `COPY "Student" (id, name) FROM PROGRAM 'printf "a\\tAna\\nb\\tBen\\n"'`,
    expected: [
      insert('Student', { id: 'a' }, student('a', 'Ana')),
      insert('Student', { id: 'b' }, student('b', 'Ben')),
    ],
  },
  {
    name: 'cascades of foreign keys',
    before: `INSERT INTO "Student" VALUES ('a', 'Ana'); INSERT INTO "Completed" VALUES ('a', 1, 10); INSERT INTO "Note" VALUES (1, 'a', 'hi')`,
    run: `UPDATE "Student" SET id = 'b'; DELETE FROM "Student"`,
    expected: [
      update('Student', { id: 'a' }, student('a', 'Ana'), student('b', 'Ana')),
      moved('Student', { id: 'b' }, { id: 'a' }),
      update(
        'Completed',
        { studentId: 'a', lesson: 1 },
        { studentId: 'a', lesson: 1, points: 10 },
        { studentId: 'b', lesson: 1, points: 10 },
      ),
      moved('Completed', { studentId: 'b', lesson: 1 }, { studentId: 'a', lesson: 1 }),
      update('Note', { id: 1 }, { id: 1, student: 'a', body: 'hi' }, { id: 1, student: 'b', body: 'hi' }),
      remove('Student', { id: 'b' }, student('b', 'Ana')),
      remove('Completed', { studentId: 'b', lesson: 1 }, { studentId: 'b', lesson: 1, points: 10 }),
      update('Note', { id: 1 }, { id: 1, student: 'b', body: 'hi' }, { id: 1, student: null, body: 'hi' }),
    ],
  },
  {
    name: 'SET NULL of a foreign key',
    before: `INSERT INTO "Student" VALUES ('a', 'Ana'); INSERT INTO "Note" VALUES (1, 'a', 'hi')`,
    run: `DELETE FROM "Student"`,
    expected: [
      remove('Student', { id: 'a' }, student('a', 'Ana')),
      update('Note', { id: 1 }, { id: 1, student: 'a', body: 'hi' }, { id: 1, student: null, body: 'hi' }),
    ],
  },
  {
    name: 'composite keys, and a key that changes',
    before: `INSERT INTO "Student" VALUES ('a'), ('b')`,
    run: `INSERT INTO "Completed" VALUES ('a', 1, 5), ('a', 2, 6); UPDATE "Completed" SET lesson = lesson + 10 WHERE lesson = 2`,
    expected: [
      insert('Completed', { studentId: 'a', lesson: 1 }, { studentId: 'a', lesson: 1, points: 5 }),
      insert('Completed', { studentId: 'a', lesson: 2 }, { studentId: 'a', lesson: 2, points: 6 }),
      update(
        'Completed',
        { studentId: 'a', lesson: 2 },
        { studentId: 'a', lesson: 2, points: 6 },
        { studentId: 'a', lesson: 12, points: 6 },
      ),
      moved('Completed', { studentId: 'a', lesson: 12 }, { studentId: 'a', lesson: 2 }),
    ],
  },
  {
    name: 'two keys swapped in one statement',
    before: `INSERT INTO "Student" VALUES ('a', 'Ana'), ('b', 'Ben'); ALTER TABLE "Student" DROP CONSTRAINT "Student_pkey" CASCADE;
             ALTER TABLE "Student" ADD PRIMARY KEY (id) DEFERRABLE`,
    run: `UPDATE "Student" SET id = CASE id WHEN 'a' THEN 'b' ELSE 'a' END`,
    expected: [
      update('Student', { id: 'a' }, student('a', 'Ana'), student('b', 'Ana')),
      moved('Student', { id: 'b' }, { id: 'a' }),
      update('Student', { id: 'b' }, student('b', 'Ben'), student('a', 'Ben')),
      moved('Student', { id: 'a' }, { id: 'b' }),
    ],
  },
  {
    name: 'generated and identity columns',
    run: `INSERT INTO "Lesson" (title) VALUES ('one'); UPDATE "Lesson" SET title = 'two'`,
    expected: [
      insert('Lesson', { id: 1 }, { id: 1, title: 'one', shout: 'ONE' }),
      update('Lesson', { id: 1 }, { id: 1, title: 'one', shout: 'ONE' }, { id: 1, title: 'two', shout: 'TWO' }),
    ],
  },
  {
    name: 'values that are stored out of line',
    before: `INSERT INTO "Note" VALUES (1, NULL, '${BIG}')`,
    run: `UPDATE "Note" SET body = body || 'y'; UPDATE "Note" SET id = 2; DELETE FROM "Note"`,
    expected: [
      update('Note', { id: 1 }, { id: 1, student: null, body: BIG }, { id: 1, student: null, body: `${BIG}y` }),
      update('Note', { id: 1 }, { id: 1, student: null, body: `${BIG}y` }, { id: 2, student: null, body: `${BIG}y` }),
      moved('Note', { id: 2 }, { id: 1 }),
      remove('Note', { id: 2 }, { id: 2, student: null, body: `${BIG}y` }),
    ],
  },
  {
    name: 'a partitioned table, through it and straight into a partition',
    run: `INSERT INTO "Event" VALUES (1, 2025, 'a'), (2, 2026, 'b'); INSERT INTO "Event_2026" VALUES (3, 2026, 'c');
          UPDATE "Event" SET what = 'd' WHERE id = 1; UPDATE "Event_2026" SET what = 'e' WHERE id = 3; DELETE FROM "Event" WHERE id > 1`,
    expected: [
      insert('Event', { id: 1, year: 2025 }, { id: 1, year: 2025, what: 'a' }, { child_table: 'public."Event_2025"' }),
      insert('Event', { id: 2, year: 2026 }, { id: 2, year: 2026, what: 'b' }, { child_table: 'public."Event_2026"' }),
      insert('Event', { id: 3, year: 2026 }, { id: 3, year: 2026, what: 'c' }, { child_table: 'public."Event_2026"' }),
      update('Event', { id: 1, year: 2025 }, { id: 1, year: 2025, what: 'a' }, { id: 1, year: 2025, what: 'd' }),
      update('Event', { id: 3, year: 2026 }, { id: 3, year: 2026, what: 'c' }, { id: 3, year: 2026, what: 'e' }),
      remove('Event', { id: 2, year: 2026 }, { id: 2, year: 2026, what: 'b' }),
      remove('Event', { id: 3, year: 2026 }, { id: 3, year: 2026, what: 'e' }),
    ],
  },
  {
    name: 'a row that moves to another partition is a delete and an insert',
    before: `INSERT INTO "Event" VALUES (1, 2025, 'a')`,
    run: `UPDATE "Event" SET year = 2026`,
    expected: [
      remove('Event', { id: 1, year: 2025 }, { id: 1, year: 2025, what: 'a' }, { child_table: 'public."Event_2025"' }),
      insert('Event', { id: 1, year: 2026 }, { id: 1, year: 2026, what: 'a' }, { child_table: 'public."Event_2026"' }),
    ],
  },
  {
    name: 'a partition made later',
    before: `CREATE TABLE "Event_2027" PARTITION OF "Event" FOR VALUES IN (2027)`,
    run: `INSERT INTO "Event" VALUES (1, 2027, 'a'); TRUNCATE "Event_2027"`,
    expected: [
      insert('Event', { id: 1, year: 2027 }, { id: 1, year: 2027, what: 'a' }, { child_table: 'public."Event_2027"' }),
      truncated('Event', { child_table: 'public."Event_2027"' }),
    ],
  },
  {
    name: 'child tables',
    run: `INSERT INTO "Person" VALUES (1, 'Ana'); INSERT INTO "Teacher" VALUES (2, 'Ben', 'maths'); UPDATE "Person" SET name = upper(name); DELETE FROM "Person"`,
    expected: [
      insert('Person', { id: 1 }, { id: 1, name: 'Ana' }, { child_table: null }),
      insert('Person', { id: 2 }, { id: 2, name: 'Ben', subject: 'maths' }, { child_table: 'public."Teacher"' }),
      update('Person', { id: 1 }, { id: 1, name: 'Ana' }, { id: 1, name: 'ANA' }),
      update('Person', { id: 2 }, { id: 2, name: 'Ben', subject: 'maths' }, { id: 2, name: 'BEN', subject: 'maths' }),
      remove('Person', { id: 1 }, { id: 1, name: 'ANA' }),
      remove('Person', { id: 2 }, { id: 2, name: 'BEN', subject: 'maths' }),
    ],
  },
  {
    name: 'TRUNCATE, with what it cascades to',
    before: `INSERT INTO "Student" VALUES ('a')`,
    run: `TRUNCATE "Student" CASCADE; TRUNCATE "Event"`,
    expected: [
      truncated('Student'),
      truncated('Completed'),
      truncated('Note'),
      truncated('Event', { child_table: null }),
      truncated('Event', { child_table: 'public."Event_2025"' }),
      truncated('Event', { child_table: 'public."Event_2026"' }),
    ],
  },
  {
    name: 'names that need quoting, and columns called like the recorder’s own variables',
    run: `INSERT INTO "odd ""name.x" VALUES (1, 'd', 'w', 'x', 's'); UPDATE "odd ""name.x" SET "who" = 'v'; DELETE FROM "odd ""name.x"`,
    expected: [
      insert('odd "name.x', { r: 1 }, { r: 1, data: 'd', who: 'w', x: 'x', select: 's' }),
      update(
        'odd "name.x',
        { r: 1 },
        { r: 1, data: 'd', who: 'w', x: 'x', select: 's' },
        { r: 1, data: 'd', who: 'v', x: 'x', select: 's' },
      ),
      remove('odd "name.x', { r: 1 }, { r: 1, data: 'd', who: 'v', x: 'x', select: 's' }),
    ],
  },
  {
    name: 'rolled back',
    run: `BEGIN; INSERT INTO "Student" VALUES ('a'); UPDATE "Student" SET name = 'x'; ROLLBACK`,
    expected: [],
  },
  {
    name: 'savepoints',
    run: `BEGIN; INSERT INTO "Student" VALUES ('a'); SAVEPOINT s; INSERT INTO "Student" VALUES ('b'); ROLLBACK TO s; INSERT INTO "Student" VALUES ('c'); COMMIT`,
    expected: [insert('Student', { id: 'a' }, student('a')), insert('Student', { id: 'c' }, student('c'))],
  },
  {
    name: 'replica mode, in which ordinary triggers are silent',
    run: `SET session_replication_role = replica; INSERT INTO "Student" VALUES ('a'); UPDATE "Student" SET name = 'x'; DELETE FROM "Student"; RESET session_replication_role`,
    expected: [
      insert('Student', { id: 'a' }, student('a')),
      update('Student', { id: 'a' }, student('a'), student('a', 'x')),
      remove('Student', { id: 'a' }, student('a', 'x')),
    ],
  },
  {
    name: 'changes a row trigger of the application makes to the same table, in the order they happen',
    before: `CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN UPDATE "Lesson" SET title = title || '!' WHERE id = NEW.id; RETURN NULL; END$$;
             CREATE TRIGGER again AFTER INSERT ON "Lesson" FOR EACH ROW EXECUTE FUNCTION again()`,
    run: async (database) => {
      await database.up();
      await database.recorded();
      await database.admin.query(`INSERT INTO "Lesson" (title) OVERRIDING SYSTEM VALUE VALUES ('hey')`);
    },
    expected: [
      { operation: 'INSERT', new_data: { id: 1, title: 'hey', shout: 'HEY' } },
      { operation: 'UPDATE', new_data: { id: 1, title: 'hey!', shout: 'HEY!' } },
    ],
  },
];
