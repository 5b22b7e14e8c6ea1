import type { Client } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';

import { quoteIdentifier } from '../../connection/quote';

/** COPY into one table: lines go in, and wait while the server is behind. */
export class CopyWriter {
  bytes = 0;
  private failure: Error | undefined;
  private readonly finished: Promise<void>;

  private constructor(private readonly stream: ReturnType<typeof copyFrom>) {
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
   * Quotes are single, as SQLite's `%Q` writes them, so that one word of its format() tells text from NULL.
   */
  static begin(client: Client, table: string, columns: readonly string[], frozen: boolean): CopyWriter {
    const names = columns.map(quoteIdentifier).join(', ');
    const options = `FORMAT csv, QUOTE '''', NULL 'NULL', ENCODING 'UTF8'${frozen ? ', FREEZE' : ''}`;
    return new CopyWriter(client.query(copyFrom(`COPY ${table} (${names}) FROM STDIN (${options})`)));
  }

  async write(lines: Buffer): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    if (lines.length === 0) return;
    this.bytes += lines.length;
    if (!this.stream.write(lines)) await Promise.race([drained(this.stream), this.finished]);
  }

  /** Resolves when the server has all of it. */
  async end(): Promise<void> {
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
