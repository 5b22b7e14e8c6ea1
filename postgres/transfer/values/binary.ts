import { isUtf8 } from 'node:buffer';

import { BLOB, REAL, type StoredRecord } from '../source/records';
import { isPlainJson } from './plainJson';

/** Rows for COPY in its binary format, one after the other; whoever writes has made room. */
export interface BinaryOutput {
  bytes: Buffer;
  at: number;
}

/**
 * Writes the selected value as a field of COPY's binary format: its length, then what the type's receive function takes, integers with the
 * highest byte first. False: not without a closer look; what was written is not used then. True only where the conversion's `canonical` is exact as well.
 */
export type Encode = (from: StoredRecord, to: BinaryOutput) => boolean;

/** Fields that are not counted otherwise take this much at most beyond their value's bytes. */
export const MOST_OVERHEAD = 16;

/** A handful of bytes is copied faster one by one. */
const SHORT = 48;

export function writeInt32({ bytes, at }: BinaryOutput, offset: number, value: number): void {
  bytes[at + offset] = value >>> 24;
  bytes[at + offset + 1] = value >>> 16;
  bytes[at + offset + 2] = value >>> 8;
  bytes[at + offset + 3] = value;
}

/** Whether a serial type is an integer's; 8 and 9 are 0 and 1, with no byte. */
export const isInteger = (type: number): boolean => (type >= 1 && type <= 6) || type === 8 || type === 9;

/** The integer that was read last, as halves of 32 bits with a sign each. */
const halves = { high: 0, low: 0 };

export function readInteger({ type, bytes, start }: StoredRecord): void {
  const byte = (offset: number): number => bytes[start + offset] as number;
  const short = (offset: number): number => ((byte(offset) << 24) >> 16) | byte(offset + 1);
  const word = (offset: number): number =>
    (byte(offset) << 24) | (byte(offset + 1) << 16) | (byte(offset + 2) << 8) | byte(offset + 3);
  switch (type) {
    case 1:
      halves.low = (byte(0) << 24) >> 24;
      break;
    case 2:
      halves.low = short(0);
      break;
    case 3:
      halves.low = (short(0) << 8) | byte(2);
      break;
    case 4:
      halves.low = word(0);
      break;
    case 5:
      halves.high = short(0);
      halves.low = word(2);
      return;
    case 6:
      halves.high = word(0);
      halves.low = word(4);
      return;
    default:
      halves.low = type - 8;
  }
  halves.high = halves.low >> 31;
}

export const TWO_32 = 4_294_967_296;

/** The integer that was read last; beyond 2^53 not exact. */
export const wholeNumber = (): number => halves.high * TWO_32 + (halves.low >>> 0);

/** Text without U+0000, of at most so many characters. */
export function encodeText(longest = Infinity): Encode {
  return (from, to) => {
    const { type, bytes, start } = from;
    if (type <= BLOB || (type & 1) === 0) return false;
    const length = (type - BLOB - 1) >> 1;
    writeInt32(to, 0, length);
    to.at += 4;
    return copyText(bytes, start, length, longest, to);
  };
}

/** Copies a text and says whether it is one that PostgreSQL takes. */
function copyText(bytes: Buffer, start: number, length: number, longest: number, to: BinaryOutput): boolean {
  const end = start + length;
  let all = 0;
  if (length <= SHORT) {
    const out = to.bytes;
    let at = to.at;
    for (let from = start; from < end; from++) {
      const byte = bytes[from] as number;
      if (byte === 0) return false;
      all |= byte;
      out[at++] = byte;
    }
  } else {
    if (bytes.subarray(start, end).includes(0)) return false;
    bytes.copy(to.bytes, to.at, start, end);
    all = 128;
  }
  to.at += length;
  if (all >= 128 && !isUtf8(bytes.subarray(start, end))) return false;
  return length <= longest || charactersOf(bytes, start, end) <= longest;
}

function charactersOf(bytes: Buffer, start: number, end: number): number {
  let count = 0;
  for (let at = start; at < end; at++) if (((bytes[at] as number) & 0xc0) !== 0x80) count += 1;
  return count;
}

