import type { Source } from './open';
import { sqliteText } from './sqlite';
import { type SourceTable, textOf } from './tables';

/** Where a table's rows are stored, and what stands where in one. */
export interface Layout {
  root: number;
  /** Columns of a record. */
  count: number;
  /** Place of each column in a record; undefined for the one that is the row's number. */
  columns: Map<string, number | undefined>;
}

/** Undefined where rows cannot be read as they are stored: without row numbers, with columns that are computed, or with text in UTF-16. */
export function layoutOf({ database, encoding }: Source, table: SourceTable): Layout | undefined {
  if (encoding !== 'utf8' || table.rowId === undefined || table.kind === 'virtual') return undefined;
  const name = sqliteText(table.name);
  const [root] = database.first(`SELECT rootpage FROM sqlite_schema WHERE type = 'table' AND name = ${name}`);
  const stored = database.rows(
    `SELECT CAST(name AS BLOB), upper(type) = 'INTEGER' AND pk = 1, hidden FROM pragma_table_xinfo(${name}) ORDER BY cid`,
  );
  if (typeof root !== 'bigint' || root < 2n || stored.some(([, , hidden]) => hidden !== 0n)) return undefined;
  // A key that is the row's number has no index of its own.
  const [indexes] = database.first(`SELECT count(*) FROM pragma_index_list(${name}) WHERE origin = 'pk'`);
  const isNumber = table.primaryKey.length === 1 && indexes === 0n;
  const columns = stored.map(([column, isIntegerKey], index): [string, number | undefined] => [
    textOf(column, encoding),
    isNumber && isIntegerKey === 1n ? undefined : index,
  ]);
  return { root: Number(root), count: columns.length, columns: new Map(columns) };
}
