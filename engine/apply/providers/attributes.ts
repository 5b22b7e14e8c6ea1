import type { Properties, Value } from '../provider';

type Kind = 'text' | 'flag' | 'count' | 'texts';

/** One property of a resource, as the real provider's schema has it. */
export interface Attribute {
  kind: Kind;
  /** The local stack may set it; every other input is refused by name. */
  input?: 'required' | 'optional';
  /** What a missing input means. Without it the server decides ("computed"). */
  absent?: Value;
  /** The bridge writes `absent` into the inputs, and its name into `__defaults`. */
  isWritten?: true;
  /** A change replaces the resource ("force new"). */
  replaces?: true;
}
export type Attributes = Readonly<Record<string, Attribute>>;

/** What the bridge keeps in inputs: the names of those it filled in. */
export const DEFAULTS_KEY = '__defaults';
/** How the bridge turns outputs back into the provider's raw state; only true for the outputs it was written with. */
export const RAW_STATE_KEY = '__pulumi_raw_state_delta';

export function text(properties: Properties, key: string, otherwise = ''): string {
  const value = properties[key];
  return typeof value === 'string' ? value : otherwise;
}

/** Undefined where it is missing or empty, as Terraform sees it. */
export function optionalText(properties: Properties, key: string): string | undefined {
  const value = text(properties, key);
  return value === '' ? undefined : value;
}

export function flag(properties: Properties, key: string): boolean {
  return properties[key] === true;
}

export function count(properties: Properties, key: string, otherwise: number): number {
  const value = properties[key];
  return typeof value === 'number' ? value : otherwise;
}

export function texts(properties: Properties, key: string): string[] {
  const value = properties[key];
  return Array.isArray(value) ? value.filter((entry): entry is string => typeof entry === 'string') : [];
}

/** Every list here is a set, and nothing, null, '' and [] are one. */
export function sameMeaning(a: Value | undefined, b: Value | undefined): boolean {
  const plain = (value: Value | undefined): string => {
    if (value === undefined || value === null || value === '') return 'null';
    if (!Array.isArray(value)) return JSON.stringify(value);
    return value.length === 0
      ? 'null'
      : JSON.stringify([...new Set(value.map((entry) => JSON.stringify(entry)))].sort());
  };
  return plain(a) === plain(b);
}

/** Inputs as the real provider's check gives them back. */
export function withDefaults(attributes: Attributes, inputs: Properties): Properties {
  const filled = Object.entries(attributes).filter(([key, { isWritten }]) => isWritten === true && !(key in inputs));
  const defaults = filled.map(([key, { absent }]) => [key, absent ?? null] as const);
  return { ...inputs, ...Object.fromEntries(defaults), [DEFAULTS_KEY]: filled.map(([key]) => key).sort() };
}

/** Which properties differ between what is there (or was, when last read) and what is wanted. */
export function changedKeys(attributes: Attributes, olds: Properties, news: Properties): string[] {
  return Object.entries(attributes)
    .filter(([key, { absent }]) => {
      const wanted = news[key] ?? absent;
      if (wanted === undefined) return false;
      return !sameMeaning(wanted, olds[key] ?? absent);
    })
    .map(([key]) => key);
}

/** Outputs of a resource just made or changed: every property there is, lists as sorted sets, empty ones null. */
export function freshOutputs(attributes: Attributes, wanted: Properties, actual: Properties): Properties {
  const outputs: Properties = {};
  for (const [key, { absent = null }] of Object.entries(attributes)) {
    const value = actual[key] ?? wanted[key] ?? absent;
    outputs[key] = Array.isArray(value) ? (value.length === 0 ? null : [...new Set(value)].sort()) : value;
  }
  return outputs;
}

/** Stored outputs brought up to date: what means the same keeps the form either engine has given it, so that nothing is rewritten. */
export function refreshedOutputs(known: Properties, actual: Properties): Properties {
  const changed = Object.entries(actual).filter(([key, value]) => !sameMeaning(known[key], value));
  if (changed.length === 0) return known;
  const kept = Object.entries(known).filter(([key]) => key !== RAW_STATE_KEY);
  return Object.fromEntries([...kept, ...changed]);
}
