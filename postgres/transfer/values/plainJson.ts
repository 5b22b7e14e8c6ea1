/** Deeper, longer or with escapes by number: valid perhaps, but somebody else looks. */
const DEEPEST = 64;
const LONGEST_NUMBER = 100;

const SPACE = 32;
const QUOTE = 34;
const BACKSLASH = 92;

/**
 * Whether bytes from `start` to `end`, which are UTF-8 without U+0000, are JSON that PostgreSQL is known to take as it is. Byte by byte, since most
 * of a file's JSON is of this kind.
 */
export function isPlainJson(bytes: Buffer, start: number, end: number): boolean {
  let at = start;
  let depth = 0;
  /** By depth: 1 for an object. */
  let objects = 0;
  const stack: number[] = [];
  for (;;) {
    at = skipSpace(bytes, at, end);
    if (at >= end) return false;
    const first = bytes[at] as number;
    if (first === 123 || first === 91) {
      const close = first + 2;
      at = skipSpace(bytes, at + 1, end);
      if (bytes[at] === close && at < end) at += 1;
      else {
        if (++depth > DEEPEST) return false;
        stack.push(objects);
        objects = first === 123 ? 1 : 0;
        if (objects === 1) {
          at = key(bytes, at, end);
          if (at < 0) return false;
        }
        continue;
      }
    } else {
      at =
        first === QUOTE
          ? string(bytes, at, end)
          : first === 45 || isDigit(first)
            ? number(bytes, at, end)
            : word(bytes, at, end);
      if (at < 0) return false;
    }
    // After a value: the end, a comma, or the end of what it stands in.
    for (;;) {
      at = skipSpace(bytes, at, end);
      if (depth === 0) return at === end;
      if (at >= end) return false;
      const next = bytes[at++] as number;
      if (next === 44) {
        if (objects === 1) {
          at = key(bytes, skipSpace(bytes, at, end), end);
          if (at < 0) return false;
        }
        break;
      }
      if (next !== (objects === 1 ? 125 : 93)) return false;
      objects = stack.pop() ?? 0;
      depth -= 1;
    }
  }
}

function skipSpace(bytes: Buffer, from: number, end: number): number {
  let at = from;
  for (; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte !== SPACE && byte !== 10 && byte !== 13 && byte !== 9) break;
  }
  return at;
}

/** Where a key and its colon end. */
function key(bytes: Buffer, from: number, end: number): number {
  if (from >= end || bytes[from] !== QUOTE) return -1;
  const after = string(bytes, from, end);
  if (after < 0) return -1;
  const colon = skipSpace(bytes, after, end);
  return colon < end && bytes[colon] === 58 ? colon + 1 : -1;
}

function string(bytes: Buffer, from: number, end: number): number {
  for (let at = from + 1; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte === QUOTE) return at + 1;
    if (byte < SPACE) return -1;
    if (byte !== BACKSLASH) continue;
    at += 1;
    // One of "\/bfnrt.
    if (at >= end || !'"\\/bfnrt'.includes(String.fromCharCode(bytes[at] as number))) return -1;
  }
  return -1;
}

const isDigit = (byte: number): boolean => byte >= 48 && byte <= 57;

function digits(bytes: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && isDigit(bytes[at] as number)) at += 1;
  return at;
}

/** Without an exponent: one may stand for more digits than `numeric` holds. */
function number(bytes: Buffer, from: number, end: number): number {
  const whole = bytes[from] === 45 ? from + 1 : from;
  let at = digits(bytes, whole, end);
  if (at === whole || (bytes[whole] === 48 && at > whole + 1)) return -1;
  if (at < end && bytes[at] === 46) {
    const fraction = at + 1;
    at = digits(bytes, fraction, end);
    if (at === fraction) return -1;
  }
  if (at < end && (bytes[at] === 101 || bytes[at] === 69)) return -1;
  return at - from > LONGEST_NUMBER ? -1 : at;
}

function word(bytes: Buffer, from: number, end: number): number {
  for (const text of ['true', 'false', 'null'])
    if (from + text.length <= end && bytes.toString('latin1', from, from + text.length) === text)
      return from + text.length;
  return -1;
}
