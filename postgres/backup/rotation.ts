import type { BackupEntry } from './catalogue';
import type { Generation } from './manifest';

/** How long backups stay, as `coach:backup` says it. */
export interface RotationPolicy {
  /** Every good backup, this many days. */
  retentionDays: number;
  /** The first good one of an ISO week, this many weeks. */
  weekly: number;
  /** The first good one of a month, this many months. */
  monthly: number;
  /** The newest good ones, this many, whatever their age. */
  minimum: number;
}

/** Which rule decided. */
export type RotationRule =
  'pinned' | 'locked' | 'running' | 'leftover' | 'damaged' | 'future' | 'newest' | 'minimum' | Generation | 'expired';

export interface RotationDecision {
  entry: BackupEntry;
  action: 'keep' | 'remove';
  rule: RotationRule;
  /** For a person, without a full stop: `the first of its week, kept 5 weeks`. */
  reason: string;
}

/** Every entry once, oldest first. */
export type RotationPlan = readonly RotationDecision[];

const DAY_MS = 86_400_000;

/**
 * What becomes of each backup, pure: the same for a folder and for a bucket. No good one goes unless a newer good one exists, and never so
 * many that fewer than `minimum` are left. Applied to what it left, the plan removes nothing more; what it removes now, it removes at any
 * later time. All of it may be carried out before the next backup is made, which is how a full disk gets room.
 *
 * `isAbandoned` says of an incomplete one whether its run is known to be dead; without it none is.
 */
export function planRotation(
  entries: readonly BackupEntry[],
  policy: RotationPolicy,
  now: Date,
  isAbandoned: (entry: BackupEntry) => boolean = () => false,
): RotationPlan {
  const sorted = [...entries].sort(byAge);
  const good = sorted.filter(({ state }) => state === 'good');
  // One from the future, made before the clock was set back, says nothing about how recent the others are.
  const past = good.filter((entry) => !isFuture(entry, now));
  const newest = past.at(-1);
  const protectedIds = new Set(past.slice(-Math.max(1, policy.minimum)).map(({ id }) => id));
  const firsts = firstsOf(good);
  const decide = (entry: BackupEntry): [RotationDecision['action'], RotationRule, string] => {
    if (entry.pinned) return ['keep', 'pinned', 'pinned'];
    if (entry.lockedUntil !== undefined && entry.lockedUntil > now)
      return ['keep', 'locked', `locked: nobody can delete it before ${minute(entry.lockedUntil)}`];
    if (entry.state === 'incomplete')
      return isAbandoned(entry)
        ? ['remove', 'leftover', 'what is left of a run that did not come to its end']
        : ['keep', 'running', 'its run is still at work, or may be'];
    const isExpired = now >= retainedUntil(entry.startedAt, 'daily', policy);
    if (entry.state === 'bad') {
      if (newest === undefined || byAge(newest, entry) < 0)
        return ['keep', 'damaged', 'damaged, but there is no newer good one'];
      return isExpired
        ? ['remove', 'damaged', `damaged and older than ${count(policy.retentionDays, 'day')}`]
        : ['keep', 'damaged', `damaged, kept ${count(policy.retentionDays, 'day')} to be looked into`];
    }
    if (isFuture(entry, now))
      return ['keep', 'future', `dated ${minute(entry.startedAt)}, which is still to come: the clock was set back`];
    if (entry === newest) return ['keep', 'newest', 'the newest good one'];
    if (protectedIds.has(entry.id))
      return ['keep', 'minimum', `one of the newest ${policy.minimum} good ones, which stay whatever their age`];
    const generations = generationsOf(entry, firsts);
    const keeping = generations.find((generation) => now < retainedUntil(entry.startedAt, generation, policy));
    if (keeping !== undefined) return ['keep', keeping, keptAs(keeping, policy)];
    return ['remove', 'expired', expiredAs(generations, policy)];
  };
  return sorted.map((entry) => {
    const [action, rule, reason] = decide(entry);
    return { entry, action, rule, reason };
  });
}

