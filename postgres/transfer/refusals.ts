import { PlatformError } from '../../system/errors';
import type { Issues } from './load/issues';
import type { Difference } from './verify/locate';

/** A source that differs from what arrived, with where. */
export class DifferenceError extends PlatformError {
  constructor(
    readonly differences: readonly Difference[],
    tables: readonly string[],
  ) {
    super(
      'transfer-differs',
      `What arrived in ${tables.join(', ')} is not what the source has; nothing was kept. ${shown(differences)}`,
      'The differences name keys and columns. A trigger or rule of the table that changes values is a usual cause.',
      { object: tables.join(', ') },
    );
  }
}

const shown = ([first]: readonly Difference[]): string =>
  first === undefined
    ? ''
    : `First: ${first.table} ${first.key}${first.column === undefined ? '' : `, ${first.column}`}: ${first.source ?? '(no row)'} became ${first.target ?? '(no row)'}.`;

/** Values were refused: nothing was loaded. */
export class RefusedValues extends PlatformError {
  constructor(readonly issues: Issues) {
    const kinds = [...issues.counts].map(([kind, count]) => `${count} ${kind}`).join(', ');
    super(
      'values-refused',
      `${issues.refused} values do not fit the target (${kinds}); nothing was loaded.`,
      'Mend them in the source, or choose with --on KIND=reject or --on KIND=replace what becomes of them; --dry-run writes all of them to a file.',
    );
  }
}

export function notEmpty(filled: readonly { table: string; rows: number }[]): PlatformError {
  const named = filled.map(({ table, rows }) => `${table} (${rows} rows)`).join(', ');
  return new PlatformError(
    'target-not-empty',
    `The target has rows already: ${named}.`,
    'To replace all rows of these tables with the source’s, add --truncate. To compare only, --verify-only.',
    { kind: 'refused', object: filled.map(({ table }) => table).join(', ') },
  );
}
