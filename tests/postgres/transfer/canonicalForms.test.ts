import fc from 'fast-check';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

import { jsonbText, JsonError } from '../../../postgres/transfer/values/json';
import { roundDecimal } from '../../../postgres/transfer/values/numbers';
import { parseTime, roundTimestamp, secondsForm, timestampText } from '../../../postgres/transfer/values/time';
import { timestampConversion } from '../../../postgres/transfer/values/times';
import { decimalText, floatText, normalDecimal } from '../../../postgres/transfer/values/value';
import { type Hash64, hashBytes, hashDouble, hashValue } from '../../../postgres/transfer/verify/hash';
import { JsonForms } from '../../../postgres/transfer/verify/jsonForms';

const onServer = timestampConversion('timestamp(6)', 6, false, 'unixepoch-ms').server;

/** Values of each property; `npm run test:transfer` asks for more. */
const numRuns = Number(process.env['COACH_TRANSFER_RUNS'] ?? 20) * 100;
/** Named where something differs: with it the same values come again. */
const seed = Number(process.env['COACH_TRANSFER_SEED'] ?? Date.now() % 2 ** 31);

const servers = [inject('cluster'), inject('otherCluster')].flatMap((server) => (server === null ? [] : [server]));

describe.each(servers)('what JavaScript makes of a value is what PostgreSQL $major makes of it', (server) => {
  let client: Client;

  beforeAll(async () => {
    client = new Client({ ...server, database: 'postgres' });
    await client.connect();
    await client.query(`SET TimeZone = 'UTC'; SET extra_float_digits = 1`);
  });
  afterAll(() => client.end());

  /** What `sql` makes of each input `v`, which comes as text. */
  async function ask(sql: string, inputs: readonly string[]): Promise<(string | null)[]> {
    const { rows } = await client.query<{ made: string | null }>(
      `SELECT (${sql})::text AS made FROM unnest($1::text[]) WITH ORDINALITY AS i (v, at) ORDER BY at`,
      [inputs],
    );
    return rows.map(({ made }) => made);
  }

  /** `ours` of each value equals `sql` of its text; the whole sample goes to the server at once. */
  async function agrees<T>(
    values: fc.Arbitrary<T>,
    text: (value: T) => string,
    sql: string,
    ours: (value: T) => unknown,
  ) {
    const sample = fc.sample(values, { numRuns, seed });
    const theirs = await ask(sql, sample.map(text));
    const differing = sample.flatMap((value, index) =>
      ours(value) === theirs[index] ? [] : [{ text: text(value), ours: ours(value), theirs: theirs[index] }],
    );
    expect(differing.slice(0, 3), `seed ${seed}`).toEqual([]);
  }

  it('jsonb', async () => {
    await client.query(`CREATE OR REPLACE FUNCTION pg_temp.json_or_null(v text) RETURNS text LANGUAGE plpgsql AS
      $$ BEGIN RETURN v::jsonb::text; EXCEPTION WHEN data_exception OR program_limit_exceeded THEN RETURN NULL; END $$`);
    await agrees(
      jsonLike,
      (text) => text,
      'pg_temp.json_or_null(v)',
      (text) => {
        try {
          return jsonbText(text);
        } catch (error) {
          if (error instanceof JsonError) return null;
          throw error;
        }
      },
    );
  });

  it('jsonb of many texts, from bytes to bytes', async () => {
    const valid = fc.oneof(jsonLike, fc.json(), fc.json().map(indented)).filter((text) => {
      try {
        return jsonbText(text) !== '';
      } catch {
        return false;
      }
    });
    // Written one after the other into the same bytes, which have to grow.
    const forms = new JsonForms(0);
    await agrees(
      valid,
      (text) => text,
      'v::jsonb',
      (text) => {
        const bytes = Buffer.from(`#${text}#`);
        forms.add(bytes, 1, bytes.length - 1);
        return forms.bytes.toString('utf8', ...(forms.starts.slice(-2) as [number, number]));
      },
    );
  });

  it('hashes of doubles', async () => {
    await agrees(
      fc.record({ value: double, by: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) }),
      ({ value, by }) => `${written(value)} ${by}`,
      `hashfloat8extended(split_part(v, ' ', 1)::float8, split_part(v, ' ', 2)::bigint)`,
      ({ value, by }) => {
        const hash = halvesOf(by);
        hashDouble(value, hash, hash);
        return String(hashValue(hash));
      },
    );
  });

  it('hashes of texts of every length, with and without a seed', async () => {
    const bytes = fc.array(fc.integer({ min: 1, max: 255 }), { maxLength: 100, size: 'max' });
    const seeds = fc.oneof(fc.constant(0n), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }));
    // Of text alone before 18, whose bytes have to be valid UTF-8.
    if (server.major >= 18)
      await agrees(
        fc.record({ bytes, by: seeds }),
        ({ bytes: all, by }) => `${Buffer.from(all).toString('hex')} ${by}`,
        // Any bytes but U+0000 make a bytea whose hash is that of a text of the same bytes.
        `hashbyteaextended(decode(split_part(v, ' ', 1), 'hex'), split_part(v, ' ', 2)::bigint)`,
        ({ bytes: all, by }) => String(hashOf(Buffer.from(all), by)),
      );
    await agrees(
      fc.record({
        text: fc.string({ unit: 'grapheme', maxLength: 100 }).filter((text) => !text.includes('\0')),
        by: seeds,
      }),
      ({ text, by }) => `${by} ${text}`,
      `hashtextextended(substr(v, strpos(v, ' ') + 1) COLLATE "C", split_part(v, ' ', 1)::bigint)`,
      ({ text, by }) => String(hashOf(Buffer.from(text), by)),
    );
  });

  it('doubles', async () => {
    await agrees(double, written, 'v::float8', floatText);
    await agrees(
      double.filter((value) => Number.isFinite(value)),
      written,
      'trim_scale(v::numeric)',
      decimalText,
    );
  });

  it('decimals', async () => {
    await agrees(decimal, (text) => text, 'trim_scale(v::numeric)', normalDecimal);
    await agrees(
      fc.record({ text: decimal, scale: fc.integer({ min: 0, max: 30 }) }),
      ({ text, scale }) => `${text} ${scale}`,
      `trim_scale(round(split_part(v, ' ', 1)::numeric, split_part(v, ' ', 2)::int))`,
      ({ text, scale }) => roundDecimal(normalDecimal(text) ?? '', scale),
    );
  });

  it('times', async () => {
    // 4713 BC to 294246 AD, and the years people write.
    const micros = fc.oneof(
      fc.bigInt({ min: -210_866_803_200_000_000n, max: 9_223_371_244_799_999_999n }),
      fc.bigInt({ min: -3_000_000_000_000_000n, max: 5_000_000_000_000_000n }),
    );
    await agrees(micros, timestampText, onServer('v::timestamp'), secondsForm);
    await agrees(micros, timestampText, 'v::timestamp', timestampText);
    await agrees(
      fc.record({ at: micros, digits: fc.integer({ min: 0, max: 6 }) }),
      ({ at, digits }) => `${digits}${timestampText(at)}`,
      `CASE left(v, 1) ${[0, 1, 2, 3, 4, 5, 6].map((digits) => `WHEN '${digits}' THEN substr(v, 2)::timestamp(${digits})::text`).join(' ')} END`,
      ({ at, digits }) => timestampText(roundTimestamp(at, digits)),
    );
  });

  it('texts with dates that are none, and zones', async () => {
    const digits = (length: number, max: number) =>
      fc.integer({ min: 0, max }).map((value) => String(value).padStart(length, '0'));
    const texts = fc
      .tuple(
        fc.integer({ min: 1, max: 9999 }).map((year) => String(year).padStart(4, '0')),
        digits(2, 13),
        digits(2, 32),
        digits(2, 24),
        digits(2, 60),
        digits(2, 59),
        fc.constantFrom('', '.5', '.123', '.999999'),
        fc.constantFrom('', 'Z', '+00:00', '+05:30', '-11', '+1559', '-15:59'),
      )
      .map(([y, m, d, h, min, s, fraction, zone]) => `${y}-${m}-${d}T${h}:${min}:${s}${fraction}${zone}`);
    await client.query(`CREATE OR REPLACE FUNCTION pg_temp.time_or_null(v text) RETURNS text LANGUAGE plpgsql AS
      $$ BEGIN RETURN (extract(epoch from v::timestamptz) * 1000000)::bigint; EXCEPTION WHEN data_exception THEN RETURN NULL; END $$`);
    await agrees(
      texts,
      (text) => text,
      'pg_temp.time_or_null(v)',
      (text) => {
        const time = parseTime(text);
        return time === undefined ? null : String(time.micros);
      },
    );
  });
});

