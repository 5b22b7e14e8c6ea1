import { quoteIdentifier } from '../../connection/quote';
import { assign } from './assign';
import { defaultOf } from './defaults';
import { parseExpression, Untranslatable } from './expression';
import type { ColumnFacts } from './facts';
import { type Collation, type ColumnKind, TYPES } from './kinds';
import type { MadeTable } from './made';
import { type Scope, translate } from './translate';

export interface MadeColumn {
  facts: ColumnFacts;
  /** In the target. */
  name: string;
  kind: ColumnKind;
  collation: Collation;
  /** No type and no value said which. */
  isOpen: boolean;
  /** In PostgreSQL's words; set by `computeColumns`. */
  computedBy: string | undefined;
}

/** `"name" bigint NOT NULL DEFAULT 0` */
export function columnSql(table: MadeTable, column: MadeColumn): string {
  const { facts, name, kind, computedBy } = column;
  const parts = [quoteIdentifier(name), TYPES[kind]];
  if (computedBy !== undefined) parts.push(`GENERATED ALWAYS AS (${computedBy}) STORED`);
  if (facts.notNull) parts.push('NOT NULL');
  // The row's number has none, whatever is declared.
  if (facts.default === undefined || facts.name === table.facts.rowNumber) return parts.join(' ');
  const value = table.attempt(column, `the default ${facts.default}`, () => defaultOf(facts.default ?? '', kind));
  if (value !== undefined && value !== 'NULL') parts.push(`DEFAULT ${value}`);
  return parts.join(' ');
}

/** Which generated columns PostgreSQL computes by itself; others are filled with what the source computed. */
export function computeColumns(table: MadeTable): void {
  for (const column of table.columns) {
    const { generated } = column.facts;
    if (generated === undefined) continue;
    column.computedBy = table.attempt(
      column,
      'what computes it',
      () => assign(translate(parseExpression(generated), scopeOf(table, false)), column.kind),
      'the values that the source computed are loaded, and nothing computes later ones',
    );
  }
}

/** Columns that an expression may name; of PostgreSQL’s own no computed one may name another. */
export function scopeOf({ columns }: MadeTable, withGenerated = true): Scope {
  return {
    column: (name) => {
      const found = columns.find(({ facts }) => facts.name.toLowerCase() === name.toLowerCase());
      if (!withGenerated && found?.facts.generated !== undefined)
        throw new Untranslatable(`names ${JSON.stringify(name)}, which is computed itself`);
      return found;
    },
  };
}
