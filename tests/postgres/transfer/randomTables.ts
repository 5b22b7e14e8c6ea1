import fc from 'fast-check';

import { type Encoding, LABELS, type TargetType, TYPES } from './expected';

export interface RandomColumn {
  type: TargetType;
  nullable: boolean;
}

export interface RandomTable {
  name: string;
  key: 'none' | 'integer' | 'text' | 'without rowid';
  columns: RandomColumn[];
  /** Statements that make it, in PostgreSQL and in SQLite with its rows. */
  target: (name: string) => string;
  source: (name: string, encoding: Encoding) => string;
}

/** A value to be written: text as characters, or as bytes that may be none. */
type Value = null | bigint | number | { text: string } | { broken: Buffer } | { blob: Buffer };

const two = (max: number): fc.Arbitrary<string> =>
  fc.integer({ min: 0, max }).map((value) => String(value).padStart(2, '0'));
const dateText = fc
  .tuple(
    fc.constantFrom('1969', '1970', '2024', '2025', '0001', '9999'),
    two(13),
    two(31),
    fc.constantFrom('T', ' '),
    two(24),
    two(60),
    two(59),
  )
  .chain(([y, m, d, t, h, min, s]) =>
    fc
      .constantFrom(
        '',
        `${t}${h}:${min}:${s}`,
        `${t}${h}:${min}:${s}.625`,
        `${t}${h}:${min}:${s}.625Z`,
        `${t}${h}:${min}:${s}.625+00:00`,
        `${t}${h}:${min}:${s}.1+05:30`,
        `${t}${h}:${min}:${s}.123456789`,
      )
      .map((rest) => `${y}-${m}-${d}${rest}`),
  );
const numberText = fc
  .tuple(
    fc.constantFrom('', '-', ' ', '+'),
    fc.bigInt({ min: 0n, max: 10n ** 20n }),
    fc.constantFrom('', '.5', '.125', '.0', 'e2', 'e-3', 'e-20000', 'e131072'),
  )
  .map((parts) => parts.join(''));
const uuidText = fc
  .uuid()
  .chain((id) =>
    fc.constantFrom(
      id,
      id.toUpperCase(),
      `{${id}}`,
      id.replaceAll('-', ''),
      `${id}x`,
      `${id}\0x`,
      id.replace('-', 'g'),
    ),
  );
const jsonText = fc.oneof(
  fc.json(),
  fc.constantFrom(
    '{"a": 1, "b": [1.50, 1e2, -0], "a": "x"}',
    '"\\u00e9"',
    '"\\ud800"',
    '"\\u0000"',
    '{a: 1}',
    '[1e400]',
    '[1e200000]',
    '1e-20000',
    ' [1,\n2] ',
    '["\u001e"]',
    '"\u2028\\/"',
  ),
);
const hostile = fc.constantFrom(
  ...[
    '',
    'NULL',
    "'",
    "''",
    '"',
    '\\',
    '\\.',
    '\\N',
    '\n\\.\n',
    '\r\n',
    '\r',
    ',',
    '%s %Q',
    'a\0b',
    '\0',
    '😀',
    '\ufeffx',
    '\u001e',
    '\u2028',
    'ÄÖÜäöü',
    'aaaaaa',
    'aaaaa ',
    'true',
    'FALSE',
    'happy',
    'HAPPY ',
  ],
  ...LABELS,
);
const text = fc
  .oneof(
    hostile,
    fc.string({ unit: 'grapheme', maxLength: 12 }),
    fc.string({ unit: 'binary', maxLength: 8 }),
    dateText,
    numberText,
    uuidText,
    jsonText,
  )
  .map((value): Value => ({ text: value }));
const anyValue: fc.Arbitrary<Value> = fc.oneof(
  { weight: 1, arbitrary: fc.constant(null) },
  { weight: 2, arbitrary: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) },
  { weight: 2, arbitrary: fc.bigInt({ min: -200_000n, max: 200_000n }) },
  { weight: 2, arbitrary: fc.bigInt({ min: -(10n ** 13n), max: 3n * 10n ** 14n }) },
  { weight: 1, arbitrary: fc.nat(40_000).map((day) => BigInt(day) * 86_400_000n) },
  {
    weight: 2,
    arbitrary: fc.oneof(
      fc.double({ noNaN: true }),
      fc.integer().map((value) => value / 1000),
      fc.constantFrom(-0, 0.5, 1e15, Infinity),
    ),
  },
  { weight: 8, arbitrary: text },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 20 }).map((bytes) => ({ blob: Buffer.from(bytes) })) },
  {
    weight: 1,
    arbitrary: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => ({ blob: Buffer.from(bytes) })),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 8 }).map((bytes) => ({ broken: Buffer.from(bytes) })) },
);

/** What SQLite calls its columns decides how values are stored. */
const declared = fc.constantFrom(
  '',
  'TEXT',
  'INTEGER',
  'REAL',
  'NUMERIC',
  'BLOB',
  'DATETIME',
  'TEXT COLLATE NOCASE',
  'TEXT COLLATE RTRIM',
  'JSONB',
);

const column = fc.record({
  type: fc.constantFrom(...TYPES),
  nullable: fc.boolean(),
  declared,
  indexed: fc.boolean(),
});

