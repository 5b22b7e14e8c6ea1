import type { Kind } from '../../../postgres/transfer/values/kinds';

/** A value as SQLite stores it: text as the bytes of the file's encoding. */
export type Stored =
  | { storage: 'null' }
  | { storage: 'integer'; value: bigint }
  | { storage: 'real'; value: number }
  | { storage: 'text' | 'blob'; value: Buffer };

/** What has to arrive of a value, as the test reads it; with `kind` it does not fit and is that under the policy replace. */
export interface Expected {
  kind?: Kind;
  /** Absent with a kind that nothing can replace. */
  arrives: string | null;
}

export type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be';

/** What PostgreSQL itself makes of a text as jsonb; null: refuses it. */
export type JsonOf = (text: string) => string | null;

/** The target types of the loader's table, each with how the test reads it and the rule written down a second time, as plainly as it can be said. */
export interface TargetType {
  name: string;
  /** SQL of PostgreSQL that shows the column `v` as text. */
  shown: string;
  expect: (value: Exclude<Stored, { storage: 'null' }>, encoding: Encoding, json: JsonOf) => Expected;
}

const fits = (arrives: string): Expected => ({ arrives });
const unfit = (kind: Kind, arrives: string | null = null): Expected => ({ kind, arrives });

/** Text as the encoding says, with what is wrong about it. */
function textOf(
  { storage, value }: { storage: string; value: Buffer },
  encoding: Encoding,
): { text: string; kind?: Kind } {
  const decoder = new TextDecoder(storage === 'text' ? encoding : 'utf-8', { ignoreBOM: true });
  const strict = new TextDecoder(decoder.encoding, { ignoreBOM: true, fatal: true });
  const text = decoder.decode(value).replaceAll('\0', '\ufffd');
  try {
    return strict.decode(value) === text ? { text } : { text, kind: 'nul-byte' };
  } catch {
    return { text, kind: 'invalid-utf8' };
  }
}

/** As SQLite shows a number. */
function numberText(value: bigint | number): string {
  if (typeof value === 'bigint' || !Number.isFinite(value)) return String(value);
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const size = Math.abs(value);
  if (size >= 1e-4 && size < 1e15) return Number.isInteger(value) ? `${value}.0` : String(value);
  return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
}

type TextRule = (text: string, json: JsonOf) => Expected;

/** A type that takes text; `ofBroken`: what is not even text, cleaned. */
const textual =
  (rule: TextRule, ofBroken: (kind: Kind, text: string) => Expected): TargetType['expect'] =>
  (value, encoding, json) => {
    if (value.storage === 'integer' || value.storage === 'real') return rule(numberText(value.value), json);
    const { text, kind } = textOf(value, encoding);
    return kind === undefined ? rule(text, json) : ofBroken(kind, text);
  };

const cut = (text: string, length: number): string => [...text].slice(0, length).join('');
const limited = (length: number, finish = (text: string): string => text): TargetType['expect'] =>
  textual(
    (text) => ([...text].length > length ? unfit('too-long', finish(cut(text, length))) : fits(finish(text))),
    (kind, text) => unfit(kind, finish(cut(text, length))),
  );

/** A number as an integer and how many of its digits are decimals. */
interface Decimal {
  digits: bigint;
  decimals: number;
}

function decimalOf(value: Exclude<Stored, { storage: 'null' }>, encoding: Encoding): Decimal | Expected {
  if (value.storage === 'integer') return { digits: value.value, decimals: 0 };
  if (value.storage === 'real' && !Number.isFinite(value.value)) return unfit('out-of-range');
  if (value.storage === 'blob') return unfit('invalid-value');
  const { text, kind } = value.storage === 'real' ? { text: String(value.value) } : textOf(value, encoding);
  const found = /^\s*([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d+))?\s*$/i.exec(text);
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = found ?? [];
  if (kind !== undefined || whole + fraction === '') return unfit('invalid-value');
  const decimals = fraction.length - Number(exponent);
  const digits = BigInt(`${whole}${fraction}${'0'.repeat(Math.max(0, -decimals))}`);
  return { digits: sign === '-' ? -digits : digits, decimals: Math.max(0, decimals) };
}

/** To so many decimals, half away from zero; negative: to tens, hundreds, ... */
function round({ digits, decimals }: Decimal, to: number): { digits: bigint; isExact: boolean } {
  if (decimals <= to) return { digits: digits * 10n ** BigInt(to - decimals), isExact: true };
  const by = 10n ** BigInt(decimals - to);
  const size = digits < 0n ? -digits : digits;
  const rounded = (size + by / 2n) / by;
  return { digits: digits < 0n ? -rounded : rounded, isExact: size % by === 0n };
}

function plain(digits: bigint, decimals: number): string {
  if (decimals < 0) return String(digits * 10n ** BigInt(-decimals));
  const text = String(digits < 0n ? -digits : digits).padStart(decimals + 1, '0');
  const fraction = text.slice(text.length - decimals).replace(/0+$/, '');
  const whole = text.slice(0, text.length - decimals);
  return `${digits < 0n ? '-' : ''}${whole}${decimals === 0 || fraction === '' ? '' : `.${fraction}`}`;
}

