import { qualified } from '../connection/quote';
import type { IndexSpec } from '../spec';
import { parseOpclass } from './lookup';
import { columnsSql, createIndexSql, type ResolvedColumn } from './statement';

/**
 * What Prisma's migration history lacks. `prisma migrate dev` replays the history into an empty database and compares the real one with it: the
 * `@@index` lines alone do not help, the history has to make the indexes too. IF NOT EXISTS makes the migration do nothing where
 * they are there already. `history`: the SQL of the migrations there are; an index it names needs nothing. Empty: nothing is missing.
 */
export function hintsMigration(indexes: readonly IndexSpec[], history: string): string {
  return indexes
    .filter(({ name }) => !history.includes(name))
    .map((index) => {
      const columns = columnsSql(index, index.columns.map(asWritten));
      const table = qualified(index.schema, index.table);
      return `${createIndexSql(index, columns, { name: index.name, table, ifNotExists: true })};\n`;
    })
    .join('');
}

/** Operator class and collation as the settings have them, for PostgreSQL to look up. */
function asWritten(column: IndexSpec['columns'][number]): ResolvedColumn {
  const opclass = column.opclass === undefined ? undefined : parseOpclass(column.opclass);
  return {
    opclassParameters: opclass?.parameters ?? {},
    ...(opclass === undefined ? {} : { opclass: named(opclass.name) }),
    ...(column.collation === undefined ? {} : { collation: named(column.collation) }),
  };
}

function named(name: string): { schema: string; name: string } {
  const dot = name.indexOf('.');
  return dot < 1 ? { schema: '', name } : { schema: name.slice(0, dot), name: name.slice(dot + 1) };
}
