import type { TablePlan } from '../plan';
import { quoted } from '../values/conversion';
import { describe, type Fit, type SourceValue, Unfit } from '../values/value';
import type { Issues } from './issues';

/** The row's values for the target, null for NULL; undefined where the row is rejected or refused. */
export function convertRow(
  plan: TablePlan,
  rowId: bigint | undefined,
  values: readonly SourceValue[],
  issues: Issues,
): (Fit | null)[] | undefined {
  const row: (Fit | null)[] = [];
  let isLeft = false;
  plan.columns.forEach(({ source, target, conversion }, index) => {
    const value = values[index] ?? { storage: 'null' };
    const found = value.storage === 'null' ? null : conversion.convert(value);
    let unfit = found instanceof Unfit ? found : undefined;
    let fit = found instanceof Unfit ? undefined : found;
    if (found === null && !target.nullable) unfit = new Unfit('not-null', `${target.name} takes no NULL`);
    if (unfit?.replacement === null && !target.nullable) unfit = new Unfit(unfit.kind, unfit.reason);
    if (unfit !== undefined) {
      const action = issues.add(plan.source.name, keyOf(plan, rowId, values), source, value, unfit);
      if (action === 'replaced') fit = unfit.replacement;
      else isLeft = true;
    }
    row.push(fit ?? null);
  });
  return isLeft ? undefined : row;
}

/** The row's primary key as people write it, else its number. */
export function keyOf(plan: TablePlan, rowId: bigint | undefined, values: readonly SourceValue[]): string {
  const named = plan.key.map((column) => {
    const value = values[plan.columns.indexOf(column)];
    return `${column.source}=${value === undefined ? '' : describe(value)}`;
  });
  return named.length > 0 ? named.join(', ') : rowId === undefined ? '' : `row ${rowId}`;
}

/** As a line for COPY. */
export function copyLine(row: readonly (Fit | null)[]): string {
  return `${row.map((fit) => (fit === null ? 'NULL' : quoted(fit.text))).join(',')}\n`;
}
