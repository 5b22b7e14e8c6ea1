import { describe, expect, it } from 'vitest';

import type { BackupEntry } from '../../../postgres/backup/catalogue';
import { noticesOf } from '../../../postgres/backup/notices';

const NOW = new Date('2026-11-26T12:00:00Z');
const ago = (hours: number): Date => new Date(NOW.getTime() - hours * 3_600_000);

const entry = (id: string, hours: number, more: Partial<BackupEntry> = {}): BackupEntry => ({
  id,
  stack: 'local',
  generation: 'daily',
  startedAt: ago(hours),
  durationMs: 1000,
  bytes: 1000,
  state: 'good',
  pinned: false,
  ...more,
});
const RESTORED = { restored: { at: ago(24), ok: true } };
const kinds = (...entries: BackupEntry[]): string[] => noticesOf(entries, NOW).map(({ kind }) => kind);

describe('what should worry whoever relies on backups', () => {
  it('is nothing where a fresh one is there, of the usual size, and one was restored for trial', () => {
    expect(kinds(entry('a', 30), entry('b', 6, RESTORED))).toEqual([]);
  });

  it('is that there is none, also where all are bad or never came to their end', () => {
    expect(kinds()).toEqual(['none']);
    expect(kinds(entry('a', 1, { state: 'incomplete' }))).toEqual(['none']);
    expect(kinds(entry('a', 1, { state: 'bad' }))).toEqual(['none', 'bad']);
  });

  it('is its age from the third day on', () => {
    expect(kinds(entry('a', 48, RESTORED))).toEqual([]);
    expect(kinds(entry('a', 49, RESTORED))).toEqual(['too-old']);
  });

  it('is one of less than half the usual size, whatever a single odd one before it was', () => {
    const before = [90, 70, 50].map((hours, at) => entry(String(at), hours, { bytes: at === 1 ? 9000 : 1000 }));
    expect(kinds(...before, entry('z', 2, { bytes: 500, ...RESTORED }))).toEqual([]);
    expect(kinds(...before, entry('z', 2, { bytes: 499, ...RESTORED }))).toEqual(['much-smaller']);
    expect(kinds(entry('z', 2, { bytes: 1, ...RESTORED }))).toEqual([]);
  });

  it('is that none was restored for trial lately, or that the trial failed', () => {
    expect(kinds(entry('a', 2))).toEqual(['never-restored']);
    expect(kinds(entry('a', 2, { restored: { at: ago(1), ok: false } }))).toEqual(['never-restored']);
    expect(kinds(entry('a', 2, { restored: { at: ago(31 * 24), ok: true } }))).toEqual(['never-restored']);
  });
});
