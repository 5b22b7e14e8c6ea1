import type { PropertyChange } from '../changes';
import { isMap, sameValue } from '../protocol/wire';
import { type PropertyMap, type PropertyValue, Secret, Unknown } from '../state/values';
import { assetShown } from './assets';

/** Properties that say how a resource is run, not what it is. */
const HIDDEN = new Set(['__provider', '__defaults', '__internal', '__preview']);

/** The changed places between two property maps, nested objects by path, secrets and unknowns never shown. */
export function propertyChanges(before: PropertyMap, after: PropertyMap): PropertyChange[] {
  return mapChanges(before, after, '');
}

function mapChanges(before: PropertyMap, after: PropertyMap, prefix: string): PropertyChange[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((key) => !HIDDEN.has(key)).sort();
  return keys.flatMap((key) => valueChanges(before[key], after[key], prefix === '' ? key : `${prefix}.${key}`));
}

function valueChanges(
  before: PropertyValue | undefined,
  after: PropertyValue | undefined,
  path: string,
): PropertyChange[] {
  if (sameValue(before ?? null, after ?? null)) return [];
  if (isMap(before) && isMap(after) && assetShown(before) === undefined) return mapChanges(before, after, path);
  if (before === undefined || before === null) return [{ path, kind: 'add', after: show(after) }];
  if (after === undefined || after === null) return [{ path, kind: 'delete', before: show(before) }];
  return [{ path, kind: 'update', before: show(before), after: show(after) }];
}

/** A value as a report may show it. */
export function show(value: PropertyValue | undefined): unknown {
  if (value === undefined) return undefined;
  if (value instanceof Unknown) return '[unknown]';
  if (value instanceof Secret) return '[secret]';
  if (Array.isArray(value)) return value.map(show);
  if (isMap(value)) {
    const content = assetShown(value);
    if (content !== undefined) return content;
    return Object.fromEntries(
      Object.entries(value)
        .filter(([key]) => !HIDDEN.has(key))
        .map(([key, entry]) => [key, show(entry)]),
    );
  }
  return value;
}
