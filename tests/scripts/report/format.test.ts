import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Kind, Value } from '../../../scripts/report/document';
import { describeSeries, factsOf, formatValue, isNumeric } from '../../../scripts/report/format';
import { hostileText } from './documents';
import { SAMPLE } from './sample';

describe('a value by its kind', () => {
  it.each<[Kind, Value, string]>([
    ['integer', 1_234_567, '1,234,567'],
    ['integer', -5, '-5'],
    ['integer', '9223372036854775807', '9223372036854775807'],
    ['bytes', 0, '0 B'],
    ['bytes', 999, '999 B'],
    ['bytes', 1000, '1 kB'],
    ['bytes', 12_345_678, '12.3 MB'],
    ['bytes', 999_499, '999 kB'],
    ['bytes', 999_500, '1 MB'],
    ['bytes', 99_949_999, '99.9 MB'],
    ['bytes', 99_950_000, '100 MB'],
    ['bytes', 5e18, '5,000 PB'],
    ['seconds', 0, '0 s'],
    ['seconds', 0.0042, '0.004 s'],
    ['seconds', 0.42, '0.42 s'],
    ['seconds', 0.996, '1.0 s'],
    ['seconds', 4.2, '4.2 s'],
    ['seconds', 99.96, '1 min 40 s'],
    ['seconds', 125, '2 min 05 s'],
    ['seconds', 3599.6, '1 h 00 min'],
    ['seconds', 7199, '2 h 00 min'],
    ['rate', 354_900, '355k/s'],
    ['rate', 950, '950/s'],
    ['rate', 999.6, '1k/s'],
    ['rate', 1_100_000, '1.1M/s'],
    ['rate', Number.POSITIVE_INFINITY, '–'],
    ['rate', Number.NaN, '–'],
    ['percent', 0.983, '98.3 %'],
    ['percent', 1, '100 %'],
    ['percent', 0.99999, '99.9 %'],
    ['percent', 1.00001, '100.1 %'],
    ['percent', 0.00001, '0.1 %'],
    ['percent', -0.00001, '-0.1 %'],
    ['percent', 0, '0 %'],
    ['text', 1_234_567, '1234567'],
    ['text', 'a\nb\u202e', 'a\\u000ab\\u202e'],
    ['checksum', '9f86d081884c7d659a2feaa0c55ad015', '9f86d081884c7d659a2feaa0c55ad015'],
    ['integer', null, '–'],
  ])('%s %s is %s', (kind, value, text) => {
    expect(formatValue(value, kind)).toBe(text);
  });

  it('puts numbers to the right', () => {
    const kinds: Kind[] = ['text', 'integer', 'bytes', 'seconds', 'rate', 'percent', 'checksum'];
    expect(kinds.filter(isNumeric)).toEqual(['integer', 'bytes', 'seconds', 'rate', 'percent']);
  });

  it('is one line that steers nothing and can be written as UTF-8, whatever the text', () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        const shown = formatValue(text, 'text');
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        expect(Buffer.from(shown).toString()).toBe(shown);
      }),
    );
  });
});

describe('what is said of every run and of a series', () => {
  it('adds stack, start and duration to a document’s facts', () => {
    expect(factsOf(SAMPLE).slice(SAMPLE.facts.length)).toEqual([
      { label: 'Stack', value: 'local' },
      { label: 'Started', value: '2026-11-26 08:26:46 UTC' },
      { label: 'Took', value: 9.24, kind: 'seconds' },
    ]);
  });

  it('says newest, oldest, lowest and highest of a series', () => {
    const at = (day: number): Date => new Date(Date.UTC(2026, 10, day, 2));
    const points = [
      { at: at(1), value: 10_200_000 },
      { at: at(2), value: 13_000_000 },
      { at: at(3), value: 9_000_000 },
      { at: at(4), value: 12_300_000 },
    ];
    expect(describeSeries({ caption: 'Size', kind: 'bytes', points })).toBe(
      '12.3 MB at 2026-11-04 02:00:00 UTC; 10.2 MB at 2026-11-01 02:00:00 UTC. Lowest 9 MB, highest 13 MB of 4 values.',
    );
    expect(describeSeries({ caption: 'Size', kind: 'bytes', points: points.slice(0, 1) })).toBe(
      '10.2 MB, measured once, at 2026-11-01 02:00:00 UTC.',
    );
    expect(describeSeries({ caption: 'Size', kind: 'bytes', points: [] })).toBe('Nothing has been measured yet.');
  });
});