export function encodeLabel(labels: readonly string[]): Encode {
  const known = new Set(labels.map((label) => Buffer.from(label, 'utf8').toString('latin1')));
  const asText = encodeText();
  return (from, to) => {
    const { type, bytes, start } = from;
    return asText(from, to) && known.has(bytes.toString('latin1', start, start + ((type - BLOB - 1) >> 1)));
  };
}

export function encodeInteger(size: 2 | 4 | 8): Encode {
  return (from, to) => {
    if (!isInteger(from.type)) return false;
    readInteger(from);
    const { high, low } = halves;
    if (size < 8 && high !== low >> 31) return false;
    if (size === 2 && low !== (low << 16) >> 16) return false;
    writeInt32(to, 0, size);
    if (size === 8) writeInt32(to, 4, high);
    if (size === 2) to.bytes.writeInt16BE(low, to.at + 4);
    else writeInt32(to, size, low);
    to.at += 4 + size;
    return true;
  };
}

export const encodeBoolean: Encode = (from, to) => {
  if (!isInteger(from.type)) return false;
  readInteger(from);
  writeInt32(to, 0, 1);
  to.bytes[to.at + 4] = halves.high === 0 && halves.low === 0 ? 0 : 1;
  to.at += 5;
  return true;
};

/** A double; NaN where there is none that is exact, and for a zero that may have a sign, which SQLite does not print. */
function doubleOf(from: StoredRecord): number {
  // What is no number SQLite reads as NULL.
  if (from.type === REAL) return from.bytes.readDoubleBE(from.start) || NaN;
  if (!isInteger(from.type)) return NaN;
  // Whole numbers are stored as integers where the column is REAL.
  readInteger(from);
  const number = wholeNumber();
  return Number.isSafeInteger(number) ? number : NaN;
}

export const encodeDouble: Encode = (from, to) => {
  const number = doubleOf(from);
  if (Number.isNaN(number)) return false;
  writeInt32(to, 0, 8);
  to.bytes.writeDoubleBE(number, to.at + 4);
  to.at += 12;
  return true;
};

/** What `real` holds exactly. */
export const encodeSingle: Encode = (from, to) => {
  const number = doubleOf(from);
  if (Math.fround(number) !== number) return false;
  writeInt32(to, 0, 4);
  to.bytes.writeFloatBE(number, to.at + 4);
  to.at += 8;
  return true;
};

export const encodeBytes: Encode = (from, to) => {
  const { type, bytes, start } = from;
  if (type < BLOB || (type & 1) === 1) return false;
  const length = (type - BLOB) >> 1;
  writeInt32(to, 0, length);
  bytes.copy(to.bytes, to.at + 4, start, start + length);
  to.at += 4 + length;
  return true;
};

/** `isBinary`: jsonb, which has a version before its text. */
export function encodeJson(isBinary: boolean): Encode {
  return (from, to) => {
    const { type, bytes, start } = from;
    if (type <= BLOB || (type & 1) === 0) return false;
    const length = (type - BLOB - 1) >> 1;
    writeInt32(to, 0, length + (isBinary ? 1 : 0));
    to.at += 4;
    if (isBinary) to.bytes[to.at++] = 1;
    return copyText(bytes, start, length, Infinity, to) && isPlainJson(bytes, start, start + length);
  };
}

const DASHES: readonly number[] = [8, 13, 18, 23];

/** Written with dashes. */
export const encodeUuid: Encode = (from, to) => {
  const { type, bytes, start } = from;
  if (type !== BLOB + 1 + 72) return false;
  writeInt32(to, 0, 16);
  to.at += 4;
  for (let at = 0; at < 36;) {
    if (DASHES.includes(at)) {
      if (bytes[start + at] !== 45) return false;
      at += 1;
    }
    const [first, second] = [hexOf(bytes[start + at] as number), hexOf(bytes[start + at + 1] as number)];
    if (first < 0 || second < 0) return false;
    to.bytes[to.at++] = first * 16 + second;
    at += 2;
  }
  return true;
};

const hexOf = (byte: number): number =>
  byte >= 48 && byte <= 57 ? byte - 48 : (byte | 32) >= 97 && (byte | 32) <= 102 ? (byte | 32) - 87 : -1;