/** Values that the type takes, mostly: whole rows have to fit some of the time. */
function valueFor(type: TargetType, nullable: boolean): fc.Arbitrary<Value> {
  const usual: Record<string, fc.Arbitrary<Value>> = {
    smallint: fc.bigInt({ min: -32_768n, max: 32_767n }),
    integer: fc.bigInt({ min: -(2n ** 31n), max: 2n ** 31n - 1n }),
    'numeric(12,3)': fc.integer({ min: -1e9, max: 1e9 }).map((value) => value / 1000),
    'numeric(5,-2)': fc.bigInt({ min: -99_999n, max: 99_999n }).map((value) => value * 100n),
    'numeric(2,4)': fc.integer({ min: -99, max: 99 }).map((value) => ({ text: `${value}e-4` })),
    'double precision': fc.double({ noNaN: true }),
    boolean: fc.constantFrom(0n, 1n, -7n),
    jsonb: jsonText.map((value) => ({ text: value })),
    json: jsonText.map((value) => ({ text: value })),
    uuid: uuidText.map((value) => ({ text: value })),
    bytea: fc.uint8Array({ maxLength: 20 }).map((bytes) => ({ blob: Buffer.from(bytes) })),
    mood: fc.constantFrom(...LABELS).map((value) => ({ text: value })),
    'varchar(5)': fc.string({ unit: 'grapheme', maxLength: 2 }).map((value) => ({ text: value })),
  };
  const ofTimes = fc.oneof(
    dateText.map((value): Value => ({ text: value })),
    fc.nat(40_000).map((day): Value => BigInt(day) * 86_400_000n),
    fc.bigInt({ min: -(10n ** 13n), max: 3n * 10n ** 14n }),
  );
  const fitting =
    usual[type.name] ??
    (/time|date/.test(type.name)
      ? ofTimes
      : /numeric|int/.test(type.name)
        ? fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n })
        : text);
  return fc.oneof(
    { weight: 12, arbitrary: fitting },
    { weight: nullable ? 2 : 0, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: anyValue },
  );
}

function literal(value: Value, encoding: Encoding): string {
  if (value === null) return 'NULL';
  if (typeof value === 'bigint') return value === -(2n ** 63n) ? '(-9223372036854775807 - 1)' : String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value.toExponential() : '9e999';
  if ('blob' in value) return `x'${value.blob.toString('hex')}'`;
  const bytes = 'broken' in value ? value.broken : encoded(value.text, encoding);
  return `CAST(x'${bytes.toString('hex')}' AS TEXT)`;
}

function encoded(value: string, encoding: Encoding): Buffer {
  if (encoding === 'utf-8') return Buffer.from(value);
  const bytes = Buffer.from(value, 'utf16le');
  return encoding === 'utf-16le' ? bytes : bytes.swap16();
}

/** A table with some rows; their keys are never the same. */
export const anyTable: fc.Arbitrary<RandomTable> = fc
  .record({
    key: fc.constantFrom('none' as const, 'integer' as const, 'text' as const, 'without rowid' as const),
    columns: fc.array(column, { minLength: 1, maxLength: 8 }),
  })
  .chain(({ key, columns }) =>
    fc
      .record({
        rows: fc.array(fc.tuple(...columns.map(({ type, nullable }) => valueFor(type, nullable))), { maxLength: 25 }),
        keys: fc.uniqueArray(
          fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.bigInt({ min: -20n, max: 2000n })),
          { minLength: 25, maxLength: 25 },
        ),
      })
      .map(({ rows, keys }): RandomTable => ({
        name: '',
        key,
        columns,
        target: (name) =>
          `CREATE TABLE ${name} (${[...(key === 'none' ? [] : [`k ${key === 'text' ? 'text' : 'bigint'} PRIMARY KEY`]), ...columns.map(({ type, nullable }, index) => `v${index} ${type.name}${nullable ? '' : ' NOT NULL'}`)].join(', ')})`,
        source: (name, encoding) => {
          const keyColumn = {
            none: [],
            integer: ['k INTEGER PRIMARY KEY'],
            text: ['k TEXT PRIMARY KEY'],
            'without rowid': ['k BIGINT PRIMARY KEY'],
          }[key];
          const made = columns.map((each, index) => `v${index} ${each.declared}`);
          const names = [key === 'none' ? 'rowid' : 'k', ...columns.map((_, index) => `v${index}`)].join(', ');
          const lines = rows.map(
            (row, index) =>
              `(${[literal(key === 'text' ? { text: String(keys[index]) } : (keys[index] ?? null), encoding), ...row.map((value) => literal(value, encoding))].join(', ')})`,
          );
          return [
            `CREATE TABLE ${name} (${[...keyColumn, ...made].join(', ')})${key === 'without rowid' ? ' WITHOUT ROWID' : ''}`,
            ...columns.flatMap(({ indexed }, index) =>
              indexed ? [`CREATE INDEX ${name}_${index} ON ${name} (v${index})`] : [],
            ),
            ...(lines.length === 0 ? [] : [`INSERT INTO ${name} (${names}) VALUES ${lines.join(', ')}`]),
          ].join(';\n');
        },
      })),
  );