function hashOf(bytes: Buffer, seed: bigint): bigint {
  const hash: Hash64 = { high: 0, low: 0 };
  hashBytes(bytes, 0, bytes.length, halvesOf(seed), hash);
  return hashValue(hash);
}

const halvesOf = (seed: bigint): Hash64 => ({
  high: Number(BigInt.asIntN(32, seed >> 32n)),
  low: Number(BigInt.asIntN(32, seed)),
});

const indented = (text: string): string => JSON.stringify(JSON.parse(text), null, '\t');

/** With its sign, also of zero. */
const written = (value: number): string => (Object.is(value, -0) ? '-0' : String(value));

/** Every double, and those that people have. */
const double = fc.oneof(
  fc.double({ noNaN: true }),
  fc.tuple(fc.integer(), fc.integer({ min: 0, max: 8 })).map(([digits, point]) => digits / 10 ** point),
  // Whole numbers of which some lie in the middle between two doubles.
  fc.tuple(fc.bigInt({ min: 1n, max: 10n ** 17n }), fc.nat(26)).map(([digits, zeros]) => Number(`${digits}e${zeros}`)),
  fc
    .tuple(fc.bigInt({ min: 2n ** 53n, max: 2n ** 60n }), fc.nat(20))
    .map(([whole, power]) => Number(whole) * 2 ** power),
  fc.constantFrom(0, -0, Infinity, -Infinity, 5e-324, 1e15, 1e-4, 999_999_999_999_999.9, 2 ** 53),
);