/** `precision` digits, of which `scale` are decimals; an integer type is one of no decimals with other limits. */
const numeric =
  (scale: number, isIn: (digits: bigint) => boolean): TargetType['expect'] =>
  (value, encoding) => {
    const decimal = decimalOf(value, encoding);
    if ('arrives' in decimal) return decimal;
    const { digits, isExact } = round(decimal, scale);
    if (!isIn(digits)) return unfit('out-of-range');
    return isExact ? fits(plain(digits, scale)) : unfit('precision', plain(digits, scale));
  };
/** As many digits as PostgreSQL keeps. */
const unlimited: TargetType['expect'] = (value, encoding) => {
  const decimal = decimalOf(value, encoding);
  if ('arrives' in decimal) return decimal;
  const text = plain(decimal.digits, decimal.decimals);
  const [whole = '', fraction = ''] = text.replace('-', '').split('.');
  return whole.length > 131_072 || fraction.length > 16_383 ? unfit('out-of-range') : fits(text);
};

const within = (bits: bigint) => (digits: bigint) => digits >= -(2n ** (bits - 1n)) && digits < 2n ** (bits - 1n);
const below = (precision: number) => (digits: bigint) =>
  digits < 10n ** BigInt(precision) && digits > -(10n ** BigInt(precision));

const signed = (value: number): string => (Object.is(value, -0) ? '-0' : String(value));

const double: TargetType['expect'] = (value, encoding) => {
  if (value.storage === 'real') return fits(signed(value.value));
  const decimal = decimalOf(value, encoding);
  if ('arrives' in decimal) return decimal;
  const text = plain(decimal.digits, decimal.decimals);
  const number = Number(text);
  if (!Number.isFinite(number)) return unfit('out-of-range');
  const isExact = value.storage === 'text' || BigInt(number) === decimal.digits;
  return isExact ? fits(signed(number)) : unfit('precision', signed(number));
};

/** What a `real` gives back is the value, or it is reported. */
const single: TargetType['expect'] = (value, encoding, jsonOf) => {
  const { kind, arrives } = double(value, encoding, jsonOf);
  if (kind !== undefined || arrives === null) return unfit(kind ?? 'invalid-value');
  const [number, kept] = [Number(arrives), Math.fround(Number(arrives))];
  if (Number.isFinite(number) && !Number.isFinite(kept)) return unfit('out-of-range');
  return Object.is(kept, number) ? fits(signed(kept)) : unfit('precision', signed(kept));
};

const boolean: TargetType['expect'] = (value, encoding) => {
  if (value.storage === 'integer' || value.storage === 'real') return fits(String(Number(value.value) !== 0));
  const { text, kind } = textOf(value, encoding);
  const word = text.trim().toLowerCase();
  if (value.storage === 'blob' || kind !== undefined) return unfit('invalid-value');
  if (['t', 'true', 'y', 'yes', 'on', '1'].includes(word)) return fits('true');
  return ['f', 'false', 'n', 'no', 'off', '0'].includes(word) ? fits('false') : unfit('invalid-value');
};

const TIME = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-]\d\d):(\d\d))?)?$/;

