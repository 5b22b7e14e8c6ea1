import { Untranslatable } from './expression';
import type { Collation, ValueKind } from './kinds';

/** An expression of PostgreSQL, in parentheses where it needs them. */
export interface Translated {
  sql: string;
  kind: ValueKind;
  /** By which texts compare; `explicit`: by COLLATE. */
  collation?: Collation;
  isExplicit?: boolean;
  /** Of a number or truth value written out: what it is. */
  literal?: string;
  /** An integer of 32 bits, as literals and lengths are; its sums are not. */
  isNarrow?: boolean;
}

export const boolean = (sql: string): Translated => ({ sql: `(${sql})`, kind: 'boolean' });

/** The kind of all that are not NULL. */
export function oneKind(values: readonly Translated[]): ValueKind {
  const kinds = new Set(values.map(({ kind }) => kind).filter((kind) => kind !== 'null'));
  const [kind] = kinds;
  if (kind === undefined || kinds.size > 1) throw new Untranslatable('has results of several kinds');
  return kind;
}
