import { nearest } from '../../postgres/tuning/nearest';
import { showValue } from '../../postgres/tuning/value';
import { isPlainObject, type Plain, type PlainObject } from './plain';
import type { Reader, Report } from './reader';

/** A key of an object: its reader and what stands in where it is not set. */
export interface Field<out T, out Optional extends boolean> {
  readonly reader: Reader<T>;
  readonly optional: Optional;
  readonly absent: 'fallback' | 'empty' | 'nothing' | 'problem';
  readonly fallback?: T;
}

export const setting = <T>(reader: Reader<T>, fallback: NoInfer<T>): Field<T, false> => ({
  reader,
  optional: false,
  absent: 'fallback',
  fallback,
});

/** An object whose keys bring their own defaults. */
export const section = <T>(reader: Reader<T>): Field<T, false> => ({ reader, optional: false, absent: 'empty' });

/** May stay unset; some environments have a default all the same. */
export const optional = <T>(reader: Reader<T>, fallback?: NoInfer<T>): Field<T, true> =>
  fallback === undefined
    ? { reader, optional: true, absent: 'nothing' }
    : { reader, optional: true, absent: 'fallback', fallback };

export const required = <T>(reader: Reader<T>): Field<T, false> => ({ reader, optional: false, absent: 'problem' });

type Fields = Record<string, Field<unknown, boolean>>;
type ValueOf<F> = F extends Field<infer T, boolean> ? T : never;
type Flat<T> = { [K in keyof T]: T[K] };
export type ObjectOf<F extends Fields> = Flat<
  { [K in keyof F as F[K] extends Field<unknown, true> ? never : K]: ValueOf<F[K]> } & {
    [K in keyof F as F[K] extends Field<unknown, true> ? K : never]?: ValueOf<F[K]>;
  }
>;

/** The path of a key: `server.port`, or `parameters["odd key"]`, which may be anything. */
export const below = (path: string, key: string): string => {
  const step =
    /^[A-Za-z_][A-Za-z0-9_-]{0,62}$/.test(key) || /^[a-z_]{1,40}\.[a-z_]{1,40}$/.test(key)
      ? key
      : `[${showValue(key)}]`;
  if (path === '') return step;
  return step.startsWith('[') ? `${path}${step}` : `${path}.${step}`;
};

function unknownKey(path: string, key: string, known: string[], report: Report): void {
  const at = below(path, key);
  // A prototype's key is never looked up: only names that are really there.
  const meant = nearest(key, known);
  const hint = meant === undefined ? 'Remove it' : `Did you mean coach:${below(path, meant)}`;
  report.add(
    'setting-unknown',
    at,
    `coach:${at} is not a setting.`,
    `${hint}${meant === undefined ? '.' : '?'} Accepted ${path === '' ? 'settings' : `in coach:${path}`}: ${known.join(', ')}.`,
  );
}

/** An object with exactly these keys, all of them optional in the file. */
export function object<F extends Fields>(fields: F): Reader<ObjectOf<F>> {
  const known = Object.keys(fields);
  const readField = (field: Fields[string], value: Plain, path: string, report: Report): unknown => {
    if (value !== null) return field.reader.read(value, path, report);
    switch (field.absent) {
      case 'fallback':
        return field.fallback;
      case 'empty':
        return field.reader.read(Object.create(null) as PlainObject, path, report);
      case 'nothing':
        return undefined;
      case 'problem':
        report.add(
          'setting-missing',
          path,
          `coach:${path} is missing; expected ${field.reader.expected}.`,
          `Add it to ${report.file}.`,
        );
        return undefined;
    }
  };
  return {
    expected: `an object with ${known.join(', ')}`,
    read: (value, path, report) => {
      if (!isPlainObject(value) || (Object.hasOwn(value, 'secure') && !known.includes('secure'))) {
        return report.refuse(path, value, `an object with ${known.join(', ')}`);
      }
      for (const key of Object.keys(value)) if (!known.includes(key)) unknownKey(path, key, known, report);
      const result: Record<string, unknown> = {};
      let complete = true;
      for (const [key, field] of Object.entries(fields)) {
        const given = Object.hasOwn(value, key) ? (value[key] ?? null) : null;
        const at = below(path, key);
        let read = readField(field, given, at, report);
        // What was refused is in the report, so the settings are not used; the default keeps the rest checkable.
        if (read === undefined && given !== null && field.absent !== 'problem')
          read = readField(field, null, at, report);
        if (read !== undefined) result[key] = read;
        else if (field.absent === 'problem') complete = false;
      }
      return complete ? (result as ObjectOf<F>) : undefined;
    },
    paths: (path) => known.flatMap((key) => fields[key]?.reader.paths(below(path, key)) ?? []),
  };
}

export interface ListOptions<T> {
  /** No two items with the same key. */
  unique?: (item: T) => string;
  atLeast?: number;
}

export function list<T>(item: Reader<T>, options: ListOptions<T> = {}): Reader<T[]> {
  const expected = `a list${options.atLeast === undefined ? '' : ` of at least ${options.atLeast}`}, each ${item.expected}`;
  return {
    expected,
    read: (value, path, report) => {
      if (!Array.isArray(value) || value.length < (options.atLeast ?? 0)) return report.refuse(path, value, expected);
      const seen = new Set<string>();
      const items: T[] = [];
      value.forEach((entry, index) => {
        const at = `${path}[${index}]`;
        const read = item.read(entry, at, report);
        if (read === undefined) return;
        const key = options.unique?.(read);
        if (key !== undefined && seen.has(key)) {
          report.add(
            'setting-duplicate',
            at,
            `coach:${at} names ${showValue(key)} a second time.`,
            'Remove one of the two.',
          );
        }
        if (key !== undefined) seen.add(key);
        items.push(read);
      });
      return items;
    },
    paths: (path) => [path, ...item.paths(`${path}[]`).filter((one) => one !== `${path}[]`)],
  };
}

/** Any keys, all values of one kind. */
export function record<T>(value: Reader<T>, keys: string): Reader<Record<string, T>> {
  const expected = `an object of ${keys}, each ${value.expected}`;
  return {
    expected,
    read: (given, path, report) => {
      if (!isPlainObject(given) || Object.hasOwn(given, 'secure')) return report.refuse(path, given, expected);
      const result: Record<string, T> = {};
      for (const [key, entry] of Object.entries(given)) {
        if (entry === null) continue;
        const at = below(path, key);
        if (key === '__proto__') {
          report.add('setting-unknown', at, `coach:${at} is not a setting.`, 'Remove it.');
          continue;
        }
        const read = value.read(entry, at, report);
        if (read !== undefined) result[key] = read;
      }
      return result;
    },
    paths: (path) => [path],
  };
}

/** A text that stands for an object (`location` for `{ name: location }`), or the object. */
export function shorthand<T>(text: Reader<string>, expand: (name: string) => T, whole: Reader<T>): Reader<T> {
  return {
    expected: `${text.expected}, or ${whole.expected}`,
    read: (value, path, report) => {
      if (typeof value !== 'string') return whole.read(value, path, report);
      const name = text.read(value, path, report);
      return name === undefined ? undefined : expand(name);
    },
    paths: (path) => whole.paths(path),
  };
}
