import { CHANGED_MASK } from '../names';

export type RowData = Record<string, unknown>;

export interface Difference {
  column: string;
  /** `added` and `removed`: only one of the two rows has the column, as after a migration, an INSERT or a DELETE. */
  kind: 'changed' | 'added' | 'removed';
  before?: unknown;
  after?: unknown;
}

/**
 * What two states of a row differ in, in the order of the later one's columns. Null for either: the row did not exist. Of a masked column
 * the trail says itself whether it changed.
 */
export function differences(before: RowData | null, after: RowData | null): Difference[] {
  const earlier = before ?? {};
  const later = after ?? {};
  const found: Difference[] = [];
  for (const column of new Set([...Object.keys(later), ...Object.keys(earlier)])) {
    const was = Object.hasOwn(earlier, column);
    const is = Object.hasOwn(later, column);
    if (was && is) {
      if (!same(earlier[column], later[column]) || later[column] === CHANGED_MASK)
        found.push({ column, kind: 'changed', before: earlier[column], after: later[column] });
    } else if (is) found.push({ column, kind: 'added', after: later[column] });
    else found.push({ column, kind: 'removed', before: earlier[column] });
  }
  return found;
}

/** Both come from jsonb, which has one order of keys; comparing them part by part would end at some depth. */
const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);
