import * as v from 'valibot';

/** JSON. */
export type Plain = null | boolean | number | string | Plain[] | { [key: string]: Plain };
export type PlainObject = Record<string, Plain>;

export const isPlainObject = (value: unknown): value is PlainObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What a schema says of itself: messages and docs/settings.md are made of it. */
export interface About {
  /** Completes "expected ...". */
  expected?: string;
  /** The same in a few words, for a table. */
  kind?: string;
  means?: string;
  /** What changing it does. */
  change?: string;
  /** What holds where it is not set. */
  unset?: string;
  /** Environments in which it has an effect; elsewhere it is refused with `elsewhere` as the remedy. */
  only?: readonly string[];
  elsewhere?: string;
}

/** Takes `In` (as it is written) and gives `Out`. */
export type Schema<In = unknown, Out = In> = v.GenericSchema<In, Out>;

interface Parts {
  entries?: Record<string, Schema>;
  item?: Schema;
}

/** The keys of an object, the item of a list, whatever they are wrapped in. */
export function partsOf(schema: Schema): Parts {
  const { entries, item, wrapped, pipe = [] } = schema as Parts & { wrapped?: Schema; pipe?: Schema[] };
  if (entries !== undefined) return { entries };
  if (item !== undefined) return { item };
  const inner = [wrapped, ...pipe].map((one) => (one === undefined ? {} : partsOf(one)));
  return inner.find((parts) => Object.keys(parts).length > 0) ?? {};
}

export const aboutOf = (schema: Schema): About => v.getMetadata((schema as { wrapped?: Schema }).wrapped ?? schema);

const expectedOf = (schema: Schema | undefined): string =>
  (schema === undefined ? undefined : aboutOf(schema).expected) ?? '';

const described = <In, Out>(schema: Schema<In, Out>, about: About): Schema<In, Out> =>
  v.pipe(schema, v.metadata({ ...about }));

/** A value without parts; `convert` gives undefined for what it refuses. */
export function scalar<T>(expected: string, convert: (value: Plain) => T | undefined, kind = expected): Schema<T> {
  const schema = v.pipe(
    v.unknown(),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const read = convert(dataset.value as Plain);
      if (read !== undefined) return read;
      addIssue({ message: expected });
      return NEVER;
    }),
  );
  return described(schema as unknown as Schema<T>, { expected, kind });
}

/** An encrypted value stands for itself only where a secret is expected. */
const isOpen = (value: unknown): boolean => isPlainObject(value) && !Object.hasOwn(value, 'secure');

type Of<E extends v.ObjectEntries> = v.StrictObjectSchema<E, undefined>;
type ObjectSchema<E extends v.ObjectEntries> = Schema<v.InferInput<Of<E>>, v.InferOutput<Of<E>>>;

/** An object with exactly these keys. `about.expected` may begin the phrase. */
export function object<E extends v.ObjectEntries>(entries: E, about: About = {}): ObjectSchema<E> {
  const expected = `${about.expected ?? ''}an object with ${Object.keys(entries).join(', ')}`;
  const missing = ({ path }: v.StrictObjectIssue): string => expectedOf(entries[String(path?.[0]?.key)]);
  const schema: unknown = v.pipe(v.custom(isOpen, expected), v.strictObject(entries, missing) as never);
  return described(schema as ObjectSchema<E>, { kind: 'the keys below', ...about, expected });
}

/** A text that stands for an object (`location` for `{ name: location }`), or the object. */
export function shorthand<E extends v.ObjectEntries>(
  key: keyof E & string,
  entries: E,
  about: About = {},
): Schema<string | v.InferInput<Of<E>>, v.InferOutput<Of<E>>> {
  const whole = object(entries, { expected: 'a name, or ', kind: 'a name, or the keys below', ...about });
  const expand = v.transform((value: unknown) => (typeof value === 'string' ? { [key]: value } : value));
  const schema: unknown = v.pipe(v.unknown(), expand, whole as never);
  return schema as Schema<string | v.InferInput<Of<E>>, v.InferOutput<Of<E>>>;
}

export interface ListOptions {
  /** No two items alike: in these keys, or as a whole where the items are texts. */
  unique?: readonly string[];
  atLeast?: number;
}

export function list<In, Out>(item: Schema<In, Out>, { unique, atLeast = 0 }: ListOptions = {}): Schema<In[], Out[]> {
  const expected = `a list${atLeast === 0 ? '' : ` of at least ${atLeast}`}, each ${expectedOf(item)}`;
  const identify = (value: unknown): string | undefined => {
    const parts = isPlainObject(value) ? (unique ?? []).map((key) => value[key]) : [value];
    return parts.every((part) => typeof part === 'string') ? parts.join('.') : undefined;
  };
  const schema = v.pipe(
    v.custom<In[]>((value) => Array.isArray(value) && value.length >= atLeast, expected),
    v.array(item),
    v.rawCheck(({ dataset, addIssue }) => {
      const items: unknown[] = unique === undefined ? [] : (dataset.value as unknown[]);
      const names = items.map(identify);
      names.forEach((name, key) => {
        if (name === undefined || names.indexOf(name) === key) return;
        const value = items[key];
        addIssue({ message: name, path: [{ type: 'array', origin: 'value', input: items, key, value }] });
      });
    }),
  );
  return described(schema, { expected, kind: `list; each: ${aboutOf(item).kind ?? ''}` });
}

/** Any keys, all values of one kind. */
export function record<T>(value: Schema<T>, keys: string): Schema<Record<string, T>> {
  const expected = `an object of ${keys}, each ${expectedOf(value)}`;
  const schema = v.pipe(
    v.custom<PlainObject>(isOpen, expected),
    v.rawTransform(({ dataset, addIssue }) => {
      const entries = Object.entries(dataset.value).flatMap(([key, entry]): [string, T][] => {
        if (entry === null) return [];
        const { success, output, issues } = v.safeParse(value, entry);
        if (success) return [[key, output]];
        const path = [{ type: 'object' as const, origin: 'value' as const, input: dataset.value, key, value: entry }];
        addIssue({ message: issues[0].message, input: entry, path: path as [(typeof path)[0]] });
        return [];
      });
      return Object.fromEntries(entries);
    }),
  );
  return described(schema as unknown as Schema<Record<string, T>>, { expected, kind: keys });
}

/** A key with a default. A change does what the object around it says, unless its own is given. */
export const setting = <In, Out>(
  schema: Schema<In, Out>,
  fallback: NoInfer<In>,
  means: string,
  about: About = {},
): v.OptionalSchema<Schema<In, Out>, In> => v.optional(described(schema, { means, ...about }), fallback as never);

/** A key that may stay unset; `unset` says what holds then. `fallback`: in some environments it has a default all the same. */
export const optional = <In, Out>(
  schema: Schema<In, Out>,
  unset: string,
  means: string,
  about: About = {},
  fallback?: NoInfer<In>,
): v.ExactOptionalSchema<Schema<In, Out>, undefined> =>
  v.exactOptional(described(schema, { unset, means, ...about }), fallback as never);

export const required = <In, Out>(schema: Schema<In, Out>, means: string, about: About = {}): Schema<In, Out> =>
  described(schema, { means, ...about });

/** An object whose keys bring their own defaults. */
export const section = <E extends v.ObjectEntries>(
  entries: E,
  about: About = {},
): v.OptionalSchema<ObjectSchema<E>, v.InferInput<Of<E>>> => v.optional(object(entries, about), {} as never);
