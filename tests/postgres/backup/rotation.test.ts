import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { BackupEntry } from '../../../postgres/backup/catalogue';
import { floorBytes, isBelowFloor } from '../../../postgres/backup/freeSpace';
import { GENERATIONS } from '../../../postgres/backup/manifest';
import { generationOf, planRotation, retainedUntil, type RotationPolicy } from '../../../postgres/backup/rotation';

const POLICY: RotationPolicy = { retentionDays: 7, weekly: 5, monthly: 12, minimum: 2 };
const NOW = new Date('2026-11-26T02:00:00Z');
const DAY = 86_400_000;

const entryAt = (startedAt: Date | string, more: Partial<BackupEntry> = {}): BackupEntry => {
  const at = new Date(startedAt);
  return {
    id: `${at.toISOString().replaceAll(/[-:]|\.\d+/g, '')}-0000`,
    stack: 'local',
    generation: 'daily',
    startedAt: at,
    durationMs: 1000,
    bytes: 1000,
    state: 'good',
    pinned: false,
    ...more,
  };
};

const daysAgo = (days: number, more: Partial<BackupEntry> = {}): BackupEntry =>
  entryAt(new Date(NOW.getTime() - days * DAY), more);

/** Rules by the age in days. */
function rules(entries: BackupEntry[], policy = POLICY, now = NOW): Record<string, string> {
  const plan = planRotation(entries, policy, now, () => true);
  return Object.fromEntries(
    plan.map(({ entry, action, rule }) => [
      String(Math.round((now.getTime() - entry.startedAt.getTime()) / DAY)),
      `${action} ${rule}`,
    ]),
  );
}

/** A month of daily backups, as it was made: each with the generation of its day. */
function history(from: string, days: number): BackupEntry[] {
  const made: BackupEntry[] = [];
  for (let day = 0; day < days; day += 1) {
    const startedAt = new Date(new Date(from).getTime() + day * DAY);
    made.push(entryAt(startedAt, { generation: generationOf(startedAt, made) }));
  }
  return made;
}

describe('what stays of a year of daily backups', () => {
  const made = history('2025-11-01T02:00:00Z', 391);
  const kept = planRotation(made, POLICY, NOW).filter(({ action }) => action === 'keep');
  const dates = (rule: string): string[] =>
    kept.filter((one) => one.rule === rule).map(({ entry }) => entry.startedAt.toISOString().slice(0, 10));

  it('is the first of twelve months, of five weeks, and a week of days', () => {
    expect(made.at(-1)?.startedAt).toEqual(NOW);
    expect(dates('monthly')).toEqual(
      ['2025-12', '2026-01', '2026-02', '2026-03', '2026-04', '2026-05', '2026-06', '2026-07', '2026-08', '2026-09']
        .concat(['2026-10', '2026-11'])
        .map((month) => `${month}-01`),
    );
    expect(dates('weekly')).toEqual(['2026-10-26', '2026-11-02', '2026-11-09', '2026-11-16', '2026-11-23']);
    expect(dates('daily')).toEqual(['2026-11-20', '2026-11-21', '2026-11-22', '2026-11-24']);
    expect([dates('newest'), dates('minimum')]).toEqual([['2026-11-26'], ['2026-11-25']]);
    expect(kept).toHaveLength(12 + 5 + 4 + 2);
  });

  it('is the same where it was pruned every day', () => {
    let present: BackupEntry[] = [];
    for (const entry of made) {
      present.push(entry);
      const plan = planRotation(present, POLICY, entry.startedAt);
      present = plan.flatMap((one) => (one.action === 'keep' ? [one.entry] : []));
    }
    expect(present).toEqual(kept.map(({ entry }) => entry));
  });
});

