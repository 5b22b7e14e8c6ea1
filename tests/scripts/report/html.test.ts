import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import fc from 'fast-check';
import { parse as parsePage } from 'parse5';
import { describe, expect, it } from 'vitest';

import type { ReportDocument, Section } from '../../../scripts/report/document';
import { describeSeries, factsOf, formatTime, formatValue, isNumeric } from '../../../scripts/report/format';
import { renderHtml } from '../../../scripts/report/html';
import { printable } from '../../../scripts/report/print';
import { hostileDocument, shownCells } from './documents';
import { SAMPLE } from './sample';
import { attribute, elements, parse, textOf } from './tree';

/** All text of the page in its order; line breaks are only between elements. */
function expectedText(document: ReportDocument): string {
  const { title, status, summary, sections, problems } = document;
  return [
    printable(title),
    `${status} ${prose(summary)}`,
    ...factsOf(document).map(({ label, value, kind = 'text' }) => printable(label) + formatValue(value, kind)),
    problems.length === 0 ? '' : 'Problems',
    ...problems.flatMap(({ code, object, message, remedy }) => [
      printable(code) + (object === undefined ? '' : ` ${printable(object)}`),
      prose(message),
      remedy === '' ? '' : `Remedy: ${prose(remedy)}`,
    ]),
    ...sections.flatMap(sectionTexts),
  ].join('');
}

function sectionTexts({ heading, paragraphs = [], tables = [], series = [] }: Section): string[] {
  const cells = tables.map(({ caption, columns, rows, totals = [] }) => [
    printable(caption),
    ...columns.map((column) => printable(column.heading)),
    ...[...rows, totals].flatMap((row) => row.map((value, at) => formatValue(value, columns[at]?.kind ?? 'text'))),
  ]);
  const plots = series.map((one) => {
    const { caption, kind } = one;
    const points = one.points.filter(({ value }) => Number.isFinite(value));
    const highest = points.reduce((most, { value }) => Math.max(most, value), 0);
    const days = points.map(({ at }) => formatTime(at).slice(0, 10));
    const axes = [formatValue(highest, kind), formatValue(0, kind), days[0] ?? '', days.at(-1) ?? ''];
    return [`${printable(caption)} ${describeSeries(one)}`, ...(points.length < 2 ? [] : axes)];
  });
  return [printable(heading), ...paragraphs.map(prose), ...cells.flat(), ...plots.flat()];
}

