import { readlinkSync } from 'node:fs';

import { Cron } from 'croner';

const MINUTE_MS = 60_000;

/** The zone in which this machine's cron reads its times: the system's, whatever TZ says here. */
export function machineZone(link = '/etc/localtime'): string {
  try {
    const zone = /zoneinfo\/(?:posix\/|right\/)?(.+)$/.exec(readlinkSync(link))?.[1];
    if (zone !== undefined) return zone;
  } catch {
    // A copy in place of the link, or none at all.
  }
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** When a time of a crontab comes next after `now`; undefined: never, as with 31 February. */
export function nextRun(time: string, zone: string, now: Date): Date | undefined {
  return new Cron(time, { mode: '5-part', timezone: zone, domAndDow: isEitherDayOpen(time) }).nextRun(now) ?? undefined;
}

/** cron asks for both days where one of them begins with `*`, else for either. */
function isEitherDayOpen(time: string): boolean {
  const [, , day = '', , weekday = ''] = time.split(' ');
  return day.startsWith('*') || weekday.startsWith('*');
}

/** Whether a time of a crontab falls into the minute of `now`. */
export function isDue(time: string, zone: string, now: Date): boolean {
  const minute = Math.floor(now.getTime() / MINUTE_MS) * MINUTE_MS;
  const next = nextRun(time, zone, new Date(minute - 1));
  return next !== undefined && next.getTime() < minute + MINUTE_MS;
}

/**
 * A time for the crontab of a machine in another zone: every hour, in each minute to which a quarter of an hour's difference may bring it.
 * Offsets between zones are such quarters and change with summer time; the line starts often, and the job itself looks whether it is due.
 */
export function everyCandidate(time: string): string {
  const [field = '*'] = time.split(' ');
  const minutes = new Set<number>();
  for (let minute = 0; minute < 60; minute += 1)
    if (isIn(field, minute)) for (const shift of [0, 15, 30, 45]) minutes.add((minute + shift) % 60);
  const list = minutes.size === 60 ? '*' : [...minutes].sort((one, other) => one - other).join(',');
  return `${list} * * * *`;
}

function isIn(field: string, minute: number): boolean {
  return field.split(',').some((item) => {
    const [range = '', step = '1'] = item.split('/');
    const [from = '0', to = from] = range === '*' ? ['0', '59'] : range.split('-');
    return Number(from) <= minute && minute <= Number(to) && (minute - Number(from)) % Number(step) === 0;
  });
}
