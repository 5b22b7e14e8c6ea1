import type { PlatformError } from '../../../system/errors';
import type { Page, Pages } from './pages';

/** Bytes of the serial types below 12; 10 and 11 are SQLite's own. */
const SIZES = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0, -1, -1] as const;
/** The first serial type of a blob; the next is text, and so on in turn, each two standing for one byte more. */
export const BLOB = 12;
export const REAL = 7;

/** A value that stands in no record. */
export interface Constant {
  type: number;
  bytes: Buffer;
}

/**
 * One row of a table as it is stored (https://www.sqlite.org/fileformat2.html, section 2): a cursor that is moved, since making an object for each of millions would
 * take longer than reading them. `read` takes a cell, `select` one of its columns; then `type` is the value's serial type and `bytes`
 * from `start` on hold it.
 */
export class StoredRecord {
  type = 0;
  bytes: Buffer = Buffer.alloc(0);
  start = 0;
  /** Bytes of the whole row. */
  length = 0;
  private payload: Buffer = this.bytes;
  private readonly types: Int32Array;
  private readonly starts: Int32Array;
  private count = 0;
  private readonly number = Buffer.alloc(8);
  /** Where a variable-length integer ended, and its halves. */
  private at = 0;
  private high = 0;
  private low = 0;

  constructor(
    private readonly pages: Pages,
    /** Columns that a record has at most. */
    columns: number,
    private readonly damaged: (reason: string) => PlatformError,
  ) {
    this.types = new Int32Array(columns);
    this.starts = new Int32Array(columns);
  }

  /** How many rows a leaf holds. */
  rowsOf({ bytes, start }: Page): number {
    const cells = ((bytes[start + 3] as number) << 8) | (bytes[start + 4] as number);
    if (8 + 2 * cells > this.pages.usable) throw this.damaged('a page has too many cells');
    return cells;
  }

  read({ bytes, start }: Page, cell: number): void {
    const pointer = start + 8 + 2 * cell;
    const end = start + this.pages.usable;
    this.varint(bytes, start + (((bytes[pointer] as number) << 8) | (bytes[pointer + 1] as number)));
    const length = this.low;
    if (this.high !== 0 || length < 0 || length > this.pages.total) throw this.damaged('a row is too long');
    this.varint(bytes, this.at);
    this.number.writeInt32BE(this.high, 0);
    this.number.writeInt32BE(this.low, 4);
    const at = this.at;
    this.length = length;
    const local = this.localOf(length);
    if (at + local + (local < length ? 4 : 0) > end) throw this.damaged('a row lies outside its page');
    if (local === length) {
      this.header(bytes, at, at + length);
      return;
    }
    const whole = Buffer.allocUnsafe(length);
    bytes.copy(whole, 0, at, at + local);
    this.pages.readOverflow(bytes.readUInt32BE(at + local), whole, local);
    this.header(whole, 0, length);
  }

  get rowNumber(): bigint {
    return this.number.readBigInt64BE(0);
  }

  /** Undefined: the row's number. False: the row is older than the column. */
  select(column: number | undefined): boolean {
    if (column === undefined) {
      this.type = 6;
      this.bytes = this.number;
      this.start = 0;
      return true;
    }
    if (column >= this.count) return false;
    this.type = this.types[column] as number;
    this.bytes = this.payload;
    this.start = this.starts[column] as number;
    return true;
  }

  selectConstant({ type, bytes }: Constant): void {
    this.type = type;
    this.bytes = bytes;
    this.start = 0;
  }

  /** Bytes of a payload in its leaf; what is more lies in overflow pages. */
  private localOf(length: number): number {
    const { usable } = this.pages;
    if (length <= usable - 35) return length;
    const least = Math.floor(((usable - 12) * 32) / 255) - 23;
    const some = least + ((length - least) % (usable - 4));
    return some <= usable - 35 ? some : least;
  }

  private header(bytes: Buffer, start: number, end: number): void {
    this.payload = bytes;
    this.varint(bytes, start);
    let at = this.at;
    let value = start + this.low;
    const headerEnd = value;
    if (this.high !== 0 || this.low < 1 || headerEnd > end) throw this.damaged('a row’s header lies outside it');
    let count = 0;
    while (at < headerEnd && count < this.types.length) {
      let type = bytes[at++] as number;
      if (type >= 128) {
        this.varint(bytes, at - 1);
        type = this.high === 0 ? this.low : -1;
        at = this.at;
      }
      this.types[count] = type;
      this.starts[count] = value;
      count += 1;
      const size = type >= BLOB ? (type - BLOB) >> 1 : (SIZES[type] ?? -1);
      if (size < 0) throw this.damaged('a value is of no type');
      value += size;
    }
    if (value > end) throw this.damaged('a value lies outside its row');
    this.count = count;
  }

  /** 7 bits a byte, the highest first; of the ninth byte all 8. */
  private varint(bytes: Buffer, from: number): void {
    let high = 0;
    let low = 0;
    for (let at = from; at < from + 8; at++) {
      const byte = bytes[at] as number;
      high = (high << 7) | (low >>> 25);
      low = (low << 7) | (byte & 127);
      if (byte < 128) {
        this.at = at + 1;
        this.high = high;
        this.low = low;
        return;
      }
    }
    this.high = (high << 8) | (low >>> 24);
    this.low = (low << 8) | (bytes[from + 8] as number);
    this.at = from + 9;
  }
}
