import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Kind } from '../../../postgres/transfer/values/kinds';
import { freshDatabase, type TestDatabase } from '../../support/database';
import { load, policies, Sources } from './source';

/**
 * Every value that such files really hold, with what must arrive. `expected` is PostgreSQL's own text of the value, read by `pg` alone; a kind
 * means that it is reported, and `replaced` what the policy `replace` makes of it (null: NULL, absent: refused all the same).
 */
interface Case {
  value: string;
  expected?: string | null;
  kind?: Kind;
  replaced?: string | null;
}

interface Column {
  declared: string;
  target: string;
  cases: Case[];
  /** In SQL of PostgreSQL, where ::text would not do. */
  shown?: string;
}

const NUL = `CAST(x'610062' AS TEXT)`;
const INVALID = `CAST(x'61ff62' AS TEXT)`;

const COLUMNS: Column[] = [
  {
    declared: 'DATETIME',
    target: 'timestamp(3)',
    cases: [
      { value: '1747352060625', expected: '2025-05-15 23:34:20.625' },
      { value: '0', expected: '1970-01-01 00:00:00' },
      { value: '-1', expected: '1969-12-31 23:59:59.999' },
      { value: '-62135596800001', expected: '0001-12-31 23:59:59.999 BC' },
      { value: '253402300799999', expected: '9999-12-31 23:59:59.999' },
      { value: '253402300800000', expected: '10000-01-01 00:00:00' },
      { value: "'2025-05-15T23:34:20.625+00:00'", expected: '2025-05-15 23:34:20.625' },
      { value: "'2025-05-15T23:34:20.625Z'", expected: '2025-05-15 23:34:20.625' },
      { value: "'2025-05-15T23:34:20.625+02:00'", expected: '2025-05-15 21:34:20.625' },
      { value: "'2025-05-15 23:34:20'", expected: '2025-05-15 23:34:20' },
      { value: "'2025-05-15 23:34:20.5'", expected: '2025-05-15 23:34:20.5' },
      { value: "'2025-05-15'", expected: '2025-05-15 00:00:00' },
      { value: "'1969-07-20 20:17:40'", expected: '1969-07-20 20:17:40' },
      { value: "'2024-02-29 00:00:00'", expected: '2024-02-29 00:00:00' },
      { value: "'2025-12-31 24:00:00'", expected: '2026-01-01 00:00:00' },
      { value: 'NULL', expected: null },
      { value: "'2025-05-15T23:34:20.6254Z'", kind: 'precision', replaced: '2025-05-15 23:34:20.625' },
      { value: "'2025-02-29 00:00:00'", kind: 'invalid-date', replaced: null },
      { value: "'2025-13-01'", kind: 'invalid-date', replaced: null },
      { value: "'yesterday'", kind: 'invalid-date', replaced: null },
      { value: "''", kind: 'invalid-date', replaced: null },
      { value: "x'00'", kind: 'invalid-date', replaced: null },
      { value: '9223372036854775807', kind: 'out-of-range', replaced: null },
      { value: '2460000.5', kind: 'invalid-date', replaced: null },
    ],
  },
  {
    declared: 'DATETIME',
    target: 'timestamptz(6)',
    cases: [
      { value: '1747352060625', expected: '2025-05-15 23:34:20.625+00' },
      { value: "'2025-05-15 23:34:20.123456789'", kind: 'precision', replaced: '2025-05-15 23:34:20.123456+00' },
      { value: "'2025-05-15T23:34:20.123456+05:30'", expected: '2025-05-15 18:04:20.123456+00' },
      { value: "'-0044-03-15 12:00:00'", expected: '0045-03-15 12:00:00+00 BC' },
    ],
  },
  {
    declared: 'DATETIME',
    target: 'timestamp(0)',
    cases: [
      { value: '1747352060000', expected: '2025-05-15 23:34:20' },
      { value: '1747352060625', kind: 'precision', replaced: '2025-05-15 23:34:21' },
      { value: "'2025-05-15 23:34:20'", expected: '2025-05-15 23:34:20' },
    ],
  },
  {
    declared: 'DATETIME',
    target: 'date',
    cases: [
      { value: '1747267200000', expected: '2025-05-15' },
      { value: "'2025-05-15'", expected: '2025-05-15' },
      { value: '-86400000', expected: '1969-12-31' },
      { value: "'2025-05-15T00:00:00.000+00:00'", expected: '2025-05-15' },
      { value: '1747352060625', kind: 'precision', replaced: '2025-05-15' },
      { value: "'2025-02-30'", kind: 'invalid-date', replaced: null },
    ],
  },
  {
    declared: 'TEXT',
    target: 'time(3)',
    cases: [
      { value: "'23:34:20.625'", expected: '23:34:20.625' },
      { value: "'23:34'", expected: '23:34:00' },
      { value: "'1970-01-01T23:34:20.625+00:00'", expected: '23:34:20.625' },
      { value: "'25:00'", kind: 'invalid-date', replaced: null },
    ],
  },
  {
    declared: 'BOOLEAN',
    target: 'boolean',
    cases: [
      { value: '1', expected: 'true' },
      { value: '0', expected: 'false' },
      { value: '-7', expected: 'true' },
      { value: '0.5', expected: 'true' },
      { value: "'t'", expected: 'true' },
      { value: "'true'", expected: 'true' },
      { value: "'FALSE'", expected: 'false' },
      { value: 'NULL', expected: null },
      { value: "''", kind: 'invalid-value', replaced: null },
      { value: "'maybe'", kind: 'invalid-value', replaced: null },
    ],
  },
  {
    declared: 'INTEGER',
    target: 'integer',
    cases: [
      { value: '2147483647', expected: '2147483647' },
      { value: '-2147483648', expected: '-2147483648' },
      { value: '2147483648', kind: 'out-of-range', replaced: null },
      { value: '9007199254740993', kind: 'out-of-range', replaced: null },
      { value: '1.5', kind: 'precision', replaced: '2' },
      { value: '-1.5', kind: 'precision', replaced: '-2' },
      { value: '9e999', kind: 'out-of-range', replaced: null },
      { value: "'12abc'", kind: 'invalid-value', replaced: null },
      { value: "x'31'", kind: 'invalid-value', replaced: null },
    ],
  },
  {
    declared: '',
    target: 'smallint',
    cases: [
      { value: "' 12 '", expected: '12' },
      { value: "'1e2'", expected: '100' },
      { value: '3.0', expected: '3' },
      { value: '40000', kind: 'out-of-range', replaced: null },
    ],
  },
  {
    declared: 'BIGINT',
    target: 'bigint',
    cases: [
      { value: '9223372036854775807', expected: '9223372036854775807' },
      { value: '-9223372036854775808', expected: '-9223372036854775808' },
      { value: '9007199254740993', expected: '9007199254740993' },
      { value: '1e19', kind: 'out-of-range', replaced: null },
    ],
  },
  {
    declared: 'REAL',
    target: 'double precision',
    cases: [
      { value: '0.1', expected: '0.1' },
      { value: '1e15', expected: '1e+15' },
      { value: '123456789012345.0', expected: '123456789012345' },
      { value: '5e-324', expected: '5e-324' },
      { value: '1.7976931348623157e308', expected: '1.7976931348623157e+308' },
      { value: '9e999', expected: 'Infinity' },
      { value: '-9e999', expected: '-Infinity' },
      { value: '33.39283258269401', expected: '33.39283258269401' },
      { value: '0.30000000000000004', expected: '0.30000000000000004' },
      { value: '7', expected: '7' },
      { value: 'NULL', expected: null },
      { value: "'many'", kind: 'invalid-value', replaced: null },
    ],
  },
  {
    declared: '',
    target: 'double precision',
    cases: [
      { value: '9007199254740993', kind: 'precision', replaced: '9.007199254740992e+15' },
      { value: '9007199254740992', expected: '9.007199254740992e+15' },
      { value: "'0.25'", expected: '0.25' },
      { value: "'1e999'", kind: 'out-of-range', replaced: null },
    ],
  },
  {
    declared: 'REAL',
    target: 'real',
    cases: [
      { value: '0.5', expected: '0.5' },
      { value: '0.1', kind: 'precision', replaced: '0.1' },
      { value: '1e300', kind: 'out-of-range', replaced: null },
    ],
  },
  {
    declared: 'DECIMAL',
    target: 'numeric(65,30)',
    shown: 'trim_scale(v)::text',
    cases: [
      { value: '0.1', expected: '0.1' },
      { value: '12345678901234567', expected: '12345678901234567' },
      { value: '1e-7', expected: '0.0000001' },
      { value: '-1.5e20', expected: '-150000000000000000000' },
      { value: "'12345678901234567890.123456789012345678901234567890x'", kind: 'invalid-value', replaced: null },
      { value: '9e999', kind: 'out-of-range', replaced: null },
    ],
  },
  {
    declared: 'TEXT',
    target: 'numeric(10,2)',
    cases: [
      { value: "'12345678.91'", expected: '12345678.91' },
      { value: "'0.125'", kind: 'precision', replaced: '0.13' },
      { value: "'-0.125'", kind: 'precision', replaced: '-0.13' },
      { value: "'99999999.999'", kind: 'out-of-range', replaced: null },
      { value: "'123456789'", kind: 'out-of-range', replaced: null },
    ],
  },
  {
    declared: 'TEXT',
    target: 'numeric',
    cases: [{ value: "'123456789012345678901234567890.000100'", expected: '123456789012345678901234567890.0001' }],
  },
  {
    declared: 'JSONB',
    target: 'jsonb',
    cases: [
      { value: `'{"b": 1, "a": [1.50, 1e2, -0], "b": 2}'`, expected: '{"a": [1.50, 100, 0], "b": 2}' },
      { value: `'"\\u00e9\\ud83d\\ude00"'`, expected: '"é😀"' },
      { value: `'null'`, expected: 'null' },
      { value: '5', expected: '5' },
      { value: '1.5', expected: '1.5' },
      { value: `'[12345678901234567890123.000]'`, expected: '[12345678901234567890123.000]' },
      // SQLite has made a double of it.
      { value: `'12345678901234567890123'`, expected: '12345678901234568000000' },
      {
        value: `'{"long": "' || replace(hex(zeroblob(5000)), '0', 'x') || '"}'`,
        expected: `{"long": "${'x'.repeat(10000)}"}`,
      },
      { value: 'NULL', expected: null },
      { value: `'"\\u0000"'`, kind: 'invalid-json', replaced: '"\\"\\\\u0000\\""' },
      { value: `'"\\ud800"'`, kind: 'invalid-json', replaced: '"\\"\\\\ud800\\""' },
      { value: `'{"a":}'`, kind: 'invalid-json', replaced: '"{\\"a\\":}"' },
      { value: `'{a: 1}'`, kind: 'invalid-json', replaced: '"{a: 1}"' },
      { value: `''`, kind: 'invalid-json', replaced: '""' },
      { value: `'"tab\tinside"'`, kind: 'invalid-json', replaced: '"\\"tab\\tinside\\""' },
    ],
  },
  {
    declared: 'JSON',
    target: 'json',
    cases: [{ value: `'{"b": 1,  "b": 2}'`, expected: '{"b": 1,  "b": 2}' }],
  },
  {
    declared: 'TEXT',
    target: 'text',
    cases: [
      { value: `''`, expected: '' },
      { value: 'NULL', expected: null },
      { value: `'NULL'`, expected: 'NULL' },
      { value: `'\\N'`, expected: '\\N' },
      { value: `'\\.'`, expected: '\\.' },
      { value: `'a' || char(10) || '\\.' || char(10) || 'b'`, expected: 'a\n\\.\nb' },
      { value: `'tab' || char(9) || 'cr' || char(13) || 'quote''"' || '\\'`, expected: `tab\tcr\rquote'"\\` },
      { value: `'a,b' || char(10)`, expected: 'a,b\n' },
      { value: `char(128512) || char(30) || char(65279)`, expected: '😀\u001e\ufeff' },
      { value: `42`, expected: '42' },
      { value: NUL, kind: 'nul-byte', replaced: 'a\ufffdb' },
      { value: INVALID, kind: 'invalid-utf8', replaced: 'a\ufffdb' },
    ],
  },
  {
    declared: '',
    target: 'text',
    cases: [
      { value: '42', expected: '42' },
      { value: '1.0', expected: '1.0' },
      { value: `x'616263'`, expected: 'abc' },
    ],
  },
  {
    declared: 'TEXT',
    target: 'varchar(3)',
    cases: [
      { value: `'äöü'`, expected: 'äöü' },
      { value: `'😀😀😀'`, expected: '😀😀😀' },
      { value: `'abcd'`, kind: 'too-long', replaced: 'abc' },
      { value: `'abc '`, kind: 'too-long', replaced: 'abc' },
    ],
  },
  {
    declared: 'TEXT',
    target: 'char(3)',
    cases: [
      { value: `'a'`, expected: 'a' },
      { value: `'a '`, expected: 'a' },
    ],
  },
  {
    declared: 'TEXT',
    target: 'uuid',
    cases: [
      { value: `'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'`, expected: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11' },
      { value: `x'a0eebc999c0b4ef8bb6d6bb9bd380a11'`, expected: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11' },
      { value: `'a0eebc99'`, kind: 'invalid-value', replaced: null },
    ],
  },
  {
    declared: 'BLOB',
    target: 'bytea',
    cases: [
      { value: `x'00ff0a27'`, expected: '\\x00ff0a27' },
      { value: `x''`, expected: '\\x' },
      { value: `'text'`, expected: '\\x74657874' },
    ],
  },
  {
    declared: 'TEXT',
    target: 'mood',
    cases: [
      { value: `'it''s fine'`, expected: `it's fine` },
      { value: `'angry'`, kind: 'invalid-value', replaced: null },
    ],
  },
  {
    declared: 'TEXT',
    target: 'inet',
    shown: `format('%s', v)`,
    cases: [{ value: `'10.0.0.1'`, expected: '10.0.0.1' }],
  },
];

let database: TestDatabase;
let sources: Sources;

beforeAll(async () => {
  database = await freshDatabase('transfer_values');
  sources = new Sources();
  await database.client.query(`SET TimeZone = 'UTC'; CREATE TYPE mood AS ENUM ('it''s fine', 'sad')`);
  for (const [index, { target }] of COLUMNS.entries())
    await database.client.query(`CREATE TABLE t${index} (v ${target}, id int PRIMARY KEY)`);
});
afterAll(async () => {
  await database.drop();
  sources.remove();
});

function makeAll(encoding: string): string {
  return sources.make(
    `PRAGMA encoding = '${encoding}'`,
    ...COLUMNS.map(({ declared, cases }, index) => {
      const values = cases.map(({ value }, id) => `(${id}, ${value})`).join(', ');
      return `CREATE TABLE t${index} (id INTEGER PRIMARY KEY, v ${declared}); INSERT INTO t${index} VALUES ${values}`;
    }),
  );
}

async function arrived(index: number, shown = 'v::text'): Promise<Map<number, string | null>> {
  const { rows } = await database.client.query<{ id: number; v: string | null }>(
    `SELECT id, ${shown} AS v FROM t${index}`,
  );
  return new Map(rows.map(({ id, v }) => [id, v]));
}

describe.each(['UTF-8', 'UTF-16le', 'UTF-16be'])('values of a source in %s', (encoding) => {
  // Bytes that are no text in one encoding are some in another.
  const isKnown = ({ value }: Case): boolean =>
    encoding === 'UTF-8' || (value !== INVALID && value !== NUL && !value.startsWith("x'6162"));

  it('what fits arrives as it is, and everything else is reported by its kind and left out', async () => {
    const { issues } = await load(database.client, makeAll(encoding), { policies: policies('reject'), truncate: true });
    for (const [index, { target, declared, cases, shown }] of COLUMNS.entries()) {
      const found = await arrived(index, shown);
      for (const [id, each] of cases.entries()) {
        if (!isKnown(each)) continue;
        const name = `${declared} ${each.value} to ${target}`;
        const reported = issues.find(({ table, key }) => table === `t${index}` && key === `id=${id}`);
        expect(reported?.kind, name).toBe(each.kind);
        expect(found.has(id), name).toBe(each.kind === undefined);
        if (each.kind === undefined) expect(found.get(id), name).toBe(each.expected);
      }
    }
  });

  it('is replaced where a policy says so', async () => {
    await load(database.client, makeAll(encoding), { policies: policies('replace'), truncate: true });
    for (const [index, { target, declared, cases, shown }] of COLUMNS.entries()) {
      const found = await arrived(index, shown);
      for (const [id, each] of cases.entries()) {
        if (isKnown(each))
          expect(found.get(id), `${declared} ${each.value} to ${target}`).toBe(
            each.kind === undefined ? each.expected : each.replaced,
          );
      }
    }
  });
});

it('refuses all of it by default, and loads nothing', async () => {
  await database.client.query(`TRUNCATE t0, t17`);
  const refused = load(database.client, makeAll('UTF-8'), { truncate: true, tables: ['t0', 't17'] });
  await expect(refused).rejects.toMatchObject({ code: 'values-refused' });
  expect((await arrived(0)).size).toBe(0);
});
