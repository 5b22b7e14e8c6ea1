import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { backendPaths } from '../../engine/state/backend';
import type { CheckpointFile } from '../../engine/state/checkpoint';
import { deployedProject } from '../support/deployed';
import type { TestProject } from '../support/project';
import { changesOf, checkpointOf, expectConverges, expectNothingDoubled, refused } from './support';

let project: TestProject;
let checkpoint: string;
let good: string;

beforeAll(async () => {
  project = await deployedProject();
  checkpoint = checkpointOf(project);
  good = readFileSync(checkpoint, 'utf8');
});
afterAll(() => project.remove());

type Latest = NonNullable<CheckpointFile['checkpoint']['latest']>;

/** The checkpoint's text with one change of its deployment. */
function edited(change: (latest: Latest) => void): string {
  const file = JSON.parse(good) as CheckpointFile;
  const { latest } = file.checkpoint;
  if (latest === undefined) throw new Error('The checkpoint has no deployment.');
  change(latest);
  return JSON.stringify(file);
}

const copies = (): string[] => readdirSync(dirname(checkpoint)).filter((name) => name.includes('.corrupt-'));

describe('a damaged state', { timeout: 120_000 }, () => {
  it.each<[string, () => string, RegExp]>([
    ['cut off', () => good.slice(0, good.length / 2), /cut off/],
    ['not JSON', () => 'Dear diary', /not JSON/],
    ['empty', () => '', /empty/],
    [
      'with a reference that leads nowhere',
      () => edited(({ resources }) => resources?.splice(0, 3)),
      /refers to its .* which is missing/,
    ],
    [
      'with a resource twice',
      () => edited(({ resources }) => resources?.push(resources[resources.length - 1]!)),
      /stands in it twice/,
    ],
  ])('%s is kept aside, never overwritten, and the good copy is named', async (_, damage, said) => {
    const damaged = damage();
    writeFileSync(checkpoint, damaged);
    try {
      const [problem] = await refused(project, ['up', '--yes'], 1);
      expect(problem).toMatchObject({ code: 'checkpoint-corrupted' });
      expect(problem?.message).toContain(checkpoint);
      expect(problem?.message).toMatch(said);
      expect(readFileSync(checkpoint, 'utf8')).toBe(damaged);
      expect(copies()).toHaveLength(1);
      const kept = join(dirname(checkpoint), copies()[0] ?? '');
      expect(readFileSync(kept, 'utf8')).toBe(damaged);
      expect(problem?.remedy).toContain(basename(kept));
      expect(problem?.remedy).toContain(`${checkpoint}.bak`);
    } finally {
      writeFileSync(checkpoint, good);
      for (const name of copies()) rmSync(join(dirname(checkpoint), name));
    }
  });

  it('the remedy works: the copy over it, and `up` brings it up to date', async () => {
    writeFileSync(checkpoint, '');
    const [problem] = await refused(project, ['up', '--yes'], 1);
    const named = /(\/\S+\.bak): copy/.exec(problem?.remedy ?? '')?.[1] ?? '';
    copyFileSync(named, checkpoint);
    await changesOf(project, 'up');
    await expectNothingDoubled(project);
    good = readFileSync(checkpoint, 'utf8');
  });

  it('a state that was lost altogether: `up` adopts what the server holds, on the port it has', async () => {
    const { port } = project;
    rmSync(checkpoint);
    await expectConverges(project);
    expect(project.port).toBe(port);
    await expectNothingDoubled(project);
    good = readFileSync(checkpoint, 'utf8');
  });
});

describe('a wrong passphrase', { timeout: 120_000 }, () => {
  it('is named with where it came from, exit 64, and nothing is changed', async () => {
    const [problem] = await refused(project, ['up', '--yes'], 64, { PULUMI_CONFIG_PASSPHRASE: 'guess' });
    expect(problem).toMatchObject({ code: 'passphrase-wrong' });
    expect(problem?.message).toContain('PULUMI_CONFIG_PASSPHRASE');
    const file = project.path('other-passphrase');
    writeFileSync(file, 'guess\n');
    const [other] = await refused(project, ['preview'], 64, { PULUMI_CONFIG_PASSPHRASE_FILE: file });
    expect(other?.message).toContain(file);
    expect(readFileSync(checkpoint, 'utf8')).toBe(good);
  });

  it('that is gone is not made anew beside a state that needs it', async () => {
    const path = project.path('.coachdb', 'passphrase');
    const kept = readFileSync(path);
    rmSync(path);
    const [problem] = await refused(project, ['up', '--yes'], 64);
    expect(problem).toMatchObject({ code: 'passphrase-missing' });
    expect(problem?.message).toContain(path);
    writeFileSync(path, kept, { mode: 0o600 });
    expect(readFileSync(checkpoint, 'utf8')).toBe(good);
  });
});

