import { describe, expect, it } from 'vitest';

import { everyCandidate, isDue, machineZone, nextRun } from '../../../scripts/cron/times';

const next = (time: string, zone: string, now: string): string | undefined =>
  nextRun(time, zone, new Date(now))?.toISOString().slice(0, 16);

describe('the next time of a job', () => {
  it.each([
    ['0 2 * * *', 'UTC', '2026-11-26T02:00:00Z', '2026-11-27T02:00'],
    ['0 2 * * *', 'UTC', '2026-11-26T01:59:59Z', '2026-11-26T02:00'],
    ['0 3 * * 0', 'Europe/Madrid', '2026-11-26T12:00:00Z', '2026-11-29T02:00'],
    ['0 3 * * 7', 'Europe/Madrid', '2026-07-01T12:00:00Z', '2026-07-05T01:00'],
    ['*/30 * * * *', 'Asia/Kathmandu', '2026-11-26T12:00:00Z', '2026-11-26T12:15'],
    // A day of the month or a day of the week, whichever comes first; both where one begins with *.
    ['0 0 13 * 5', 'UTC', '2026-11-26T12:00:00Z', '2026-11-27T00:00'],
    ['0 0 */2 * 5', 'UTC', '2026-11-26T12:00:00Z', '2026-11-27T00:00'],
    ['0 0 */2 * 5', 'UTC', '2026-11-27T12:00:00Z', '2026-12-11T00:00'],
    ['0 0 29 2 *', 'UTC', '2026-11-26T12:00:00Z', '2028-02-29T00:00'],
    ['0 0 31 2 *', 'UTC', '2026-11-26T12:00:00Z', undefined],
    // Two o'clock does not exist on the night when summer begins, and is there twice when it ends.
    ['0 2 * * *', 'Europe/Madrid', '2026-03-28T12:00:00Z', '2026-03-29T01:00'],
    ['30 2 * * *', 'Europe/Madrid', '2026-10-24T12:00:00Z', '2026-10-25T00:30'],
    ['30 2 * * *', 'Europe/Madrid', '2026-10-25T00:30:00Z', '2026-10-26T01:30'],
  ])('%s in %s after %s', (time, zone, now, expected) => {
    expect(next(time, zone, now)).toBe(expected);
  });
});

describe('lines for a machine in another zone', () => {
  it.each([
    ['0 2 * * *', '0,15,30,45 * * * *'],
    ['*/30 * * * *', '0,15,30,45 * * * *'],
    ['10,20 2 * * 1', '5,10,20,25,35,40,50,55 * * * *'],
    ['7-9/2 2 * * 1', '7,9,22,24,37,39,52,54 * * * *'],
    ['* * * * *', '* * * * *'],
  ])('%s', (time, expected) => {
    expect(everyCandidate(time)).toBe(expected);
  });

  it('are due once for each time, over a year with both changes of the clock, wherever the machine is', () => {
    const time = '0 2 * * *';
    const candidates = new Set(everyCandidate(time).split(' ')[0]?.split(',').map(Number));
    const due: string[] = [];
    for (let at = Date.UTC(2026, 0, 1); at < Date.UTC(2027, 0, 1); at += 15 * 60_000) {
      // The machine is in UTC, so its cron starts the line in these minutes; a second late, as it does.
      if (!candidates.has(new Date(at).getUTCMinutes())) continue;
      if (isDue(time, 'Europe/Madrid', new Date(at + 1000))) due.push(new Date(at).toISOString());
    }
    expect(due).toHaveLength(365);
    expect(new Set(due.map((moment) => moment.slice(0, 10))).size).toBe(365);
    const hours = due.map((moment) => moment.slice(11, 16));
    expect([hours[0], hours[180]]).toEqual(['01:00', '00:00']);
    expect(due).toContain('2026-03-29T01:00:00.000Z');
  });
});

it('the zone of the machine is one that can be calculated with', () => {
  expect(next('0 0 * * *', machineZone(), '2026-11-26T12:00:00Z')).toBeDefined();
  expect(next('0 0 * * *', machineZone('/nowhere'), '2026-11-26T12:00:00Z')).toBeDefined();
});
