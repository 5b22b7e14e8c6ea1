import { describe, expect, it } from 'vitest';

import type { FolderBackup } from '../../postgres/backup/folder';
import { metricsText } from '../../scripts/backup/metrics';

const backup = (id: string, more: Partial<FolderBackup>): FolderBackup => ({
  id,
  folder: `/backups/${id}`,
  stack: 'local',
  generation: 'daily',
  startedAt: new Date('2026-11-26T02:00:00Z'),
  durationMs: 1500,
  bytes: 1000,
  state: 'good',
  pinned: false,
  notes: { pinned: false, verifications: [] },
  ...more,
});

describe('metrics of backups', () => {
  it('are of the newest good one of each kind, and of all; the bad are counted alone', () => {
    const text = metricsText('local', [
      backup('a', { generation: 'monthly', bytes: 500, restored: { at: new Date('2026-11-26T03:00:00Z'), ok: true } }),
      backup('b', { bytes: 700 }),
      backup('c', { bytes: 900, state: 'bad' }),
    ]);
    const lines = text.split('\n');
    expect(lines).toContain('coachdb_backup_size_bytes{stack="local",kind="monthly"} 500');
    expect(lines).toContain('coachdb_backup_size_bytes{stack="local",kind="daily"} 700');
    expect(lines).toContain('coachdb_backup_size_bytes{stack="local",kind="any"} 700');
    expect(lines).toContain('coachdb_backup_duration_seconds{stack="local",kind="any"} 1.5');
    expect(lines).toContain(
      `coachdb_backup_last_success_timestamp_seconds{stack="local",kind="any"} ${Date.UTC(2026, 10, 26, 2) / 1000}`,
    );
    expect(lines).toContain('coachdb_backup_restore_verified_timestamp_seconds{stack="local",kind="any"} 0');
    expect(lines).toContain(
      `coachdb_backup_restore_verified_timestamp_seconds{stack="local",kind="monthly"} ${Date.UTC(2026, 10, 26, 3) / 1000}`,
    );
    expect(lines).toContain('coachdb_backups{stack="local",state="bad"} 1');
  });

  it('are the textfile collector’s format: each metric with its help and type once, above its samples', () => {
    const text = metricsText('local', []);
    expect(text.endsWith('\n')).toBe(true);
    const names = [...text.matchAll(/^# TYPE (\S+) gauge$/gm)].map(([, name]) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(text).toContain(`# HELP ${name} `);
    for (const line of text.trim().split('\n')) expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+\{[^}]*\} [\d.]+)$/);
  });
});
