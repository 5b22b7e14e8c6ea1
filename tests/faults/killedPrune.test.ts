import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { pruneFolder, sweepLeftovers } from '../../postgres/backup/prune';
import type { RotationPlan } from '../../postgres/backup/rotation';
import { compileInto } from '../support/compiled';
import { isRoot } from './support';

const ROUNDS = 20;
const FILES = 300;
const IDS = ['20261101T020000Z-aaaa', '20261102T020000Z-bbbb', '20261103T020000Z-cccc'];
const GOING = IDS.slice(0, 2);

let compiled: string;
beforeAll(() => {
  compiled = compileInto('coach-prune-', ['postgres/backup/prune.ts']);
});
afterAll(() => rmSync(compiled, { recursive: true }));

const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

function makeBackup(directory: string, id: string, files = FILES): void {
  mkdirSync(join(directory, id, 'dump'), { recursive: true });
  mkdirSync(join(directory, '.state'), { recursive: true });
  const listed = Array.from({ length: files }, (_, index) => {
    const content = `${id} ${index}\n`;
    writeFileSync(join(directory, id, 'dump', `${index}.dat`), content);
    return { path: `dump/${index}.dat`, sha256: sha256(content) };
  });
  writeFileSync(join(directory, id, 'manifest.json'), JSON.stringify({ id, files: listed }));
  writeFileSync(join(directory, '.state', `${id}.json`), '{"pinned":false}');
}

function makeBackups(): string {
  const directory = mkdtempSync(join(tmpdir(), 'coach-backups-'));
  for (const id of IDS) makeBackup(directory, id);
  return directory;
}

/** Ids of what looks like a backup; each has to be one. */
function wholeBackups(directory: string): string[] {
  const ids = readdirSync(directory).filter((name) => !name.startsWith('.'));
  for (const id of ids) {
    const manifest = JSON.parse(readFileSync(join(directory, id, 'manifest.json'), 'utf8')) as {
      files: { path: string; sha256: string }[];
    };
    for (const file of manifest.files) expect(sha256(readFileSync(join(directory, id, file.path)))).toBe(file.sha256);
  }
  return ids;
}

/** What lies outside the backups says of none of them that it is whole. */
const manifestsElsewhere = (directory: string): string[] =>
  readdirSync(directory).filter((name) => name.startsWith('.') && existsSync(join(directory, name, 'manifest.json')));

/** Prunes in a process that kills itself, or is killed after a while; what it said. */
function killedPrune(directory: string, how: { stopAt?: number; afterMs?: number }): Promise<string> {
  const order = join(directory, '.order.json');
  writeFileSync(order, JSON.stringify({ compiled, directory, ids: GOING, stopAt: how.stopAt }));
  const child = spawn(process.execPath, [join(__dirname, 'killedPrune.cjs'), order], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  return new Promise((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      said += String(chunk);
      if (how.afterMs !== undefined && said === 'begin\n') setTimeout(() => child.kill('SIGKILL'), how.afterMs);
    });
    child.once('close', () => {
      rmSync(order);
      resolve(said);
    });
  });
}

function expectFinished(directory: string): void {
  expect(sweepLeftovers(directory).failures).toEqual([]);
  const left = wholeBackups(directory);
  expect(left).toContain(IDS[2]);
  expect(readdirSync(directory).sort()).toEqual(['.state', ...left].sort());
  expect(readdirSync(join(directory, '.state')).sort()).toEqual(left.map((id) => `${id}.json`).sort());
}

describe('a prune that is killed', { timeout: 120_000 }, () => {
  it('before any of its steps: nothing half gone looks like a backup, and the next run finishes', async () => {
    for (let stopAt = 1; ; stopAt += 1) {
      const directory = makeBackups();
      const said = await killedPrune(directory, { stopAt });
      wholeBackups(directory);
      // Only between the renaming and the first deletion, when all of it is there still.
      for (const name of manifestsElsewhere(directory))
        expect(readdirSync(join(directory, name, 'dump'))).toHaveLength(FILES);
      expectFinished(directory);
      rmSync(directory, { recursive: true });
      if (said.includes('done')) {
        // Sweep, rename, flush, state, manifest, rest: of two backups.
        expect(stopAt).toBeGreaterThan(10);
        break;
      }
    }
  });

  it(`at any moment, ${ROUNDS} rounds`, async () => {
    let cutShort = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const directory = makeBackups();
      const said = await killedPrune(directory, { afterMs: Math.random() * 12 });
      if (!said.includes('done')) cutShort += 1;
      wholeBackups(directory);
      expectFinished(directory);
      rmSync(directory, { recursive: true });
    }
    expect(cutShort).toBeGreaterThan(0);
  });
});

describe('a full disk', () => {
  it('does not keep anything from being removed', (context) => {
    if (!isRoot) return context.skip('needs root and the right to mount a small tmpfs');
    const directory = mkdtempSync(join(tmpdir(), 'coach-backups-'));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'none', directory], { stdio: 'ignore' });
    } catch {
      return context.skip('may not mount a small tmpfs');
    }
    try {
      for (const id of IDS) makeBackup(directory, id, 3);
      expect(() => {
        for (let n = 0; ; n += 1) writeFileSync(join(directory, `.filler-${n}`), Buffer.alloc(n < 8 ? 500_000 : 4096));
      }).toThrow('ENOSPC');
      const plan = GOING.map((id) => ({ entry: { id }, action: 'remove' })) as unknown as RotationPlan;
      expect(pruneFolder(directory, plan)).toEqual({ removed: GOING, failures: [] });
      expect(wholeBackups(directory)).toEqual([IDS[2]]);
    } finally {
      execFileSync('umount', [directory]);
      rmSync(directory, { recursive: true });
    }
  });
});
