const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const WEEKDAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];

interface Field {
  name: string;
  min: number;
  max: number;
  names?: string[];
  /** Forms of this field alone: `?`, `L`, `15W`, `6#3`. */
  special?: RegExp;
}

/** https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html: weekdays are 1 (Sunday) to 7. */
const FIELDS: readonly Field[] = [
  { name: 'minute', min: 0, max: 59 },
  { name: 'hour', min: 0, max: 23 },
  { name: 'day of the month', min: 1, max: 31, special: /^(\?|L|LW|([1-9]|[12]\d|3[01])W)$/ },
  { name: 'month', min: 1, max: 12, names: MONTHS },
  { name: 'day of the week', min: 1, max: 7, names: WEEKDAYS, special: /^(\?|L|[1-7]L|[1-7]#[1-5])$/ },
  { name: 'year', min: 1970, max: 2199 },
];

/** What is wrong with a schedule's expression; undefined: nothing. */
export function expressionProblem(expression: string): string | undefined {
  const [, kind = '', body = ''] = /^(cron|rate|at)\((.*)\)$/.exec(expression) ?? [];
  if (kind === 'rate')
    return /^([2-9]|[1-9]\d+) (minutes|hours|days)$|^1 (minute|hour|day)$/.test(body) ? undefined : 'is no rate';
  if (kind === 'at') return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(body) ? undefined : 'is no time';
  if (kind !== 'cron') return 'is none of cron(...), rate(...), at(...)';
  const parts = body.split(' ');
  if (parts.length !== FIELDS.length) return `has ${parts.length} fields; AWS has six, the last the year`;
  const bad = FIELDS.find((field, index) => !fits(field, parts[index] ?? ''));
  if (bad !== undefined) return `has a ${bad.name} that AWS does not take`;
  if ((parts[2] === '?') === (parts[4] === '?')) return 'needs `?` in one of day of the month and day of the week';
  return undefined;
}

function fits({ min, max, names = [], special }: Field, text: string): boolean {
  if (special?.test(text) === true) return true;
  const numberOf = (word: string): number => {
    const named = names.indexOf(word.toUpperCase());
    if (named >= 0) return named + 1;
    return /^\d+$/.test(word) ? Number(word) : Number.NaN;
  };
  return text.split(',').every((item) => {
    const [range = '', step, more] = item.split('/');
    if (more !== undefined || (step !== undefined && !/^[1-9]\d*$/.test(step))) return false;
    if (range === '*') return true;
    const [from = '', to = from, rest] = range.split('-');
    return rest === undefined && numberOf(from) >= min && numberOf(to) <= max && numberOf(from) <= numberOf(to);
  });
}
