import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';

import Database from 'libsql';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { encodersOf, storedRows } from '../../../postgres/transfer/load/storedRows';
import { layoutOf } from '../../../postgres/transfer/source/layout';
import { openSource } from '../../../postgres/transfer/source/open';
import { isPlainJson } from '../../../postgres/transfer/values/plainJson';
import { freshDatabase, type TestDatabase } from '../../support/database';
import { load, planOf, policies, Sources } from './source';

let database: TestDatabase;
let sources: Sources;

beforeAll(async () => {
  database = await freshDatabase('transfer_stored_rows');
  sources = new Sources();
});
afterAll(async () => {
  await database.drop();
  sources.remove();
});
beforeEach(() => database.client.query('CREATE SCHEMA app; SET search_path = app'));
afterEach(() => database.client.query('DROP SCHEMA app CASCADE'));

/** Loads, verifies, and says how many rows had to be converted one by one. */
async function converted(file: string, options = {}): Promise<number[]> {
  const { tables } = await load(database.client, file, { schema: 'app', ...options });
  return tables.map((table) => table.converted);
}

async function rows(sql: string): Promise<unknown[][]> {
  const result = await database.client.query<unknown[]>({ text: sql, rowMode: 'array' });
  return result.rows;
}

const NUMBERS = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)';

