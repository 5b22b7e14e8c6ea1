import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { SqlState } from '../../../../postgres/connection/sqlstate';
import { freshDatabase, type TestDatabase } from '../../../support/database';
import { Sources } from '../source';
import { create, type Created, type CreateOptions } from './support';

let database: TestDatabase;
let sources: Sources;
let schemas = 0;
let schema: string;

beforeAll(async () => {
  database = await freshDatabase('transfer_schema');
  sources = new Sources();
});
afterAll(async () => {
  await database.drop();
  sources.remove();
});
beforeEach(async () => {
  schema = `made${++schemas}`;
  await database.client.query(`CREATE SCHEMA ${schema}; SET search_path = ${schema}`);
});
afterEach(() => database.client.query(`DROP SCHEMA ${schema} CASCADE`));

const createHere = (file: string, options: Partial<CreateOptions> = {}): Promise<Created> =>
  create(database.client, file, { schema, ...options });

async function rows(sql: string): Promise<unknown[][]> {
  const result = await database.client.query<unknown[]>({ text: sql, rowMode: 'array' });
  return result.rows;
}

/** `column type [NOT NULL] [DEFAULT ...]`, as psql would show them. */
async function columns(table: string): Promise<string[]> {
  const found = await rows(`
    SELECT a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
           || CASE a.attidentity WHEN 'd' THEN ' IDENTITY' ELSE '' END
           || coalesce(CASE WHEN a.attgenerated = 's' THEN ' AS ' ELSE ' DEFAULT ' END || pg_get_expr(d.adbin, d.adrelid), '')
      FROM pg_attribute AS a LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE a.attrelid = '${table}'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`);
  return found.map(([line]) => String(line));
}

/** Keys, CHECKs and foreign keys; then indexes that are none of these. */
async function constraints(table: string): Promise<string[]> {
  const found = await rows(`
    SELECT pg_get_constraintdef(k.oid) FROM pg_constraint AS k WHERE k.conrelid = '${table}'::regclass AND k.contype <> 'n'
    UNION ALL
    SELECT replace(pg_get_indexdef(x.indexrelid), ' ON ${schema}.', ' ON ') FROM pg_index AS x WHERE x.indrelid = '${table}'::regclass
       AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = x.indexrelid AND k.contype IN ('p', 'u'))
    ORDER BY 1`);
  return found.map(([line]) => String(line));
}

/** SQLSTATE of a statement that is to be refused. */
async function refusal(sql: string): Promise<unknown> {
  try {
    await database.client.query(sql);
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code;
  }
}
const notNullViolation = '23502';
const checkViolation = '23514';

