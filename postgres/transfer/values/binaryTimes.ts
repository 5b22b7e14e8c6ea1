import { BLOB, type StoredRecord } from '../source/records';
import { type Encode, isInteger, readInteger, TWO_32, wholeNumber, writeInt32 } from './binary';
import { daysOf } from './time';

const DAY_MS = 86_400_000;
/** PostgreSQL counts from the year 2000 on. */
const YEAR_2000_MS = 946_684_800_000;
/** Years 1 to 9999. */
const LOWEST_MS = -62_135_596_800_000;
const HIGHEST_MS = 253_402_300_799_999;

/** `hasNumbers`: integers are milliseconds since 1970. `digits` of a second that the type keeps. */
export function encodeTimestamp(hasNumbers: boolean, digits: number): Encode {
  const coarse = 10 ** Math.max(0, 3 - digits);
  return (from, to) => {
    const time = isInteger(from.type) ? (hasNumbers ? numberTime(from) : NaN) : digits >= 3 ? textTime(from) : NaN;
    if (Number.isNaN(time) || time % coarse !== 0) return false;
    const since = time - YEAR_2000_MS;
    const high = Math.floor(since / TWO_32);
    // As microseconds, in halves: the whole is beyond 2^53 from the year 2255 on.
    const low = (since - high * TWO_32) * 1000;
    const carry = Math.floor(low / TWO_32);
    writeInt32(to, 0, 8);
    writeInt32(to, 4, high * 1000 + carry);
    writeInt32(to, 8, low - carry * TWO_32);
    to.at += 12;
    return true;
  };
}

export function encodeDate(hasNumbers: boolean): Encode {
  return (from, to) => {
    const time = isInteger(from.type)
      ? hasNumbers
        ? numberTime(from)
        : NaN
      : from.type === BLOB + 1 + 20
        ? dayText(from.bytes, from.start) * DAY_MS
        : NaN;
    if (!(time >= LOWEST_MS) || time % DAY_MS !== 0) return false;
    writeInt32(to, 0, 4);
    writeInt32(to, 4, (time - YEAR_2000_MS) / DAY_MS);
    to.at += 8;
    return true;
  };
}

/** Milliseconds since 1970; NaN where the checksum's form of them would not be exact. */
function numberTime(from: StoredRecord): number {
  readInteger(from);
  const time = wholeNumber();
  return time >= LOWEST_MS && time <= HIGHEST_MS && !(time > -1000 && time < 0) ? time : NaN;
}

/** Of `2025-01-01 12:00:00`, `2025-01-01T12:00:00.123Z` and `2025-01-01T12:00:00.123+00:00`, as Prisma's adapters and CURRENT_TIMESTAMP write them. */
function textTime({ type, bytes, start }: StoredRecord): number {
  if (type <= BLOB || (type & 1) === 0) return NaN;
  const length = (type - BLOB - 1) >> 1;
  if (length < 19 || length > 29) return NaN;
  const middle = bytes[start + 10];
  if ((middle !== 32 && middle !== 84) || bytes[start + 13] !== 58 || bytes[start + 16] !== 58) return NaN;
  const hours = digitsOf(bytes, start + 11, 2);
  const minutes = digitsOf(bytes, start + 14, 2);
  const seconds = digitsOf(bytes, start + 17, 2);
  if (!(hours <= 23 && minutes <= 59 && seconds <= 59)) return NaN;
  let fraction = 0;
  if (length > 19) {
    const zone = bytes.toString('latin1', start + 23, start + length);
    if (bytes[start + 19] !== 46 || (zone !== '' && zone !== 'Z' && zone !== '+00:00')) return NaN;
    fraction = digitsOf(bytes, start + 20, 3);
  }
  const day = dayText(bytes, start);
  return day >= 1 ? day * DAY_MS + hours * 3_600_000 + minutes * 60_000 + seconds * 1000 + fraction : NaN;
}

/** `2025-01-01` as days since 1970; NaN where there is no such day. */
function dayText(bytes: Buffer, start: number): number {
  if (bytes[start + 4] !== 45 || bytes[start + 7] !== 45) return NaN;
  const [year, month, day] = [digitsOf(bytes, start, 4), digitsOf(bytes, start + 5, 2), digitsOf(bytes, start + 8, 2)];
  return daysOf(year, month, day) ?? NaN;
}

function digitsOf(bytes: Buffer, start: number, count: number): number {
  let number = 0;
  for (let at = start; at < start + count; at++) {
    const digit = (bytes[at] as number) - 48;
    if (digit < 0 || digit > 9) return NaN;
    number = number * 10 + digit;
  }
  return number;
}
