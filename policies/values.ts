/** Stands for a value that only a provider could tell (`engine/apply/difference.ts` writes it). */
export const UNKNOWN = '[unknown]';
export const SECRET = '[secret]';

export const isUnknown = (value: unknown): boolean => value === UNKNOWN || value === SECRET;

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value at `logConfig.0.retention`; what lies inside an unknown value is unknown. */
export function at(value: unknown, path: string): unknown {
  let here = value;
  for (const key of path.split('.')) {
    if (isUnknown(here)) return UNKNOWN;
    if (Array.isArray(here)) here = here[Number(key)];
    else if (isObject(here)) here = here[key];
    else return undefined;
  }
  return here;
}

export const listAt = (value: unknown, path: string): unknown[] => {
  const found = at(value, path);
  return Array.isArray(found) ? found : [];
};

/** A number, also where the provider's type is a text (`cpu: '1024'`). */
export function numberAt(value: unknown, path: string): number | undefined {
  const found = at(value, path);
  if (typeof found === 'number') return found;
  return typeof found === 'string' && /^\d+$/.test(found) ? Number(found) : undefined;
}

/** At most 60 characters of a value. */
export function shown(value: unknown): string {
  if (value === undefined) return 'not set';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** That a property has this value. */
export const wants =
  (path: string, expected: string | number | boolean) =>
  ({ inputs }: { inputs: Record<string, unknown> }): string[] => {
    const found = at(inputs, path);
    return found === expected || isUnknown(found) ? [] : [`${path} is ${shown(found)}; expected ${shown(expected)}`];
  };

/** That a property holds something. */
export const wantsSome =
  (path: string, what: string) =>
  ({ inputs }: { inputs: Record<string, unknown> }): string[] => {
    const found = at(inputs, path);
    const isEmpty =
      found === undefined || found === null || found === '' || (Array.isArray(found) && found.length === 0);
    return isEmpty ? [`${path} is not set; expected ${what}`] : [];
  };

export const numberWithin =
  (path: string, min: number, max: number) =>
  ({ inputs }: { inputs: Record<string, unknown> }): string[] => {
    const found = at(inputs, path);
    if (isUnknown(found)) return [];
    const number = numberAt(inputs, path);
    return number !== undefined && number >= min && number <= max
      ? []
      : [`${path} is ${shown(found)}; expected ${min} to ${max}`];
  };

/** Every text in a value, with the path to it. */
export function texts(value: unknown, path = ''): { path: string; text: string }[] {
  if (typeof value === 'string') return [{ path, text: value }];
  const below = (key: string): string => (path === '' ? key : `${path}.${key}`);
  if (Array.isArray(value)) return value.flatMap((entry, index) => texts(entry, below(String(index))));
  if (isObject(value)) return Object.entries(value).flatMap(([key, entry]) => texts(entry, below(key)));
  return [];
}

/** A JSON text as a value; undefined where it is unknown or none. */
export function parsed(value: unknown): unknown {
  if (typeof value !== 'string' || isUnknown(value)) return undefined;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return undefined;
  }
}
