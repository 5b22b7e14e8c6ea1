import type { Source } from '../source/open';
import { sqliteText, type SqliteValue } from '../source/sqlite';
import type { SqliteToken } from '../source/sqlTokens';
import { type SourceTable, textOf } from '../source/tables';
import { type Deferral, indexClauses, type TableClauses, tableClauses } from './tableSql';

/** A table of the source with all that its schema says. */
export interface TableFacts {
  name: string;
  columns: ColumnFacts[];
  primaryKey: string[];
  /** The column that is the row's number. */
  rowNumber: string | undefined;
  indexes: IndexFacts[];
  references: ReferenceFacts[];
  checks: SqliteToken[][];
  conflicts: string[];
}

export interface ColumnFacts {
  name: string;
  declaredType: string;
  notNull: boolean;
  /** SQL, as declared. */
  default: string | undefined;
  /** What computes it; empty where the statement could not be read. */
  generated: SqliteToken[] | undefined;
  collation: string;
}

export interface IndexFacts {
  /** Of the index; undefined where a constraint made it. */
  name: string | undefined;
  unique: boolean;
  /** c: CREATE INDEX; u: UNIQUE; pk: PRIMARY KEY. */
  origin: string;
  items: IndexItem[];
  where: SqliteToken[] | undefined;
}

export interface IndexItem {
  /** Undefined: an expression. */
  column: string | undefined;
  expression: SqliteToken[];
  descending: boolean;
  collation: string;
}

export interface ReferenceFacts {
  columns: string[];
  parent: string;
  /** Empty: the parent's primary key. */
  parentColumns: string[];
  onDelete: string;
  onUpdate: string;
  deferral: Deferral;
}

/** Reads what the pragmas say, and what only the statements do. */
export function readFacts(source: Source, table: SourceTable): TableFacts {
  const pragma = (sql: string): SqliteValue[][] => source.database.rows(sql);
  const text = (value: SqliteValue | undefined): string => textOf(value, source.encoding);
  const name = sqliteText(table.name);
  const clauses = tableClauses(table.sql);
  const columns = pragma(
    `SELECT CAST(name AS BLOB), CAST(type AS BLOB), "notnull", CAST(dflt_value AS BLOB), hidden FROM pragma_table_xinfo(${name}) WHERE hidden <> 1 ORDER BY cid`,
  ).map(([column, type, notNull, value, hidden]): ColumnFacts => ({
    name: text(column),
    declaredType: text(type).replace(/\s*GENERATED ALWAYS\s*$/i, ''),
    notNull: notNull === 1n,
    // A generated column has none.
    default: value === null || hidden !== 0n ? undefined : text(value),
    generated: hidden === 0n ? undefined : (clauses.generated.get(text(column).toLowerCase()) ?? []),
    collation: clauses.collations.get(text(column).toLowerCase()) ?? 'binary',
  }));
  const indexes = readIndexes(source, table.name);
  const isRowNumber =
    table.rowId !== undefined &&
    table.primaryKey.length === 1 &&
    !indexes.some(({ origin }) => origin === 'pk') &&
    columns.some((column) => column.name === table.primaryKey[0] && /^integer$/i.test(column.declaredType));
  return {
    name: table.name,
    columns,
    primaryKey: table.primaryKey,
    rowNumber: isRowNumber ? table.primaryKey[0] : undefined,
    indexes,
    references: readReferences(pragma, text, name, clauses),
    checks: clauses.checks,
    conflicts: clauses.conflicts,
  };
}

function readIndexes({ database, encoding }: Source, table: string): IndexFacts[] {
  const text = (value: SqliteValue | undefined): string => textOf(value, encoding);
  return database
    .rows(
      `SELECT CAST(l.name AS BLOB), l."unique", CAST(l.origin AS BLOB), CAST(s.sql AS BLOB) FROM pragma_index_list(${sqliteText(table)}) AS l
         LEFT JOIN sqlite_schema AS s ON s.type = 'index' AND s.name = l.name ORDER BY l.seq DESC`,
    )
    .map(([nameValue, unique, origin, sql]): IndexFacts => {
      const name = text(nameValue);
      const clauses = indexClauses(text(sql));
      const items = database
        .rows(
          `SELECT seqno, cid, CAST(name AS BLOB), "desc", CAST(coll AS BLOB) FROM pragma_index_xinfo(${sqliteText(name)}) WHERE key = 1 ORDER BY seqno`,
        )
        .map(([position, cid, column, descending, collation]): IndexItem => ({
          column: cid === -2n ? undefined : text(column),
          expression: clauses.items[Number(position)] ?? [],
          descending: descending === 1n,
          collation: text(collation).toLowerCase() || 'binary',
        }));
      return {
        name: sql === null ? undefined : name,
        unique: unique === 1n,
        origin: text(origin),
        items,
        where: clauses.where,
      };
    });
}

function readReferences(
  pragma: (sql: string) => SqliteValue[][],
  text: (value: SqliteValue | undefined) => string,
  table: string,
  { references }: TableClauses,
): ReferenceFacts[] {
  const found = new Map<bigint, ReferenceFacts>();
  for (const [id, parent, from, to, onUpdate, onDelete] of pragma(
    // The last that was declared has the number 0.
    `SELECT id, CAST("table" AS BLOB), CAST("from" AS BLOB), CAST("to" AS BLOB), CAST(on_update AS BLOB), CAST(on_delete AS BLOB)
       FROM pragma_foreign_key_list(${table}) ORDER BY id DESC, seq`,
  )) {
    const reference = found.get(id as bigint) ?? {
      columns: [],
      parent: text(parent),
      parentColumns: [],
      onDelete: text(onDelete),
      onUpdate: text(onUpdate),
      deferral: 'none',
    };
    reference.columns.push(text(from));
    if (to !== null) reference.parentColumns.push(text(to));
    found.set(id as bigint, reference);
  }
  const all = [...found.values()];
  // Where the statement was read otherwise than SQLite does, nothing is known of when they are checked.
  if (all.length === references.length)
    all.forEach((reference, at) => (reference.deferral = references[at]?.deferral ?? 'none'));
  return all;
}
