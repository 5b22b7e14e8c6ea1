import type { Properties, Value } from './kind';

/** @pulumi/aws's names differ from the API's in the first letter's case; `names` holds those that differ otherwise (`id` and `ID`). */
type Names = Readonly<Record<string, string>>;

/** As the API's SDK takes it. */
export function toApi<T>(value: Value | undefined, names: Names = {}): T {
  return renamed(value, (key) => names[key] ?? key.charAt(0).toUpperCase() + key.slice(1)) as T;
}

/** As @pulumi/aws has it; what is absent, and the answer's metadata, is left out. */
export function fromApi(value: unknown, names: Names = {}): Properties {
  const back = Object.fromEntries(Object.entries(names).map(([ours, theirs]) => [theirs, ours]));
  return renamed(value, (key) =>
    key === '$metadata' ? undefined : (back[key] ?? key.charAt(0).toLowerCase() + key.slice(1)),
  ) as Properties;
}

function renamed(value: unknown, rename: (key: string) => string | undefined): unknown {
  if (Array.isArray(value)) return value.map((entry) => renamed(entry, rename));
  if (value instanceof Date) return value.toISOString();
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).flatMap(([key, entry]) => {
    const name = rename(key);
    return name === undefined || entry === undefined || entry === null ? [] : [[name, renamed(entry, rename)]];
  });
  return Object.fromEntries(entries) as unknown;
}

/** An answer's fields as properties: without what it leaves out. */
export const defined = (fields: Record<string, unknown>): Properties =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Properties;

/** Inputs as a request of the SDK's; what is absent is left out. The emulator, not the compiler, refuses what is none. */
export function request<T>(fields: Record<string, unknown>): T {
  const given: unknown = defined(fields);
  return given as T;
}

/** Text of an input that has to be one. */
export function text(properties: Properties, name: string): string {
  const value = properties[name];
  if (typeof value !== 'string') throw new Error(`${name} is ${JSON.stringify(value)}; expected a text`);
  return value;
}

export function texts(properties: Properties, name: string): string[] {
  return ((properties[name] ?? []) as Value[]).map(String);
}

/** A map of tags as the API's list, and back. `Key` and `Value` in most services. */
export const tagList = (properties: Properties): { Key: string; Value: string }[] =>
  Object.entries((properties['tags'] ?? {}) as Record<string, string>).map(([Key, Value]) => ({ Key, Value }));

export const tagMap = (
  tags: readonly { Key?: string | undefined; Value?: string | undefined }[] | undefined,
): Properties => Object.fromEntries((tags ?? []).map(({ Key, Value }) => [Key ?? '', Value ?? '']));

/** Tags to set and keys to take away, so that `tags` of the inputs are all there are. */
export function tagChanges(
  inputs: Properties,
  old: { outputs: Properties },
): { set: { Key: string; Value: string }[]; remove: string[] } {
  const wanted = (inputs['tags'] ?? {}) as Properties;
  const remove = Object.keys((old.outputs['tags'] ?? {}) as Properties).filter((key) => !(key in wanted));
  return { set: tagList(inputs), remove };
}

/** What is said of a thing that is gone: the answer, or undefined for an error of one of these names. */
export async function unlessGone<T>(answer: Promise<T>, ...names: (string | RegExp)[]): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    const { name, Code } = error as { name?: string; Code?: string };
    if (names.some((one) => (typeof one === 'string' ? one === name || one === Code : one.test(name ?? ''))))
      return undefined;
    throw error;
  }
}
