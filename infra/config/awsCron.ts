/** Of a field that has `*`, or every value there is. */
const ANY = '*';
const DAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'] as const;

/**
 * The five fields of a crontab as Amazon EventBridge Scheduler's six: `0 3 * * 0` is `cron(0 3 ? * SUN *)`. There Sunday is 1 and not 0, so days are
 * named; the day of the month or that of the week has to be `?`; a step counts from where it begins, so steps are written out; the sixth is the year.
 * Undefined where both days are given: a crontab means either (some mean both), which Scheduler cannot say.
 * https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based
 */
export function awsCron(fields: string): string | undefined {
  const [minute = ANY, hour = ANY, day = ANY, month = ANY, weekday = ANY] = fields.split(' ');
  const days = listOf(day, 1, 31);
  const weekdays = listOf(weekday, 0, 7);
  if (days !== ANY && weekdays !== ANY) return undefined;
  const times = [listOf(minute, 0, 59), listOf(hour, 0, 23)];
  const dates = [weekdays === ANY ? days : '?', listOf(month, 1, 12), weekdays === ANY ? '?' : weekdays];
  return `cron(${[...times, ...dates, ANY].join(' ')})`;
}

/** Every value of a field, in order; 7 is Sunday too. */
function listOf(field: string, lowest: number, highest: number): string {
  const isWeekday = highest === 7;
  const values = new Set<number>();
  for (const item of field.split(',')) {
    const [range = ANY, step = '1'] = item.split('/');
    const [from, to = from] = range === ANY ? [lowest, isWeekday ? 6 : highest] : range.split('-').map(Number);
    for (let value = from ?? lowest; value <= (to ?? lowest); value += Number(step))
      values.add(isWeekday ? value % 7 : value);
  }
  if (values.size === (isWeekday ? 7 : highest - lowest + 1)) return ANY;
  const sorted = [...values].sort((one, other) => one - other);
  return sorted.map((value) => (isWeekday ? (DAYS[value] ?? '') : String(value))).join(',');
}
