import { UNKNOWN_ON_WIRE } from '../../system/unknown';
import { propertyChanges, show } from '../apply/difference';
import type { PropertyChange } from '../changes';
import { isMap, sameValue } from '../protocol/wire';
import { SECRET_SIGNATURE, SIGNATURE } from '../state/properties';
import { type PropertyMap, type PropertyValue, Secret, UNKNOWN } from '../state/values';
import type { StepMetadata } from './eventTypes';

/** The changed properties of a step, as the embedded engine lists them: changed inputs, then what differs from the real thing. */
export function changesOfStep(step: StepMetadata): PropertyChange[] {
  const olds = decodeValues(step.old?.inputs ?? {});
  const news = decodeValues(step.new?.inputs ?? {});
  const changes = visible(propertyChanges(olds, news));
  const state = decodeValues(step.old?.outputs ?? {});
  for (const [path, inputDiff] of namedPaths(step)) {
    if (changes.some((change) => change.path === path || isBelow(change.path, path) || isBelow(path, change.path)))
      continue;
    const before = valueAt(inputDiff ? olds : state, path);
    const after = valueAt(news, path);
    const same = !(before instanceof Secret) && sameValue(before ?? null, after ?? null);
    changes.push({
      path,
      kind: 'update',
      before: same ? '[differs]' : show(before ?? null),
      after: show(after ?? null),
    });
  }
  return changes.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

/** What a refresh found: the real thing's properties against those in the state. */
export function changesOfRefresh(step: StepMetadata): PropertyChange[] {
  return visible(propertyChanges(decodeValues(step.old?.outputs ?? {}), decodeValues(step.new?.outputs ?? {})));
}

function namedPaths(step: StepMetadata): [string, boolean][] {
  const detailed = Object.entries(step.detailedDiff ?? {});
  const named = detailed.map(([path, { inputDiff }]): [string, boolean] => [path, inputDiff]);
  const others = (step.diffs ?? []).filter((key) => !named.some(([path]) => path === key || isBelow(path, key)));
  return [...named, ...others.map((key): [string, boolean] => [key, false])].filter(([path]) => !path.startsWith('__'));
}

/** Properties whose names begin so are between Pulumi and the provider. */
function visible(changes: PropertyChange[]): PropertyChange[] {
  return changes.filter(({ path }) => !path.startsWith('__'));
}

function isBelow(path: string, above: string): boolean {
  return path.startsWith(`${above}.`) || path.startsWith(`${above}[`);
}

/** By a path of Pulumi's: `a.b[0]["c.d"]`. */
function valueAt(values: PropertyMap, path: string): PropertyValue | undefined {
  const steps = path.match(/[^.[\]"]+|"(?:[^"\\]|\\.)*"/g) ?? [];
  let at: PropertyValue | undefined = values;
  for (const step of steps) {
    const key = step.startsWith('"') ? (JSON.parse(step) as string) : step;
    if (at instanceof Secret) return at;
    if (Array.isArray(at)) at = at[Number(key)];
    else at = isMap(at) ? at[key] : undefined;
  }
  return at;
}

/** An event's values: secrets are blanked by Pulumi, unknown ones are its sentinel. */
export function decodeValues(raw: Record<string, unknown>): PropertyMap {
  return Object.fromEntries(Object.entries(raw).map(([key, value]) => [key, decodeValue(value)]));
}

function decodeValue(raw: unknown): PropertyValue {
  if (raw === null || raw === undefined) return null;
  if (raw === UNKNOWN_ON_WIRE) return UNKNOWN;
  if (raw === '[secret]') return new Secret(raw);
  if (typeof raw === 'string' || typeof raw === 'number' || typeof raw === 'boolean') return raw;
  if (Array.isArray(raw)) return raw.map(decodeValue);
  const object = raw as Record<string, unknown>;
  return object[SIGNATURE] === SECRET_SIGNATURE ? new Secret('[secret]') : decodeValues(object);
}
