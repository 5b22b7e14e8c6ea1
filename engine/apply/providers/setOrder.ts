import { crc32 } from 'node:zlib';

/**
 * The order in which Terraform's SDK walks a set of texts, which ids are made in: by the decimal digits of their checksums, as text.
 * A text with the checksum of another one counts once.
 */
export function setOrder(values: readonly string[]): string[] {
  const byChecksum = new Map(values.map((value) => [String(crc32(value)), value]));
  return [...byChecksum].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, value]) => value);
}
