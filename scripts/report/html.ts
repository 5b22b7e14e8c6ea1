import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Problem } from '../../system/errors';
import type { Column, Kind, ReportDocument, Section, Table, Value } from './document';
import { factsOf, formatValue, isNumeric } from './format';
import { escapeHtml, proseHtml } from './htmlText';
import { renderPlot } from './plot';

/**
 * A report as one page that needs nothing else: no script, nothing from elsewhere, and a policy that lets the browser load nothing but this
 * very style. Readable on a phone, in the dark and on paper.
 */
export function renderHtml(document: ReportDocument): string {
  const { title, status, summary, sections, problems } = document;
  const style = readFileSync(join(__dirname, 'page.css'), 'utf8');
  const hash = createHash('sha256').update(style).digest('base64');
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${escapeHtml(title)}: ${status}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>${escapeHtml(title)}</h1>
<p class="verdict ${status}"><strong>${status}</strong> <span>${proseHtml(summary)}</span></p>
<dl>
${factsOf(document)
  .map(({ label, value, kind = 'text' }) => `<div><dt>${escapeHtml(label)}</dt><dd>${show(value, kind)}</dd></div>`)
  .join('\n')}
</dl>
</header>
<main>
${[...(problems.length === 0 ? [] : [renderProblems(problems)]), ...sections.map(renderSection)].join('\n')}
</main>
</body>
</html>
`;
}

function renderProblems(problems: readonly Problem[]): string {
  return `<section>\n<h2>Problems</h2>\n<ul class="problems">\n${problems.map(renderProblem).join('\n')}\n</ul>\n</section>`;
}

function renderProblem({ code, message, remedy, object }: Problem): string {
  return [
    `<li><p><code>${escapeHtml(code)}</code>${object === undefined ? '' : ` <span class="object">${escapeHtml(object)}</span>`}</p>`,
    `<p>${proseHtml(message)}</p>`,
    ...(remedy === '' ? [] : [`<p class="remedy"><strong>Remedy:</strong> ${proseHtml(remedy)}</p>`]),
    '</li>',
  ].join('\n');
}

function renderSection({ heading, paragraphs = [], tables = [], series = [] }: Section, index: number): string {
  return [
    '<section>',
    `<h2>${escapeHtml(heading)}</h2>`,
    ...paragraphs.map((text) => `<p>${proseHtml(text)}</p>`),
    ...tables.map((table, at) => renderTable(table, `table-${index + 1}-${at + 1}`)),
    ...series.map(renderPlot),
    '</section>',
  ].join('\n');
}

/** One that is wider than the page scrolls by itself, also by keyboard. */
function renderTable({ caption, columns, rows, totals }: Table, id: string): string {
  const heads = columns.map(({ heading, kind }) => `<th scope="col"${classOf(kind)}>${escapeHtml(heading)}</th>`);
  return [
    `<div class="table" role="region" aria-labelledby="${id}" tabindex="0">`,
    '<table>',
    `<caption id="${id}">${escapeHtml(caption)}</caption>`,
    `<thead><tr>${heads.join('')}</tr></thead>`,
    '<tbody>',
    ...rows.map((row) => renderRow(row, columns)),
    '</tbody>',
    ...(totals === undefined ? [] : [`<tfoot>${renderRow(totals, columns)}</tfoot>`]),
    '</table>',
    '</div>',
  ].join('\n');
}

function renderRow(row: readonly Value[], columns: readonly Column[]): string {
  const cells = columns.map(({ kind }, at) => {
    const [start, end] = at === 0 ? ['th scope="row"', 'th'] : ['td', 'td'];
    return `<${start}${classOf(kind)}>${show(row[at] ?? null, kind)}</${end}>`;
  });
  return `<tr>${cells.join('')}</tr>`;
}

function classOf(kind: Kind): string {
  if (kind === 'text') return '';
  return isNumeric(kind) ? ' class="number"' : ' class="checksum"';
}

function show(value: Value, kind: Kind): string {
  const text = escapeHtml(formatValue(value, kind));
  return kind === 'checksum' && value !== null ? `<code>${text}</code>` : text;
}