describe('a lock', { timeout: 120_000 }, () => {
  const locks = (): string => backendPaths(project.path('.coachdb', 'state'), 'coach', 'local').lockDirectory;

  function writeLock(pid: number, more: object = {}): string {
    mkdirSync(locks(), { recursive: true });
    const path = join(locks(), `${randomUUID()}.json`);
    const content = { pid, username: 'ada', hostname: hostname(), timestamp: new Date().toISOString() };
    writeFileSync(path, JSON.stringify({ ...content, ...more }));
    return path;
  }
  const dead = (): number => spawnSync('true').pid;

  it('of a dead Pulumi is explained, exit 75, and goes with --repair-lock', async () => {
    const pid = dead();
    const path = writeLock(pid);
    const [problem] = await refused(project, ['up', '--yes'], 75);
    expect(problem).toMatchObject({ code: 'stale-lock' });
    expect(problem?.message).toMatch(new RegExp(`Pulumi.*ada.*${pid}`, 's'));
    expect(problem?.remedy).toContain('--repair-lock');
    expect(problem?.remedy).toContain(path);
    const repaired = await project.run(['up', '--yes', '--repair-lock', '--engine', 'embedded']);
    expect(repaired.code, repaired.stderr).toBe(0);
    expect(repaired.stderr).toContain(`process ${pid}`);
    expect(readdirSync(locks())).toEqual([]);
  });

  it('of a live Pulumi is respected, exit 75, also by --repair-lock', async () => {
    const path = writeLock(process.pid);
    const [problem] = await refused(project, ['up', '--yes', '--repair-lock'], 75);
    expect(problem).toMatchObject({ code: 'stack-locked' });
    expect(problem?.message).toContain(`process ${process.pid}`);
    rmSync(path);
  });

  it('of a killed run of this engine is taken over and said', async () => {
    const pid = dead();
    writeLock(pid, { by: 'coachdb' });
    const { code, stderr } = await project.run(['up', '--yes', '--engine', 'embedded']);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain(`process ${pid}`);
    expect(readdirSync(locks())).toEqual([]);
  });
});

describe('operations a killed run left pending', { timeout: 120_000 }, () => {
  it('are adopted where that is certain, with nothing made twice', async () => {
    const role = 'role-coach_readonly';
    writeFileSync(
      checkpoint,
      edited((latest) => {
        const at = latest.resources?.findIndex(({ urn }) => String(urn).endsWith(`::${role}`)) ?? -1;
        const [resource] = latest.resources?.splice(at, 1) ?? [];
        const known = Object.entries(resource ?? {}).filter(([field]) => field !== 'id' && field !== 'outputs');
        const begun = Object.fromEntries(known);
        latest.pending_operations = [{ resource: begun, type: 'creating' }];
        for (const other of latest.resources ?? []) {
          const { dependencies } = other as { dependencies?: string[] };
          if (dependencies !== undefined)
            other['dependencies'] = dependencies.filter((urn) => !urn.endsWith(`::${role}`));
        }
      }),
    );
    const repaired = await project.run(['up', '--yes', '--engine', 'embedded']);
    expect(repaired.code, repaired.stderr).toBe(0);
    expect(repaired.stderr).toContain(`killed while creating ${role}`);
    await expectConverges(project);
    await expectNothingDoubled(project);
  });

  it('are named, exit 3, where nobody here can know, and go with --repair-pending', async () => {
    const urn = 'urn:pulumi:local::coach::aws:s3/bucket:Bucket::backups';
    const resource = { urn, custom: true, type: 'aws:s3/bucket:Bucket', inputs: {} };
    writeFileSync(
      checkpoint,
      edited((latest) => (latest.pending_operations = [{ resource, type: 'creating' }])),
    );
    const [problem] = await refused(project, ['up', '--yes'], 3);
    expect(problem).toMatchObject({ code: 'operations-pending' });
    expect(problem?.message).toContain(`${urn}, interrupted while creating`);
    expect(problem?.remedy).toContain('--repair-pending');
    const repaired = await project.run(['up', '--yes', '--repair-pending', '--engine', 'embedded']);
    expect(repaired.code, repaired.stderr).toBe(0);
    expect(repaired.stderr).toContain('forget');
    await expectConverges(project);
  });
});
