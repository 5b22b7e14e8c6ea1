/** An IPv4 network: its first address as a number, and the length of its prefix. */
export interface Cidr {
  first: number;
  length: number;
}

/** Undefined: no network, or an address inside of one. */
export function parseCidr(text: string): Cidr | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  if (match === null) return undefined;
  const numbers = match.slice(1).map(Number);
  const [length = 0] = numbers.splice(4);
  if (length > 32 || numbers.some((byte) => byte > 255)) return undefined;
  const first = numbers.reduce((sum, byte) => sum * 256 + byte, 0);
  return first % sizeOf(length) === 0 ? { first, length } : undefined;
}

export function cidrText({ first, length }: Cidr): string {
  const bytes = [24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256);
  return `${bytes.join('.')}/${length}`;
}

export const overlap = (a: Cidr, b: Cidr): boolean =>
  a.first < b.first + sizeOf(b.length) && b.first < a.first + sizeOf(a.length);

/** Its four quarters, in order. */
export const quarters = ({ first, length }: Cidr): Cidr[] =>
  [0, 1, 2, 3].map((index) => ({ first: first + index * sizeOf(length + 2), length: length + 2 }));

const sizeOf = (length: number): number => 2 ** (32 - length);
