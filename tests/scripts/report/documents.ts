import fc from 'fast-check';

import type { Kind, ReportDocument, Section, Table, Value } from '../../../scripts/report/document';
import { formatValue } from '../../../scripts/report/format';
import { printable } from '../../../scripts/report/print';
import { SAMPLE } from './sample';

/** What has hurt somebody's parser, terminal or page. */
export const HOSTILE = [
  '|', '\\|', '\\', '`', '``', '```', '`a`', '<script>alert(1)</script>', '</td></table>', '<!--', '-->', '&amp;', '&#124;', '&',
  '"', "'", '\n', '\r\n', '\t', ' ', '  ', '\u0000', '\u001b[31m', '\u202e', '\u2066', '\u200b', '\u2028', '\ufeff', '\ud800', '\udc00',
  '[a](javascript:alert(1))', '![x](http://evil.example/x.png)', '<http://evil.example>', 'http://evil.example', 'www.evil.example', 'WWW.evil.example',
  'mail@evil.example', '@everyone', '#123', 'GH-1', 'owner/repo#1', ':smile:', '$x$', '**b**', '_i_', '__b__', '~~s~~', '[^1]', '[x]', '- [ ] task',
  '# h', '1.', '1)', '12. ', '- ', '+ ', '* ', '> ', '---', '===', '| --- |', '~~~', '    ', '0123456', 'deadbeef', '\\n', '日本', 'Ärger', 'مرحبا', '🙂', 'e\u0301',
  '\u00a0', ' \u00a0 ', ' ` ', '`x', '\\`', 'plain', 'words, and more.', '"quoted"', '(5)', '…', '–', '08:26:46', 'a:smile:b', '2026-11-26', '\uffff', '\uff5c', 'x-deadbeef1', "o'clock",
]; // prettier-ignore

export const hostileText = fc.oneof(
  fc.array(fc.constantFrom(...HOSTILE), { maxLength: 6 }).map((parts) => parts.join('')),
  fc.array(fc.constantFrom(...HOSTILE), { maxLength: 6 }).map((parts) => parts.join(' ')),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({ unit: 'grapheme-ascii', maxLength: 30 }),
);

const KINDS: Kind[] = ['text', 'integer', 'bytes', 'seconds', 'rate', 'percent', 'checksum'];
const NUMBERS = ['integer', 'bytes', 'seconds', 'rate', 'percent'] as const;

const kind = fc.constantFrom(...KINDS);
const value: fc.Arbitrary<Value> = fc.oneof(hostileText, hostileText, fc.double(), fc.nat(), fc.constant(null));

const table: fc.Arbitrary<Table> = fc
  .array(fc.record({ heading: hostileText, kind }), { minLength: 1, maxLength: 4 })
  .chain((columns) => {
    const row = fc.array(value, { minLength: columns.length, maxLength: columns.length });
    return fc.record(
      { caption: hostileText, columns: fc.constant(columns), rows: fc.array(row, { maxLength: 4 }), totals: row },
      { requiredKeys: ['caption', 'columns', 'rows'] },
    );
  });

const section: fc.Arbitrary<Section> = fc.record({
  heading: hostileText,
  paragraphs: fc.array(hostileText, { maxLength: 3 }),
  tables: fc.array(table, { maxLength: 2 }),
  series: fc.array(
    fc.record({
      caption: hostileText,
      kind: fc.constantFrom(...NUMBERS),
      points: fc
        .array(
          fc.record({
            at: fc.date({ min: new Date(0), max: new Date('9999-01-01'), noInvalidDate: true }),
            value: fc.double(),
          }),
          { maxLength: 4 },
        )
        .map((points) => points.sort((one, other) => one.at.getTime() - other.at.getTime())),
    }),
    { maxLength: 1 },
  ),
});

/** Documents in which everything that can be a text is hostile. */
export const hostileDocument: fc.Arbitrary<ReportDocument> = fc.record({
  title: hostileText,
  status: fc.constantFrom('ok', 'changed', 'differs', 'refused', 'failed'),
  stack: hostileText,
  startedAt: fc.constant(SAMPLE.startedAt),
  durationMs: fc.nat(),
  summary: hostileText,
  facts: fc.array(fc.record({ label: hostileText, value, kind }), { maxLength: 3 }),
  sections: fc.array(section, { maxLength: 3 }),
  problems: fc.array(
    fc.record(
      { code: hostileText, message: hostileText, remedy: hostileText, object: hostileText },
      { requiredKeys: ['code', 'message', 'remedy'] },
    ),
    { maxLength: 2 },
  ),
});

/** How prose reads: its lines without the backticks around code, without what is empty. */
export function proseText(text: string): string {
  return text
    .split(/\r?\n/)
    .map((line) =>
      printable(line)
        .trim()
        .replaceAll(/`([^`]+)`/g, '$1'),
    )
    .filter((line) => line !== '')
    .join('\n');
}

/** What the cells of a document's tables show in every form. */
export const shownCells = (document: ReportDocument): string[][][] =>
  document.sections.flatMap(({ tables = [] }) =>
    tables.map(({ columns, rows, totals }) => [
      columns.map(({ heading }) => printable(heading)),
      ...[...rows, ...(totals === undefined ? [] : [totals])].map((row) =>
        row.map((one, at) => formatValue(one, columns[at]?.kind ?? 'text')),
      ),
    ]),
  );