describe('rows as they are stored', () => {
  it('of every type arrive without a conversion, the last of each range too', async () => {
    await database.client.query(`
      CREATE TYPE mood AS ENUM ('good', 'très bon');
      CREATE TABLE t (id bigint PRIMARY KEY, small smallint, whole int, yes boolean, number double precision, single real, at timestamp(3), zoned timestamptz, day date,
                      words text, short varchar(3), padded char(3), plain json, packed jsonb, uid uuid, bytes bytea, m mood)`);
    const file = sources.make(
      `CREATE TABLE t (id INTEGER PRIMARY KEY, small, whole INTEGER, yes BOOLEAN, number REAL, single REAL, at DATETIME, zoned DATETIME, day DATETIME,
                       words TEXT, short TEXT, padded TEXT, plain, packed JSONB, uid TEXT, bytes BLOB, m TEXT)`,
      `INSERT INTO t VALUES
        (-9223372036854775000, -32768, -2147483648, 0, 0.1, -0.5, -62135596800000, -1001, -62135596800000, '', '', '', '1', '[]', '00000000-0000-0000-0000-00000000000f', x'', 'good'),
        (4611686018427387904, 32767, 2147483647, 1, 1e308, 5, 253402300799999, 1735689600123, 253402214400000, 'ünï😀', 'éé😀', 'ab', ' {"a" : [1, -0.5, null], "b": "\\n\\"é"} ', '{"b":{},"a":true}',
         'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', x'00ff', 'très bon'),
        (5, 1, -1, 9223372036854775807, 7, 16777216, '2024-02-29 23:59:59', '2024-02-29T23:59:59.001Z', '2000-02-29', 'x', 'x', 'xyz', 'true', 'null', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', x'01', NULL)`,
    );
    expect(await converted(file)).toEqual([0]);
    expect(
      await rows(
        'SELECT id::text, small, whole, yes, number, single, at::text, zoned AT TIME ZONE $$UTC$$ || $$$$, day::text, words, short, padded, plain::text, packed::text, uid::text, bytes::text, m FROM t ORDER BY t.id',
      ),
    ).toEqual([
      // prettier-ignore
      ['-9223372036854775000', -32768, -2147483648, false, 0.1, -0.5, '0001-01-01 00:00:00', '1969-12-31 23:59:58.999', '0001-01-01', '', '', '   ', '1', '[]',
       '00000000-0000-0000-0000-00000000000f', '\\x', 'good'],
      // prettier-ignore
      ['5', 1, -1, true, 7, 16777216, '2024-02-29 23:59:59', '2024-02-29 23:59:59.001', '2000-02-29', 'x', 'x', 'xyz', 'true', 'null',
       'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '\\x01', null],
      // prettier-ignore
      ['4611686018427387904', 32767, 2147483647, true, 1e308, 5, '9999-12-31 23:59:59.999', '2025-01-01 00:00:00.123', '9999-12-31', 'ünï😀', 'éé😀', 'ab ',
       ' {"a" : [1, -0.5, null], "b": "\\n\\"é"} ', '{"a": true, "b": {}}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '\\x00ff', 'très bon'],
    ]);
  });

  it('that one hostile value stands in, among thousands of clean ones, are found', async () => {
    const hostile: Record<string, [type: string, value: string, kind: string]> = {
      nul: ['text', `'a' || char(0) || 'b'`, 'nul-byte'],
      utf8: ['text', `CAST(x'61ff' AS TEXT)`, 'invalid-utf8'],
      surrogate: ['text', `CAST(x'eda080' AS TEXT)`, 'invalid-utf8'],
      long: ['varchar(5)', `'éééééé'`, 'too-long'],
      big: ['int', '2147483648', 'out-of-range'],
      bigger: ['int', '4294967301', 'out-of-range'],
      small: ['smallint', '-32769', 'out-of-range'],
      word: ['int', `'five'`, 'invalid-value'],
      fraction: ['int', '1.5', 'precision'],
      exact: ['double precision', '9007199254740993', 'precision'],
      single: ['real', '0.1', 'precision'],
      date: ['timestamp(3)', `'2023-02-29 00:00:00'`, 'invalid-date'],
      hour: ['timestamp(3)', `'2023-02-28 25:00:00'`, 'invalid-date'],
      coarse: ['timestamp(0)', '1735689600001', 'precision'],
      noon: ['date', '1735732800000', 'precision'],
      json: ['jsonb', `'{"a":1,}'`, 'invalid-json'],
      control: ['jsonb', `'"' || char(10) || '"'`, 'invalid-json'],
      half: ['jsonb', `'"\\ud800"'`, 'invalid-json'],
      uuid: ['uuid', `'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1g'`, 'invalid-value'],
      nothing: ['int NOT NULL', 'NULL', 'not-null'],
    };
    const clean: Record<string, string> = {
      text: `'x'`,
      varchar: `'x'`,
      timestamp: '1000',
      date: '0',
      jsonb: `'{}'`,
      uuid: `'00000000-0000-0000-0000-000000000000'`,
    };
    for (const [name, [type]] of Object.entries(hostile))
      await database.client.query(`CREATE TABLE "${name}" (id int PRIMARY KEY, v ${type})`);
    const file = sources.make(
      ...Object.entries(hostile).map(
        ([name, [type, value]]) =>
          `CREATE TABLE "${name}" (id INTEGER PRIMARY KEY, v); ${NUMBERS} INSERT INTO "${name}" SELECT i, iif(i = 1999, ${value}, ${clean[/^\w+/.exec(type)?.[0] ?? ''] ?? '1'}) FROM n`,
      ),
    );
    const { tables, issues } = await load(database.client, file, { schema: 'app', policies: policies('reject') });
    expect(Object.fromEntries(issues.map(({ table, key, kind }) => [table, `${key} ${kind}`]))).toEqual(
      Object.fromEntries(Object.entries(hostile).map(([name, [, , kind]]) => [name, `id=1999 ${kind}`])),
    );
    expect(new Set(tables.map((table) => `${table.converted} of ${table.rows}, ${table.loaded} loaded`))).toEqual(
      new Set(['1 of 3000, 2999 loaded']),
    );
  });

  it('are those whose checksum SQLite writes exactly, whatever stands in a column of whatever type', async () => {
    const types = [
      ...[
        'smallint',
        'int',
        'bigint',
        'boolean',
        'double precision',
        'real',
        'timestamp(3)',
        'timestamp(0)',
        'timestamptz',
        'date',
      ],
      ...['text', 'varchar(3)', 'char(3)', 'json', 'jsonb', 'uuid', 'bytea', 'mood'],
    ];
    const times = [
      -62135596800001, -62135596800000, -86400001, -86400000, -1001, -1000, -999, -1, 1, 5, 999, 1000, 86399999,
      86400000, 1735689600123,
    ];
    const values = [
      ...[
        'NULL',
        '0',
        '1',
        '-1',
        '32768',
        '2147483648',
        '4294967296',
        '-4294967297',
        '9007199254740992',
        '9007199254740993',
        '9223372036854775807',
      ],
      ...[...times, 253402300799999, 253402300800000].map(String),
      ...['0.0', '-0.0 * 1', '0.5', '1.0', '1e300', '9e999', '-9e999', '0.1', '16777216.0', '1735689600000.0'],
      ...[
        `''`,
        `'x'`,
        `'abc'`,
        `'éé😀'`,
        `'abcd'`,
        `'ab '`,
        `'it''s'`,
        `'a,b'`,
        `'a' || char(10) || 'b'`,
        `'NULL'`,
        `'1'`,
        `'true'`,
        `'[1, 2]'`,
        `'{"b":1,"a":"x"}'`,
      ],
      ...[`'{"a":1,"a":2}'`, `'"\\u0041"'`, `'1e5'`, `'-0.0'`, `char(0)`, `CAST(x'ff' AS TEXT)`],
      ...[
        `'1970-01-01 00:00:00'`,
        `'1970-01-01 23:59:59.999'`,
        `'1970-01-02 00:00:00'`,
        `'2024-02-29T12:34:56.789Z'`,
        `'2024-02-29T12:34:56.789+00:00'`,
      ],
      ...[
        `'2024-02-29T12:34:56Z'`,
        `'2024-02-29T12:34:56+00:00'`,
        `'2024-02-29T12:34:56.7Z'`,
        `'2024-02-29 24:00:00'`,
        `'0999-01-01'`,
        `'2024-02-29'`,
        `'1969-12-31'`,
        `'2023-02-29'`,
      ],
      ...[
        `'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'`,
        `'a0eebc999c0b4ef8bb6d6bb9bd380a11'`,
        `x'a0eebc999c0b4ef8bb6d6bb9bd380a11'`,
        `x''`,
        `x'00'`,
      ],
    ];
    await database.client.query(`CREATE TYPE mood AS ENUM ('x', 'abc')`);
    for (const declared of ['', 'REAL', 'TEXT', 'INTEGER']) {
      await database.client.query(
        types.map((type, index) => `CREATE TABLE t${index} (id int PRIMARY KEY, v ${type})`).join('; '),
      );
      const file = sources.make(
        ...types.map(
          (_, index) =>
            `CREATE TABLE t${index} (id INTEGER PRIMARY KEY, v ${declared}); ${values.map((value, id) => `INSERT INTO t${index} VALUES (${id}, ${value})`).join('; ')}`,
        ),
      );
      // The library keeps a lock on what it has read.
      copyFileSync(file, `${file}.copy`);
      const source = openSource(`${file}.copy`);
      const { tables } = await planOf(database.client, source, { schema: 'app' });
      const others = tables.flatMap((table) => {
        const [layout, encoders] = [layoutOf(source, table.source), encodersOf(table)];
        if (layout === undefined || encoders === undefined) return [];
        const chunks = [...storedRows(source, table, layout, encoders)];
        return [`DELETE FROM ${table.source.name} WHERE id IN (${chunks.flatMap((chunk) => chunk.others).join(', ')})`];
      });
      source.close();
      expect(others.length).toBe(declared === 'REAL' ? 2 : types.length);
      const writer = new Database(file);
      for (const statement of others) writer.exec(statement);
      writer.close();
      const loaded = await load(database.client, file, { schema: 'app', policies: policies('reject') });
      if (declared === '') expect(loaded.tables.map((table) => table.converted)).toEqual(types.map(() => 0));
      expect(loaded.tables.every((table) => table.loaded > (declared === '' ? 1 : 0) && table.checksum !== null)).toBe(
        true,
      );
      await database.client.query(`DROP TABLE ${types.map((_, index) => `t${index}`).join(', ')}`);
    }
  });

  it('that need a closer look arrive beside the others, however many change places with them', async () => {
    await database.client.query('CREATE TABLE t (id int PRIMARY KEY, v int)');
    const file = sources.make(
      `CREATE TABLE t (id INTEGER PRIMARY KEY, v); ${NUMBERS} INSERT INTO t SELECT i, iif(i % 3 = 0, ' ' || i, i) FROM n`,
    );
    expect(await converted(file)).toEqual([1000]);
    expect(await rows('SELECT count(*)::int, count(*) FILTER (WHERE id = v)::int FROM t')).toEqual([[3000, 3000]]);
  });

  it('that are older than a column have what it was added with', async () => {
    await database.client.query(
      'CREATE TABLE t (id int PRIMARY KEY, added text, later int, empty text, big double precision, one text NOT NULL)',
    );
    const file = sources.make(
      'CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (2)',
      `ALTER TABLE t ADD COLUMN added TEXT DEFAULT 'é'; INSERT INTO t VALUES (3, 'own')`,
      `ALTER TABLE t ADD COLUMN later INTEGER DEFAULT -70000; ALTER TABLE t ADD COLUMN empty TEXT`,
      `ALTER TABLE t ADD COLUMN big REAL DEFAULT 3; ALTER TABLE t ADD COLUMN one TEXT NOT NULL DEFAULT 'y'; INSERT INTO t VALUES (4, NULL, NULL, '', NULL, 'z')`,
    );
    expect(await converted(file)).toEqual([0]);
    expect(await rows('SELECT * FROM t ORDER BY id')).toEqual([
      [1, 'é', -70000, null, 3, 'y'],
      [2, 'é', -70000, null, 3, 'y'],
      [3, 'own', -70000, null, 3, 'y'],
      [4, null, null, '', null, 'z'],
    ]);
  });

  it.each([512, 4096, 65536])(
    'of every length around those at which they leave their page of %i bytes arrive',
    async (size) => {
      await database.client.query('CREATE TABLE t (id int PRIMARY KEY, v text, w int)');
      const lengths = [size - 60, size, 2 * size - 60, 5 * size].flatMap((from) =>
        Array.from({ length: 60 }, (_, more) => from + more),
      );
      const file = sources.make(
        `PRAGMA page_size = ${size}; PRAGMA auto_vacuum = FULL; CREATE TABLE t (v TEXT, w INTEGER, id INTEGER PRIMARY KEY)`,
        `INSERT INTO t (v, w) SELECT substr(hex(zeroblob(value)), 1, value), value FROM json_each('${JSON.stringify(lengths)}')`,
      );
      expect(await converted(file)).toEqual([0]);
      expect(await rows('SELECT count(*)::int FROM t WHERE length(v) = w')).toEqual([[lengths.length]]);
    },
  );

  it('in pages whose ends are reserved arrive', async () => {
    await database.client.query('CREATE TABLE t (id int PRIMARY KEY, v text)');
    const file = sources.make('PRAGMA user_version = 1');
    const bytes = readFileSync(file);
    bytes[20] = 64;
    // The empty schema's content begins before what is reserved.
    bytes.writeUInt16BE(4096 - 64, 105);
    writeFileSync(file, bytes);
    const writer = new Database(file);
    writer.exec(
      `CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); ${NUMBERS} INSERT INTO t SELECT i, hex(zeroblob(i * 3)) FROM n`,
    );
    writer.close();
    expect(readFileSync(file)[20]).toBe(64);
    expect(await converted(file)).toEqual([0]);
    expect(await rows('SELECT count(*)::int, sum(length(v))::int FROM t')).toEqual([[3000, 27_009_000]]);
  });

  it('with a key that only looks like their number, computed columns, or none of the usual order arrive', async () => {
    await database.client.query(
      'CREATE TABLE d (id int PRIMARY KEY, v text); CREATE TABLE g (id int, twice int, v text); CREATE TABLE s (v text, id int)',
    );
    const file = sources.make(
      `CREATE TABLE d (v TEXT, id INTEGER PRIMARY KEY DESC); INSERT INTO d VALUES ('a', 7), ('b', 5)`,
      `CREATE TABLE g (id INTEGER, twice INTEGER AS (id * 2), v TEXT); INSERT INTO g VALUES (4, 'x')`,
      `CREATE TABLE s (id INT PRIMARY KEY, v TEXT) STRICT; INSERT INTO s VALUES (9, 'y')`,
    );
    expect(await converted(file)).toEqual([0, 0, 0]);
    expect(await rows('SELECT * FROM d ORDER BY id')).toEqual([
      [5, 'b'],
      [7, 'a'],
    ]);
    expect(await rows('SELECT * FROM g, s')).toEqual([[4, 8, 'x', 'y', 9]]);
  });
});

describe('JSON that is taken as it is', () => {
  const isPlain = (text: string): boolean => {
    const bytes = Buffer.from(`#${text}#`);
    return isPlainJson(bytes, 1, bytes.length - 1);
  };

  it.each([
    '0',
    '-1.50',
    ' [ ] ',
    '{"a":{"b":[{}]}}',
    '[1,"x",null,true,false]',
    '"\\"\\\\\\/\\b\\f\\n\\r\\t"',
    '\t{ "é" :\n"😀" } ',
  ])('has %s', (text) => {
    expect(JSON.parse(text)).toBeDefined();
    expect(isPlain(text)).toBe(true);
  });

  // What is no JSON, and JSON that somebody else has to look at.
  it.each(
    [
      [
        '',
        ' ',
        '[',
        ']',
        '{',
        '[1',
        '[1,]',
        '[,1]',
        '[1 2]',
        '{"a"}',
        '{"a":}',
        '{"a":1,}',
        '{a:1}',
        `{'a':1}`,
        '{"a":1]',
        '[1}',
        '1 2',
        '[]]',
      ],
      [
        '01',
        '-',
        '.5',
        '1.',
        '+1',
        '1e5',
        '1E400',
        'nul',
        'True',
        'NaN',
        '"',
        '"a',
        '"\\x"',
        '"\\',
        '"\u0001"',
        '"\\u0041"',
        '1'.repeat(101),
      ],
      ['['.repeat(70) + ']'.repeat(70), '// x\n1', '\ufeff1', '\u00a01'],
    ].flat(),
  )('has not %j', (text) => {
    expect(isPlain(text)).toBe(false);
  });
});
