import type { PlatformError } from '../../../system/errors';
import type { Sqlite } from './sqlite';

/** Pages read in one call, bytes; at least one. */
const BATCH_BYTES = 256 * 1024;
/** Of a table with as many rows as SQLite can number. */
const DEEPEST = 20;

/** https://www.sqlite.org/fileformat2.html, section 1.6. */
const LEAF = 0x0d;
const INTERIOR = 0x05;

/** One page among others that were read with it. */
export interface Page {
  bytes: Buffer;
  start: number;
}

/**
 * Pages of a database as its read transaction sees them, the write-ahead log included: SQLite hands them out (its virtual table `sqlite_dbpage`), so that its
 * locks and its view are ours too, and no byte of the file is read beside it.
 */
export class Pages {
  /** Bytes of a page without what extensions reserve at its end. */
  readonly usable: number;
  /** Bytes of all of them. */
  readonly total: number;
  private readonly size: number;
  private readonly count: number;

  constructor(
    private readonly database: Sqlite,
    private readonly damaged: (reason: string) => PlatformError,
  ) {
    const [size, count] = database.first('SELECT page_size, page_count FROM pragma_page_size, pragma_page_count');
    this.size = Number(size);
    this.count = Number(count);
    this.total = this.size * this.count;
    const [first] = this.batches([1]);
    this.usable = this.size - (first?.[0]?.bytes[20] ?? 0);
  }

  /** The pages that hold a table's rows, in the order of their numbers, some at a time. */
  leaves(root: number): Generator<Page[]> {
    return this.below([root], 0, { left: this.count });
  }

  /** Copies what follows in a chain of overflow pages until `into` is full. */
  readOverflow(first: number, into: Buffer, from: number): void {
    let [page, at] = [first, from];
    while (at < into.length) {
      const [only] = this.read([page]);
      if (only === undefined) throw this.damaged(`page ${page} is missing`);
      const { bytes, start } = only;
      at += bytes.copy(into, at, start + 4, start + Math.min(this.usable, 4 + into.length - at));
      page = bytes.readUInt32BE(start);
    }
  }

  private *below(numbers: readonly number[], depth: number, budget: { left: number }): Generator<Page[]> {
    if (depth > DEEPEST) throw this.damaged('a table’s pages lie too deep');
    for (const pages of this.batches(numbers)) {
      budget.left -= pages.length;
      if (budget.left < 0) throw this.damaged('a page belongs to a table twice');
      const kinds = new Set(pages.map(({ bytes, start }) => bytes[start]));
      if (kinds.size === 1 && kinds.has(LEAF)) yield pages;
      else if (kinds.size === 1 && kinds.has(INTERIOR))
        for (const page of pages) yield* this.below(this.children(page), depth + 1, budget);
      else throw this.damaged('a page of a table is of another kind');
    }
  }

  private children({ bytes, start }: Page): number[] {
    const children: number[] = [];
    const cells = bytes.readUInt16BE(start + 3);
    if (12 + 2 * cells > this.usable) throw this.damaged('a page has too many cells');
    for (let cell = 0; cell < cells; cell++) {
      const at = bytes.readUInt16BE(start + 12 + 2 * cell);
      if (at + 4 > this.usable) throw this.damaged('a cell lies outside its page');
      children.push(bytes.readUInt32BE(start + at));
    }
    return [...children, bytes.readUInt32BE(start + 8)];
  }

  private *batches(numbers: readonly number[]): Generator<Page[]> {
    const most = Math.max(1, Math.floor(BATCH_BYTES / this.size));
    for (let at = 0; at < numbers.length; at += most) yield this.read(numbers.slice(at, at + most));
  }

  private read(numbers: readonly number[]): Page[] {
    const [bytes] = this.database.first(
      `SELECT CAST(group_concat(data, '') AS BLOB) FROM json_each(?) AS wanted, sqlite_dbpage WHERE pgno = wanted.value`,
      JSON.stringify(numbers),
    );
    if (!Buffer.isBuffer(bytes) || bytes.length !== numbers.length * this.size)
      throw this.damaged(`one of the pages ${numbers.join(', ')} is missing`);
    return numbers.map((_, index) => ({ bytes, start: index * this.size }));
  }
}