function prose(text: string): string {
  const lines = text.split(/\r?\n/).map((line) => printable(line).replaceAll(/`([^`]+)`/g, '$1'));
  return lines.join('');
}

const body = (html: string) => elements(parse(html), 'body')[0] ?? expect.fail('The page has no body.');

/** Every element and attribute that the page is made of. */
const OURS: Record<string, string[]> = {
  html: ['lang'],
  meta: ['charset', 'http-equiv', 'content', 'name'],
  div: ['class', 'role', 'aria-labelledby', 'tabindex'],
  p: ['class', 'aria-hidden'],
  ul: ['class'],
  span: ['class'],
  caption: ['id'],
  th: ['scope', 'class'],
  td: ['class'],
  svg: ['viewBox', 'preserveAspectRatio', 'role', 'aria-label'],
  polygon: ['class', 'points'],
  polyline: ['class', 'points'],
};
const BARE =
  'head title style body header main section h1 h2 strong code br dl dt dd li table thead tbody tfoot tr figure figcaption';

describe('a report as a page', () => {
  it('has exactly the texts of the document, in order', () => {
    fc.assert(
      fc.property(hostileDocument, (document) => {
        const html = renderHtml(document);
        expect(textOf(body(html)).replaceAll('\n', '')).toBe(expectedText(document));
        expect(textOf(elements(parse(html), 'title')[0] ?? body(html))).toBe(
          `${printable(document.title)}: ${document.status}`,
        );
      }),
      { numRuns: 100 },
    );
  });

  it('has no element and no attribute that is not ours, and is well formed', () => {
    fc.assert(
      fc.property(hostileDocument, (document) => {
        const html = renderHtml(document);
        const errors: string[] = [];
        parsePage(html, { onParseError: ({ code }) => errors.push(code) });
        expect(errors.filter((code) => code !== 'noncharacter-in-input-stream')).toEqual([]);
        const captions = document.sections.flatMap(({ series = [] }) =>
          series.map(({ caption }) => printable(caption)),
        );
        for (const element of elements(parse(html))) {
          const { tagName, attrs } = element;
          const known = OURS[tagName] ?? (BARE.split(' ').includes(tagName) ? [] : ['no such element']);
          expect(known, tagName).toEqual(expect.arrayContaining(attrs.map(({ name }) => name)));
          expect(attribute(element, 'points') ?? '').toMatch(/^[\d., ]*$/);
          const label = attribute(element, 'aria-label');
          if (label !== undefined) expect(captions).toContain(label);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('gives every cell back', () => {
    fc.assert(
      fc.property(hostileDocument, (document) => {
        const found = elements(body(renderHtml(document)), 'table').map((table) =>
          elements(table, 'tr').map((row) => elements(row, 'th', 'td').map((cell) => textOf(cell))),
        );
        expect(found).toEqual(shownCells(document));
      }),
    );
  });

  it('loads nothing but its own style, which the policy names by its hash', () => {
    const html = renderHtml(SAMPLE);
    const page = parse(html);
    const style = textOf(elements(page, 'style')[0] ?? page);
    const policy = elements(page, 'meta').find((meta) => attribute(meta, 'http-equiv') === 'Content-Security-Policy');
    const hash = createHash('sha256').update(style).digest('base64');
    expect(attribute(policy ?? expect.fail('The page has no policy.'), 'content')).toBe(
      `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`,
    );
    expect(style).not.toMatch(/@import|url\(|</i);
    expect(html).not.toMatch(/<script|<link|<img|\b(?:src|href|style|on\w+)=/i);
  });

  it('tells a screen reader what is what', () => {
    const page = parse(renderHtml(SAMPLE));
    expect(attribute(elements(page, 'html')[0] ?? expect.fail(), 'lang')).toBe('en');
    const headings = elements(page, 'h1', 'h2').map((heading) => [heading.tagName, textOf(heading)]);
    expect(headings).toEqual([
      ['h1', 'Transfer of app.db into inclusive_ai'],
      ['h2', 'Problems'],
      ['h2', 'Tables'],
      ['h2', 'Over time'],
    ]);
    const captions = elements(page, 'caption').map((caption) => attribute(caption, 'id'));
    expect(captions).toEqual(['table-1-1', 'table-1-2']);
    const regions = elements(page, 'div').filter((div) => attribute(div, 'role') === 'region');
    expect(regions.map((region) => attribute(region, 'aria-labelledby'))).toEqual(captions);
    for (const row of elements(page, 'tr')) {
      const scopes = elements(row, 'th').map((head) => attribute(head, 'scope'));
      expect(scopes).toEqual(elements(row, 'td').length === 0 ? scopes.map(() => 'col') : ['row']);
    }
    expect(elements(page, 'svg').map((svg) => attribute(svg, 'aria-label'))).toEqual(['Duration of transfers']);
  });

  it('puts numbers to the right', () => {
    const columns = SAMPLE.sections[0]?.tables?.[0]?.columns ?? [];
    const [head] = elements(parse(renderHtml(SAMPLE)), 'tr');
    const classes = elements(head ?? expect.fail(), 'th').map((cell) => attribute(cell, 'class'));
    expect(classes).toEqual(columns.map(({ kind }) => (isNumeric(kind) ? 'number' : undefined)));
  });

  it('draws a series from its first to its last point, above zero', () => {
    const [line] = elements(parse(renderHtml(SAMPLE)), 'polyline');
    expect(attribute(line ?? expect.fail(), 'points')).toBe('0.0,20.8 150.0,24.8 300.0,0.0 450.0,27.2 600.0,26.1');
  });
});

describe('the page’s colours', () => {
  const css = readFileSync('scripts/report/page.css', 'utf8');
  const palettes = [...css.matchAll(/:root \{([^}]*)\}/g)].map(
    ([, rules = '']) =>
      new Map([...rules.matchAll(/(--[\w-]+): #([0-9a-f]{6});/g)].map(([, name = '', colour = '']) => [name, colour])),
  );

  it.each([
    ['light', 0],
    ['dark', 1],
    ['print', 2],
  ])('are legible (%s): 4.5 to 1 for text, as WCAG 2 AA asks', (_name, at) => {
    const colour = (name: string): string => palettes[at]?.get(name) ?? expect.fail(`There is no ${name}.`);
    const pairs = [
      ...['--text', '--muted'].flatMap((text) => [
        [text, '--page'],
        [text, '--panel'],
      ]),
      ...['--good', '--warn', '--bad'].map((status) => ['--on-status', status]),
    ];
    for (const [text = '', ground = ''] of pairs)
      expect(contrast(colour(text), colour(ground)), `${text} on ${ground}`).toBeGreaterThanOrEqual(4.5);
    // Of what is no text, 3 to 1 is asked.
    for (const mark of ['--accent', '--good', '--warn', '--bad'])
      expect(contrast(colour(mark), colour('--page')), mark).toBeGreaterThanOrEqual(3);
  });
});

/** WCAG 2: contrast of two sRGB colours. */
function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [0, 2, 4]
    .map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
