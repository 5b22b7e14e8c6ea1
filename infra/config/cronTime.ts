import { scalar, type Schema } from '../../postgres/spec/schema';

/** The lowest and highest value of minute, hour, day of the month, month and day of the week (0 and 7 are Sunday). */
const LIMITS = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 7],
] as const;

/** What every crontab takes: lists of numbers, ranges and `*`, the latter two with a step. Names and `@daily` are not everywhere. */
function isField(field: string, [lowest, highest]: readonly [number, number]): boolean {
  return field.split(',').every((item) => {
    const [, from, to = from, step] = /^(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:\/(\d{1,2}))?$/.exec(item) ?? [];
    if (from === undefined) return /^\*(\/[1-9]\d?)?$/.test(item);
    if (step !== undefined && (Number(step) === 0 || !item.includes('-'))) return false;
    return lowest <= Number(from) && Number(from) <= Number(to) && Number(to) <= highest;
  });
}

/** The five fields of a crontab with one blank between them, or `off`. YAML's older form has `off` for false. */
export const cronTime: Schema<string> = scalar(
  'five fields of numbers as crontab has them (0 2 * * *), or off',
  (value) => {
    if (value === 'off' || value === false) return 'off';
    if (typeof value !== 'string' || value.length > 200) return undefined;
    const fields = value.trim().split(/[ \t]+/);
    const isTime = fields.length === LIMITS.length && LIMITS.every((limits, at) => isField(fields[at] ?? '', limits));
    return isTime ? fields.join(' ') : undefined;
  },
  'five fields as in crontab, or `off`',
);

/** A name of the time zone database that this Node.js knows. */
export const timeZone: Schema<string> = scalar('a time zone (Europe/Madrid)', (value) => {
  if (typeof value !== 'string' || !/^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/.test(value)) return undefined;
  try {
    new Intl.DateTimeFormat('en', { timeZone: value });
    return value;
  } catch {
    return undefined;
  }
});
