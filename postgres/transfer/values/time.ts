/**
 * Times as microseconds since 1970-01-01 UTC, in the proleptic Gregorian calendar that PostgreSQL and SQLite both count in.
 */

/** 4713 BC to 294246 AD. PostgreSQL's timestamp holds thirty years more, of which `extract(epoch ...)` is not exact. */
export const TIMESTAMP_MICROS = { lowest: -210_866_803_200_000_000n, highest: 9_223_371_244_799_999_999n } as const;

const DAY = 86_400_000_000n;

/** Form of ISO 8601 and SQLite's own; a zone after it, or UTC. */
const TEXT =
  /^\s*([+-]?\d{4,6})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?\s*(Z|z|UTC|[+-]\d{2}(?::?\d{2})?)?)?\s*$/;

/** `nanos`: what is finer than a microsecond was cut off. Undefined: no such form, or no such date. */
export function parseTime(text: string): { micros: bigint; finer: boolean } | undefined {
  const found = TEXT.exec(text);
  if (found === null) return undefined;
  const [, year = '', month = '', day = '', hour = '0', minute = '0', second = '0', fraction = '', zone = 'Z'] = found;
  const days = daysOf(Number(year), Number(month), Number(day));
  const [h, m, s] = [Number(hour), Number(minute), Number(second)];
  // Midnight at the end of a day is the next one's beginning.
  const isEndOfDay = h === 24 && m === 0 && s === 0 && !/[1-9]/.test(fraction);
  if (days === undefined || m > 59 || s > 59 || (h > 23 && !isEndOfDay)) return undefined;
  const offset = offsetOf(zone);
  if (offset === undefined) return undefined;
  const micros = fraction.padEnd(9, '0').slice(0, 6);
  const finer = /[1-9]/.test(fraction.slice(6));
  const time = BigInt(h * 3600 + m * 60 + s - offset * 60) * 1_000_000n + BigInt(micros || '0');
  return { micros: BigInt(days) * DAY + time, finer };
}

/** Minutes east of UTC. */
function offsetOf(zone: string): number | undefined {
  const [, sign, hours = '', minutes = '0'] = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone) ?? [];
  if (sign === undefined) return 0;
  if (Number(hours) > 15 || Number(minutes) > 59) return undefined;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

/** Days since 1970-01-01; undefined where the month has no such day. Year 0 is 1 BC. */
export function daysOf(year: number, month: number, day: number): number | undefined {
  if (month < 1 || month > 12 || day < 1) return undefined;
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const length = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0;
  if (day > length) return undefined;
  // Years begin in March, so that a leap day is the last of one.
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const ofEra = y - era * 400;
  const ofYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return era * 146_097 + ofEra * 365 + Math.floor(ofEra / 4) - Math.floor(ofEra / 100) + ofYear - 719_468;
}

function dateOf(days: number): { year: number; month: number; day: number } {
  const z = days + 719_468;
  const era = Math.floor(z / 146_097);
  const ofEra = z - era * 146_097;
  const yearOfEra = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365,
  );
  const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * ofYear + 2) / 153);
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: ofYear - Math.floor((153 * shifted + 2) / 5) + 1,
  };
}

/** As PostgreSQL reads and prints a timestamp under DateStyle ISO: `2025-01-01 12:00:00.123`, `0044-03-15 00:00:00 BC`. */
export function timestampText(micros: bigint): string {
  const days = floorDivide(micros, DAY);
  const inDay = micros - days * DAY;
  const { year, month, day } = dateOf(Number(days));
  const seconds = Number(inDay / 1_000_000n);
  const fraction = String(inDay % 1_000_000n)
    .padStart(6, '0')
    .replace(/0+$/, '');
  const two = (value: number): string => String(value).padStart(2, '0');
  const time = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  const shown = String(year > 0 ? year : 1 - year).padStart(4, '0');
  return `${shown}-${two(month)}-${two(day)} ${time}${fraction === '' ? '' : `.${fraction}`}${year > 0 ? '' : ' BC'}`;
}

const YEAR_2000 = 946_684_800_000_000n;

/** Half a unit and more goes away from the year 2000, in which PostgreSQL's timestamps begin. */
export const roundTimestamp = (micros: bigint, digits: number): bigint =>
  roundMicros(micros - YEAR_2000, digits) + YEAR_2000;

/** Half a unit and more goes away from zero. */
export function roundMicros(micros: bigint, digits: number): bigint {
  const unit = 10n ** BigInt(6 - digits);
  const half = unit / 2n;
  return micros >= 0n ? ((micros + half) / unit) * unit : -((-micros + half) / unit) * unit;
}

export function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value % by < 0n ? quotient - 1n : quotient;
}

/** The form in which both sides compare times: seconds since 1970. */
export function secondsForm(micros: bigint): string {
  const size = micros < 0n ? -micros : micros;
  return `${micros < 0n ? '-' : ''}${size / 1_000_000n}.${String(size % 1_000_000n).padStart(6, '0')}`;
}