describe('each rule', () => {
  it('says in words what it does', () => {
    const entries = [
      daysAgo(400, { pinned: true }),
      daysAgo(390, { generation: 'monthly' }),
      daysAgo(200, { lockedUntil: new Date('2027-01-01T00:00:00Z') }),
      daysAgo(60),
      daysAgo(59.99),
      daysAgo(45),
      daysAgo(36, { generation: 'weekly' }),
      daysAgo(35.99),
      daysAgo(30, { state: 'bad' }),
      daysAgo(12, { generation: 'weekly' }),
      daysAgo(11, { state: 'incomplete' }),
      daysAgo(6),
      daysAgo(5, { state: 'bad' }),
      daysAgo(4),
      daysAgo(3),
      daysAgo(2, { state: 'incomplete' }),
      daysAgo(-1),
    ];
    const dead = new Set([entries[10]?.id]);
    const plan = planRotation(entries.reverse(), POLICY, NOW, ({ id }) => dead.has(id));
    expect(plan.map(({ action, reason }) => `${action}: ${reason}`)).toEqual([
      'keep: pinned',
      'remove: the first of its month, but older than 12 months',
      'keep: locked: nobody can delete it before 2027-01-01 00:00 UTC',
      'keep: the first of its month, kept 12 months',
      'remove: older than 7 days',
      'keep: the first of its month, kept 12 months',
      'remove: the first of its week, but older than 5 weeks',
      'remove: older than 7 days',
      'remove: damaged and older than 7 days',
      'keep: the first of its month, kept 12 months',
      'remove: what is left of a run that did not come to its end',
      'keep: the first of its week, kept 5 weeks',
      'keep: damaged, kept 7 days to be looked into',
      'keep: one of the newest 2 good ones, which stay whatever their age',
      'keep: the newest good one',
      'keep: its run is still at work, or may be',
      'keep: dated 2026-11-27 02:00 UTC, which is still to come: the clock was set back',
    ]);
  });

  it('a first of a month that turned out bad hands its place to the next good one', () => {
    const entries = ['01', '02', '03'].map((day) => entryAt(`2026-06-${day}T02:00:00Z`));
    const [first, second] = entries as [BackupEntry, BackupEntry];
    const recent = [daysAgo(1), daysAgo(0)];
    const after = planRotation(
      [{ ...first, state: 'bad', generation: 'monthly' }, ...entries.slice(1), ...recent],
      POLICY,
      NOW,
    );
    expect(after.find(({ entry }) => entry.id === first.id)?.action).toBe('remove');
    expect(after.find(({ entry }) => entry.id === second.id)).toMatchObject({ action: 'keep', rule: 'monthly' });
  });

  it('a damaged one stays where nothing newer is good, at any age', () => {
    expect(rules([daysAgo(500), daysAgo(400, { state: 'bad' })])).toEqual({
      500: 'keep newest',
      400: 'keep damaged',
    });
  });

  it('only failures since: the last good one stays', () => {
    const failures = [1, 2, 3].map((days) => daysAgo(days, { state: 'incomplete' }));
    expect(rules([daysAgo(900), ...failures], { ...POLICY, minimum: 1 })['900']).toBe('keep newest');
  });

  it('one from the future neither counts as recent nor goes', () => {
    const policy = { ...POLICY, minimum: 1, monthly: 0, weekly: 0 };
    expect(rules([daysAgo(30), daysAgo(20), daysAgo(-400)], policy)).toEqual({
      30: 'remove expired',
      20: 'keep newest',
      '-400': 'keep future',
    });
  });

  it('two of the same moment are told apart by their names', () => {
    const twins = ['b', 'a'].map((id) => daysAgo(100, { id }));
    const policy = { ...POLICY, minimum: 1, weekly: 0 };
    const plan = planRotation([...twins, daysAgo(1, { id: 'z' })], policy, NOW);
    expect(plan.map(({ entry, rule }) => [entry.id, rule])).toEqual([
      ['a', 'monthly'],
      ['b', 'expired'],
      ['z', 'newest'],
    ]);
  });
});

describe('the generation of a backup that is made', () => {
  it.each([
    ['the first there is', '2026-11-26T02:00:00Z', [], 'monthly'],
    ['the first of a month', '2026-12-01T02:00:00Z', ['2026-11-30T02:00:00Z'], 'monthly'],
    ['the first of a week', '2026-11-23T02:00:00Z', ['2026-11-01T02:00:00Z', '2026-11-22T23:59:59Z'], 'weekly'],
    ['one more in its week', '2026-11-26T02:00:00Z', ['2026-11-02T02:00:00Z', '2026-11-23T00:00:00Z'], 'daily'],
    [
      'a week over the year’s end: 31 December is of the next one’s first',
      '2024-12-31T02:00:00Z',
      ['2024-12-01', '2024-12-30'],
      'daily',
    ],
    ['a week over the year’s end, in the new month', '2025-01-01T02:00:00Z', ['2024-12-30'], 'monthly'],
    ['the same, once the month has one', '2027-01-03T02:00:00Z', ['2026-12-28', '2027-01-01'], 'daily'],
    ['the Monday after it', '2027-01-04T02:00:00Z', ['2026-12-28', '2027-01-01', '2027-01-03'], 'weekly'],
  ])('%s', (_what, now, earlier, expected) => {
    const entries = earlier.map((at) => entryAt(at));
    expect(generationOf(new Date(now), entries)).toBe(expected);
    const failed = entries.map((entry, at): BackupEntry => ({ ...entry, state: at % 2 === 0 ? 'bad' : 'incomplete' }));
    expect(generationOf(new Date(now), failed)).toBe('monthly');
  });
});

