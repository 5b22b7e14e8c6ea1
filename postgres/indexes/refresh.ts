import type { IndexColumn, IndexSpec } from '../spec';
import type { IndexDescription, IndexDifference, IndexKey } from './description';

/**
 * The declared spec with exactly those parts replaced in which the actual index differs. What only is spelled otherwise stays as
 * declared, so that a refresh shows drift and nothing else.
 */
export function actualSpec(
  spec: IndexSpec,
  actual: IndexDescription,
  differences: readonly IndexDifference[],
): IndexSpec {
  const refreshed: IndexSpec = { ...spec };
  const parts = new Set(differences.map(({ property }) => property.split(/[.[]/, 1)[0]));
  if (parts.has('table')) refreshed.table = actual.table;
  if (parts.has('method')) refreshed.method = actual.method;
  if (parts.has('columns')) refreshed.columns = actual.keys.map(columnOf);
  if (parts.has('include')) refreshed.include = actual.include;
  if (parts.has('unique')) refreshed.unique = actual.unique;
  if (parts.has('nullsNotDistinct')) refreshed.nullsNotDistinct = actual.nullsNotDistinct;
  if (parts.has('storage')) refreshed.storage = actual.storage;
  if (parts.has('tablespace')) refreshed.tablespace = actual.tablespace;
  if (parts.has('predicate')) {
    if (actual.predicate === null) delete refreshed.predicate;
    else refreshed.predicate = actual.predicate;
  }
  return refreshed;
}

/** The shortest spec of a key that names operator class and collation in full. */
function columnOf(key: IndexKey): IndexColumn {
  const column: IndexColumn =
    key.column === null ? { name: key.expression ?? '', expression: true } : { name: key.column };
  if (key.order === 'desc') column.order = 'desc';
  if (key.nulls !== (key.order === 'desc' ? 'first' : 'last')) column.nulls = key.nulls;
  const parameters = Object.entries(key.opclassParameters).map(([name, value]) => `${name}=${value}`);
  column.opclass = parameters.length === 0 ? key.opclass : `${key.opclass}(${parameters.join(', ')})`;
  if (key.collation !== null) column.collation = key.collation;
  return column;
}
