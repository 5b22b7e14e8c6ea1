/** The last words of a script that pg_dump wrote to its end. */
const COMPLETE = '-- PostgreSQL database dump complete';
const IDENTIFIER = String.raw`("(?:[^"]|"")+"|[^".\s]+)`;
const COPY = new RegExp(String.raw`^\s*COPY ${IDENTIFIER}\.${IDENTIFIER}\s+(?:\(.*\)\s+)?FROM stdin;\n$`, 's');
/** A table has 1600 columns at most, of 63 bytes each, quoted. */
const LONGEST_COPY = 250_000;

const code = (character: string): number => character.charCodeAt(0);
const [NEWLINE, QUOTE, DOUBLE, BACKSLASH, DOLLAR, MINUS] = [10, code("'"), code('"'), code('\\'), code('$'), code('-')];
const WORD = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 128 || /\w/.test(String.fromCharCode(byte)) ? 1 : 0,
);

/**
 * Goes through the script of a plain dump as it is read: counts the rows of each table, and looks for its end. It follows PostgreSQL's quotes, since
 * the text of a function may hold lines that look like a COPY or like the end.
 */
export class PlainScan {
  isComplete = false;
  /** By schema and name, joined by NUL. */
  private readonly counts = new Map<string, number>();
  private table: string | undefined;
  private statement = '';
  private rest: Buffer = Buffer.alloc(0);

  add(chunk: Buffer): void {
    const bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    let at = 0;
    for (;;) {
      const end = this.table === undefined ? tokenEnd(bytes, at, this.statement.trim() === '') : lineEnd(bytes, at);
      if (end < 0) break;
      if (this.table === undefined) this.token(bytes, at, end);
      else this.row(this.table, bytes, at, end);
      at = end;
    }
    // A chunk is somebody else's memory.
    this.rest = Buffer.from(bytes.subarray(at));
  }

  rowsOf(schema: string, name: string): number | undefined {
    return this.counts.get(key(schema, name));
  }

  private row(table: string, bytes: Buffer, start: number, end: number): void {
    if (end - start === 3 && bytes[start] === BACKSLASH && bytes[start + 1] === code('.')) this.table = undefined;
    else this.counts.set(table, (this.counts.get(table) ?? 0) + 1);
  }

  private token(bytes: Buffer, start: number, end: number): void {
    if (bytes[start] === MINUS && bytes[start + 1] === MINUS) {
      if (bytes.toString('utf8', start, end - 1) === COMPLETE) this.isComplete = true;
      return;
    }
    if (this.statement.length < LONGEST_COPY) this.statement += bytes.toString('utf8', start, end);
    if (bytes[start] !== code(';')) return;
    const [, schema, name] = COPY.exec(this.statement) ?? [];
    this.statement = '';
    if (schema === undefined || name === undefined) return;
    this.table = key(unquoted(schema), unquoted(name));
    this.counts.set(this.table, this.counts.get(this.table) ?? 0);
  }
}

/** Behind what begins here: a word, a string, a comment, psql's own command, any other byte. -1: it goes on behind what is here. */
function tokenEnd(bytes: Buffer, at: number, isFirst: boolean): number {
  const [byte, next] = [bytes[at], bytes[at + 1]];
  if (byte === undefined) return -1;
  // The rows of a COPY begin with the next line.
  if (byte === code(';')) return next === undefined ? -1 : next === NEWLINE ? at + 2 : at + 1;
  if (isFirst && byte === BACKSLASH) return lineEnd(bytes, at);
  if (byte === QUOTE || byte === DOUBLE) return quotedEnd(bytes, at + 1, byte, false);
  if ((byte === code('E') || byte === code('e')) && next === QUOTE) return quotedEnd(bytes, at + 2, QUOTE, true);
  if (byte === MINUS) return next === undefined ? -1 : next === MINUS ? lineEnd(bytes, at) : at + 1;
  if (byte === DOLLAR) return dollarEnd(bytes, at);
  if (WORD[byte] === 0) return at + 1;
  let end = at + 1;
  while (WORD[bytes[end] ?? 0] === 1 || bytes[end] === DOLLAR) end += 1;
  return end === bytes.length ? -1 : end;
}

const lineEnd = (bytes: Buffer, at: number): number => {
  const end = bytes.indexOf(NEWLINE, at);
  return end < 0 ? -1 : end + 1;
};

function quotedEnd(bytes: Buffer, from: number, quote: number, escapes: boolean): number {
  for (let at = from; ;) {
    const end = bytes.indexOf(quote, at);
    if (end < 0 || end + 1 === bytes.length) return -1;
    let backslashes = 0;
    while (escapes && end - backslashes > at && bytes[end - backslashes - 1] === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 1) at = end + 1;
    else if (bytes[end + 1] === quote) at = end + 2;
    else return end + 1;
  }
}

/** `$tag$ ... $tag$`; a lone `$` is a byte like any other. */
function dollarEnd(bytes: Buffer, at: number): number {
  let end = at + 1;
  while (WORD[bytes[end] ?? 0] === 1) end += 1;
  if (end === bytes.length) return -1;
  const first = bytes[at + 1] ?? 0;
  if (bytes[end] !== DOLLAR || (first >= code('0') && first <= code('9'))) return at + 1;
  const tag = bytes.subarray(at, end + 1);
  const closing = bytes.indexOf(tag, end + 1);
  return closing < 0 ? -1 : closing + tag.length;
}

const key = (schema: string, name: string): string => `${schema}\0${name}`;
const unquoted = (name: string): string => (name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name);
