import { type Display, emphasised, wrapLines } from './display';
import type { Column, Kind, ReportDocument, Section, Series, Table, Value } from './document';
import { describeSeries, factsOf, formatValue, isNumeric, pointsOf } from './format';
import { printable } from './print';
import { proseLines } from './prose';
import { displayWidth, fill, pad } from './width';

/** Tables keep to it where nobody says how wide the display is. */
const COLUMNS = 80;
const GAP = '  ';
/** Of a checksum people compare the beginning; every other form has all of it. */
const CHECKSUM_BEGINNING = 12;

/** A report on the terminal. Problems are not in it: the command line prints them on stderr. */
export function renderText(document: ReportDocument, display: Display): string {
  const { title, status, summary, sections } = document;
  const blocks = [
    `${emphasised(printable(title), 'bold', display)}: ${emphasised(status, status, display)}\n${prose(summary, display)}`,
    pairs(
      factsOf(document).map(({ label, value, kind = 'text' }) => [printable(label), show(value, kind)]),
      GAP,
      display,
    ),
    ...sections.map((section) => renderSection(section, display)),
  ];
  return blocks.filter((block) => block !== '').join('\n\n');
}

function renderSection({ heading, paragraphs = [], tables = [], series = [] }: Section, display: Display): string {
  return [
    emphasised(printable(heading), 'bold', display),
    ...paragraphs.map((text) => prose(text, display)),
    ...tables.map((table) => `${printable(table.caption)}\n${renderTable(table, display)}`),
    ...series.map((one) => renderSeries(one, display)),
  ].join('\n\n');
}

function prose(text: string, display: Display): string {
  return wrapLines(proseLines(text).join('\n'), display);
}

/** Aligned columns; where they do not fit, one block a row. */
function renderTable(table: Table, display: Display): string {
  const { columns, rows, totals } = table;
  const headings = columns.map(({ heading }) => printable(heading));
  const body = rows.map((row) => cells(row, columns));
  const foot = totals === undefined ? [] : [cells(totals, columns)];
  const widths = headings.map((heading, at) =>
    [heading, ...[...body, ...foot].map((row) => row[at] ?? '')].reduce(
      (most, cell) => Math.max(most, displayWidth(cell)),
      0,
    ),
  );
  const total = widths.reduce((sum, width) => sum + GAP.length + width, 0);
  if (total > (display.columns ?? COLUMNS)) return renderRows(headings, [...body, ...foot], display);
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => GAP + pad(cell, widths[at] ?? 0, isNumeric(columns[at]?.kind ?? 'text')))
      .join('')
      .trimEnd();
  const rule = line(widths.map((width) => '-'.repeat(width)));
  return [line(headings), rule, ...body.map(line), ...(foot.length === 0 ? [] : [rule]), ...foot.map(line)].join('\n');
}

function renderRows(headings: readonly string[], rows: readonly string[][], display: Display): string {
  return rows
    .map(([name = '', ...values]) => {
      const more = values.map((value, at): [string, string] => [headings[at + 1] ?? '', value]);
      return [...fill(name, room(GAP, display)).map((line) => GAP + line), pairs(more, GAP + GAP, display)].join('\n');
    })
    .join('\n');
}

/** Labels and values in two columns; a value that does not fit goes on below itself. */
function pairs(entries: readonly (readonly [string, string])[], indent: string, display: Display): string {
  const width = entries.reduce((most, [label]) => Math.max(most, displayWidth(label)), 0);
  // Labels that leave no room stand above their values.
  const beside = width <= (display.columns ?? COLUMNS) / 2;
  return entries
    .flatMap(([label, value]) => {
      const before = indent + (beside ? pad(label, width) : '') + GAP;
      const [first = '', ...rest] = fill(value, room(before, display));
      const below = ' '.repeat(displayWidth(before));
      const lines = beside
        ? [before + first]
        : [...fill(label, room(indent, display)).map((line) => indent + line), below + first];
      return [...lines, ...rest.map((line) => below + line)].map((line) => line.trimEnd());
    })
    .join('\n');
}

function room(before: string, { columns }: Display): number | undefined {
  return columns === undefined ? undefined : Math.max(columns - displayWidth(before), 1);
}

function cells(row: readonly Value[], columns: readonly Column[]): string[] {
  return columns.map(({ kind }, at) => show(row[at] ?? null, kind));
}

function show(value: Value, kind: Kind): string {
  const text = formatValue(value, kind);
  const characters = kind === 'checksum' ? [...text] : [];
  return characters.length > CHECKSUM_BEGINNING ? `${characters.slice(0, CHECKSUM_BEGINNING).join('')}…` : text;
}

const BARS = '▁▂▃▄▅▆▇█';
/** The newest ones; what is older is in the words below. */
const BARS_SHOWN = 60;

function renderSeries(series: Series, display: Display): string {
  const values = pointsOf(series)
    .slice(-BARS_SHOWN)
    .map(({ value }) => value);
  const highest = Math.max(0, ...values);
  const bar = (value: number): string =>
    BARS[Math.round((Math.max(value, 0) / (highest || 1)) * (BARS.length - 1))] ?? '';
  const lines = [printable(series.caption), ...(values.length < 2 ? [] : [GAP + values.map(bar).join('')])];
  return [...lines, wrapLines(GAP + describeSeries(series), display)].join('\n');
}
