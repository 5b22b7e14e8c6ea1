import { encodeBoolean, encodeDouble, encodeInteger, encodeSingle } from './binary';
import { asIs, type Conversion, type Present } from './conversion';
import { MOST_DECIMALS, MOST_DIGITS } from './json';
import { textOfValue } from './texts';
import { type Converted, decimalText, type Fit, floatText, normalDecimal, Unfit } from './value';

const RANGES = {
  int2: { bytes: 2, lowest: -32_768n, highest: 32_767n },
  int4: { bytes: 4, lowest: -2_147_483_648n, highest: 2_147_483_647n },
  int8: { bytes: 8, lowest: -(2n ** 63n), highest: 2n ** 63n - 1n },
} as const;

const fit = (value: bigint | string): Fit => ({ text: String(value), canonical: String(value) });

export function integerConversion(type: keyof typeof RANGES): Conversion {
  const { bytes, lowest, highest } = RANGES[type];
  const inRange = (value: bigint): Converted =>
    value < lowest || value > highest
      ? new Unfit('out-of-range', `${type} holds ${lowest} to ${highest}`, null)
      : fit(value);
  return {
    label: `integer to ${type}`,
    fits: (x) => `typeof(${x}) = 'integer'` + (type === 'int8' ? '' : ` AND ${x} BETWEEN ${lowest} AND ${highest}`),
    copy: asIs,
    encode: encodeInteger(bytes),
    canonical: asIs,
    server: (c) => `${c}::text`,
    convert: (value) => {
      if (value.storage === 'integer') return inRange(value.value);
      const decimal = decimalOf(value);
      if (decimal instanceof Unfit) return decimal;
      if (!decimal.includes('.')) return inRange(BigInt(decimal));
      const rounded = inRange(BigInt(roundDecimal(decimal, 0)));
      return rounded instanceof Unfit ? rounded : new Unfit('precision', `${type} has no fractions`, rounded);
    },
  };
}

/** A number in whatever storage, as a plain decimal. */
function decimalOf(value: Present): string | Unfit {
  if (value.storage === 'integer') return String(value.value);
  if (value.storage === 'real')
    return Number.isFinite(value.value) ? decimalText(value.value) : new Unfit('out-of-range', 'infinite', null);
  const text = textOfValue(value);
  const decimal = text instanceof Unfit || value.storage === 'blob' ? undefined : normalDecimal(text);
  return decimal ?? new Unfit('invalid-value', 'not a number', null);
}

/** Half and more goes away from zero, as `numeric` rounds; below zero `decimals` are tens, hundreds, ... */
export function roundDecimal(decimal: string, decimals: number): string {
  const [whole = '0', fraction = ''] = decimal.replace('-', '').split('.');
  if (decimals < 0) {
    const unit = 10n ** BigInt(-decimals);
    const size = String(((BigInt(whole) + unit / 2n) / unit) * unit);
    return decimal.startsWith('-') && size !== '0' ? `-${size}` : size;
  }
  const digits = BigInt(whole + fraction.slice(0, decimals).padEnd(decimals, '0'));
  const rounded = String((fraction[decimals] ?? '0') >= '5' ? digits + 1n : digits).padStart(decimals + 1, '0');
  const point = rounded.length - decimals;
  return (
    normalDecimal(`${decimal.startsWith('-') ? '-' : ''}${rounded.slice(0, point)}.${rounded.slice(point)}`) ?? '0'
  );
}

const TRUE = /^(t|true|y|yes|on|1)$/i;
const FALSE = /^(f|false|n|no|off|0)$/i;

export const booleanConversion: Conversion = {
  label: 'integer (0 is false) to boolean',
  fits: (x) => `typeof(${x}) = 'integer'`,
  copy: (x) => asIs(`(${x} <> 0)`),
  encode: encodeBoolean,
  canonical: (x) => asIs(`iif(${x} = 0, 0, 1)`),
  server: (c) => `${c}::int::text`,
  convert: (value) => {
    if (value.storage === 'integer' || value.storage === 'real') return truth(Number(value.value) !== 0);
    const text = textOfValue(value);
    if (typeof text === 'string' && value.storage === 'text') {
      if (TRUE.test(text.trim())) return truth(true);
      if (FALSE.test(text.trim())) return truth(false);
    }
    return new Unfit('invalid-value', 'neither true nor false', null);
  },
};

