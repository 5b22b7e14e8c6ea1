import fc from 'fast-check';
import { micromark } from 'micromark';
import { gfm, gfmHtml } from 'micromark-extension-gfm';
import { describe, expect, it } from 'vitest';

import { factsOf, formatValue, isNumeric } from '../../../scripts/report/format';
import { renderMarkdown } from '../../../scripts/report/markdown';
import { printable } from '../../../scripts/report/print';
import { HOSTILE, hostileDocument, hostileText, proseText, shownCells } from './documents';
import { SAMPLE } from './sample';
import { attribute, elements, type Node, parse, textNodes, textOf } from './tree';

/** As GitHub reads it, but for what GitHub takes out afterwards: HTML and every link stay in. */
function read(markdown: string): Node {
  const options = { allowDangerousHtml: true, allowDangerousProtocol: true };
  return parse(micromark(markdown, { extensions: [gfm()], htmlExtensions: [gfmHtml()], ...options }));
}

const OURS = ['h1', 'h2', 'p', 'strong', 'ul', 'li', 'code', 'br', 'table', 'thead', 'tbody', 'tr', 'th', 'td'];
/** What GitHub makes something of in text that is not code: mentions, issues, commits, links, emoji, mathematics. */
const TRANSFORMED = /[@#<>$&\\]|:[a-z_+-][\w+-]*:|www\.|:\/\/|\bgh-\d|\b[0-9a-f]{7,40}\b/i;

const namesOf = (root: Node): string[] => elements(root).map(({ tagName }) => tagName);

describe('a report as Markdown', () => {
  it('is what a reviewer reads', () => {
    expect(renderMarkdown(SAMPLE).split('\n').slice(0, 30).join('\n')).toBe(
      `# Transfer of app.db into \`inclusive_ai\`

**differs**: 2,000,416 rows of 3 tables were loaded; 1 table differs, so nothing of the load is visible.

- Source: \`/srv/coach/prisma/app.db\`
- Size: 534 MB
- SHA-256: \`9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\`
- Target: \`inclusive_ai\` on \`127.0.0.1:54329\`
- Stack: local
- Started: 2026-11-26 08:26:46 UTC
- Took: 9.2 s

## Problems

- \`transfer-differs\`: Table CompletedLesson differs in 2 rows: ids 77 and 1041, column score.\\
  Object: CompletedLesson\\
  Remedy: See the rejected rows in \`rejected.jsonl\`, then run \`npm run coachdb -- transfer --from app.db\` again.

## Tables

Every table was compared by its rows and by a checksum over all values.

**Rows read and loaded**

| table | read | loaded | rejected | bytes | time | rate |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
| Student | 400,000 | 400,000 | 0 | 61.2 MB | 1.4 s | 282k/s |
| CompletedLesson | 1,600,000 | 1,599,998 | 2 | 402 MB | 6.7 s | 239k/s |
| Assessment | 416 | 416 | 0 | 41 kB | 0.01 s | 41.6k/s |
| **total** | **2,000,416** | **2,000,414** | **2** | **463 MB** | **8.1 s** | **246k/s** |`,
    );
  });

  it.each(HOSTILE)('gives %j back', (text) => {
    const columns = [{ heading: text, kind: 'text' as const }];
    const section = { heading: text, tables: [{ caption: text, columns, rows: [[text]] }] };
    const root = read(renderMarkdown({ ...SAMPLE, facts: [], problems: [], sections: [section] }));
    for (const name of ['h2', 'th', 'td'])
      expect(elements(root, name).map((one) => textOf(one))).toEqual([printable(text)]);
  });

  it('gives every cell back, whatever the names and values', () => {
    fc.assert(
      fc.property(hostileDocument, (document) => {
        const found = elements(read(renderMarkdown(document)), 'table').map((table) =>
          elements(table, 'tr').map((row) => elements(row, 'th', 'td').map((cell) => textOf(cell))),
        );
        expect(found).toEqual(shownCells(document));
      }),
      { numRuns: 150 },
    );
  });

  it('gives all other texts back, each where it belongs', () => {
    fc.assert(
      fc.property(hostileDocument, (document) => {
        const root = read(renderMarkdown(document));
        const { sections, problems } = document;
        const headings = [
          ...(problems.length === 0 ? [] : ['Problems']),
          ...sections.map(({ heading }) => printable(heading)),
        ];
        expect(elements(root, 'h1').map((one) => textOf(one))).toEqual([printable(document.title)]);
        expect(elements(root, 'h2').map((one) => textOf(one))).toEqual(headings);
        const problemTexts = problems.map(({ code, message, remedy, object }) =>
          [
            `${printable(code)}: ${proseText(message)}`,
            ...(object === undefined ? [] : [`Object: ${printable(object)}`]),
            ...(remedy === '' ? [] : [`Remedy: ${proseText(remedy)}`]),
          ].join('\n'),
        );
        const factTexts = factsOf(document).map(
          ({ label, value, kind = 'text' }) => `${printable(label)}: ${formatValue(value, kind)}`,
        );
        expect(elements(root, 'li').map((one) => textOf(one).trim())).toEqual(
          [...factTexts, ...problemTexts].map((one) => one.trim()),
        );
        const paragraphs = elements(root, 'p').map((one) => textOf(one).trim());
        expect(paragraphs[0]).toBe(`${document.status}: ${proseText(document.summary)}`.trim());
        for (const text of sections.flatMap((section) => section.paragraphs ?? []).map((one) => proseText(one).trim()))
          if (text !== '') expect(paragraphs).toContain(text);
      }),
      { numRuns: 150 },
    );
  });

  it('has no element, link, mention or emoji that a text brought along', () => {
    fc.assert(
      fc.property(hostileDocument, (document) => {
        const root = read(renderMarkdown(document));
        expect(namesOf(root).filter((name) => !OURS.includes(name))).toEqual([]);
        for (const { text, within } of textNodes(root))
          if (!within.includes('code')) expect(text).not.toMatch(TRANSFORMED);
      }),
      { numRuns: 150 },
    );
  });

  it('would notice an element, a link or a lost cell', () => {
    expect(namesOf(read('| <b>x</b> | www.evil.example |\n| --- | --- |\n| a | b | c |'))).toEqual(
      ['table', 'thead', 'tr', 'th', 'b', 'th', 'a', 'tbody', 'tr', 'td', 'td'], // prettier-ignore
    );
    for (const text of ['@everyone', 'a #1', ':smile:', 'www.x', 'http://x', 'GH-7', 'deadbeef', '$x$', 'a\\b'])
      expect(text).toMatch(TRANSFORMED);
  });

  it('aligns numbers to the right', () => {
    const { sections } = SAMPLE;
    const kinds = sections.flatMap(({ tables = [] }) =>
      tables.flatMap(({ columns }) => columns.map(({ kind }) => kind)),
    );
    const heads = elements(read(renderMarkdown(SAMPLE)), 'th');
    expect(heads.map((head) => attribute(head, 'align'))).toEqual(
      kinds.map((kind) => (isNumeric(kind) ? 'right' : undefined)),
    );
  });

  it('is lines of UTF-8 without a character that steers', () => {
    fc.assert(
      fc.property(hostileDocument, hostileText, (document, title) => {
        const markdown = renderMarkdown({ ...document, title });
        expect(markdown.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      }),
    );
  });
});
