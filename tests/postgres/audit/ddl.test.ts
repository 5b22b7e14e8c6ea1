import type { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { attempt } from './attacks';
import { type AuditedDatabase, auditedDatabase, type Recorded } from './support';

const SCHEMA = `
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TYPE place AS (street text, house int);
CREATE TABLE "Student" (id text PRIMARY KEY, name text, secret text, feels mood, lives place);
CREATE TABLE "Pair" (a int, b text, n int, PRIMARY KEY (a, b));
CREATE TABLE "Event" (id int, year int, what text, secret text, PRIMARY KEY (id, year)) PARTITION BY LIST (year);
CREATE TABLE "Event_2026" PARTITION OF "Event" FOR VALUES IN (2026);
CREATE TABLE "Person" (id int PRIMARY KEY, name text);
CREATE TABLE "Teacher" (subject text, PRIMARY KEY (id)) INHERITS ("Person");
`;
const TABLES = [
  { schema: 'public', table: 'Student', redact: ['secret', 'token'], exclude: ['seen'] },
  { schema: 'public', table: 'Pair' },
  { schema: 'public', table: 'Event', redact: ['secret'] },
  { schema: 'public', table: 'Person' },
];

/** What a session may set to have values written otherwise. */
const HOSTILE = `SET extra_float_digits = -15; SET DateStyle = 'SQL, DMY'; SET IntervalStyle = 'sql_standard'; SET bytea_output = 'escape';
  SET search_path = public; SET quote_all_identifiers = on`;

describe('between a migration and the next up', () => {
  let db: AuditedDatabase;
  let owner: Client;

  beforeAll(async () => {
    db = await auditedDatabase('audit_ddl', SCHEMA, { tables: TABLES });
  });
  beforeEach(async () => {
    await db.up();
    owner = await db.as('migrator');
    await owner.query(`SET ROLE ${db.roles.tableOwner}`);
    await db.recorded();
  });
  /** Everything as new, whatever the test made of it. */
  afterEach(async () => {
    await owner.end();
    await db.admin
      .query(`SET coach_audit.applying = 'on'; DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT ALL ON SCHEMA public TO public;
      SET ROLE ${db.roles.tableOwner}; ${SCHEMA}; RESET ROLE; RESET coach_audit.applying`);
  });
  afterAll(() => db.drop());

  /** Operations with the given columns of the row: the later one, of a DELETE the former. */
  async function rows(...columns: string[]): Promise<unknown[]> {
    return (await db.recorded()).map((row) => [row.operation, ...columns.map((name) => data(row)[name])]);
  }
  const data = ({ new_data: after, old_data: before }: Recorded): Record<string, unknown> => after ?? before ?? {};

  /** `up` makes the recorders of the table as they are now, and after it they record the same. */
  async function settled(): Promise<void> {
    expect((await db.plan()).steps.length).toBeGreaterThan(0);
    await db.up();
    expect((await db.plan()).steps).toEqual([]);
    const { rows: left } = await db.admin.query(
      `SELECT tgrelid::regclass FROM pg_trigger WHERE tgfoid = 'audit.record_change'::regproc`,
    );
    expect(left).toEqual([]);
    await db.recorded();
  }

  describe('a table that becomes part of another', () => {
    it('by INHERIT is recorded whatever goes through the parent', async () => {
      await owner.query(`INSERT INTO "Student" (id, secret) VALUES ('a', 's'), ('b', 's')`);
      await owner.query(`CREATE TABLE par (id text NOT NULL); ALTER TABLE "Student" INHERIT par`);
      await db.recorded();
      await owner.query(
        `UPDATE par SET id = 'c' WHERE id = 'b'; DELETE FROM par; INSERT INTO "Student" (id, secret) VALUES ('d', 'x')`,
      );
      expect(
        (await db.recorded()).map((row) => [row.operation, row.table_name, row.child_table, row.key, data(row).secret]),
      ).toEqual([
        ['UPDATE', 'Student', null, { id: 'b' }, '[redacted]'],
        ['KEY', 'Student', null, { id: 'c' }, undefined],
        ['DELETE', 'Student', null, { id: 'a' }, '[redacted]'],
        ['DELETE', 'Student', null, { id: 'c' }, '[redacted]'],
        ['INSERT', 'Student', null, { id: 'd' }, '[redacted]'],
      ]);
      await owner.query(`TRUNCATE par`);
      expect(await rows()).toEqual([['TRUNCATE']]);
      await settled();
      await owner.query(`INSERT INTO "Student" (id) VALUES ('e'); DELETE FROM par`);
      expect(await rows('id')).toEqual([
        ['INSERT', 'e'],
        ['DELETE', 'e'],
      ]);
    });

    it('by ATTACH, made before or not, and moved about in one statement', async () => {
      await owner.query(`CREATE TABLE parts (a int NOT NULL, b text NOT NULL, n int) PARTITION BY LIST (a);
        CREATE TABLE other PARTITION OF parts FOR VALUES IN (2); ALTER TABLE parts ATTACH PARTITION "Pair" FOR VALUES IN (1)`);
      await db.recorded();
      await owner.query(
        `INSERT INTO parts VALUES (1, 'x', 1), (2, 'y', 1); UPDATE parts SET a = 1 WHERE a = 2; DELETE FROM parts; TRUNCATE parts`,
      );
      expect(await rows('a', 'b')).toEqual([
        ['INSERT', 1, 'x'],
        ['INSERT', 1, 'y'],
        ['DELETE', 1, 'x'],
        ['DELETE', 1, 'y'],
        ['TRUNCATE', undefined, undefined],
      ]);
      await owner.query(`ALTER TABLE parts DETACH PARTITION "Pair"; INSERT INTO "Pair" VALUES (1, 'z', 1)`);
      expect(await rows('b')).toEqual([['INSERT', 'z']]);
      await owner.query(`CREATE TABLE above (LIKE parts) PARTITION BY LIST (a); ALTER TABLE above ATTACH PARTITION parts FOR VALUES IN (1, 2);
        ALTER TABLE parts ATTACH PARTITION "Pair" FOR VALUES IN (1); DELETE FROM above`);
      expect(await rows('b')).toEqual([['DELETE', 'z']]);
      await settled();
    });
  });

  it('a row trigger of the application is recorded in the order things happen', async () => {
    await owner.query(`CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN UPDATE public."Pair" SET n = n + 1 WHERE a = NEW.a; RETURN NULL; END$$;
      CREATE TRIGGER again AFTER INSERT ON "Pair" FOR EACH ROW EXECUTE FUNCTION again(); INSERT INTO "Pair" VALUES (1, 'x', 1), (2, 'y', 1)`);
    const expected = [
      ['INSERT', 1, 1],
      ['INSERT', 2, 1],
      ['UPDATE', 1, 2],
      ['UPDATE', 2, 2],
    ];
    expect((await rows('a', 'n')).sort()).toEqual(expected);
    await owner.query(`DELETE FROM "Pair"`);
    await settled();
    await owner.query(`INSERT INTO "Pair" VALUES (1, 'x', 1), (2, 'y', 1)`);
    expect((await rows('a', 'n')).sort()).toEqual(expected);
  });

  describe('a new column', () => {
    const VALUES: [type: string, value: string, recorded: unknown][] = [
      ['double precision', '0.30000000000000004', 0.30000000000000004],
      ['real[]', `'{0.1}'`, [0.1]],
      ['interval', `'1 year 2 mons -3 days 04:05:06'`, '1 year 2 mons -3 days +04:05:06'],
      ['bytea', `'\\x00ff'`, '\\x00ff'],
      ['daterange', `'[2026-01-02,2026-02-03)'`, '[2026-01-02,2026-02-03)'],
      ['regclass', `'public."Pair"'`, 'public."Pair"'],
      ['regproc', `'pg_catalog.now'`, 'now'],
    ];

    it.each(['Pair', 'Event', 'Teacher'])(
      'of %s is written as ever, whatever the session has set, by whichever recorder',
      async (table) => {
        const root = table === 'Teacher' ? 'Person' : table;
        await owner.query(
          VALUES.map(([type], index) => `ALTER TABLE "${root}" ADD COLUMN c${index} ${type}`).join(';'),
        );
        const names = VALUES.map((_, index) => `c${index}`);
        const keys =
          { Pair: `a, b) VALUES (1, 'x'`, Event: `id, year) VALUES (1, 2026`, Teacher: `id) VALUES (1` }[table] ?? '';
        const target = table === 'Event' ? 'Event_2026' : table;
        const work = `INSERT INTO public."${target}" (${names.join(', ')}, ${keys.replace(' VALUES (', ` VALUES (${VALUES.map(([, value]) => value).join(', ')}, `)});
        UPDATE public."${root}" SET ${table === 'Pair' ? 'n = 5' : table === 'Event' ? `what = 'w'` : `name = 'w'`}; DELETE FROM public."${root}"`;
        const expected = ['INSERT', 'UPDATE', 'DELETE'].map((operation) => [
          operation,
          ...VALUES.map(([, , recorded]) => recorded),
        ]);
        await db.recorded();
        await owner.query(HOSTILE);
        await owner.query(work);
        expect(await rows(...names)).toEqual(expected);
        await settled();
        await owner.query(work);
        expect(await rows(...names)).toEqual(expected);
        const { rows: set } = await owner.query(
          `SELECT current_setting('search_path') AS path, current_setting('quote_all_identifiers') AS quote`,
        );
        expect(set).toEqual([{ path: 'public', quote: 'on' }]);
      },
    );

    it('inside a type that a column has', async () => {
      await owner.query(`ALTER TYPE place ADD ATTRIBUTE weight double precision`);
      await owner.query(HOSTILE);
      await owner.query(`INSERT INTO "Student" (id, lives) VALUES ('a', ('Calle', 1, 0.30000000000000004))`);
      expect(await rows('lives')).toEqual([['INSERT', { street: 'Calle', house: 1, weight: 0.30000000000000004 }]]);
    });

    it('that has no value in a trigger is left out', async (ctx) => {
      if (db.server.major < 18) ctx.skip('virtual columns came with PostgreSQL 18');
      await owner.query(
        `ALTER TABLE "Pair" ADD COLUMN twice int GENERATED ALWAYS AS (n * 2) VIRTUAL; INSERT INTO "Pair" VALUES (1, 'x', 1)`,
      );
      const [row] = await db.recorded();
      expect(row?.new_data).toEqual({ a: 1, b: 'x', n: 1 });
      await settled();
      await owner.query(`DELETE FROM "Pair"`);
      expect((await db.recorded())[0]?.old_data).toEqual({ a: 1, b: 'x', n: 1 });
    });

    it.each([
      ['with its own recorders', ''],
      ['with the recorder of any table', `ALTER TABLE "Student" ADD COLUMN score real`],
    ])('whose name is declared as hidden is not seen, %s', async (_how, first) => {
      await owner.query(`${first};
        ALTER TABLE "Student" ADD COLUMN token text DEFAULT 'hunter2', ADD COLUMN seen text; INSERT INTO "Student" (id, seen) VALUES ('a', 'hunter3');
        UPDATE "Student" SET token = 'hunter4', name = 'x'; UPDATE "Student" SET seen = 'hunter5'; DELETE FROM "Student"`);
      const seen = await db.recorded();
      expect([...new Set(seen.map(({ operation }) => operation))]).toEqual(['INSERT', 'UPDATE', 'DELETE']);
      expect(JSON.stringify(seen)).not.toContain('hunter');
      await settled();
      await owner.query(`INSERT INTO "Student" (id) VALUES ('a')`);
      expect(await rows('token', 'seen')).toEqual([['INSERT', '[redacted]', undefined]]);
    });
  });

  it('keys, masks and names are what the table’s own recorders make of them', async () => {
    const work = `INSERT INTO "Event" VALUES (1, 2026, 'a', 's'); UPDATE "Event" SET secret = 't'; UPDATE "Event" SET id = 2; UPDATE "Event" SET what = what;
      DELETE FROM "Event_2026"; INSERT INTO "Pair" VALUES (1, 'x', 1); UPDATE "Pair" SET b = 'y', n = 2; DELETE FROM "Pair";
      INSERT INTO "Teacher" VALUES (1, 'Ana', 'maths'); UPDATE "Person" SET name = 'Anna'; DELETE FROM "Person"`;
    await owner.query(work);
    const own = await db.recorded();
    for (const table of ['Event', 'Pair', 'Person'])
      await owner.query(`ALTER TABLE "${table}" ADD COLUMN f real; ALTER TABLE "${table}" DROP COLUMN f`);
    const { rows: taken } = await db.admin.query(
      `SELECT DISTINCT tgrelid::regclass::text AS name FROM pg_trigger WHERE tgfoid = 'audit.record_change'::regproc ORDER BY 1`,
    );
    expect(taken.map(({ name }: { name: string }) => name)).toEqual([
      '"Event"',
      '"Event_2026"',
      '"Pair"',
      '"Person"',
      '"Teacher"',
    ]);
    await db.recorded();
    await owner.query(work);
    expect(await db.recorded()).toEqual(own);
    expect(own).toHaveLength(12);
    const { rows: hashes } = await db.admin.query<{ wrong: number }>(
      `SELECT count(*)::int AS wrong FROM (SELECT FROM audit.audit_log WHERE key IS NOT NULL GROUP BY key HAVING count(DISTINCT key_hash) > 1) AS k`,
    );
    expect(hashes).toEqual([{ wrong: 0 }]);
    await settled();
  });

  it('a load without the trail leaves the recorder of any table out too', async () => {
    await owner.query(`ALTER TABLE "Pair" ADD COLUMN f real`);
    await db.recorded();
    await db.admin.query(
      `BEGIN; SELECT audit.suspend('load', '{Pair}'); INSERT INTO "Pair" VALUES (1, 'x', 1); COMMIT; DELETE FROM "Pair"`,
    );
    expect(await rows('a')).toEqual([['DELETE', 1]]);
  });

  describe('what changes values without a trigger leaves a row of its own: ', () => {
    const MARKED: [what: string, sql: string, table: string, markers: object[], since?: number][] = [
      [
        'a column rewritten by an expression',
        `ALTER TABLE "Student" ALTER COLUMN name TYPE text USING 'forged'`,
        'Student',
        [
          { command: 'ALTER TABLE', object: 'public."Student"', rewrites: ['type of a column'] },
          { command: 'ALTER TABLE', object: 'public."Student"' },
        ],
      ],
      [
        'one of a partitioned table, partition by partition',
        `ALTER TABLE "Event" ALTER COLUMN what TYPE varchar(9) USING 'forged'`,
        'Event',
        [{ object: 'public."Event_2026"', rewrites: ['type of a column'] }, { object: 'public."Event"' }],
      ],
      [
        'a type that changes without being written anew',
        `ALTER TABLE "Pair" ALTER COLUMN n TYPE oid`,
        'Pair',
        [{ command: 'ALTER TABLE', object: 'public."Pair"', columns: { a: 'integer', b: 'text', n: 'oid' } }],
      ],
      [
        'a new column whose default is another for each row',
        `ALTER TABLE "Pair" ADD COLUMN r text DEFAULT random()::text`,
        'Pair',
        [{ rewrites: ['default or expression of a column'] }, { columns: { r: 'text' } }],
      ],
      [
        'a new column with one default',
        `ALTER TABLE "Pair" ADD COLUMN r int DEFAULT 5`,
        'Pair',
        [{ columns: { r: 'integer' } }],
      ],
      [
        'a generated column, and another expression for it',
        `ALTER TABLE "Pair" ADD COLUMN r int GENERATED ALWAYS AS (n) STORED; ALTER TABLE "Pair" ALTER COLUMN r SET EXPRESSION AS (n + 1)`,
        'Pair',
        [
          { rewrites: ['default or expression of a column'] },
          {},
          { rewrites: ['default or expression of a column'] },
          {},
        ],
        17,
      ],
      ['a column dropped', `ALTER TABLE "Pair" DROP COLUMN n`, 'Pair', [{ columns: { a: 'integer', b: 'text' } }]],
      [
        'a column that goes with its type',
        `DROP TYPE mood CASCADE`,
        'Student',
        [{ command: 'DROP TYPE', object: 'public."Student".feels' }],
      ],
      [
        'a value of an enumeration renamed',
        `ALTER TYPE mood RENAME VALUE 'sad' TO 'forged'`,
        'Student',
        [{ command: 'ALTER TYPE', object: 'public.mood' }],
      ],
      [
        'a field of a row type renamed',
        `ALTER TYPE place RENAME ATTRIBUTE street TO road`,
        'Student',
        [{ command: 'ALTER TYPE', object: expect.stringContaining('place') as unknown }],
      ],
      [
        'a partition detached, changed and attached',
        `ALTER TABLE "Event" DETACH PARTITION "Event_2026"; UPDATE "Event_2026" SET what = 'unseen'; ALTER TABLE "Event" ATTACH PARTITION "Event_2026" FOR VALUES IN (2026)`,
        'Event',
        [
          { command: 'DROP TRIGGER', dropped: false },
          { command: 'ALTER TABLE', object: 'public."Event"' },
          { command: 'ALTER TABLE', children: ['public."Event_2026"'] },
        ],
      ],
      [
        'a child taken out',
        `ALTER TABLE "Teacher" NO INHERIT "Person"`,
        'Person',
        [{ command: 'ALTER TABLE', object: 'public."Teacher"', left: true }],
      ],
    ];

    it.each(MARKED)('%s', async (_what, sql, table, markers, since = 0) => {
      if (db.server.major < since) return;
      await owner.query(sql);
      const found = await db.recorded({ all: true });
      const seen = found.filter(({ operation, table_name: name }) => operation === 'DDL' && name.startsWith(table));
      expect(seen.map(({ marker }) => marker)).toMatchObject(markers);
      expect(seen.every(({ marker }) => marker?.role === db.roles.migrator)).toBe(true);
    });
  });

  describe('refused, with what to do, is', () => {
    const REFUSED: [what: string, sql: string, message: RegExp, everybody: boolean][] = [
      [
        'a hidden column under another name',
        `ALTER TABLE "Student" RENAME secret TO shown`,
        /column secret, which is hidden .* called shown and be seen/,
        true,
      ],
      [
        'what is generated from a hidden column',
        `ALTER TABLE "Student" ADD COLUMN shown text GENERATED ALWAYS AS (upper(secret)) STORED`,
        /column shown would be seen, which is generated from secret/,
        true,
      ],
      [
        'a row trigger that fires before the recorder',
        `CREATE TRIGGER "00_a" AFTER UPDATE ON "Pair" FOR EACH ROW EXECUTE FUNCTION nothing()`,
        /trigger 00_a would fire before its recorders; a name that sorts after 00_audit_update/,
        false,
      ],
      [
        'a statement trigger that does',
        `CREATE TRIGGER "!" AFTER INSERT ON "Event" EXECUTE FUNCTION nothing()`,
        /trigger ! would fire before/,
        false,
      ],
      [
        'one that comes from a parent',
        `CREATE TABLE parts (a int NOT NULL, b text NOT NULL, n int) PARTITION BY LIST (a); CREATE TRIGGER "!" AFTER INSERT ON parts FOR EACH ROW EXECUTE FUNCTION nothing();
         ALTER TABLE parts ATTACH PARTITION "Pair" DEFAULT`,
        /trigger ! would fire before/,
        false,
      ],
      [
        'a table that a crash empties',
        `ALTER TABLE "Pair" SET UNLOGGED`,
        /public\.Pair.* would be emptied by a crash/,
        false,
      ],
      [
        'such a partition',
        `CREATE UNLOGGED TABLE "Event_2027" PARTITION OF "Event" FOR VALUES IN (2027)`,
        /Event_2027 would be emptied by a crash/,
        false,
      ],
      [
        'a recorder taken off after it changed',
        `ALTER TABLE "Pair" ADD COLUMN f real; ALTER TABLE "Pair" DISABLE TRIGGER "00_audit_insert"`,
        /trigger 00_audit_insert .* would not record/,
        false,
      ],
    ];

    it.each(REFUSED)('%s', async (_what, sql, message, everybody) => {
      const NOTHING = `CREATE OR REPLACE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`;
      await expect(owner.query(`${NOTHING}; ${sql}`)).rejects.toMatchObject({
        code: '42501',
        message,
        hint: expect.stringContaining('coach:audit.tables') as unknown,
      });
      if (everybody) await expect(db.admin.query(sql)).rejects.toMatchObject({ code: '42501', message });
      expect((await db.plan()).steps).toEqual([]);
    });

    it('not a rename to a name that is hidden too', async () => {
      expect(
        await attempt(
          owner,
          `ALTER TABLE "Student" RENAME secret TO token; INSERT INTO "Student" (id, token) VALUES ('a', 'hunter2')`,
        ),
      ).toBe('done');
      expect(JSON.stringify(await db.recorded())).not.toContain('hunter');
    });
  });
});
