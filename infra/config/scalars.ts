import { isCron } from './cron';
import type { Plain } from './plain';
import { type Reader, scalar } from './reader';

/** Pulumi hands simple values over as text, so `"5432"` is a number and `"true"` a boolean. */
function numberOf(value: Plain): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : undefined;
}

export const wholeNumber = (min: number, max: number, what = ''): Reader<number> =>
  scalar(`a whole number${what === '' ? '' : ` of ${what}`} from ${min} to ${max}`, (value) => {
    const read = numberOf(value);
    return read !== undefined && Number.isSafeInteger(read) && read >= min && read <= max ? read : undefined;
  });

/** A port an ordinary account can open. */
export const port: Reader<number> = wholeNumber(1024, 65_535, 'a port');

/** Milliseconds; the longest is what PostgreSQL and Node's timers take. */
export const milliseconds = (min: number): Reader<number> => wholeNumber(min, 2_147_483_647, 'milliseconds');

export const flag: Reader<boolean> = scalar('true or false', (value) => {
  if (typeof value === 'boolean') return value;
  return value === 'true' ? true : value === 'false' ? false : undefined;
});

export const oneOf = <const T extends string>(...values: readonly T[]): Reader<T> =>
  scalar(`one of ${values.join(', ')}`, (value) => values.find((candidate) => candidate === value));

/** One of some words, or what another reader takes. */
export const either = <const W extends string, T>(words: readonly W[], other: Reader<T>): Reader<W | T> => ({
  ...other,
  expected: `${words.join(', ')} or ${other.expected}`,
  read: (value, path, report) => {
    const word = words.find((candidate) => candidate === value);
    if (word !== undefined) return word;
    const before = report.problems.length;
    const read = other.read(value, path, report);
    if (read !== undefined) return read;
    // The refusal names the words as well.
    report.problems.length = before;
    return report.refuse(path, value, `${words.join(', ')} or ${other.expected}`);
  },
});

const printable = (value: Plain, longest: number): string | undefined =>
  typeof value === 'string' && value.length > 0 && value.length <= longest && !/\p{Cc}/u.test(value)
    ? value
    : undefined;

/** One line of text. */
export const line = (what: string, longest = 1024): Reader<string> =>
  scalar(what, (value) => printable(value, longest));

/** SQL that goes into a statement as it is: an expression, a predicate. */
export const sql = (what: string): Reader<string> =>
  scalar(what, (value) =>
    typeof value === 'string' && value.trim() !== '' && !value.includes('\0') && value.length <= 8192
      ? value
      : undefined,
  );

/** PostgreSQL keeps 63 bytes of a name and cuts the rest off silently. */
const fits = (name: string): boolean => Buffer.byteLength(name) <= 63;

/** The name of a table, column, schema, ...: quoted everywhere, so any characters. */
export const identifier: Reader<string> = scalar('a name of at most 63 bytes', (value) => {
  const name = printable(value, 63);
  return name !== undefined && fits(name) ? name : undefined;
});

const TAKEN_ROLES = ['public', 'none', 'current_user', 'session_user', 'current_role'];

/** A role: it also stands in URLs and shell commands, so plain characters only; pg_ and rds are reserved. */
export const roleName: Reader<string> = scalar(
  'a role name of lower-case letters, digits, _ and - that starts with a letter, at most 63 long, without the prefix pg_',
  (value) =>
    typeof value === 'string' &&
    /^[a-z][a-z0-9_-]{0,62}$/.test(value) &&
    !/^(pg_|rds_|rdsadmin)/.test(value) &&
    !TAKEN_ROLES.includes(value)
      ? value
      : undefined,
);

const TAKEN_DATABASES = ['postgres', 'template0', 'template1', 'rdsadmin'];

export const databaseName: Reader<string> = scalar(
  `a database name of lower-case letters, digits, _ and - that starts with a letter, at most 63 long, and none of ${TAKEN_DATABASES.join(', ')}`,
  (value) =>
    typeof value === 'string' && /^[a-z][a-z0-9_-]{0,62}$/.test(value) && !TAKEN_DATABASES.includes(value)
      ? value
      : undefined,
);

/** Absolute on this or another system: nothing here knows a current folder. */
export const absolutePath: Reader<string> = scalar('an absolute path', (value) => {
  const path = printable(value, 4096);
  return path !== undefined && (path.startsWith('/') || /^[A-Za-z]:[\\/]/.test(path)) ? path : undefined;
});

export const folder: Reader<string> = line('a folder, absolute or below the project', 4096);

export const accountName: Reader<string> = scalar('the name of an account of this system', (value) =>
  typeof value === 'string' && /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/.test(value) ? value : undefined,
);

export const hostName: Reader<string> = scalar('a host name or an IP address', (value) =>
  typeof value === 'string' && value.length <= 253 && /^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$|^::1$/.test(value)
    ? value
    : undefined,
);

export const cron: Reader<string> = scalar('a cron expression of five fields (0 2 * * *)', (value) =>
  typeof value === 'string' && isCron(value) ? value : undefined,
);
