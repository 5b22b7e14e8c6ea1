const NEWLINE = 10;
const END = Buffer.from('\\.\n\n\n', 'latin1');

/**
 * Counts the rows of a file of pg_dump's directory format as it goes by. COPY writes a row a line, with line breaks inside values escaped;
 * after them come `\.` and two empty lines, without which the file was cut.
 */
export class RowCount {
  private lines = 0;
  private tail = Buffer.alloc(0);

  add(chunk: Buffer): void {
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) this.lines += 1;
    this.tail = Buffer.concat([this.tail, chunk.subarray(-END.length)]).subarray(-END.length);
  }

  /** Undefined: the file has no end. */
  get rows(): number | undefined {
    return this.tail.equals(END) ? this.lines - 3 : undefined;
  }
}
