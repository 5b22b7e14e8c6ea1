import type { ParameterSpec, ParameterUnit } from './parameter';
import { formatSize, roundHalfEven, toBase, unitNames } from './units';

export type NumberResult = { value: number } | { expected: string };

/** `16 to 262143`, `128kB to 8TB`; what a number must be, for messages. */
export function rangeText(spec: ParameterSpec): string {
  const { unit, min = -Infinity, max = Infinity } = spec;
  const one = (value: number): string => (unit === undefined ? String(value) : formatSize(value, unit));
  if (max === Infinity) return min === -Infinity ? 'a number' : `a number of at least ${one(min)}`;
  return `${spec.type === 'integer' && unit === undefined ? 'a whole number' : 'a value'} from ${one(min)} to ${one(max)}`;
}

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/;
const HEXADECIMAL = /^([+-]?)(0[xX][0-9a-fA-F]+)/;
const OCTAL = /^([+-]?)(0[0-7]*)/;

/**
 * The number a text begins with. Integers are read by C's strtol with base 0 (`0x10` is 16 and `010` is 8) unless a fraction or
 * an exponent follows; those, and reals, by strtod, which knows no octal.
 */
function leadingNumber(text: string, kind: ParameterSpec['type']): { value: number; rest: string } | undefined {
  const signed = (match: RegExpExecArray, base: number): { value: number; rest: string } => {
    const magnitude = Number.parseInt(match[2] ?? '', base);
    return { value: match[1] === '-' ? -magnitude : magnitude, rest: text.slice(match[0].length) };
  };
  const hexadecimal = HEXADECIMAL.exec(text);
  if (hexadecimal !== null) return signed(hexadecimal, 16);
  const decimal = DECIMAL.exec(text)?.[0];
  const octal = OCTAL.exec(text);
  if (kind === 'integer' && octal !== null && !/[.eE]/.test(decimal ?? '')) return signed(octal, 8);
  return decimal === undefined ? undefined : { value: Number(decimal), rest: text.slice(decimal.length) };
}

function unitProblem(unit: string, base: ParameterUnit | undefined): string {
  if (base === undefined) return 'a bare number: this parameter has no unit';
  const names = unitNames(base);
  const meant = names.find((name) => name.toLowerCase() === unit.toLowerCase());
  const hint = meant === undefined ? '' : ` (units are case-sensitive: ${meant}, not ${unit})`;
  return `a number with one of the units ${names.join(', ')}, or a bare number counted in ${base}${hint}`;
}

/** A numeric value in the parameter's own unit, read and rounded as PostgreSQL reads it. */
export function readNumber(spec: ParameterSpec, value: number | string): NumberResult {
  const written = String(value).trim();
  const number = leadingNumber(written, spec.type);
  if (number === undefined || !Number.isFinite(number.value)) return { expected: rangeText(spec) };
  const unit = number.rest.trim();
  let amount = number.value;
  if (unit !== '') {
    const converted = spec.unit === undefined ? undefined : toBase(amount, unit, spec.unit);
    if (converted === undefined) return { expected: unitProblem(unit, spec.unit) };
    amount = converted;
  }
  if (spec.type === 'integer') {
    // PostgreSQL would round `2.5`; without a unit a fraction is a mistake.
    if (unit === '' && !Number.isInteger(amount)) return { expected: rangeText(spec) };
    amount = roundHalfEven(amount);
  }
  const { min = -Infinity, max = Infinity } = spec;
  if (amount < min || amount > max) return { expected: rangeText(spec) };
  return { value: Object.is(amount, -0) ? 0 : amount };
}
