import { Untranslatable } from './expression';
import { type ColumnKind, TYPES } from './kinds';
import type { Translated } from './translated';

/** A value as a column keeps it, by SQLite's affinity; throws Untranslatable where PostgreSQL would change or refuse it. */
export function assign({ sql, kind, literal }: Translated, column: ColumnKind): string {
  if (kind === column)
    return literal === undefined && ['integer', 'float'].includes(kind)
      ? `(${sql})::${TYPES[column]}`
      : plain(sql, kind, literal);
  if (kind === 'integer' && column === 'boolean' && (literal === '0' || literal === '1'))
    return literal === '1' ? 'TRUE' : 'FALSE';
  if (kind === 'boolean' && column === 'integer') return literal ?? `(${sql})::int::bigint`;
  if (kind === 'integer' && (column === 'float' || column === 'numeric'))
    return literal ?? `(${sql})::${TYPES[column]}`;
  if (kind === 'float' && column === 'numeric' && literal !== undefined) return literal;
  if (kind === 'float' && column === 'integer' && literal !== undefined && Number.isSafeInteger(Number(literal)))
    return String(Number(literal));
  if (kind === 'integer' && column === 'text') return literal === undefined ? `(${sql})::text` : `'${literal}'`;
  throw new Untranslatable(`gives ${kind} to a column of ${TYPES[column]}`);
}

const plain = (sql: string, kind: string, literal: string | undefined): string =>
  literal === undefined || kind === 'boolean' ? sql : literal;
