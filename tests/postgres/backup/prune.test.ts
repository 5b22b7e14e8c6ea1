import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { pruneFolder, removeBackup, sweepLeftovers } from '../../../postgres/backup/prune';
import type { RotationPlan } from '../../../postgres/backup/rotation';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'coach-backups-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function make(name: string, files: string[] = ['manifest.json', 'dump/toc.dat']): void {
  for (const file of files) {
    mkdirSync(join(directory, name, file, '..'), { recursive: true });
    writeFileSync(join(directory, name, file), name);
  }
}

const planOf = (actions: Record<string, 'keep' | 'remove'>): RotationPlan =>
  Object.entries(actions).map(([id, action]) => ({ entry: { id }, action })) as unknown as RotationPlan;

describe('pruning a folder', () => {
  it('removes what the plan removes, with what may change of it, and nothing else', () => {
    for (const id of ['a', 'b', 'c']) {
      make(id);
      make('.state', [`${id}.json`]);
    }
    make('notes', ['read me.txt']);
    expect(pruneFolder(directory, planOf({ a: 'remove', b: 'keep', c: 'remove' }))).toEqual({
      removed: ['a', 'c'],
      failures: [],
    });
    expect(readdirSync(directory).sort()).toEqual(['.state', 'b', 'notes']);
    expect(readdirSync(join(directory, '.state'))).toEqual(['b.json']);
  });

  it('one that cannot be removed is named, and the others go', () => {
    make('b');
    const { removed, failures } = pruneFolder(directory, planOf({ a: 'remove', b: 'remove' }));
    expect(removed).toEqual(['b']);
    expect(failures).toMatchObject([{ code: 'backup-not-removed', object: join(directory, 'a') }]);
    expect(failures[0]?.message).toContain(join(directory, 'a'));
  });

  it('what an earlier attempt left under the same name is no obstacle', () => {
    make('a');
    make('.removing-a', ['dump/old.dat']);
    removeBackup(directory, 'a');
    expect(readdirSync(directory)).toEqual([]);
  });

  it('a link in the place of a backup goes, and not what it leads to', () => {
    make('elsewhere');
    symlinkSync(join(directory, 'elsewhere'), join(directory, 'a'));
    removeBackup(directory, 'a');
    expect(readdirSync(directory)).toEqual(['elsewhere']);
    expect(existsSync(join(directory, 'elsewhere', 'manifest.json'))).toBe(true);
  });

  it.each(['', '.', '..', '../other', 'a/b', '.state', 'a\\b'])('never touches %j, which is no id', (id) => {
    make('.state', ['a.json']);
    expect(() => removeBackup(directory, id)).toThrow('No backup');
    expect(readdirSync(directory)).toEqual(['.state']);
  });
});

describe('leftovers', () => {
  it('of dead processes go; a run at work and everything else stays', () => {
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    const id = `${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}-9f3c`;
    const [abandoned, atWork] = [`.partial-${id}.${dead}`, `.partial-${id}.${process.pid}`];
    const reused = `.partial-20200101T020000Z-9f3c.${process.pid}`;
    for (const name of [abandoned, atWork, reused]) make(name);
    make('.removing-c', ['dump/toc.dat']);
    make('.state', ['c.json', 'd.json']);
    make('d');
    make('.partial-note', ['x']);
    const { removed } = sweepLeftovers(directory);
    // Where /proc does not say when a process began, it counts as the one that left the folder.
    const mayBeTold = existsSync('/proc/self/stat');
    expect(removed.sort()).toEqual([abandoned, '.removing-c', ...(mayBeTold ? [reused] : [])].sort());
    expect(readdirSync(directory)).toEqual(expect.arrayContaining([atWork, '.partial-note', '.state', 'd']));
    expect(readdirSync(join(directory, '.state'))).toEqual(['d.json']);
    expect(sweepLeftovers(directory)).toEqual({ removed: [], failures: [] });
  });

  it('there are none where there is no folder yet', () => {
    expect(sweepLeftovers(join(directory, 'none'))).toEqual({ removed: [], failures: [] });
  });
});
