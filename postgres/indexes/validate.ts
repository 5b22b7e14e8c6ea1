import { LONGEST_NAME, nameBytes } from './names';

export interface SpecFailure {
  /** `name`, `columns[1].order`, ... */
  property: string;
  /** What is wrong, with the value and what was expected. */
  reason: string;
}

const KEYS = [
  'name',
  'schema',
  'table',
  'columns',
  'method',
  'unique',
  'nullsNotDistinct',
  'include',
  'predicate',
  'storage',
  'tablespace',
];
const COLUMN_KEYS = ['name', 'expression', 'order', 'nulls', 'opclass', 'collation'];

/** INDEX_MAX_KEYS, included columns counted. */
const MOST_COLUMNS = 32;

type Fields = Record<string, unknown>;

/**
 * Everything that is wrong with an IndexSpec without asking a database; empty when it is sound. `value` may come straight from
 * settings. `otherKeys` are allowed beside a spec's own.
 */
export function checkIndexSpec(value: unknown, otherKeys: readonly string[] = []): SpecFailure[] {
  if (!isFields(value))
    return [{ property: '', reason: `An index is an object with name, schema, table and columns.` }];
  const failures: SpecFailure[] = [];
  const fail = (property: string, reason: string): void => void failures.push({ property, reason });

  unknownKeys(value, [...KEYS, ...otherKeys], '', fail);
  for (const property of ['name', 'schema', 'table']) identifier(value[property], property, fail);
  for (const property of ['method', 'tablespace']) {
    if (value[property] !== undefined) identifier(value[property], property, fail);
  }
  for (const property of ['unique', 'nullsNotDistinct']) flag(value[property], property, fail);
  if (value.nullsNotDistinct === true && value.unique !== true) {
    fail('nullsNotDistinct', 'Means something only on a unique index: set `unique: true`, or leave it out.');
  }
  if (value.predicate !== undefined) sql(value.predicate, 'predicate', fail);
  columns(value.columns, fail);
  names(value.include, 'include', fail);
  storage(value.storage, fail);
  const count = lengthOf(value.columns) + lengthOf(value.include);
  if (count > MOST_COLUMNS)
    fail('columns', `${count} columns with the included ones; PostgreSQL allows ${MOST_COLUMNS}.`);
  return failures;
}

type Fail = (property: string, reason: string) => void;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function lengthOf(value: unknown): number {
  return Array.isArray(value) ? value.length : 0;
}

function shown(value: unknown): string {
  return JSON.stringify(value) ?? 'nothing';
}

function unknownKeys(value: Fields, known: readonly string[], prefix: string, fail: Fail): void {
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) fail(`${prefix}${key}`, `Unknown key; known are ${known.join(', ')}.`);
  }
}

function identifier(value: unknown, property: string, fail: Fail): void {
  if (typeof value !== 'string' || value === '') return fail(property, `Expected a name, got ${shown(value)}.`);
  if (value.includes('\0')) fail(property, 'A name cannot contain NUL.');
  const bytes = nameBytes(value);
  if (bytes > LONGEST_NAME) {
    fail(
      property,
      `${shown(value)} has ${bytes} bytes; PostgreSQL would cut it at ${LONGEST_NAME} and never find it again.`,
    );
  }
}

function flag(value: unknown, property: string, fail: Fail): void {
  if (value !== undefined && typeof value !== 'boolean') fail(property, `Expected true or false, got ${shown(value)}.`);
}

function sql(value: unknown, property: string, fail: Fail): void {
  if (typeof value !== 'string' || value.trim() === '') fail(property, `Expected SQL text, got ${shown(value)}.`);
  else if (value.includes('\0')) fail(property, 'SQL cannot contain NUL.');
  else if (/^\s*where\b/i.test(value)) fail(property, 'Leave out the word WHERE.');
}

function choice(value: unknown, choices: readonly string[], property: string, fail: Fail): void {
  if (value === undefined || (typeof value === 'string' && choices.includes(value))) return;
  fail(property, `Expected ${choices.join(' or ')}, got ${shown(value)}.`);
}

function columns(value: unknown, fail: Fail): void {
  if (!Array.isArray(value) || value.length === 0) {
    return fail('columns', `Expected at least one column, got ${shown(value)}.`);
  }
  value.forEach((column: unknown, index) => {
    const at = `columns[${index}]`;
    if (!isFields(column)) return fail(at, `Expected an object with a name, got ${shown(column)}.`);
    unknownKeys(column, COLUMN_KEYS, `${at}.`, fail);
    if (column.expression === true) sql(column.name, `${at}.name`, fail);
    else identifier(column.name, `${at}.name`, fail);
    flag(column.expression, `${at}.expression`, fail);
    choice(column.order, ['asc', 'desc'], `${at}.order`, fail);
    choice(column.nulls, ['first', 'last'], `${at}.nulls`, fail);
    for (const key of ['opclass', 'collation']) {
      if (column[key] !== undefined && (typeof column[key] !== 'string' || column[key] === '')) {
        fail(`${at}.${key}`, `Expected a name, got ${shown(column[key])}.`);
      }
    }
  });
}

function names(value: unknown, property: string, fail: Fail): void {
  if (value === undefined) return;
  if (!Array.isArray(value)) return fail(property, `Expected a list of column names, got ${shown(value)}.`);
  value.forEach((name: unknown, index) => identifier(name, `${property}[${index}]`, fail));
}

function storage(value: unknown, fail: Fail): void {
  if (value === undefined) return;
  if (!isFields(value)) return fail('storage', `Expected parameters by name, got ${shown(value)}.`);
  for (const [name, parameter] of Object.entries(value)) {
    const fits = ['string', 'number', 'boolean'].includes(typeof parameter);
    if (!fits || parameter === '' || String(parameter).includes('\0')) {
      fail(`storage.${name}`, `Expected a text, a number or true or false, got ${shown(parameter)}.`);
    }
    if (name === '') fail('storage', 'A parameter needs a name.');
  }
}