/** The ISO week by its definition: the year and number of the week that holds the same week's Thursday. */
function isoWeek(date: Date): string {
  const thursday = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()));
  thursday.setUTCDate(thursday.getUTCDate() + 4 - (thursday.getUTCDay() || 7));
  const firstOfYear = Date.UTC(thursday.getUTCFullYear(), 0, 1);
  return `${thursday.getUTCFullYear()}-${Math.ceil(((thursday.getTime() - firstOfYear) / DAY + 1) / 7)}`;
}

describe('over random histories', () => {
  const SPAN_HOURS = 24 * 800;
  const someEntry = fc.record({
    // Whole hours, so that equal times come up; some lie in the future.
    hours: fc.integer({ min: -24 * 30, max: SPAN_HOURS }),
    generation: fc.constantFrom(...GENERATIONS),
    state: fc.constantFrom<BackupEntry['state']>('good', 'good', 'good', 'bad', 'incomplete'),
    pinned: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    lockedForDays: fc.option(fc.integer({ min: -50, max: 50 }), { freq: 6 }),
  });
  const histories = fc
    .record({
      entries: fc.array(someEntry, { maxLength: 60 }),
      // Dense ones too: hours of the last weeks.
      recent: fc.array(fc.integer({ min: 0, max: 24 * 60 }), { maxLength: 60 }),
      dead: fc.boolean(),
      start: fc.integer({ min: 0, max: 24 * 800 }),
      policy: fc.record({
        retentionDays: fc.integer({ min: 1, max: 60 }),
        weekly: fc.integer({ min: 0, max: 20 }),
        monthly: fc.integer({ min: 0, max: 24 }),
        minimum: fc.integer({ min: 1, max: 6 }),
      }),
    })
    .map(({ entries, recent, dead, start, policy }) => {
      const now = new Date(Date.UTC(2024, 0, 1) + start * 3_600_000);
      const at = (hours: number): Date => new Date(now.getTime() - hours * 3_600_000);
      const all = [
        ...entries.map(({ hours, lockedForDays, ...rest }, index) =>
          entryAt(at(hours), {
            ...rest,
            id: `e${index}`,
            ...(lockedForDays === null ? {} : { lockedUntil: at(-24 * lockedForDays) }),
          }),
        ),
        ...recent.map((hours, index) => entryAt(at(hours), { id: `r${index}` })),
      ];
      return { now, policy, entries: all, dead };
    });

  const later = fc.integer({ min: 0, max: 24 * 900 });

  it('holds what it promises', () => {
    let removedInAll = 0;
    fc.assert(
      fc.property(histories, later, ({ now, policy, entries, dead }, hours) => {
        const plan = planRotation(entries, policy, now, () => dead);
        const remaining = plan.flatMap(({ entry, action }) => (action === 'keep' ? [entry] : []));
        const removed = plan.flatMap(({ entry, action }) => (action === 'remove' ? [entry] : []));
        removedInAll += removed.length;

        // Each once, oldest first, with a reason.
        expect(plan.map(({ entry }) => entry.id).sort()).toEqual(entries.map(({ id }) => id).sort());
        const times = plan.map(({ entry }) => entry.startedAt.getTime());
        expect(times).toEqual([...times].sort((one, other) => one - other));
        expect(plan.every(({ reason }) => reason !== '')).toBe(true);

        for (const entry of removed) {
          expect(entry.pinned).toBe(false);
          expect(entry.lockedUntil === undefined || entry.lockedUntil <= now).toBe(true);
          if (entry.state === 'incomplete') expect(dead).toBe(true);
          // A newer good one, and not a leftover, is still there.
          else expect(remaining.some((one) => one.state === 'good' && one.startedAt >= entry.startedAt)).toBe(true);
          if (entry.state !== 'incomplete')
            expect(now.getTime() - entry.startedAt.getTime()).toBeGreaterThanOrEqual(policy.retentionDays * DAY);
        }

        const good = entries.filter(({ state }) => state === 'good');
        const goodRemaining = remaining.filter(({ state }) => state === 'good');
        expect(goodRemaining.length).toBeGreaterThanOrEqual(Math.min(policy.minimum, good.length));
        const newest = Math.max(...good.map(({ startedAt }) => startedAt.getTime()));
        if (good.length > 0) expect(goodRemaining.some(({ startedAt }) => startedAt.getTime() === newest)).toBe(true);

        // The promises: each period that has a good one keeps its first, as long as the policy says.
        const promises = [
          { period: (date: Date) => date.toISOString().slice(0, 7), generation: 'monthly' as const },
          { period: isoWeek, generation: 'weekly' as const },
          { period: (date: Date) => date.toISOString(), generation: 'daily' as const },
        ];
        for (const { period, generation } of promises) {
          const byPeriod = group(good, period);
          for (const [name, ofPeriod] of byPeriod) {
            const first = Math.min(...ofPeriod.map(({ startedAt }) => startedAt.getTime()));
            if (now >= retainedUntil(new Date(first), generation, policy)) continue;
            const isThere = goodRemaining.some(
              (one) => period(one.startedAt) === name && one.startedAt.getTime() === first,
            );
            expect(isThere, `${generation} ${name}`).toBe(true);
          }
        }
        for (const entry of good)
          if (now < retainedUntil(entry.startedAt, entry.generation, policy))
            expect(remaining, entry.generation).toContain(entry);

        // Failed runs never count: without them the good ones fare the same.
        const alone = planRotation(good, policy, now, () => dead);
        expect(alone.map(({ entry, action }) => [entry.id, action])).toEqual(
          plan.filter(({ entry }) => entry.state === 'good').map(({ entry, action }) => [entry.id, action]),
        );

        // Applied, it has no more to do; and what goes now would go at any later time.
        expect(planRotation(remaining, policy, now, () => dead).filter(({ action }) => action === 'remove')).toEqual(
          [],
        );
        const then = new Date(now.getTime() + hours * 3_600_000);
        const goneThen = new Set(
          planRotation(entries, policy, then, () => dead).flatMap(({ entry, action }) =>
            action === 'remove' ? [entry.id] : [],
          ),
        );
        expect(removed.filter(({ id }) => !goneThen.has(id))).toEqual([]);

        // The order in which they are listed is nobody's business.
        expect(planRotation([...entries].reverse(), policy, now, () => dead)).toEqual(plan);
      }),
      { numRuns: Number(process.env['COACH_BACKUP_RUNS'] ?? 300) },
    );
    expect(removedInAll).toBeGreaterThan(300);
  });
});

function group(entries: BackupEntry[], period: (date: Date) => string): Map<string, BackupEntry[]> {
  const found = new Map<string, BackupEntry[]>();
  for (const entry of entries) {
    const name = period(entry.startedAt);
    found.set(name, [...(found.get(name) ?? []), entry]);
  }
  return found;
}

describe('the floor under free space', () => {
  it.each([
    ['5%', 1e12, 5e10],
    ['0%', 1e12, 0],
    ['20GB', 1e9, 2e10],
    ['1.5 TB', 1e9, 1.5e12],
    ['300MB', 1e9, 3e8],
    ['101%', 1e12, undefined],
    ['5', 1e12, undefined],
    ['-5%', 1e12, undefined],
    ['5 gigabytes', 1e12, undefined],
  ])('%s of a disk of %d bytes', (floor, totalBytes, expected) => {
    expect(floorBytes(floor, totalBytes)).toBe(expected);
  });

  it('says when a disk is below it', () => {
    expect(isBelowFloor({ freeBytes: 49, totalBytes: 1000 }, '5%')).toBe(true);
    expect(isBelowFloor({ freeBytes: 50, totalBytes: 1000 }, '5%')).toBe(false);
  });
});
