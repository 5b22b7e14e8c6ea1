import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { backendPaths, initialiseStack, stateBackups } from '../../../engine/state/backend';
import { recordUpdate } from '../../../engine/state/history';

it('keeps each finished update with its checkpoint, named as Pulumi names them, the newest last', () => {
  const folder = mkdtempSync(join(tmpdir(), 'coach-history-'));
  try {
    initialiseStack(folder, 'coach', 'local');
    const paths = backendPaths(folder, 'coach', 'local');
    for (const minute of [1, 2]) {
      recordUpdate(paths, {
        kind: 'update',
        startedAt: new Date(`2026-01-01T00:0${minute}:00Z`),
        endedAt: new Date(`2026-01-01T00:0${minute}:30Z`),
        result: 'succeeded',
        resourceChanges: { create: minute },
        config: { 'coach:environment': 'local' },
        environment: { 'exec.kind': 'coachdb' },
      });
    }
    const names = readdirSync(paths.historyDirectory).sort();
    expect(names).toEqual([
      expect.stringMatching(/^local-17672256900\d{8}\.checkpoint\.json$/),
      expect.stringMatching(/^local-17672256900\d{8}\.history\.json$/),
      expect.stringMatching(/^local-17672257500\d{8}\.checkpoint\.json$/),
      expect.stringMatching(/^local-17672257500\d{8}\.history\.json$/),
    ]);
    const newest = JSON.parse(readFileSync(join(paths.historyDirectory, names[3] ?? ''), 'utf8')) as unknown;
    expect(newest).toMatchObject({
      kind: 'update',
      startTime: 1767225720,
      endTime: 1767225750,
      resourceChanges: { create: 2 },
    });
    const checkpoint = readFileSync(paths.checkpoint, 'utf8');
    expect(readFileSync(join(paths.historyDirectory, names[0] ?? ''), 'utf8')).toBe(checkpoint);
    const backups = stateBackups(paths);
    expect(backups).toHaveLength(2);
    expect(backups[0]).toMatch(/local\.17672257500\d{8}\.json$/);
    expect(readFileSync(backups[0] ?? '', 'utf8')).toBe(checkpoint);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