/** Nanoseconds since 1970. */
function nanosOf(value: Exclude<Stored, { storage: 'null' }>, encoding: Encoding): bigint | Expected {
  if (value.storage === 'integer') return value.value * 1_000_000n;
  if (value.storage === 'real') {
    if (!Number.isFinite(value.value)) return unfit('out-of-range');
    return Number.isInteger(value.value) ? BigInt(value.value) * 1_000_000n : unfit('invalid-date');
  }
  if (value.storage === 'blob') return unfit('invalid-date');
  const { text, kind } = textOf(value, encoding);
  if (kind !== undefined) return unfit(kind);
  const parts = TIME.exec(text);
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = (parts ?? [])
    .slice(1, 7)
    .map((part = '0') => Number(part));
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (parts === null || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return unfit('invalid-date');
  if (hour > 23 || minute > 59 || second > 59) return unfit('invalid-date');
  const [zoneHours = '0', zoneMinutes = '0'] = [parts[8], parts[9]];
  const zone = Number(zoneHours) * 60 + (zoneHours.startsWith('-') ? -1 : 1) * Number(zoneMinutes);
  date.setUTCHours(hour, minute - zone, second);
  return BigInt(date.getTime()) * 1_000_000n + BigInt((parts[7] ?? '').padEnd(9, '0'));
}

const YEAR_2000 = BigInt(Date.UTC(2000, 0, 1)) * 1000n;
const LOWEST = -210_866_803_200_000_000n;
const HIGHEST = 9_223_371_244_799_999_999n;

const isTime = (micros: bigint): boolean => micros >= LOWEST && micros <= HIGHEST;

/** Microseconds since 1970; what is finer than one is cut off, then rounded to the digits of the type. */
const timestamp =
  (digits: number): TargetType['expect'] =>
  (value, encoding) => {
    const nanos = nanosOf(value, encoding);
    if (typeof nanos !== 'bigint') return nanos;
    const micros = floor(nanos, 1000n);
    if (!isTime(micros)) return unfit('out-of-range');
    const step = 10n ** BigInt(6 - digits);
    const since = micros - YEAR_2000;
    const rounded = YEAR_2000 + (since < 0n ? -((-since + step / 2n) / step) : (since + step / 2n) / step) * step;
    return rounded * 1000n === nanos ? fits(String(rounded)) : unfit('precision', String(rounded));
  };

const date: TargetType['expect'] = (value, encoding) => {
  const nanos = nanosOf(value, encoding);
  if (typeof nanos !== 'bigint') return nanos;
  if (!isTime(floor(nanos, 1000n))) return unfit('out-of-range');
  const day = floor(nanos, 86_400_000_000_000n);
  return day * 86_400_000_000_000n === nanos ? fits(String(day)) : unfit('precision', String(day));
};

const floor = (value: bigint, by: bigint): bigint => (value - (((value % by) + by) % by)) / by;

const json =
  (isBinary: boolean): TargetType['expect'] =>
  (value, encoding, jsonOf) => {
    const asText = (text: string): string => {
      const quoted = JSON.stringify(text);
      return isBinary ? (jsonOf(quoted) ?? '') : quoted;
    };
    if (value.storage === 'integer') return fits(String(value.value));
    if (value.storage === 'real' && Number.isFinite(value.value)) {
      const decimal = decimalOf(value, encoding) as Decimal;
      return fits(plain(decimal.digits, decimal.decimals));
    }
    return textual(
      (text) => {
        const normal = jsonOf(text);
        return normal === null ? unfit('invalid-json', asText(text)) : fits(isBinary ? normal : text);
      },
      (kind, text) => unfit(kind, asText(text)),
    )(value, encoding, jsonOf);
  };

const uuid: TargetType['expect'] = (value, encoding, jsonOf) =>
  textual(
    (text) => {
      const digits = text
        .trim()
        .toLowerCase()
        .replace(/^\{(.*)\}$/, '$1')
        .replaceAll('-', '');
      const isOne = /^\{?[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}\}?$/i.test(text.trim());
      return isOne ? fits(digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')) : unfit('invalid-value');
    },
    (kind) => unfit(kind),
  )(
    value.storage === 'blob' && value.value.length === 16
      ? { storage: 'blob', value: Buffer.from(value.value.toString('hex')) }
      : value,
    encoding,
    jsonOf,
  );

const bytes: TargetType['expect'] = (value, encoding) => {
  if (value.storage === 'blob') return fits(value.value.toString('hex'));
  if (value.storage !== 'text') return fits(Buffer.from(String(value.value)).toString('hex'));
  // Of UTF-16 the same text in UTF-8, where half of a pair is no text.
  if (encoding === 'utf-8') return fits(value.value.toString('hex'));
  const text = new TextDecoder(encoding, { ignoreBOM: true }).decode(value.value);
  return fits(Buffer.from(text).toString('hex').replaceAll('efbfbd', 'ff'));
};

export const LABELS = ['it’s', 'Happy', "o'clock"];

const micros = `(extract(epoch from v) * 1000000)::bigint::text`;
export const TYPES: readonly TargetType[] = [
  { name: 'smallint', shown: 'v::text', expect: numeric(0, within(16n)) },
  { name: 'integer', shown: 'v::text', expect: numeric(0, within(32n)) },
  { name: 'bigint', shown: 'v::text', expect: numeric(0, within(64n)) },
  { name: 'numeric', shown: 'trim_scale(v)::text', expect: unlimited },
  { name: 'numeric(12,3)', shown: 'trim_scale(v)::text', expect: numeric(3, below(12)) },
  { name: 'numeric(5,-2)', shown: 'trim_scale(v)::text', expect: numeric(-2, below(5)) },
  { name: 'numeric(2,4)', shown: 'trim_scale(v)::text', expect: numeric(4, below(2)) },
  { name: 'double precision', shown: 'v::text', expect: double },
  { name: 'real', shown: 'v::float8::text', expect: single },
  { name: 'boolean', shown: 'v::text', expect: boolean },
  { name: 'timestamp(3)', shown: micros, expect: timestamp(3) },
  { name: 'timestamp(0)', shown: micros, expect: timestamp(0) },
  { name: 'timestamptz(6)', shown: micros, expect: timestamp(6) },
  { name: 'date', shown: `(v - date '1970-01-01')::text`, expect: date },
  { name: 'jsonb', shown: 'v::text', expect: json(true) },
  { name: 'json', shown: 'v::text', expect: json(false) },
  { name: 'uuid', shown: 'v::text', expect: uuid },
  { name: 'bytea', shown: `encode(v, 'hex')`, expect: bytes },
  { name: 'text', shown: 'v', expect: limited(Infinity) },
  { name: 'varchar(5)', shown: 'v', expect: limited(5) },
  { name: 'char(5)', shown: 'v::text', expect: limited(5, (text) => text.replace(/ +$/, '')) },
  {
    name: 'mood',
    shown: 'v::text',
    expect: textual(
      (text) => (LABELS.includes(text) ? fits(text) : unfit('invalid-value')),
      (kind) => unfit(kind),
    ),
  },
];