describe('columns', () => {
  it('get the type that is declared, and where none is, that of their values', async () => {
    const file = sources.make(
      `CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b VARCHAR(3) NOT NULL, c DOUBLE, d DECIMAL(10, 2), e BLOB, f BOOLEAN, g DATETIME, h DATE, i TIME, j JSON,
         k UUID, l, m, n, o STRING, p ANY, q "unsigned big int", r POINT)`,
      `INSERT INTO t VALUES (7, 5000000000, 'longer than 3', 0.1, 12.345, x'00ff', 1, '2024-02-29 12:30:00', '2024-02-29', '23:59:58', '{"a":[1]}',
         '6f1b2f0e-0000-4000-8000-00000000000a', 1, 'x', 1.5, '007', x'01', 18, 'p')`,
      `INSERT INTO t (b, g, l, n, f) VALUES ('', 1700000000000, 2, 3, 0)`,
    );
    const { notes } = await createHere(file);
    expect(await columns('t')).toEqual([
      'id bigint NOT NULL IDENTITY',
      'a bigint',
      'b text NOT NULL',
      'c double precision',
      'd numeric',
      'e bytea',
      'f boolean',
      'g timestamp without time zone',
      'h date',
      'i time without time zone',
      'j jsonb',
      'k uuid',
      'l bigint',
      'm text',
      'n double precision',
      'o bigint',
      'p bytea',
      'q bigint',
      'r text',
    ]);
    expect(
      await rows(
        'SELECT id::text, a::text, b, c, d::text, f, g::text, h::text, i::text, j, l::text, n, o::text, r FROM t ORDER BY id',
      ),
    ).toEqual([
      [
        '7',
        '5000000000',
        'longer than 3',
        0.1,
        '12.345',
        true,
        '2024-02-29 12:30:00',
        '2024-02-29',
        '23:59:58',
        { a: [1] },
        '1',
        1.5,
        '7',
        'p',
      ],
      ['8', null, '', null, null, false, '2023-11-14 22:13:20', null, null, null, '2', 3, null, null],
    ]);
    expect(notes).toContain('t.l: has no type and holds 2 integers');
    expect(notes).toContain('t.o: is declared "STRING" and holds 1 integers');
    // The next id is one that was never there.
    expect(await rows(`INSERT INTO t (b) VALUES ('next') RETURNING id::text`)).toEqual([['9']]);
  });

  it('whose values are other than what is declared become what these are, and lose nothing', async () => {
    const file = sources.make(
      `CREATE TABLE t (truth BOOLEAN, seconds DATETIME, day DATE, doc JSON, uid UUID, clock TIME)`,
      `INSERT INTO t VALUES (2, 1700000000, '2024-02-29 10:00:00', 'no json', 'no uuid', 'noon'), (1, NULL, '2024-03-01', '[]', NULL, '12:00')`,
    );
    const { notes } = await createHere(file);
    expect(await columns('t')).toEqual([
      'truth bigint',
      'seconds bigint',
      'day timestamp without time zone',
      'doc text',
      'uid text',
      'clock text',
    ]);
    expect(await rows('SELECT truth::text, seconds::text, day::text, doc, uid, clock FROM t ORDER BY 1 DESC')).toEqual([
      ['2', '1700000000', '2024-02-29 10:00:00', 'no json', 'no uuid', 'noon'],
      ['1', null, '2024-03-01 00:00:00', '[]', null, '12:00'],
    ]);
    expect(notes.map((note) => note.split(':')[0])).toEqual(['t.truth', 't.seconds', 't.doc', 't.uid', 't.clock']);
  });

  it('of STRICT tables and of tables without rows are made by what is declared; a reference without a type is like its key', async () => {
    const file = sources.make(
      `CREATE TABLE s (id INTEGER PRIMARY KEY, a ANY, b INT NOT NULL, c REAL) STRICT; INSERT INTO s VALUES (1, 'x', 2, 3)`,
      `CREATE TABLE e (id TEXT PRIMARY KEY, a, b DATETIME, c STRING, d BOOL, up REFERENCES s, own REFERENCES e)`,
    );
    await createHere(file);
    expect(await columns('s')).toEqual([
      'id bigint NOT NULL IDENTITY',
      'a text',
      'b bigint NOT NULL',
      'c double precision',
    ]);
    expect(await columns('e')).toEqual([
      'id text NOT NULL',
      'a text',
      'b timestamp without time zone',
      'c numeric',
      'd boolean',
      'up bigint',
      'own text',
    ]);
  });

  it('with a cast are times', async () => {
    const file = sources.make(
      `CREATE TABLE t (at INTEGER, seconds DATETIME)`,
      `INSERT INTO t VALUES (1700000000, 1700000000)`,
    );
    await createHere(file, { casts: { 't.at': 'unixepoch-s', 't.seconds': 'unixepoch-s' } });
    expect(await rows('SELECT at::text, seconds::text FROM t')).toEqual([
      ['2023-11-14 22:13:20', '2023-11-14 22:13:20'],
    ]);
  });

  it('keep defaults that PostgreSQL can say, and say which it cannot', async () => {
    const file = sources.make(
      `CREATE TABLE t (a INTEGER DEFAULT -5, b TEXT DEFAULT 'it''s', c BOOLEAN DEFAULT 1, d REAL DEFAULT 1e3, e TEXT DEFAULT (1 + 2), f INTEGER DEFAULT '7',
         g DATETIME DEFAULT CURRENT_TIMESTAMP, h TEXT DEFAULT (datetime('now')), i DATE DEFAULT (date('now')), j INTEGER DEFAULT (unixepoch()),
         k INTEGER DEFAULT (strftime('%s', 'now') * 1000), l TEXT DEFAULT (lower(hex(randomblob(16)))), m BLOB DEFAULT x'0aff', n TEXT DEFAULT word, o TEXT DEFAULT "double",
         p JSON DEFAULT '{"a": 1}', q DATETIME DEFAULT '2024-01-01', r TEXT DEFAULT NULL, s INTEGER DEFAULT (abs(-3) + 60 * 60 * 24 * 365 * 1000), t DECIMAL DEFAULT 0.10,
         u TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
         x1 INTEGER DEFAULT 'abc', x2 TEXT DEFAULT (strftime('%Y')), x3 DATETIME DEFAULT '2024-13-01', x4 INTEGER DEFAULT (random()), x5 TEXT DEFAULT (strftime('%Y-%M-%DT%H:%m:%fZ', 'now')))`,
    );
    const { notes } = await createHere(file);
    await database.client.query('INSERT INTO t DEFAULT VALUES');
    const [row] =
      await rows(`SELECT a::text, b, c, d, e, f::text, abs(extract(epoch FROM now() AT TIME ZONE 'UTC' - g)) < 60, h ~ '^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d$',
      i = (now() AT TIME ZONE 'UTC')::date, abs(extract(epoch FROM now()) - j) < 60, k / 1000 - j BETWEEN 0 AND 1, l ~ '^[0-9a-f]{32}$', m, n, o, p, q::text, r, s::text, t::text,
      u ~ '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$', x1, x2, x3, x4, x5 FROM t`);
    expect(row).toEqual([
      ...[
        '-5',
        `it's`,
        true,
        1000,
        '3',
        '7',
        true,
        true,
        true,
        true,
        true,
        true,
        Buffer.from('0aff', 'hex'),
        'word',
        'double',
      ],
      ...[{ a: 1 }, '2024-01-01 00:00:00', null, '31536000003', '0.10', true, null, null, null, null, null],
    ]);
    expect(notes).toEqual([
      `t.x1: the default 'abc': is the text "abc", no bigint; it is left out`,
      `t.x2: the default strftime('%Y'): calls strftime(text); it is left out`,
      `t.x3: the default '2024-13-01': is the text "2024-13-01", no timestamp; it is left out`,
      `t.x4: the default random(): calls random(); it is left out`,
      `t.x5: the default strftime('%Y-%M-%DT%H:%m:%fZ', 'now'): calls strftime(text, text); it is left out`,
    ]);
  });

  it('that are generated are computed where that means the same, else filled', async () => {
    const file = sources.make(
      `CREATE TABLE t (a INTEGER, b TEXT, twice INTEGER GENERATED ALWAYS AS (a * 2) STORED NOT NULL, low TEXT AS (lower(b)) VIRTUAL UNIQUE, year TEXT AS (strftime('%Y', b)),
         both TEXT AS (low || a), half REAL AS (a / 2))`,
      `INSERT INTO t (a, b) VALUES (5, '2024-01-01'), (-3, 'ÄBC')`,
    );
    const { notes } = await createHere(file);
    expect(await columns('t')).toEqual([
      'a bigint',
      'b text',
      'twice bigint NOT NULL AS (a * (2)::bigint)',
      'low text AS lower((b COLLATE "C"))',
      'year text',
      'both text',
      'half double precision AS ((a / NULLIF((2)::bigint, 0)))::double precision',
    ]);
    expect(await rows('SELECT a::text, b, twice::text, low, year, "both", half FROM t ORDER BY a')).toEqual([
      ['-3', 'ÄBC', '-6', 'Äbc', null, 'Äbc-3', -1],
      ['5', '2024-01-01', '10', '2024-01-01', '2024', '2024-01-015', 2],
    ]);
    expect(notes).toHaveLength(2);
    expect(notes[0]).toContain('t.year: what computes it: calls strftime(text, text)');
    expect(notes[1]).toContain('t.both: what computes it: names "low", which is computed itself');
    expect(await refusal(`INSERT INTO t (a, b) VALUES (1, 'äBC'), (2, 'äbc')`)).toBe(SqlState.uniqueViolation);
  });
});