const truth = (is: boolean): Fit => ({ text: is ? 't' : 'f', canonical: is ? '1' : '0' });

/** Whole numbers up to here have a double each. */
const EXACT = 2n ** 53n;

/** `canLoseSign`: in a column without REAL affinity SQLite holds -0.0, and prints it as 0.0. */
export function doubleConversion(canLoseSign: boolean): Conversion {
  return {
    label: 'real or integer to double precision',
    fits: (x) =>
      `(typeof(${x}) = 'real'${canLoseSign ? ` AND ${x} <> 0` : ''} OR typeof(${x}) = 'integer' AND ${x} BETWEEN -${EXACT} AND ${EXACT})`,
    // 17 digits give every double back.
    copy: (x) => ({ spec: '%!.17g', arguments: [x] }),
    encode: encodeDouble,
    canonical: 'float',
    server: (c) => `${c}::text`,
    convert: (value) => {
      if (value.storage === 'real') return double(value.value);
      const decimal = decimalOf(value);
      if (decimal instanceof Unfit) return decimal;
      const number = Number(decimal);
      if (!Number.isFinite(number)) return new Unfit('out-of-range', 'beyond double precision', null);
      const isExact = value.storage !== 'integer' || BigInt(number) === value.value;
      return isExact ? double(number) : new Unfit('precision', 'double precision has no such number', double(number));
    },
  };
}

const double = (value: number): Fit => fit(floatText(value));

/** `real` keeps six digits: what does not come back from it is reported. */
export const singleConversion: Conversion = {
  ...doubleConversion(true),
  encode: encodeSingle,
  label: 'real or integer to real',
  fits: () => 'FALSE',
  server: (c) => `${c}::float8::text`,
  convert: (value) => {
    const asDouble = doubleConversion(true).convert(value);
    if (asDouble instanceof Unfit) return new Unfit(asDouble.kind, asDouble.reason, null);
    const number = value.storage === 'real' ? value.value : Number(asDouble.text);
    const single = Math.fround(number);
    if (Number.isFinite(number) && !Number.isFinite(single)) return new Unfit('out-of-range', 'beyond real', null);
    return Object.is(single, number) ? double(single) : new Unfit('precision', 'real keeps six digits', double(single));
  },
};

/** How many times the last place that is kept fits into a number that is rounded to it. */
function stepsOf(rounded: string, scale: number): bigint {
  const [whole = '0', fraction = ''] = rounded.replace('-', '').split('.');
  return scale < 0 ? BigInt(whole) / 10n ** BigInt(-scale) : BigInt(whole + fraction.padEnd(scale, '0'));
}

const TOO_LONG = new Unfit('out-of-range', `numeric holds ${MOST_DIGITS} digits and ${MOST_DECIMALS} decimals`, null);

function isNumeric(decimal: string): boolean {
  const [whole = '', fraction = ''] = decimal.replace('-', '').split('.');
  return whole.length <= MOST_DIGITS && fraction.length <= MOST_DECIMALS;
}

/** `precision` and `scale` as declared; undefined: as many digits as there are. */
export function numericConversion(type: string, precision?: number, scale = 0): Conversion {
  const whole = precision === undefined ? undefined : precision - scale;
  const limit = whole === undefined || whole > 18 ? undefined : whole < 0 ? 0n : 10n ** BigInt(whole) - 1n;
  return {
    label: `integer, real or text to ${type}`,
    fits: (x) =>
      `typeof(${x}) = 'integer'` +
      (limit === undefined ? '' : ` AND ${x} BETWEEN -${limit} AND ${limit}`) +
      (scale < 0 ? ` AND ${x} % ${10n ** BigInt(-scale)} = 0` : ''),
    copy: asIs,
    encode: undefined,
    canonical: asIs,
    server: (c) => `trim_scale(${c})::text`,
    convert: (value) => {
      const decimal = decimalOf(value);
      if (decimal instanceof Unfit) return decimal;
      if (precision === undefined || whole === undefined) return isNumeric(decimal) ? fit(decimal) : TOO_LONG;
      const rounded = roundDecimal(decimal, scale);
      if (stepsOf(rounded, scale) >= 10n ** BigInt(precision))
        return new Unfit('out-of-range', `${type} holds ${whole} digits before the point`, null);
      return rounded === decimal
        ? fit(decimal)
        : new Unfit('precision', `${type} keeps ${scale} decimals`, fit(rounded));
    },
  };
}
