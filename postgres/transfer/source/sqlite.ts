import Database from 'libsql';

type Parameter = bigint | number | string | Buffer;

/** What SQLite hands out here: never `string`, since the reader ends the process at text that is not valid UTF-8. */
export type SqliteValue = null | bigint | number | Buffer;

/**
 * A connection that only reads. Text is asked for as `CAST(x AS BLOB)`, in the encoding of the file; integers are 64 bit. libsql is the one
 * reader that npm installs without compiling or downloading beside it, on every Node this project runs on (docs/decisions.md).
 */
export class Sqlite {
  private readonly prepared = new Map<string, Database.Statement>();

  private constructor(
    private readonly database: Database.Database,
    private readonly failure: (error: unknown) => unknown,
  ) {}

  /** `failure`: an error of SQLite as one of ours. `uri`: `file:` with `mode=ro` or `immutable=1`, or without where it is a copy. `readonly: true` of the library is ignored by it. */
  static open(uri: string, failure: (error: unknown) => unknown): Sqlite {
    return new Sqlite(new Database(uri), failure);
  }

  /** All rows, as arrays. */
  rows(sql: string, ...parameters: Parameter[]): SqliteValue[][] {
    return this.named(() => this.statement(sql).all(...parameters) as SqliteValue[][]);
  }

  first(sql: string, ...parameters: Parameter[]): SqliteValue[] {
    return this.rows(sql, ...parameters)[0] ?? [];
  }

  /** One row after the other, for what has no row numbers to go by. */
  *each(sql: string): Generator<SqliteValue[], void, undefined> {
    const rows = this.named(() => this.statement(sql).iterate() as IterableIterator<SqliteValue[]>);
    for (;;) {
      const next = this.named(() => rows.next());
      if (next.done === true) return;
      yield next.value;
    }
  }

  run(sql: string): void {
    this.named(() => this.database.exec(sql));
  }

  close(): void {
    this.prepared.clear();
    this.database.close();
  }

  /** What fails says whose file it is, wherever it is read. */
  private named<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw this.failure(error);
    }
  }

  private statement(sql: string): Database.Statement {
    let statement = this.prepared.get(sql);
    if (statement === undefined) {
      statement = this.database.prepare(sql).raw(true).safeIntegers(true);
      this.prepared.set(sql, statement);
    }
    return statement;
  }
}

/** `Student` -> `"Student"`, as SQLite reads it. */
export const sqliteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

export const sqliteText = (text: string): string => `'${text.replaceAll("'", "''")}'`;