/** What a backup made now stands for: its month where that has no good one yet, else its ISO week, else its day. All in UTC. */
export function generationOf(now: Date, entries: readonly BackupEntry[]): Generation {
  const good = entries.filter(({ state }) => state === 'good');
  if (!good.some(({ startedAt }) => monthOf(startedAt) === monthOf(now))) return 'monthly';
  return good.some(({ startedAt }) => weekOf(startedAt) === weekOf(now)) ? 'daily' : 'weekly';
}

/** Until when a backup of this generation stays by its age alone: what locks and lifecycle rules have to agree with. */
export function retainedUntil(startedAt: Date, generation: Generation, policy: RotationPolicy): Date {
  if (generation === 'daily') return new Date(startedAt.getTime() + policy.retentionDays * DAY_MS);
  if (generation === 'weekly') return new Date(startedAt.getTime() + policy.weekly * 7 * DAY_MS);
  const until = new Date(startedAt);
  until.setUTCMonth(until.getUTCMonth() + policy.monthly);
  return until;
}

/** Oldest first; of two of the same moment the one whose name sorts first. */
function byAge(one: BackupEntry, other: BackupEntry): number {
  return one.startedAt.getTime() - other.startedAt.getTime() || (one.id < other.id ? -1 : one.id > other.id ? 1 : 0);
}

const isFuture = ({ startedAt }: BackupEntry, now: Date): boolean => startedAt > now;

const monthOf = (date: Date): number => date.getUTCFullYear() * 12 + date.getUTCMonth();

/** Counted from the Monday before 1970 began, a Thursday; so a week that lies in two years is one. */
const weekOf = (date: Date): number => Math.floor((date.getTime() / DAY_MS + 3) / 7);

interface Firsts {
  weekly: ReadonlySet<BackupEntry>;
  monthly: ReadonlySet<BackupEntry>;
}

function firstsOf(good: readonly BackupEntry[]): Firsts {
  const firsts = (periodOf: (date: Date) => number): Set<BackupEntry> => {
    const found = new Map<number, BackupEntry>();
    for (const entry of good) {
      const period = periodOf(entry.startedAt);
      if (!found.has(period)) found.set(period, entry);
    }
    return new Set(found.values());
  };
  return { weekly: firsts(weekOf), monthly: firsts(monthOf) };
}

/**
 * What a backup stands for, from the longest: by what was written when it was made, and by what is there now, since the one that was made
 * for a week may have turned out bad. A month's stands for its week as well, as there was no need of another one.
 */
function generationsOf(entry: BackupEntry, { weekly, monthly }: Firsts): Generation[] {
  const isMonthly = entry.generation === 'monthly' || monthly.has(entry);
  const isWeekly = isMonthly || entry.generation === 'weekly' || weekly.has(entry);
  return [...(isMonthly ? ['monthly' as const] : []), ...(isWeekly ? ['weekly' as const] : []), 'daily'];
}

function keptAs(generation: Generation, policy: RotationPolicy): string {
  if (generation === 'daily') return `not older than ${count(policy.retentionDays, 'day')}`;
  return generation === 'weekly'
    ? `the first of its week, kept ${count(policy.weekly, 'week')}`
    : `the first of its month, kept ${count(policy.monthly, 'month')}`;
}

function expiredAs([longest = 'daily']: Generation[], policy: RotationPolicy): string {
  if (longest === 'daily') return `older than ${count(policy.retentionDays, 'day')}`;
  return longest === 'weekly'
    ? `the first of its week, but older than ${count(policy.weekly, 'week')}`
    : `the first of its month, but older than ${count(policy.monthly, 'month')}`;
}

const count = (number: number, unit: string): string => `${number} ${unit}${number === 1 ? '' : 's'}`;

const minute = (date: Date): string => `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