describe('rules', () => {
  it('of keys, uniqueness, NOT NULL and CHECK hold as they did', async () => {
    const file = sources.make(
      `CREATE TABLE t (b TEXT, a INTEGER NOT NULL, email TEXT COLLATE NOCASE UNIQUE, padded TEXT COLLATE RTRIM, state TEXT CHECK (state IN ('on', 'off')), low INTEGER, high INTEGER,
         x REAL, PRIMARY KEY (a, b), UNIQUE (high, low), CONSTRAINT ordered CHECK (low <= high), CHECK (typeof(x) = 'real'), CHECK (b GLOB '[a-z]*' AND length(b) < 5)) WITHOUT ROWID`,
      `CREATE UNIQUE INDEX "Only On" ON t (low DESC) WHERE state = 'on'`,
      `CREATE INDEX plain ON t (x, b DESC)`,
      `CREATE INDEX "by length" ON t (length(b), lower(state) DESC)`,
      `CREATE UNIQUE INDEX pad ON t (padded)`,
      `INSERT INTO t VALUES ('a', 1, 'A@x', 'p ', 'on', 1, 2, 1.5), ('b', 1, 'B@x', 'q', 'off', 1, 3, 2)`,
    );
    const { notes } = await createHere(file);
    expect(await constraints('t')).toEqual([
      `CHECK ((\nCASE\n    WHEN (x IS NULL) THEN 'null'::text\n    ELSE 'real'::text\nEND = 'real'::text))`,
      `CHECK ((((b COLLATE "C") ~ '^(?:[a-z].*)$'::text) AND (length(b) < 5)))`,
      `CHECK (((state = 'on'::text) OR (state = 'off'::text)))`,
      'CHECK ((low <= high))',
      'CREATE INDEX "by length" ON t USING btree (length(b), lower((state COLLATE "C")) DESC)',
      'CREATE INDEX plain ON t USING btree (x, b DESC)',
      `CREATE UNIQUE INDEX "Only On" ON t USING btree (low DESC) WHERE (state = 'on'::text)`,
      `CREATE UNIQUE INDEX pad ON t USING btree (rtrim(padded, ' '::text))`,
      'CREATE UNIQUE INDEX t_lower_idx ON t USING btree (lower((email COLLATE "C")))',
      'PRIMARY KEY (a, b)',
      'UNIQUE (high, low)',
    ]);
    const insert = (values: string): Promise<unknown> => refusal(`INSERT INTO t VALUES (${values})`);
    expect(await insert(`'a', 1, NULL, NULL, NULL, NULL, NULL, 1`)).toBe(SqlState.uniqueViolation);
    expect(await insert(`'c', NULL, NULL, NULL, NULL, NULL, NULL, 1`)).toBe(notNullViolation);
    expect(await insert(`NULL, 1, NULL, NULL, NULL, NULL, NULL, 1`)).toBe(notNullViolation);
    expect(await insert(`'c', 1, 'a@X', NULL, NULL, NULL, NULL, 1`)).toBe(SqlState.uniqueViolation);
    expect(await insert(`'c', 1, NULL, 'p    ', NULL, NULL, NULL, 1`)).toBe(SqlState.uniqueViolation);
    expect(await insert(`'c', 1, NULL, NULL, 'ON', NULL, NULL, 1`)).toBe(checkViolation);
    expect(await insert(`'c', 1, NULL, NULL, NULL, 3, 2, 1`)).toBe(checkViolation);
    expect(await insert(`'c', 1, NULL, NULL, NULL, 1, 2, 1`)).toBe(SqlState.uniqueViolation);
    expect(await insert(`'c', 1, NULL, NULL, 'on', 1, 9, 1`)).toBe(SqlState.uniqueViolation);
    expect(await insert(`'c', 1, NULL, NULL, NULL, NULL, NULL, NULL`)).toBe(checkViolation);
    expect(await insert(`'C', 1, NULL, NULL, NULL, NULL, NULL, 1`)).toBe(checkViolation);
    expect(await insert(`'c', 1, 'Ä@x', NULL, 'off', 1, 4, 1`)).toBe(undefined);
    // NOCASE folds the letters of ASCII alone.
    expect(await insert(`'d', 1, 'ä@x', NULL, 'off', 1, 5, 1`)).toBe(undefined);
    expect(notes.map((note) => note.split(':')[0])).toEqual(['t.email', 't.padded']);
  });

  it('of references hold, in cycles and deferred too; those that cannot are named', async () => {
    const file = sources.make(
      'PRAGMA foreign_keys = off',
      `CREATE TABLE child (id INTEGER PRIMARY KEY, up INTEGER REFERENCES "Parent" ON DELETE CASCADE ON UPDATE SET NULL, self INTEGER REFERENCES child DEFERRABLE INITIALLY DEFERRED,
         k1 TEXT, k2 TEXT, open REFERENCES parent, lost INTEGER REFERENCES nowhere(id), kind TEXT REFERENCES parent(id), nokey INTEGER REFERENCES parent(other),
         mail TEXT REFERENCES parent(mail), now INTEGER REFERENCES parent(id) NOT DEFERRABLE INITIALLY DEFERRED, FOREIGN KEY (k2, k1) REFERENCES pair (b, a) DEFERRABLE)`,
      `CREATE TABLE parent (id INTEGER PRIMARY KEY, other INTEGER, mail TEXT COLLATE NOCASE UNIQUE, favourite INTEGER REFERENCES child(id) ON DELETE SET NULL)`,
      `CREATE TABLE pair (a TEXT, b TEXT, PRIMARY KEY (a, b))`,
      `INSERT INTO parent VALUES (1, 1, 'm', 1); INSERT INTO pair VALUES ('x', 'y'); INSERT INTO child (id, up, self, k1, k2, lost) VALUES (1, 1, 2, 'x', 'y', 99), (2, 1, 2, NULL, 'z', 0)`,
    );
    const { notes } = await createHere(file);
    expect((await constraints('child')).filter((line) => line.startsWith('FOREIGN'))).toEqual([
      'FOREIGN KEY (k2, k1) REFERENCES pair(b, a) DEFERRABLE',
      'FOREIGN KEY (now) REFERENCES parent(id)',
      'FOREIGN KEY (open) REFERENCES parent(id)',
      'FOREIGN KEY (self) REFERENCES child(id) DEFERRABLE INITIALLY DEFERRED',
      'FOREIGN KEY (up) REFERENCES parent(id) ON UPDATE SET NULL ON DELETE CASCADE',
    ]);
    expect(notes).toEqual(
      expect.arrayContaining([
        'child: the foreign key (lost) to nowhere: refers to a table that is neither there nor made; it is left out',
        'child: the foreign key (kind) to parent: compares text with bigint; it is left out',
        'child: the foreign key (nokey) to parent: refers to what is no key on PostgreSQL; it is left out',
        'child: the foreign key (mail) to parent: refers to what is no key on PostgreSQL; it is left out',
      ]),
    );
    expect(await refusal('INSERT INTO child (up) VALUES (77)')).toBe(SqlState.foreignKeyViolation);
    await database.client.query('DELETE FROM parent');
    expect(await rows('SELECT count(*)::text FROM child')).toEqual([['0']]);
  });
});

