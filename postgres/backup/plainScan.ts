/** The last words of a script that pg_dump wrote to its end. */
const COMPLETE = '-- PostgreSQL database dump complete';
const NEWLINE = 10;
const IDENTIFIER = String.raw`("(?:[^"]|"")+"|[^".\s]+)`;
const COPY = new RegExp(String.raw`^COPY ${IDENTIFIER}\.${IDENTIFIER} (?:\(.*\) )?FROM stdin;$`);

/** Goes through the script of a plain dump as it is read: counts the rows of each table, and looks for its end. */
export class PlainScan {
  /** By schema and name, joined by NUL. */
  private readonly counts = new Map<string, number>();
  private table: string | undefined;
  private rest = Buffer.alloc(0);
  isComplete = false;

  add(chunk: Buffer): void {
    const bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      this.line(bytes, start, end);
      start = end + 1;
    }
    // A chunk is somebody else's memory.
    this.rest = Buffer.from(bytes.subarray(start));
  }

  rowsOf(schema: string, name: string): number | undefined {
    return this.counts.get(key(schema, name));
  }

  private line(bytes: Buffer, start: number, end: number): void {
    if (this.table !== undefined) {
      if (end - start === 2 && bytes[start] === 92 && bytes[start + 1] === 46) this.table = undefined;
      else this.counts.set(this.table, (this.counts.get(this.table) ?? 0) + 1);
      return;
    }
    if (end === start) return;
    const text = bytes.toString('utf8', start, end);
    if (text === COMPLETE) this.isComplete = true;
    const [, schema, name] = COPY.exec(text) ?? [];
    if (schema === undefined || name === undefined) return;
    this.table = key(unquoted(schema), unquoted(name));
    this.counts.set(this.table, this.counts.get(this.table) ?? 0);
  }
}

const key = (schema: string, name: string): string => `${schema}\0${name}`;
const unquoted = (name: string): string => (name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name);
