import { Cron } from 'croner';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { awsCron } from '../../../infra/config/awsCron';

describe('a crontab’s fields as those of EventBridge Scheduler', () => {
  it.each([
    ['0 2 * * *', 'cron(0 2 * * ? *)'],
    ['0 3 * * 0', 'cron(0 3 ? * SUN *)'],
    ['0 3 * * 7', 'cron(0 3 ? * SUN *)'],
    ['30 1 * * 1-5', 'cron(30 1 ? * MON,TUE,WED,THU,FRI *)'],
    ['0 0 * * 5-7', 'cron(0 0 ? * SUN,FRI,SAT *)'],
    ['0 0 * * 0-6', 'cron(0 0 * * ? *)'],
    ['0 0 * * 1-7', 'cron(0 0 * * ? *)'],
    ['0 0 1,15 * *', 'cron(0 0 1,15 * ? *)'],
    ['0 0 1-31 * 1', 'cron(0 0 ? * MON *)'],
    ['*/15 */6 * * *', 'cron(0,15,30,45 0,6,12,18 * * ? *)'],
    ['10-50/20 0 1-10/4 1-12/3 *', 'cron(10,30,50 0 1,5,9 1,4,7,10 ? *)'],
    ['0-59 * * * *', 'cron(* * * * ? *)'],
  ])('%s is %s', (fields, expression) => {
    expect(awsCron(fields)).toBe(expression);
  });

  it.each(['0 0 1 * 1', '0 0 */2 * 1', '0 0 1,15 * 5-7'])('%s says two things at once, which it cannot', (fields) => {
    expect(awsCron(fields)).toBeUndefined();
  });

  it('whatever a crontab says, both are due at the same times', () => {
    const field = (lowest: number, highest: number): fc.Arbitrary<string> => {
      const value = fc.integer({ min: lowest, max: highest });
      const range = fc.tuple(value, value).map(([one, other]) => `${Math.min(one, other)}-${Math.max(one, other)}`);
      const step = fc.integer({ min: 1, max: Math.min(20, highest - lowest) });
      return fc.oneof(
        fc.constant('*'),
        step.map((n) => `*/${n}`),
        fc
          .array(
            fc.oneof(
              value.map(String),
              range,
              fc.tuple(range, step).map(([r, n]) => `${r}/${n}`),
            ),
            {
              minLength: 1,
              maxLength: 3,
            },
          )
          .map((items) => items.join(',')),
      );
    };
    const days = fc.oneof(
      field(1, 28).map((day) => `${day} * *`),
      fc.tuple(field(1, 12), field(0, 7)).map(([month, weekday]) => `* ${month} ${weekday}`),
    );
    fc.assert(
      fc.property(field(0, 59), field(0, 23), days, (minute, hour, rest) => {
        const fields = `${minute} ${hour} ${rest}`;
        const [, five = ''] = /^cron\((.*) \*\)$/.exec(awsCron(fields) ?? '') ?? [];
        const from = new Date('2026-01-31T11:59:00Z');
        const due = (time: string): Date[] => new Cron(time, { mode: '5-part', timezone: 'UTC' }).nextRuns(5, from);
        expect(due(five.replace('?', '*')), fields).toEqual(due(fields));
      }),
    );
  });
});
