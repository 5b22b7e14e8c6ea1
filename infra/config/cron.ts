interface CronField {
  min: number;
  max: number;
  names?: readonly string[];
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

/** Minute, hour, day of the month, month, day of the week (0 and 7 are Sunday), as crontab(5) has them. */
const FIELDS: readonly CronField[] = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31 },
  { min: 1, max: 12, names: MONTHS },
  { min: 0, max: 7, names: DAYS },
];

function numberIn(text: string, { min, max, names }: CronField): number | undefined {
  const named = names?.indexOf(text.toLowerCase()) ?? -1;
  if (named >= 0) return named + min;
  const value = /^\d{1,2}$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max ? value : undefined;
}

function isPart(part: string, field: CronField): boolean {
  const [range = '', step, ...more] = part.split('/');
  if (more.length > 0 || (step !== undefined && !(/^\d{1,2}$/.test(step) && Number(step) > 0))) return false;
  if (range === '*') return true;
  const [from = '', to, ...rest] = range.split('-');
  const first = numberIn(from, field);
  if (first === undefined || rest.length > 0) return false;
  // A step needs something to step through.
  if (to === undefined) return step === undefined;
  const last = numberIn(to, field);
  return last !== undefined && first <= last;
}

/** Whether cron would take it: five fields of `*`, numbers, names, ranges, lists and steps. */
export function isCron(expression: string): boolean {
  if (expression.length > 200 || /[^\x20-\x7e\t]/.test(expression)) return false;
  const fields = expression.trim().split(/[ \t]+/);
  return (
    fields.length === FIELDS.length &&
    FIELDS.every((field, index) => fields[index]?.split(',').every((part) => isPart(part, field)) ?? false)
  );
}
