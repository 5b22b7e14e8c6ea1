import type { Kind } from './kinds';

/** A value as SQLite stores it, whatever its column is declared as. Text comes in UTF-8, as bytes, valid or not. */
export type SourceValue =
  | { storage: 'null' }
  | { storage: 'integer'; value: bigint }
  | { storage: 'real'; value: number }
  | { storage: 'text'; value: Buffer }
  | { storage: 'blob'; value: Buffer };

/** A value as PostgreSQL takes it (`text`), and as both sides compare it (`canonical`). */
export interface Fit {
  text: string;
  canonical: string;
}

/** A value that does not fit; `replacement`: null for NULL, absent where there is none. */
export class Unfit {
  constructor(
    readonly kind: Kind,
    readonly reason: string,
    readonly replacement?: Fit | null,
  ) {}
}

export type Converted = Fit | Unfit;

/** For messages and the reject file: short, and never more than one line. */
export function describe(value: SourceValue): string {
  if (value.storage === 'null') return 'NULL';
  if (value.storage === 'integer') return String(value.value);
  if (value.storage === 'real') return floatText(value.value);
  const bytes = value.value.subarray(0, 80);
  const more = value.value.length > bytes.length ? `… (${value.value.length} bytes)` : '';
  return (value.storage === 'blob' ? `x'${bytes.toString('hex')}'` : JSON.stringify(bytes.toString('utf8'))) + more;
}

/** A double as PostgreSQL prints it with extra_float_digits = 1: the fewest digits that give it back. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity';
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const size = Math.abs(value);
  if (size >= 1e-4 && size < 1e15) return String(value);
  const [digits = '', exponent = '0'] = shortest(value).split('e');
  const power = Number(exponent);
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

/**
 * The fewest digits that lie nearer to `value` than to any other double. JavaScript also takes those in the middle between two, which PostgreSQL
 * does not; they are whole numbers from 2^53 on, and beyond 1e41 too long to be the fewest.
 */
function shortest(value: number): string {
  const digits = value.toExponential();
  const size = Math.abs(value);
  if (size < 2 ** 53 || size > 1e41) return digits;
  for (let more = digits.replace(/^-|\.|e.*$/g, '').length; more < 17; more++) {
    const text = value.toExponential(more - 1);
    if (!isMiddle(BigInt(size), BigInt(decimalDigits(text)))) return text;
  }
  return value.toExponential(16);
}

/** Whether `near` is half a step away from the double `exact`; below a power of two steps are half as long. */
function isMiddle(exact: bigint, near: bigint): boolean {
  const step = 2n ** BigInt(exact.toString(2).length - 53);
  const isPower = (exact & (exact - 1n)) === 0n;
  return near > exact ? (near - exact) * 2n === step : (exact - near) * (isPower ? 4n : 2n) === step;
}

/** `1.5e+20` without sign, point and exponent. */
function decimalDigits(text: string): string {
  const [digits = '', exponent = '0'] = text.replace('-', '').split('e');
  const [whole = '', fraction = ''] = digits.split('.');
  return (whole + fraction).padEnd(1 + Number(exponent), '0').slice(0, 1 + Number(exponent));
}

/** A double as a plain decimal, with the fewest digits that give it back. */
export function decimalText(value: number): string {
  const [digits = '', exponent = '0'] = Math.abs(value).toExponential().split('e');
  const [whole = '0', fraction = ''] = digits.split('.');
  const all = whole + fraction;
  const point = whole.length + Number(exponent);
  const padded = point <= 0 ? '0'.repeat(1 - point) + all : all.padEnd(point, '0');
  const at = point <= 0 ? 1 : point;
  return normalDecimal(`${value < 0 ? '-' : ''}${padded.slice(0, at)}.${padded.slice(at)}`) ?? '0';
}

const DECIMAL = /^\s*([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,6}))?\s*$/;

/** A decimal number without exponent, leading and trailing zeros; undefined for what is none. As `trim_scale` of PostgreSQL prints it. */
export function normalDecimal(text: string): string | undefined {
  const [, sign, whole = '', fraction = '', exponent = '0'] = DECIMAL.exec(text) ?? [];
  if (sign === undefined || whole + fraction === '') return undefined;
  const power = Number(exponent);
  if (Math.abs(power) > 140_000) return undefined;
  const digits = whole + fraction;
  const point = whole.length + power;
  const padded = point <= 0 ? '0'.repeat(-point) + digits : digits.padEnd(point, '0');
  const before = point <= 0 ? '' : padded.slice(0, point);
  const after = point <= 0 ? padded : padded.slice(point);
  const left = before.replace(/^0+/, '') || '0';
  const right = after.replace(/0+$/, '');
  const number = right === '' ? left : `${left}.${right}`;
  return sign === '-' && number !== '0' ? `-${number}` : number;
}
