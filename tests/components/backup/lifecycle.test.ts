import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type LifecycleRule, lifecycleRules, logLifecycleRules } from '../../../components/backup/lifecycle';
import { daysKept } from '../../../postgres/backup/daysKept';
import { GENERATIONS } from '../../../postgres/backup/manifest';

/** What AWS documents: the least age for a transition into the class, and the days for which a stay is billed at least; from warm to cold. */
const DOCUMENTED = {
  STANDARD_IA: { age: 30, stay: 30 },
  GLACIER_IR: { age: 90, stay: 90 },
  GLACIER: { age: 90, stay: 90 },
  DEEP_ARCHIVE: { age: 180, stay: 180 },
};
const FROM_WARM_TO_COLD = Object.keys(DOCUMENTED);

const DEFAULTS = { retentionDays: 7, weekly: 5, monthly: 12 };

const expiryDays = ({ expiration }: LifecycleRule): number | undefined =>
  expiration !== undefined && 'days' in expiration ? expiration.days : undefined;

const matching = (rules: LifecycleRule[], key: string): LifecycleRule[] =>
  rules.filter(({ filter }) => key.startsWith(filter.prefix ?? ''));

const rulesFor = (
  retention: typeof DEFAULTS,
  { prefix = 'prod/', lockDays = retention.retentionDays } = {},
): LifecycleRule[] => lifecycleRules({ prefix, daysKept: daysKept(retention), lockDays });

/** Days of transition by storage class of the monthly generation. */
const transitionsOf = (rules: LifecycleRule[], id: string): Record<string, number> =>
  Object.fromEntries(
    rules.find((rule) => rule.id === id)?.transitions?.map(({ storageClass, days }) => [storageClass, days]) ?? [],
  );

describe('the rules of the defaults', () => {
  const rules = rulesFor(DEFAULTS);

  it('keep a week of days, five of weeks and a year of months, and a month more for whoever mends what prunes', () => {
    expect(rules.slice(0, 3).map((rule) => [rule.filter.prefix, expiryDays(rule)])).toEqual([
      ['prod/daily/', 37],
      ['prod/weekly/', 65],
      ['prod/monthly/', 402],
    ]);
  });

  it('make only what stays long enough colder', () => {
    expect(transitionsOf(rules, 'daily')).toEqual({});
    expect(transitionsOf(rules, 'weekly')).toEqual({});
    expect(transitionsOf(rules, 'monthly')).toEqual({ STANDARD_IA: 30, GLACIER_IR: 90 });
  });
});

it.each([
  [59, {}],
  [60, { STANDARD_IA: 30 }],
  [179, { STANDARD_IA: 30 }],
  [180, { STANDARD_IA: 30, GLACIER_IR: 90 }],
])('%i days until it is pruned allow a backup the transitions %j', (retentionDays, expected) => {
  expect(transitionsOf(rulesFor({ ...DEFAULTS, retentionDays }), 'daily')).toEqual(expected);
});

const retention = fc.record({
  retentionDays: fc.integer({ min: 1, max: 3650 }),
  weekly: fc.integer({ min: 0, max: 520 }),
  monthly: fc.integer({ min: 0, max: 120 }),
});

const settings = retention.chain((kept) =>
  fc.record({
    kept: fc.constant(kept),
    options: fc.record({
      lockDays: fc.integer({ min: 1, max: kept.retentionDays }),
      prefix: fc.constantFrom('prod/', 'daily/', 'a/weekly/'),
    }),
  }),
);

/** Of rules of any settings. */
function always(
  hold: (rules: LifecycleRule[], kept: typeof DEFAULTS, options: { lockDays: number; prefix: string }) => void,
): void {
  fc.assert(fc.property(settings, ({ kept, options }) => hold(rulesFor(kept, options), kept, options)));
}

describe('the rules of any settings', () => {
  it('hold the ages and stays of storage classes, from warm to cold, also where pruning ends the last one', () => {
    always((rules, kept) => {
      for (const generation of GENERATIONS) {
        const { transitions = [] } = rules.find(({ id }) => id === generation) ?? {};
        const classes = transitions.map(({ storageClass }) => FROM_WARM_TO_COLD.indexOf(storageClass));
        expect(classes).toEqual([...classes].sort((a, b) => a - b));
        transitions.forEach(({ storageClass, days }, index) => {
          const leaves = transitions[index + 1]?.days ?? daysKept(kept)[generation];
          expect(days).toBeGreaterThanOrEqual(DOCUMENTED[storageClass].age);
          expect(leaves - days).toBeGreaterThanOrEqual(DOCUMENTED[storageClass].stay);
        });
      }
    });
  });

  it('let an object expire by the one rule of its generation, and what is beside them not at all', () => {
    always((rules, _kept, { prefix }) => {
      for (const generation of GENERATIONS) {
        const rulesOfKey = matching(rules, `${prefix}${generation}/20261126T020000Z-9f3c/dump/toc.dat`);
        const expiring = rulesOfKey.filter((rule) => expiryDays(rule) !== undefined || rule.transitions !== undefined);
        expect(expiring.map(({ id }) => id)).toEqual([generation]);
        expect(rulesOfKey.filter((rule) => rule.noncurrentVersionExpiration !== undefined)).toHaveLength(1);
      }
      const pin = matching(rules, `${prefix}pins/20261126T020000Z-9f3c`);
      expect(pin.filter((rule) => expiryDays(rule) !== undefined || rule.transitions !== undefined)).toEqual([]);
    });
  });

  it('let nothing expire before it would be pruned, or while it is locked', () => {
    always((rules, kept, { lockDays }) => {
      for (const generation of GENERATIONS) {
        const rule = rules.find(({ id }) => id === generation) as LifecycleRule;
        expect(expiryDays(rule)).toBeGreaterThan(daysKept(kept)[generation]);
        expect(expiryDays(rule)).toBeGreaterThan(lockDays);
      }
      // A version may become noncurrent on the day it was written.
      const noncurrent = rules.flatMap((rule) => rule.noncurrentVersionExpiration?.noncurrentDays ?? []);
      expect(noncurrent).toEqual([lockDays]);
    });
  });

  it('are what S3 takes: positive days, no marker beside days, killed uploads by themselves, every id once', () => {
    always((rules) => {
      expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length);
      for (const rule of rules) {
        expect(Object.keys(rule.expiration ?? { days: 1 })).toHaveLength(1);
        expect(expiryDays(rule) ?? 1).toBeGreaterThan(0);
      }
      const aborting = rules.filter(({ abortIncompleteMultipartUpload }) => abortIncompleteMultipartUpload);
      expect(aborting).toEqual([
        {
          id: 'killed-uploads',
          status: 'Enabled',
          filter: {},
          abortIncompleteMultipartUpload: { daysAfterInitiation: 7 },
        },
      ]);
    });
  });
});

it('logs go after a year', () => {
  expect(logLifecycleRules(365).map(expiryDays)).toEqual([365, undefined]);
});
