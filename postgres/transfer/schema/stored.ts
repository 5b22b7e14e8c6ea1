import type { Source } from '../source/open';
import { sqliteName } from '../source/sqlite';

/** What a column holds, counted by SQLite. */
const COUNTS = {
  integers: (x: string) => `typeof(${x}) = 'integer'`,
  reals: (x: string) => `typeof(${x}) = 'real'`,
  texts: (x: string) => `typeof(${x}) = 'text'`,
  blobs: (x: string) => `typeof(${x}) = 'blob'`,
  /** Integers that a double has not. */
  large: (x: string) => `typeof(${x}) = 'integer' AND ${x} NOT BETWEEN -9007199254740992 AND 9007199254740992`,
  zeroOrOne: (x: string) => `typeof(${x}) = 'integer' AND ${x} IN (0, 1)`,
  truths: (x: string) =>
    `typeof(${x}) = 'text' AND lower(${x}) IN ('true', 'false', 't', 'f', 'yes', 'no', 'on', 'off')`,
  /** Of 1973 to 9999; as seconds they would be of year 5138 and later. 0 is 1970 in any unit. */
  milliseconds: (x: string) =>
    `typeof(${x}) = 'integer' AND (${x} BETWEEN 100000000000 AND 253402300799999 OR ${x} = 0)`,
  dates: (x: string) => `typeof(${x}) = 'text' AND length(${x}) = 10 AND date(${x}) = ${x}`,
  timestamps: (x: string) =>
    `typeof(${x}) = 'text' AND ${x} GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*' AND datetime(${x}) IS NOT NULL`,
  times: (x: string) =>
    `typeof(${x}) = 'text' AND ${x} GLOB '[0-9][0-9]:[0-9][0-9]*' AND time(${x}) IS NOT NULL AND length(${x}) IN (5, 8, 10, 11, 12)`,
  json: (x: string) => `(typeof(${x}) = 'text' AND json_valid(${x}) OR typeof(${x}) IN ('integer', 'real'))`,
  uuids: (x: string) =>
    `typeof(${x}) = 'text' AND length(${x}) = 36 AND ${x} GLOB '????????-????-????-????-????????????' AND replace(${x}, '-', '') NOT GLOB '*[^0-9a-fA-F]*'
      OR typeof(${x}) = 'blob' AND length(${x}) = 16`,
};
export type Stored = Record<keyof typeof COUNTS, number>;
const NAMES = Object.keys(COUNTS) as (keyof typeof COUNTS)[];

/** SQLite has results of 2000 columns at most. */
const AT_ONCE = 100;

/** One pass over a table, for these columns. */
export function readStored({ database }: Source, table: string, columns: readonly string[]): Map<string, Stored> {
  const found = new Map<string, Stored>();
  for (let at = 0; at < columns.length; at += AT_ONCE) {
    const some = columns.slice(at, at + AT_ONCE);
    const counts = some.flatMap((column) =>
      NAMES.map((name) => `count(*) FILTER (WHERE ${COUNTS[name](sqliteName(column))})`),
    );
    const values = database.first(`SELECT ${counts.join(', ')} FROM ${sqliteName(table)}`);
    some.forEach((column, index) => {
      const entries = NAMES.map((name, position) => [name, Number(values[index * NAMES.length + position])] as const);
      found.set(column, Object.fromEntries(entries) as Stored);
    });
  }
  return found;
}
