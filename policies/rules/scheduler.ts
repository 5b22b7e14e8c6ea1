import { expressionProblem } from '../awsCron';
import { type Rule, rule } from '../rule';
import { SCHEDULE } from '../types';
import { at, isUnknown, shown } from '../values';

export const schedulerRules: readonly Rule[] = [
  rule('scheduler-expression', {
    title: 'Schedules are written as AWS has them: six fields, `?` for the day that does not count',
    types: [SCHEDULE],
    find: ({ inputs }) => {
      const { scheduleExpression: expression } = inputs;
      if (isUnknown(expression)) return [];
      const problem = expressionProblem(String(expression));
      return problem === undefined ? [] : [`scheduleExpression ${shown(expression)} ${problem}`];
    },
  }),
  rule('scheduler-time-zone', {
    title: 'Schedules name a time zone (it is UTC otherwise)',
    types: [SCHEDULE],
    find: ({ inputs }) => {
      const zone = inputs['scheduleExpressionTimezone'];
      return isUnknown(zone) || isTimeZone(zone)
        ? []
        : [`scheduleExpressionTimezone is ${shown(zone)}; expected Europe/Madrid or the like`];
    },
  }),
  rule('scheduler-window', {
    title: 'A flexible window is as long as AWS has it; `OFF` has no length',
    types: [SCHEDULE],
    find: ({ inputs }) => {
      const mode = at(inputs, 'flexibleTimeWindow.mode');
      const length = at(inputs, 'flexibleTimeWindow.maximumWindowInMinutes');
      const fits =
        mode === 'OFF' ? length === undefined : mode === 'FLEXIBLE' && Number(length) >= 1 && Number(length) <= 1440;
      return fits ? [] : [`flexibleTimeWindow is ${shown(mode)} with ${shown(length)} minutes`];
    },
  }),
];

function isTimeZone(zone: unknown): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: String(zone) });
    return typeof zone === 'string';
  } catch {
    return false;
  }
}
