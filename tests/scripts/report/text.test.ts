import { stripVTControlCharacters } from 'node:util';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type Display, PLAIN } from '../../../scripts/report/display';
import type { ReportDocument, Table } from '../../../scripts/report/document';
import { renderText } from '../../../scripts/report/text';
import { displayWidth } from '../../../scripts/report/width';
import { hostileDocument } from './documents';
import { SAMPLE } from './sample';

const on = (columns: number): Display => ({ ...PLAIN, columns });

const withTable = (table: Table): ReportDocument => ({
  ...SAMPLE,
  facts: [],
  sections: [{ heading: 'Tables', tables: [table] }],
});

/** What stands below the caption of the only table. */
const tableText = (table: Table, display: Display): string[] => {
  const lines = renderText(withTable(table), display).split('\n');
  return lines.slice(lines.indexOf(table.caption) + 1);
};

const ROWS: Table = {
  caption: 'Rows',
  columns: [
    { heading: 'table', kind: 'text' },
    { heading: 'rows', kind: 'integer' },
    { heading: 'checksum', kind: 'checksum' },
  ],
  rows: [
    ['Student', 400_000, '5f4dcc3b5aa765d61d8327deb882cf99'],
    ['学生', 7, null],
  ],
  totals: ['total', 400_007, null],
};

describe('a report on the terminal', () => {
  it('has the outcome first, then facts, then aligned tables', () => {
    expect(renderText(SAMPLE, on(80)).split('\n').slice(0, 4)).toEqual([
      'Transfer of app.db into inclusive_ai: differs',
      '2,000,416 rows of 3 tables were loaded; 1 table differs, so nothing of the load',
      'is visible.',
      '',
    ]);
    expect(renderText(SAMPLE, on(80))).toContain('\n  Size     534 MB\n  SHA-256  9f86d081884c…\n');
    expect(tableText(ROWS, on(80))).toEqual([
      '  table       rows  checksum',
      '  -------  -------  -------------',
      '  Student  400,000  5f4dcc3b5aa7…',
      '  学生           7  –',
      '  -------  -------  -------------',
      '  total    400,007  –',
    ]);
  });

  it('has one block a row where the table is too wide', () => {
    expect(tableText(ROWS, on(30))).toEqual([
      '  Student',
      '    rows      400,000',
      '    checksum  5f4dcc3b5aa7…',
      '  学生',
      '    rows      7',
      '    checksum  –',
      '  total',
      '    rows      400,007',
      '    checksum  –',
    ]);
  });

  it('keeps tables to 80 columns where there is no terminal', () => {
    const row = (length: number): Table => ({
      caption: 'Rows',
      columns: [{ heading: 'a', kind: 'text' }],
      rows: [['x'.repeat(length)]],
    });
    expect(tableText(row(78), PLAIN)[1]).toBe(`  ${'-'.repeat(78)}`);
    expect(tableText(row(79), PLAIN)).toEqual([`  ${'x'.repeat(79)}`, '']);
    expect(tableText(row(90), on(100))[1]).toBe(`  ${'-'.repeat(90)}`);
  });

  it('goes on below itself where a value is longer than the line', () => {
    const long: ReportDocument = { ...SAMPLE, facts: [{ label: 'Source', value: `/srv/${'d'.repeat(40)} and more` }] };
    expect(renderText(long, on(40)).split('\n\n')[1]?.split('\n').slice(0, 3)).toEqual([
      `  Source   /srv/${'d'.repeat(24)}`,
      `           ${'d'.repeat(16)}`,
      '           and more',
    ]);
  });

  it('draws a series as bars above its words, a number beside its unit', () => {
    expect(renderText(SAMPLE, on(80)).split('\n').slice(-4)).toEqual([
      'Duration of transfers',
      '  ▇▆█▆▆',
      '  9.2 s at 2026-11-26 00:00:00 UTC; 9.9 s at 2026-11-22 00:00:00 UTC. Lowest',
      '  9.1 s, highest 12.5 s of 5 values.',
    ]);
  });

  it('leaves problems to the command line, which prints them on stderr', () => {
    expect(renderText(SAMPLE, PLAIN)).not.toContain('transfer-differs');
  });

  it('has colours where the display has, and the same text', () => {
    const coloured = renderText(SAMPLE, { ...on(80), colour: true });
    expect(coloured).toContain('\u001b[33mdiffers\u001b[39m');
    expect(stripVTControlCharacters(coloured)).toBe(renderText(SAMPLE, on(80)));
  });

  it('lets no text steer the terminal, and no value or name go past its edge', () => {
    fc.assert(
      fc.property(hostileDocument, fc.integer({ min: 20, max: 120 }), (document, columns) => {
        const text = renderText(document, on(columns));
        expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        const tables = document.sections.flatMap(({ tables = [] }) => tables);
        for (const table of tables) {
          const heading = withTable({ ...table, caption: 'Rows' });
          const lines = renderText({ ...heading, title: 'T', summary: 'S', stack: 's' }, on(columns)).split('\n');
          for (const line of lines.slice(lines.indexOf('Rows')))
            expect(displayWidth(line)).toBeLessThanOrEqual(columns);
        }
      }),
    );
  });
});
