import type { Client } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';

import { quoteIdentifier } from '../../connection/quote';
import type { TablePlan } from '../plan';

/** Quotes are single, as SQLite's `%Q` writes them, so that one word of its format() tells text from NULL. */
const OPTIONS = {
  lines: `FORMAT csv, QUOTE '''', NULL 'NULL', ENCODING 'UTF8'`,
  binary: 'FORMAT binary',
} as const;
export type CopyFormat = keyof typeof OPTIONS;

/** No flags, no extension. */
const BINARY_HEADER = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
const BINARY_END = Buffer.from([0xff, 0xff]);

/** COPY into one table: rows go in, and wait while the server is behind. */
export class CopyWriter {
  private failure: Error | undefined;
  private readonly finished: Promise<void>;

  private constructor(
    private readonly stream: ReturnType<typeof copyFrom>,
    readonly format: CopyFormat,
  ) {
    this.finished = new Promise((resolve, reject) => {
      stream.once('finish', resolve);
      stream.on('error', (error: Error) => {
        this.failure ??= error;
        reject(error);
      });
    });
    // Whoever writes or ends hears of it.
    this.finished.catch(() => undefined);
  }

  /**
   * `frozen`: rows are visible to all at once when the transaction commits, and need no later vacuum; the table has to have been emptied in it.
   */
  static begin(client: Client, { target, columns }: TablePlan, format: CopyFormat, frozen: boolean): CopyWriter {
    const names = columns.map((column) => quoteIdentifier(column.target.name)).join(', ');
    const options = `${OPTIONS[format]}${frozen ? ', FREEZE' : ''}`;
    const writer = new CopyWriter(
      client.query(copyFrom(`COPY ${target.qualified} (${names}) FROM STDIN (${options})`)),
      format,
    );
    if (format === 'binary') writer.stream.write(BINARY_HEADER);
    return writer;
  }

  async write(rows: Buffer): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    if (!this.stream.write(rows)) await Promise.race([drained(this.stream), this.finished]);
  }

  /** Resolves when the server has all of it. */
  async end(): Promise<void> {
    if (this.format === 'binary') this.stream.write(BINARY_END);
    this.stream.end();
    await this.finished;
  }

  /** Gives up: the server forgets what came. */
  async abort(): Promise<void> {
    if (this.failure === undefined) this.stream.destroy(new Error('given up'));
    await this.finished.catch(() => undefined);
  }
}

const drained = (stream: NodeJS.WritableStream): Promise<void> =>
  new Promise((resolve) => {
    stream.once('drain', resolve);
  });

/** What goes into one table, by one COPY after another where the format changes; without a client it goes nowhere. */
export class TableCopy {
  /** Bytes that came, sent or not. */
  bytes = 0;
  private writer: CopyWriter | undefined;

  constructor(
    private readonly client: Client | undefined,
    private readonly plan: TablePlan,
    private readonly frozen: boolean,
    private readonly isGivenUp: () => boolean,
  ) {}

  async write(format: CopyFormat, rows: Buffer): Promise<void> {
    this.bytes += rows.length;
    if (this.client === undefined || rows.length === 0 || this.isGivenUp()) return;
    if (this.writer !== undefined && this.writer.format !== format) {
      await this.writer.end();
      this.writer = undefined;
    }
    this.writer ??= CopyWriter.begin(this.client, this.plan, format, this.frozen);
    await this.writer.write(rows);
  }

  async end(): Promise<void> {
    if (this.isGivenUp()) await this.abort();
    else await this.writer?.end();
  }

  async abort(): Promise<void> {
    await this.writer?.abort();
  }
}
