import type { Problem } from '../../system/errors';
import type { Column, Kind, ReportDocument, Section, Series, Table, Value } from './document';
import { describeSeries, factsOf, formatValue, isNumeric } from './format';
import { bold, code, inline, proseBlock } from './markdownInline';

/** A report as GitHub shows it. No text in it can end a cell, or be taken for markup, HTML, a link, a mention or an emoji. */
export function renderMarkdown(document: ReportDocument): string {
  const { title, status, summary, sections, problems } = document;
  const facts = factsOf(document).map(({ label, value, kind = 'text' }) => `- ${inline(label)}: ${show(value, kind)}`);
  const blocks = [
    `# ${inline(title)}`,
    `**${status}**: ${proseBlock(summary)}`,
    facts.join('\n'),
    ...(problems.length === 0 ? [] : ['## Problems', problems.map(renderProblem).join('\n')]),
    ...sections.flatMap(renderSection),
  ];
  return `${blocks.filter((block) => block !== '').join('\n\n')}\n`;
}

function renderProblem({ code: problemCode, message, remedy, object }: Problem): string {
  const lines = [`${code(problemCode)}: ${proseBlock(message)}`];
  if (object !== undefined) lines.push(`Object: ${inline(object)}`);
  if (remedy !== '') lines.push(`Remedy: ${proseBlock(remedy)}`);
  return `- ${lines.join('\\\n').replaceAll('\n', '\n  ')}`;
}

function renderSection({ heading, paragraphs = [], tables = [], series = [] }: Section): string[] {
  return [
    `## ${inline(heading)}`,
    ...paragraphs.map(proseBlock),
    ...tables.flatMap((table) => [bold(table.caption), renderTable(table)]),
    ...series.map(renderSeries),
  ];
}

function renderTable({ columns, rows, totals }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    line(columns.map(({ heading }) => inline(heading))),
    line(columns.map(({ kind }) => (isNumeric(kind) ? '---:' : '---'))),
    ...rows.map((row) => line(cells(row, columns))),
    ...(totals === undefined ? [] : [line(cells(totals, columns).map((cell) => (cell === '' ? '' : `**${cell}**`)))]),
  ].join('\n');
}

function cells(row: readonly Value[], columns: readonly Column[]): string[] {
  return columns.map(({ kind }, at) => show(row[at] ?? null, kind));
}

function show(value: Value, kind: Kind): string {
  const text = formatValue(value, kind);
  if (isNumeric(kind) && typeof value === 'number') return text;
  return kind === 'checksum' && value !== null ? code(text) : inline(text);
}

function renderSeries(series: Series): string {
  return `${bold(series.caption)}: ${describeSeries(series)}`;
}
