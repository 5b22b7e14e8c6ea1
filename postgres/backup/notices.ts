import type { BackupEntry } from './catalogue';

export type BackupNotice = 'none' | 'too-old' | 'much-smaller' | 'never-restored' | 'bad';

export interface Noticed {
  kind: BackupNotice;
  /** A sentence for people. */
  message: string;
}

const HOUR_MS = 3_600_000;
/** Twice the time between two of a daily schedule. */
export const TOO_OLD_HOURS = 48;
/** Of the median of those before it: tables do not lose half their rows unnoticed. */
export const MUCH_SMALLER = 0.5;
const BEFORE = 5;
/** How long a rehearsed restore says something of the next one. */
export const RESTORED_DAYS = 30;

/** What should worry whoever relies on these backups. */
export function noticesOf(entries: readonly BackupEntry[], now: Date): Noticed[] {
  const good = entries
    .filter(({ state }) => state === 'good')
    .sort((a, b) => a.startedAt.getTime() - b.startedAt.getTime());
  const bad = entries.filter(({ state }) => state === 'bad').map(({ id }) => id);
  const newest = good.at(-1);
  const notices: Noticed[] = [];
  if (newest === undefined)
    notices.push({ kind: 'none', message: 'There is no good backup: `npm run db:backup` makes one.' });
  else {
    const hours = Math.floor((now.getTime() - newest.startedAt.getTime()) / HOUR_MS);
    if (hours > TOO_OLD_HOURS)
      notices.push({ kind: 'too-old', message: `The newest good backup is ${Math.floor(hours / 24)} days old.` });
    const usual = median(good.slice(-BEFORE - 1, -1).map(({ bytes }) => bytes));
    if (usual !== undefined && newest.bytes < usual * MUCH_SMALLER)
      notices.push({
        kind: 'much-smaller',
        message: `The newest backup has ${newest.bytes} bytes, less than half of those before it (${usual}).`,
      });
    const restored = good.some(
      (one) => one.restored?.ok === true && now.getTime() - one.restored.at.getTime() < RESTORED_DAYS * 24 * HOUR_MS,
    );
    if (!restored)
      notices.push({
        kind: 'never-restored',
        message: `No backup was restored for trial in ${RESTORED_DAYS} days: \`npm run coachdb -- backup verify --restore\`.`,
      });
  }
  if (bad.length > 0) notices.push({ kind: 'bad', message: `Damaged: ${bad.join(', ')}.` });
  return notices;
}

function median(values: readonly number[]): number | undefined {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
