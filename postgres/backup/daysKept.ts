import type { Generation } from './manifest';
import type { RotationPolicy } from './rotation';

const DAYS_OF_A_WEEK = 7;
/** Of the longest. */
const DAYS_OF_A_MONTH = 31;

/**
 * Days after which pruning removes a backup of each generation, at the latest. One that stands for a month stands for its week and day as well, so
 * none is kept for a shorter time than a daily one.
 */
export function daysKept({
  retentionDays,
  weekly,
  monthly,
}: Omit<RotationPolicy, 'minimum'>): Record<Generation, number> {
  const ofAWeek = Math.max(retentionDays, weekly * DAYS_OF_A_WEEK);
  return { daily: retentionDays, weekly: ofAWeek, monthly: Math.max(ofAWeek, monthly * DAYS_OF_A_MONTH) };
}
