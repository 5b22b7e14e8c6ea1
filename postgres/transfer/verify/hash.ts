/**
 * PostgreSQL's `hashtextextended` and `hashfloat8extended` in JavaScript, so that both sides of a transfer can be summed without moving a row: Bob Jenkins' lookup3
 * (public domain, https://burtleburtle.net/bob/c/lookup3.c) as `hash_bytes_extended` of PostgreSQL has it, the same from version 11 on.
 * Hashes are pairs of 32-bit halves, since BigInt arithmetic would take longer than the hash itself.
 */

/** One 64-bit value: `high` and `low` as signed 32-bit integers. */
export interface Hash64 {
  high: number;
  low: number;
}

const rotate = (x: number, bits: number): number => (x << bits) | (x >>> (32 - bits));

/** Of `bytes` from `start` to `end`; `seed`: the hash this one is chained to. Writes into `into`, which may be the seed itself. */
export function hashBytes(bytes: Buffer, start: number, end: number, seed: Hash64, into: Hash64): void {
  let length = end - start;
  let i = start;
  let a = (0x9e3779b9 + length + 3923095) | 0;
  let b = a;
  let c = a;
  // A seed is mixed in as a block before the first one.
  for (let hasSeed = seed.high !== 0 || seed.low !== 0; hasSeed || length >= 12; hasSeed = false) {
    if (hasSeed) {
      a = (a + seed.high) | 0;
      b = (b + seed.low) | 0;
    } else {
      a = (a + word(bytes, i)) | 0;
      b = (b + word(bytes, i + 4)) | 0;
      c = (c + word(bytes, i + 8)) | 0;
      length -= 12;
      i += 12;
    }
    a = (a - c) ^ rotate(c, 4);
    c = (c + b) | 0;
    b = (b - a) ^ rotate(a, 6);
    a = (a + c) | 0;
    c = (c - b) ^ rotate(b, 8);
    b = (b + a) | 0;
    a = (a - c) ^ rotate(c, 16);
    c = (c + b) | 0;
    b = (b - a) ^ rotate(a, 19);
    a = (a + c) | 0;
    c = (c - b) ^ rotate(b, 4);
    b = (b + a) | 0;
  }
  // The lowest byte of c is the length's.
  for (let rest = length - 1; rest >= 8; rest--) c = (c + ((bytes[i + rest] as number) << ((rest - 7) * 8))) | 0;
  for (let rest = Math.min(length, 8) - 1; rest >= 4; rest--)
    b = (b + ((bytes[i + rest] as number) << ((rest - 4) * 8))) | 0;
  for (let rest = Math.min(length, 4) - 1; rest >= 0; rest--) a = (a + ((bytes[i + rest] as number) << (rest * 8))) | 0;
  c = ((c ^ b) - rotate(b, 14)) | 0;
  a = ((a ^ c) - rotate(c, 11)) | 0;
  b = ((b ^ a) - rotate(a, 25)) | 0;
  c = ((c ^ b) - rotate(b, 16)) | 0;
  a = ((a ^ c) - rotate(c, 4)) | 0;
  b = ((b ^ a) - rotate(a, 14)) | 0;
  c = ((c ^ b) - rotate(b, 24)) | 0;
  into.high = b;
  into.low = c;
}

const double = Buffer.alloc(8);

/** Of a double, as `hashfloat8extended`: zero of either sign leaves the seed as it is. */
export function hashDouble(value: number, seed: Hash64, into: Hash64): void {
  if (value === 0) {
    into.high = seed.high;
    into.low = seed.low;
    return;
  }
  double.writeDoubleLE(value);
  hashBytes(double, 0, 8, seed, into);
}

const word = (bytes: Buffer, at: number): number =>
  (bytes[at] as number) |
  ((bytes[at + 1] as number) << 8) |
  ((bytes[at + 2] as number) << 16) |
  ((bytes[at + 3] as number) << 24);

/** As PostgreSQL prints it: a signed 64-bit integer. */
export const hashValue = ({ high, low }: Hash64): bigint => (BigInt(high) << 32n) | BigInt(low >>> 0);

/** Rows counted and their hashes added up: the same for the same rows in any order. */
export class Checksum {
  rows = 0;
  private total = 0n;
  private high = 0;
  private low = 0;
  private pending = 0;

  add(hash: Hash64): void {
    this.high += hash.high;
    this.low += hash.low >>> 0;
    this.rows += 1;
    // Sums of halves stay exact below 2^53.
    if (++this.pending === 1_000_000) this.settle();
  }

  get sum(): bigint {
    this.settle();
    return this.total;
  }

  private settle(): void {
    this.total += (BigInt(this.high) << 32n) + BigInt(this.low);
    this.high = this.low = this.pending = 0;
  }
}
