/**
 * JSON as PostgreSQL's `jsonb` prints it: of equal keys the last one, keys by length and then by bytes, numbers as numeric keeps them.
 * JSON.parse would lose digits of numbers.
 */

/** Why jsonb does not take it; `at`: character of the text. */
export class JsonError extends Error {}

/** Deeper than this PostgreSQL's own parser may run out of stack. */
const DEEPEST = 5_000;

/** `numeric` holds this many digits before and after its point. */
export const MOST_DIGITS = 131_072;
export const MOST_DECIMALS = 16_383;

export function jsonbText(text: string): string {
  const reader = new Reader(text);
  const value = reader.value(0);
  reader.end();
  return value;
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d+))?/y;
const PLAIN = /[ !#-[\]-\u{10ffff}]*/uy;
const SPACE = /[ \t\n\r]*/y;
const WORD = /true|false|null/y;

class Reader {
  private at = 0;

  constructor(private readonly text: string) {}

  value(depth: number): string {
    if (depth > DEEPEST) throw new JsonError(`nested deeper than ${DEEPEST}`);
    this.space();
    const first = this.text[this.at];
    if (first === '{') return this.object(depth);
    if (first === '[') return this.array(depth);
    if (first === '"') return quoteJson(this.string());
    const word = this.match(WORD);
    return word !== undefined ? word[0] : this.number();
  }

  end(): void {
    this.space();
    if (this.at < this.text.length) throw this.wrong('the end');
  }

  private object(depth: number): string {
    const members = new Map<string, string>();
    this.at += 1;
    this.space();
    if (this.take('}')) return '{}';
    do {
      this.space();
      if (this.text[this.at] !== '"') throw this.wrong('a key');
      const key = this.string();
      this.space();
      if (!this.take(':')) throw this.wrong('a colon');
      members.set(key, this.value(depth + 1));
      this.space();
    } while (this.take(','));
    if (!this.take('}')) throw this.wrong('a comma or }');
    const keys = [...members.keys()];
    if (keys.length > 1) keys.sort(compareKeys);
    return `{${keys.map((key) => `${quoteJson(key)}: ${members.get(key)}`).join(', ')}}`;
  }

  private array(depth: number): string {
    const items: string[] = [];
    this.at += 1;
    this.space();
    if (this.take(']')) return '[]';
    do {
      items.push(this.value(depth + 1));
      this.space();
    } while (this.take(','));
    if (!this.take(']')) throw this.wrong('a comma or ]');
    return `[${items.join(', ')}]`;
  }

  private string(): string {
    this.at += 1;
    let result = '';
    for (;;) {
      result += this.match(PLAIN)?.[0] ?? '';
      if (this.take('"')) break;
      if (!this.take('\\')) throw this.wrong('the end of a string');
      result += this.escape();
    }
    if (result.includes('\u0000')) throw new JsonError('\\u0000, which jsonb cannot hold');
    if (!isWellFormed(result)) throw new JsonError('half of a surrogate pair, which is no character');
    return result;
  }

  private escape(): string {
    const letter = this.text[this.at] ?? '';
    this.at += 1;
    if (letter === 'u') {
      const digits = this.text.slice(this.at, this.at + 4);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw this.wrong('four hexadecimal digits');
      this.at += 4;
      return String.fromCharCode(parseInt(digits, 16));
    }
    const character = ESCAPES[letter];
    if (character === undefined) throw this.wrong('an escape that JSON has');
    return character;
  }

  private number(): string {
    const found = this.match(NUMBER);
    if (found === undefined || found[0] === '') throw this.wrong('a value');
    return numericText(found[0], found[1] ?? '', found[2]);
  }

  private match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found === null) return undefined;
    this.at = pattern.lastIndex;
    return found;
  }

  private space(): void {
    const code = this.text.charCodeAt(this.at);
    if (code <= 32) this.match(SPACE);
  }

  private take(character: string): boolean {
    if (this.text[this.at] !== character) return false;
    this.at += 1;
    return true;
  }

  private wrong(expected: string): JsonError {
    return new JsonError(`expected ${expected} at character ${this.at + 1}`);
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** A JSON number as `numeric` prints it: no exponent, as many decimals as were written. */
function numericText(number: string, fraction: string, exponent: string | undefined): string {
  const isNegative = number.startsWith('-');
  // As most numbers are.
  if (exponent === undefined && !isNegative && number.length <= MOST_DECIMALS) return number;
  const power = Number(exponent ?? 0);
  const decimals = Math.max(0, fraction.length - power);
  const digits = number.replace('-', '').split(/[.eE]/)[0] + fraction;
  const before = digits.length - fraction.length + power;
  const isZero = !/[1-9]/.test(digits);
  if (decimals > MOST_DECIMALS || (!isZero && before > MOST_DIGITS) || Math.abs(power) > 1_000_000)
    throw new JsonError(`number ${number.slice(0, 40)} beyond what numeric holds`);
  const padded = before <= 0 ? '0'.repeat(1 - before) + digits : digits.padEnd(isZero ? 1 : before, '0');
  const point = before <= 0 ? 1 : isZero ? padded.length - decimals : before;
  const whole = padded.slice(0, Math.max(point, 0)).replace(/^0+(?=\d)/, '') || '0';
  const rest = decimals === 0 ? '' : `.${padded.slice(Math.max(point, 0)).padEnd(decimals, '0').slice(0, decimals)}`;
  return `${isNegative && !isZero ? '-' : ''}${whole}${rest}`;
}

const SPECIAL = /["\\]|[^ -\u{10ffff}]/u;

/** A string as `jsonb` prints it. */
export function quoteJson(text: string): string {
  if (!SPECIAL.test(text)) return `"${text}"`;
  return JSON.stringify(text);
}

const ASCII = /^[^\u0080-\u{10ffff}]*$/u;

function compareKeys(one: string, other: string): number {
  if (ASCII.test(one) && ASCII.test(other)) {
    return one.length - other.length || (one < other ? -1 : one > other ? 1 : 0);
  }
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length - b.length || Buffer.compare(a, b);
}

/** No half of a surrogate pair alone. */
export function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}