describe('tables', () => {
  it('that are there are used as they are, and referred to', async () => {
    await database.client.query(
      `CREATE TABLE parent (id int PRIMARY KEY, name varchar(20) NOT NULL UNIQUE, more text DEFAULT 'd')`,
    );
    const file = sources.make(
      'PRAGMA foreign_keys = off',
      `CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO parent VALUES (1, 'n')`,
      `CREATE TABLE child (id INTEGER PRIMARY KEY AUTOINCREMENT, up INTEGER REFERENCES parent, name TEXT REFERENCES parent(name)); INSERT INTO child VALUES (40, 1, 'n'); DELETE FROM child`,
    );
    const { schema: plan } = await createHere(file);
    expect(plan.tables).toEqual(['child']);
    expect(await columns('parent')).toEqual([
      'id integer NOT NULL',
      'name character varying(20) NOT NULL',
      `more text DEFAULT 'd'::text`,
    ]);
    expect(await rows('SELECT * FROM parent')).toEqual([[1, 'n', 'd']]);
    expect(await rows('INSERT INTO child (up) VALUES (1) RETURNING id::text')).toEqual([['41']]);
    expect(await refusal(`INSERT INTO child (name) VALUES ('other')`)).toBe(SqlState.foreignKeyViolation);
  });

  it('of tools stay behind; what is excluded is not made, nor what needs it', async () => {
    const file = sources.make(
      `CREATE TABLE t (id INTEGER PRIMARY KEY, secret TEXT UNIQUE, CHECK (length(secret) > 3)); CREATE INDEX i ON t (secret, id); INSERT INTO t VALUES (1, 'long')`,
      `CREATE TABLE other (x); CREATE TABLE _litestream_seq (id); CREATE TABLE knex_migrations (id); CREATE VIRTUAL TABLE search USING fts5(body)`,
      `CREATE TRIGGER stamp AFTER INSERT ON t BEGIN SELECT 1; END; CREATE TRIGGER elsewhere AFTER INSERT ON other BEGIN SELECT 1; END; CREATE VIEW v AS SELECT 1`,
    );
    const { schema: plan, notes } = await createHere(file, { exclude: ['other', 't.secret'] });
    expect(plan.tables).toEqual(['t']);
    expect(await columns('t')).toEqual(['id bigint NOT NULL IDENTITY']);
    expect(notes).toEqual([
      't: UNIQUE (secret): has the column secret, which is excluded; it is left out',
      't: CHECK (length ( secret ) > 3): names "secret", which is no column; it is left out',
      't: the index i: has the column secret, which is excluded; it is left out',
      't: the trigger stamp is left out; write it for PostgreSQL',
      'v: the view v is left out; write it for PostgreSQL',
    ]);
  });

  it('with names of every kind are made; those that PostgreSQL cannot have are refused all at once', async () => {
    const long = `l${'ä'.repeat(40)}`;
    const file = sources.make(
      `CREATE TABLE "select" ("Order" INTEGER PRIMARY KEY, "a""b" TEXT UNIQUE, [c]]d] TEXT, \`user\` TEXT CHECK ("user" <> 'root'), 'quoted' TEXT COLLATE NOCASE)`.replace(
        '[c]]d]',
        '[c d]',
      ),
      `CREATE TABLE "${long}" ("${long}" INTEGER, v TEXT); CREATE INDEX "${long}2" ON "${long}" ("${long}"); INSERT INTO "${long}" VALUES (1, 'v')`,
      // Names that PostgreSQL would choose by itself for keys and sequences.
      `CREATE TABLE t (id INTEGER PRIMARY KEY, u TEXT UNIQUE); CREATE TABLE t_id_seq (id INTEGER PRIMARY KEY); CREATE TABLE t_pkey (x); CREATE INDEX t_u_key ON t_pkey (x)`,
      `INSERT INTO "select" VALUES (3, 'x', 'y', 'z', 'q')`,
    );
    const { notes } = await createHere(file);
    expect(await rows(`SELECT * FROM "select"`)).toEqual([['3', 'x', 'y', 'z', 'q']]);
    const cut = `l${'ä'.repeat(31)}`;
    expect(await rows(`SELECT * FROM "${cut}"`)).toEqual([['1', 'v']]);
    expect(notes.filter((note) => note.startsWith(long))).toEqual([
      `${long}.${long}: PostgreSQL cuts the name to ${cut}`,
      `${long}: PostgreSQL cuts the name to ${cut}`,
      `${long}: the index ${long}2: the name is too long or taken; PostgreSQL chooses another`,
    ]);
    const odd = sources.make(
      `CREATE TABLE "" (id INTEGER); CREATE TABLE s (xmin INTEGER, "" TEXT, ok TEXT)`,
      `CREATE TABLE "${long}1" (id); CREATE TABLE "${long}2" (id)`,
    );
    await database.client.query(`DROP TABLE "${cut}"`);
    const { schema: refused } = await createHere(odd);
    expect(refused.problems.map(({ code, object }) => `${code} ${object}`)).toEqual([
      'schema-name ',
      `schema-name ${long}2`,
      'schema-name s.xmin',
      'schema-name s.',
    ]);
  });

  it('of a hostile source run nothing of it', async () => {
    await database.client.query('CREATE TABLE victim (id int)');
    const evil = `'); DROP TABLE victim; --`;
    const doubled = evil.replaceAll("'", "''");
    const file = sources.make(
      `CREATE TABLE "t""); DROP TABLE victim; --" (id INTEGER PRIMARY KEY, "c'); DROP TABLE victim; --" TEXT DEFAULT '${doubled}' CHECK ("c'); DROP TABLE victim; --" <> '${doubled}x'),
         d TEXT DEFAULT "\\'); DROP TABLE victim; --", e "int); DROP TABLE victim; --" DEFAULT 1, f TEXT AS ('\\' || d || '${doubled}'), g TEXT COLLATE "NOCASE" UNIQUE)`,
      `CREATE INDEX "i""); DROP TABLE victim; --" ON "t""); DROP TABLE victim; --" (d || '${doubled}') WHERE d LIKE '%${doubled}\\'`,
      `INSERT INTO "t""); DROP TABLE victim; --" (id) VALUES (1)`,
    );
    await createHere(file);
    expect(await rows('SELECT count(*)::text FROM victim')).toEqual([['0']]);
    const [row] = await rows(`SELECT * FROM "t""); DROP TABLE victim; --"`);
    expect(row).toEqual(['1', evil, `\\'); DROP TABLE victim; --`, '1', `\\\\'); DROP TABLE victim; --${evil}`, null]);
  });

  it('are not there after a load that is refused, and a statement that PostgreSQL refuses is named', async () => {
    const bad = sources.make(
      `CREATE TABLE good (id INTEGER); CREATE TABLE t (id INTEGER NOT NULL); INSERT INTO t VALUES ('no number')`,
    );
    await expect(createHere(bad)).rejects.toMatchObject({ code: 'values-refused' });
    const wide = sources.make(
      `CREATE TABLE good (id INTEGER); CREATE TABLE wide (${Array.from({ length: 1700 }, (_, at) => `c${at} INTEGER`).join(', ')})`,
    );
    await expect(createHere(wide)).rejects.toMatchObject({ code: 'schema-statement' });
    expect(await rows(`SELECT count(*)::text FROM pg_class WHERE relnamespace = '${schema}'::regnamespace`)).toEqual([
      ['0'],
    ]);
  });
});