const decimal = fc
  .tuple(
    fc.constantFrom('', '-', '+'),
    fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 30 }),
    fc.option(fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 30 })),
    fc.option(fc.integer({ min: -60, max: 60 })),
  )
  .filter(([, whole, fraction]) => whole + (fraction ?? '') !== '')
  .map(
    ([sign, whole, fraction, exponent]) =>
      `${sign}${whole}${fraction === null ? '' : `.${fraction}`}${exponent === null ? '' : `e${exponent}`}`,
  );

const jsonNumber = fc
  .tuple(
    fc.constantFrom('', '-'),
    fc.oneof(fc.constant('0'), fc.bigInt({ min: 1n, max: 10n ** 40n }).map(String)),
    fc.option(fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: 30 })),
    fc.option(
      fc
        .tuple(fc.constantFrom('e', 'E'), fc.constantFrom('', '+', '-'), fc.integer({ min: 0, max: 400 }))
        .map((parts) => parts.join('')),
    ),
  )
  .map(
    ([sign, whole, fraction, exponent]) => `${sign}${whole}${fraction === null ? '' : `.${fraction}`}${exponent ?? ''}`,
  );

const escape = fc.constantFrom(
  ...[
    '\\"',
    '\\\\',
    '\\/',
    '\\b',
    '\\f',
    '\\n',
    '\\r',
    '\\t',
    '\\u0041',
    '\\u00e9',
    '\\ud83d\\ude00',
    '\\u001f',
    '\\u007f',
  ],
);
const jsonString = fc
  .array(fc.oneof({ weight: 4, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 4 }) }, escape), {
    maxLength: 6,
  })
  .map((parts) => `"${parts.map((part) => (part.startsWith('\\') ? part : plain(part))).join('')}"`);
/** Halves of pairs become U+FFFD. */
const wellFormed = (text: string): string => Buffer.from(text).toString();
/** Without what a JSON text cannot hold, or PostgreSQL no text at all. */
const plain = (text: string): string => wellFormed(text.replace(/["\\]|[^ -\u{10ffff}]/gu, 'x'));

const space = fc.constantFrom('', '', '', ' ', '\n', '\t \r');
const { json } = fc.letrec<{ json: string }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    jsonNumber,
    jsonString,
    fc.constantFrom('true', 'false', 'null'),
    fc
      .tuple(space, fc.array(tie('json'), { maxLength: 4 }))
      .map(([by, items]) => `[${by}${items.join(`${by},`)}${by}]`),
    // Few names, so that keys come twice.
    fc
      .tuple(
        space,
        fc.array(fc.tuple(fc.oneof(fc.constantFrom('"a"', '"b"', '"bb"', '"é"', '""'), jsonString), tie('json')), {
          maxLength: 4,
        }),
      )
      .map(([by, members]) => `{${members.map(([key, value]) => `${by}${key}${by}:${by}${value}`).join(',')}${by}}`),
  ),
}));

/** JSON, and what is nearly JSON. */
const jsonLike = fc.oneof(
  { weight: 5, arbitrary: json },
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        json,
        fc.nat(),
        fc.constantFrom('', ',', '"', '}', '0', '\\', '\\u0000', '\\ud800', '-', '.', 'e', '\u0001', '\u00a0'),
      )
      .map(
        ([text, at, damage]) =>
          wellFormed(text.slice(0, at % (text.length + 1))) + damage + wellFormed(text.slice(at % (text.length + 1))),
      ),
  },
);
