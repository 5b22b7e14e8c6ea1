import fc from 'fast-check';
import { expect, it } from 'vitest';

import { daysKept } from '../../../postgres/backup/daysKept';
import { GENERATIONS } from '../../../postgres/backup/manifest';
import { retainedUntil } from '../../../postgres/backup/rotation';

it('keeps the first of a week or month no shorter than a daily one', () => {
  expect(daysKept({ retentionDays: 30, weekly: 1, monthly: 0 })).toEqual({ daily: 30, weekly: 30, monthly: 30 });
  expect(daysKept({ retentionDays: 1, weekly: 9, monthly: 2 })).toEqual({ daily: 1, weekly: 63, monthly: 63 });
});

it('is never shorter than what the rotation keeps, and at most three days longer for each month', () => {
  const policies = fc.record({
    retentionDays: fc.integer({ min: 1, max: 3650 }),
    weekly: fc.integer({ min: 0, max: 520 }),
    monthly: fc.integer({ min: 0, max: 120 }),
    minimum: fc.constant(1),
  });
  const dates = fc.date({ min: new Date('2000-01-01'), max: new Date('2100-01-01'), noInvalidDate: true });
  fc.assert(
    fc.property(policies, dates, (policy, startedAt) => {
      const days = (generation: (typeof GENERATIONS)[number]): number =>
        (retainedUntil(startedAt, generation, policy).getTime() - startedAt.getTime()) / 86_400_000;
      const kept = daysKept(policy);
      expect(kept.daily).toBe(days('daily'));
      expect(kept.weekly).toBe(Math.max(days('daily'), days('weekly')));
      expect(kept.monthly).toBeGreaterThanOrEqual(Math.max(...GENERATIONS.map(days)));
      const months = days('monthly') + 3 * policy.monthly;
      expect(kept.monthly).toBeLessThanOrEqual(Math.max(days('daily'), days('weekly'), months));
    }),
  );
});
