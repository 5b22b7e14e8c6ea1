import type { IndexDescription, IndexDifference, IndexKey } from './description';
import { normalPredicate } from './predicate';

const NONE = '(none)';

/**
 * Every way in which `actual` is not the wanted index: its table, definition, and whether it is valid. Names are not compared.
 * Both sides come from the same catalog query, so defaults are spelled out already; what is left are differences of meaning.
 */
export function compareIndex(wanted: IndexDescription, actual: IndexDescription): IndexDifference[] {
  const differences: IndexDifference[] = [];
  if (wanted.schema !== actual.schema || wanted.table !== actual.table) {
    add(differences, 'table', `${wanted.schema}.${wanted.table}`, `${actual.schema}.${actual.table}`);
  }
  differences.push(...compareDefinition(wanted, actual));
  if (!actual.status.valid) add(differences, 'valid', 'true', 'false');
  return differences;
}

/** As compareIndex, without table and validity. */
export function compareDefinition(wanted: IndexDescription, actual: IndexDescription): IndexDifference[] {
  const differences: IndexDifference[] = [];
  add(differences, 'method', wanted.method, actual.method);
  compareKeys(differences, wanted.keys, actual.keys);
  // Included columns are only carried along: their order and repetition mean nothing.
  add(differences, 'include', columnList(wanted.include), columnList(actual.include));
  add(differences, 'unique', String(wanted.unique), String(actual.unique));
  // On an index that is not unique the clause does nothing.
  if (wanted.unique && actual.unique) {
    add(differences, 'nullsNotDistinct', String(wanted.nullsNotDistinct), String(actual.nullsNotDistinct));
  }
  comparePredicate(differences, wanted.predicate, actual.predicate);
  for (const name of [...new Set([...Object.keys(wanted.storage), ...Object.keys(actual.storage)])].sort()) {
    add(differences, `storage.${name}`, wanted.storage[name] ?? '(default)', actual.storage[name] ?? '(default)');
  }
  add(differences, 'tablespace', wanted.tablespace, actual.tablespace);
  return differences;
}

/** Definition only, as one text: what compareDefinition calls equal is the same text. */
export function definitionKey(index: IndexDescription): string {
  return JSON.stringify([
    index.method,
    index.keys.map((key) => [
      identity(key),
      key.order,
      key.nulls,
      key.operators,
      parameters(key.opclassParameters),
      key.collation,
    ]),
    columnList(index.include),
    index.unique,
    index.unique && index.nullsNotDistinct,
    index.predicate === null ? null : normalPredicate(index.predicate),
    parameters(index.storage),
    index.tablespace,
  ]);
}

function add(differences: IndexDifference[], property: string, wanted: string, actual: string): void {
  if (wanted !== actual) differences.push({ property, wanted, actual });
}

function comparePredicate(differences: IndexDifference[], wanted: string | null, actual: string | null): void {
  const same =
    (wanted === null ? null : normalPredicate(wanted)) === (actual === null ? null : normalPredicate(actual));
  if (!same) add(differences, 'predicate', wanted ?? NONE, actual ?? NONE);
}

function compareKeys(differences: IndexDifference[], wanted: IndexKey[], actual: IndexKey[]): void {
  const sameColumns =
    wanted.length === actual.length &&
    wanted.every((key, index) => {
      const other = actual[index];
      return other !== undefined && identity(key) === identity(other);
    });
  if (!sameColumns) {
    add(differences, 'columns', keyList(wanted), keyList(actual));
    return;
  }
  wanted.forEach((key, index) => {
    const other = actual[index];
    if (other === undefined) return;
    const at = `columns[${index}]`;
    add(differences, `${at}.order`, key.order, other.order);
    add(differences, `${at}.nulls`, key.nulls, other.nulls);
    if (key.operators !== other.operators) add(differences, `${at}.opclass`, key.opclass, other.opclass);
    const wantedParameters = parameters(key.opclassParameters) || '(default)';
    add(differences, `${at}.opclassParameters`, wantedParameters, parameters(other.opclassParameters) || '(default)');
    add(differences, `${at}.collation`, key.collation ?? NONE, other.collation ?? NONE);
  });
}

function identity(key: IndexKey): string {
  return key.column === null ? `expression ${key.expression ?? ''}` : `column ${key.column}`;
}

function parameters(values: Record<string, string>): string {
  return Object.keys(values)
    .sort()
    .map((name) => `${name}=${values[name] ?? ''}`)
    .join(', ');
}

function columnList(columns: readonly string[]): string {
  return columns.length === 0 ? NONE : [...new Set(columns)].sort().join(', ');
}

/** `location, lower(name) desc`: the keys as a person reads them. */
export function keyList(keys: readonly IndexKey[]): string {
  return keys.map((key) => `${key.column ?? key.expression ?? ''}${key.order === 'desc' ? ' desc' : ''}`).join(', ');
}
