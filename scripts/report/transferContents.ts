import { toProblem } from '../../system/errors';
import { shownRows } from '../transferProgress';
import type { ReportDocument } from './document';
import { type TransferFindings, transferSections } from './transferReport';

const TITLES = { load: 'Transfer of', 'dry-run': 'Plan of a transfer of', verify: 'Comparison of' } as const;

/** What a report of a transfer says, apart from when and how it ended; `error`: what it ended with. */
export function transferContents(
  findings: TransferFindings,
  error: unknown,
): Pick<ReportDocument, 'title' | 'summary' | 'facts' | 'sections'> {
  const { mode, source, database } = findings;
  return {
    title: `${TITLES[mode]} ${source.file} to ${database}`,
    summary: summaryOf(findings, error),
    facts: [
      { label: 'Source', value: source.file },
      { label: 'Size', value: source.bytes, kind: 'bytes' },
      { label: 'SHA-256', value: source.sha256, kind: 'checksum' },
      { label: 'Database', value: database },
    ],
    sections: transferSections(findings),
  };
}

function summaryOf({ mode, plan, result, counts }: TransferFindings, error: unknown): string {
  if (error !== undefined) return toProblem(error).message;
  const rows = (result?.tables ?? []).reduce((sum, table) => sum + table.loaded, 0);
  const rejected = (result?.tables ?? []).reduce((sum, table) => sum + table.rejected, 0);
  const planned = plan.tables.reduce((sum, { extent }) => sum + extent.rows, 0);
  const odd = [...counts.values()].reduce((sum, kind) => sum + kind, 0);
  if (mode === 'dry-run')
    return `${shownRows(planned)} rows of ${plan.tables.length} tables would be loaded; nothing was changed.`;
  if (mode === 'verify')
    return `${shownRows(planned)} rows of ${plan.tables.length} tables are the same on both sides.`;
  const left = rejected === 0 ? '' : `, ${shownRows(rejected)} were left out`;
  const replaced = odd === 0 ? '' : `; ${shownRows(odd)} values did not fit`;
  return `${shownRows(rows)} rows of ${plan.tables.length} tables were loaded${left}${replaced}, and are the same on both sides.`;
}
