import type { TransferPlan } from '../postgres/transfer/plan';
import type { Phase } from '../postgres/transfer/types';
import type { CommandContext } from './command';
import { formatValue } from './report/format';

export const PHASE_WORDS: Record<Phase, string> = {
  rows: 'copying rows',
  indexes: 'building keys and indexes',
  references: 'checking references',
  checksums: 'comparing both sides',
  commit: 'committing',
};

export const shownRows = (rows: number): string => formatValue(rows, 'integer');

/** Called with so many more rows: shows all so far, their rate and the time left, at most ten times a second. */
export function rowProgress(
  context: Pick<CommandContext, 'passing'>,
  tables: TransferPlan['tables'],
): (rows: number) => void {
  const total = tables.reduce((sum, { extent }) => sum + extent.rows, 0);
  const begun = performance.now();
  let done = 0;
  let shown = 0;
  return (rows) => {
    done += rows;
    const now = performance.now();
    if (now - shown < 100) return;
    shown = now;
    const rate = done / ((now - begun) / 1000);
    const left = Math.ceil((total - done) / rate);
    context.passing(`  ${shownRows(done)} of ${shownRows(total)} rows, ${formatValue(rate, 'rate')}, ${left} s left`);
  };
}
