import type { Encoding } from './header';
import type { Source } from './open';
import { sqliteName, sqliteText, type SqliteValue } from './sqlite';

export interface SourceColumn {
  name: string;
  /** As declared; may be empty or anything. */
  declaredType: string;
  notNull: boolean;
}

export interface SourceTable {
  name: string;
  kind: 'table' | 'virtual' | 'shadow';
  columns: SourceColumn[];
  primaryKey: string[];
  /** What names a row's number; undefined for a table WITHOUT ROWID. */
  rowId: string | undefined;
  /** The highest id AUTOINCREMENT ever gave out; undefined without it. */
  sequence: bigint | undefined;
  /** Statement that made it, for those who look for what no pragma says. */
  sql: string;
}

/** Text that was asked for as a blob. */
export function textOf(value: SqliteValue | undefined, encoding: Encoding): string {
  if (!Buffer.isBuffer(value)) return value === null || value === undefined ? '' : String(value);
  return decode(value, encoding);
}

export function decode(bytes: Buffer, encoding: Encoding): string {
  if (encoding === 'utf8') return bytes.toString('utf8');
  return (encoding === 'utf16le' ? bytes : Buffer.from(bytes).swap16()).toString('utf16le');
}

/** The main schema's tables, in the order of their names, without SQLite's own. */
export function readTables({ database, encoding }: Source): SourceTable[] {
  const text = (value: SqliteValue | undefined): string => textOf(value, encoding);
  const rows = database.rows(`
    SELECT CAST(l.name AS BLOB), CAST(l.type AS BLOB), l.wr, CAST(coalesce(s.sql, '') AS BLOB) FROM pragma_table_list AS l
      LEFT JOIN sqlite_schema AS s ON s.type = 'table' AND s.name = l.name
     WHERE l.schema = 'main' AND l.type IN ('table', 'virtual', 'shadow') AND l.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
     ORDER BY l.name`);
  const sequences = readSequences(database.rows.bind(database), text);
  return rows.map(([nameValue, kind, withoutRowId, sql]) => {
    const name = text(nameValue);
    const info = database.rows(`
      SELECT CAST(name AS BLOB), CAST(type AS BLOB), "notnull", pk FROM pragma_table_xinfo(${sqliteText(name)}) WHERE hidden <> 1 ORDER BY cid`);
    const columns = info.map(([column, type, notNull]): SourceColumn => ({
      name: text(column),
      declaredType: text(type),
      notNull: notNull === 1n,
    }));
    const primaryKey = info
      .filter(([, , , position]) => position !== 0n)
      .sort(([, , , one], [, , , other]) => Number(one) - Number(other))
      .map(([column]) => text(column));
    return {
      name,
      kind: text(kind) as SourceTable['kind'],
      columns,
      primaryKey,
      rowId: withoutRowId === 1n ? undefined : rowIdOf(columns),
      sequence: sequences.get(name),
      sql: text(sql),
    };
  });
}

/** The last number AUTOINCREMENT gave out, by table. */
function readSequences(
  rows: (sql: string) => SqliteValue[][],
  text: (value: SqliteValue | undefined) => string,
): Map<string, bigint> {
  if (rows(`SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'`).length === 0) return new Map();
  const found = rows('SELECT CAST(name AS BLOB), seq FROM sqlite_sequence');
  return new Map(found.flatMap(([name, last]) => (typeof last === 'bigint' ? [[text(name), last]] : [])));
}

/** A column of that name hides the row's number. */
function rowIdOf(columns: readonly SourceColumn[]): string | undefined {
  const names = new Set(columns.map(({ name }) => name.toLowerCase()));
  return ['rowid', '_rowid_', 'oid'].find((name) => !names.has(name));
}

/** What is to be expected of a table's rows. */
export interface Extent {
  rows: number;
  /** Of the row numbers; null for no rows. */
  lowest: bigint | null;
  highest: bigint | null;
  /** Bytes of the longest row as it is stored. */
  longest: number;
}

/** The library binds no numbers at the ends of 64 bits; a table that has such row numbers is read as one without. */
export const isAtEnds = ({ lowest, highest }: Extent): boolean =>
  lowest !== null && highest !== null && (lowest <= -(2n ** 63n) + 1n || highest >= 2n ** 63n - 1n);

export function readExtent({ database }: Source, { name, rowId }: SourceTable): Extent {
  const table = sqliteName(name);
  const bound = (which: 'min' | 'max'): string =>
    rowId === undefined ? 'NULL' : `(SELECT ${which}(${rowId}) FROM ${table})`;
  // A virtual table over the pages: faster than measuring values.
  const [rows, lowest, highest, longest] = database.first(
    `SELECT (SELECT count(*) FROM ${table}), ${bound('min')}, ${bound('max')},
            (SELECT mx_payload FROM dbstat WHERE name = ${sqliteText(name)} AND aggregate = 1)`,
  );
  return {
    rows: Number(rows),
    lowest: typeof lowest === 'bigint' ? lowest : null,
    highest: typeof highest === 'bigint' ? highest : null,
    longest: Number(longest),
  };
}
