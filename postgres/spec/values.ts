import * as v from 'valibot';

import { isReservedRole } from '../roles/reserved';
import { aboutOf, type Plain, scalar, type Schema } from './schema';

/** Pulumi hands simple values over as text, so `"5432"` is a number and `"true"` a boolean. */
function numberOf(value: Plain): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : undefined;
}

export function wholeNumber(min: number, max: number, what: string, kind = `${min} to ${max} ${what}`): Schema<number> {
  const convert = (value: Plain): number | undefined => {
    const read = numberOf(value);
    return read !== undefined && Number.isSafeInteger(read) && read >= min && read <= max ? read : undefined;
  };
  return scalar(`a whole number of ${what} from ${min} to ${max}`, convert, kind);
}

/** A port an ordinary account can open. */
export const port = wholeNumber(1024, 65_535, 'a port', 'port 1024 to 65535');

/** Milliseconds; the longest is what PostgreSQL and Node's timers take. */
export const milliseconds = (min: number): Schema<number> => wholeNumber(min, 2_147_483_647, 'milliseconds', 'ms');

export const flag: Schema<boolean> = scalar('true or false', (value) => {
  if (typeof value === 'boolean') return value;
  return value === 'true' ? true : value === 'false' ? false : undefined;
});

const code = (words: readonly string[]): string => words.map((word) => `\`${word}\``).join(', ');

export const oneOf = <const T extends string>(...words: readonly T[]): Schema<T> =>
  scalar(`one of ${words.join(', ')}`, (value) => words.find((word) => word === value), code(words));

/** One of some words, or what another schema takes. */
export function either<const W extends string, T>(words: readonly W[], other: Schema<T>): Schema<W | T> {
  const { expected = '', kind = '' } = aboutOf(other);
  const convert = (value: Plain): W | T | undefined => {
    const read = v.safeParse(other, value);
    return words.find((word) => word === value) ?? (read.success ? read.output : undefined);
  };
  return scalar(`${words.join(', ')} or ${expected}`, convert, `${code(words)}, or ${kind}`);
}

const text = (expected: string, accepts: (value: string) => boolean, kind?: string): Schema<string> =>
  scalar(expected, (value) => (typeof value === 'string' && accepts(value) ? value : undefined), kind);

/** One line of text. */
export const line = (what: string, longest = 1024, pattern = /^/, kind = what): Schema<string> =>
  text(what, (value) => value.length <= longest && /^\P{Cc}+$/u.test(value) && pattern.test(value), kind);

/** SQL that goes into a statement as it is: an expression, a predicate. */
export const sql = (what: string): Schema<string> =>
  text(what, (value) => value.trim() !== '' && !value.includes('\0') && value.length <= 8192);

/** The name of a table, column, schema, ...: quoted everywhere, so any characters; PostgreSQL cuts what is longer off silently. */
export const identifier = text(
  'a name of at most 63 bytes',
  (name) => /^\P{Cc}+$/u.test(name) && Buffer.byteLength(name) <= 63,
  'name',
);

const PLAIN_NAME = /^[a-z][a-z0-9_-]{0,62}$/;

/** A role: it also stands in URLs and shell commands, so plain characters only. */
export const roleName = text(
  'a role name of lower-case letters, digits, _ and - that starts with a letter, at most 63 long, without the prefix pg_',
  (name) => PLAIN_NAME.test(name) && !isReservedRole(name),
  'role name',
);

const TAKEN_DATABASES = ['postgres', 'template0', 'template1', 'rdsadmin'];

export const databaseName = text(
  `a database name of lower-case letters, digits, _ and - that starts with a letter, at most 63 long, and none of ${TAKEN_DATABASES.join(', ')}`,
  (name) => PLAIN_NAME.test(name) && !TAKEN_DATABASES.includes(name),
  'lower-case letters, digits, `_`, `-`',
);

/** Absolute on this or another system: nothing here knows a current folder. */
export const absolutePath = line('an absolute path', 4096, /^(\/|[A-Za-z]:[\\/])/);

/** A parameter's value as a person writes it: `256MB`, `on`, 3, `0.9`, `30s`. */
export const scalarValue = (value: Plain): string | number | boolean | undefined =>
  value === null || typeof value === 'object' ? undefined : value;

export const parameterValue = scalar('a text, a number, true or false', scalarValue);
