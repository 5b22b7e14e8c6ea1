import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect } from 'vitest';
import { parse } from 'yaml';

import { leftoversOf } from '../../../engine/pulumi/leftovers';
import { decodeResources, newCheckpoint, withResources, writeCheckpoint } from '../../../engine/state/checkpoint';
import { recordUpdate } from '../../../engine/state/history';
import { lockStack, otherLocks, removeStaleLocks } from '../../../engine/state/lock';
import { Crypter } from '../../../engine/state/passphrase';
import { pendingOperations, planPendingRepair, repairPending } from '../../../engine/state/pending';
import { withoutProtection } from '../../../engine/state/protection';
import { removeSaltFromSettings, stackConfigCopy } from '../../../engine/state/settingsCopy';
import type { Secret } from '../../../engine/state/values';
import { PASSPHRASE, PROJECT, SampleProject, STACK, withPulumi } from './realPulumi';

const SOURCE = `
const pulumi = require('@pulumi/pulumi');
const random = require('@pulumi/random');
const config = new pulumi.Config();
const group = new pulumi.ComponentResource('sample:group:Group', 'group');
const password = new random.RandomPassword('password', { length: Number(config.get('length') ?? 12), special: false }, { parent: group });
new random.RandomString('word', { length: 8, keepers: { secret: password.result } }, { parent: group, protect: true });
const sleep = 'const end = Date.now() + SECONDS * 1000; while (Date.now() < end) {}';
class Slow extends pulumi.dynamic.Resource {}
if (config.get('slow')) new Slow({ create: async () => { await new Promise((r) => setTimeout(r, 20000)); return { id: 'slow', outs: {} }; } }, 'slow', {});
if (config.get('fail')) throw new Error('told to fail');
exports.password = password.result;
exports.length = password.length;`.replace(/^const sleep.*\n/m, '');

let project: SampleProject;
beforeAll(() => (project = new SampleProject(SOURCE)));
afterAll(() => project.remove());

async function secretOutput(): Promise<string> {
  const shown = await project.type('stack', 'output', 'password', '--show-secrets', '--stack', STACK);
  return shown.trim();
}

describe('the state, with Pulumi itself', () => {
  withPulumi(
    'made here, deployed by Pulumi, read here; the salt stays out of the committed settings',
    ['random'],
    async () => {
      const committed = readFileSync(project.settingsFile, 'utf8');
      const preview = await project.run('preview');
      expect(preview.failures).toEqual([]);
      expect(preview.result.counts).toMatchObject({ create: 4, same: 0 });
      expect((await project.run('up')).result).toMatchObject({
        counts: { create: 4 },
        outputs: { password: '[secret]', length: 12 },
      });
      const resources = decodeResources(project.checkpoint(), await project.crypter());
      const stack = resources.find(({ type }) => type === 'pulumi:pulumi:Stack');
      expect((stack?.outputs['password'] as Secret).value).toBe(await secretOutput());
      expect(readFileSync(project.settingsFile, 'utf8')).toBe(committed);
      const copy = parse(readFileSync(join(project.root, '.coachdb/Pulumi.local.yaml'), 'utf8')) as {
        encryptionsalt: string;
      };
      expect(copy.encryptionsalt).toBe(project.checkpoint().checkpoint.latest?.secrets_providers?.state?.salt);
    },
  );

  withPulumi('goes through this engine byte for byte', ['random'], async () => {
    const before = readFileSync(project.paths.checkpoint, 'utf8');
    const file = project.checkpoint();
    const crypter = await project.crypter();
    const { time, version } = file.checkpoint.latest?.manifest ?? { time: '', version: '' };
    const now = new Date();
    writeCheckpoint(
      project.paths.checkpoint,
      withResources(file, decodeResources(file, crypter), crypter, now, version),
    );
    expect(readFileSync(project.paths.checkpoint, 'utf8').replace(now.toISOString(), time)).toBe(before);
  });

  withPulumi('encrypted anew under a salt of this engine, is accepted without a change', ['random'], async () => {
    const secret = await secretOutput();
    const resources = decodeResources(project.checkpoint(), await project.crypter());
    const crypter = await Crypter.create(PASSPHRASE);
    const empty = newCheckpoint(STACK, PROJECT, crypter.state);
    writeCheckpoint(project.paths.checkpoint, withResources(empty, resources, crypter, new Date(), 'v3.248.0'));
    rmSync(join(project.root, '.coachdb/Pulumi.local.yaml'));
    expect((await project.run('preview')).result).toMatchObject({
      counts: { create: 0, update: 0, replace: 0, same: 4 },
      problems: [],
    });
    expect(await secretOutput()).toBe(secret);
    const exported = JSON.parse(await project.type('stack', 'export', '--stack', STACK)) as {
      deployment: { resources: unknown[] };
    };
    expect(exported.deployment.resources).toHaveLength(resources.length);
  });

  withPulumi('without a resource, and without the references to it, is accepted too', ['random'], async () => {
    const file = project.checkpoint();
    const crypter = await project.crypter();
    const left = decodeResources(file, crypter).filter(({ urn }) => !urn.endsWith('::password'));
    expect(left.some(({ dependencies }) => dependencies.some((urn) => urn.endsWith('::password')))).toBe(true);
    writeCheckpoint(project.paths.checkpoint, withResources(file, left, crypter, new Date(), 'v3.248.0'));
    const { result } = await project.run('preview');
    expect(result.changes.find(({ name }) => name === 'password')?.operation).toBe('create');
    writeFileSync(project.paths.checkpoint, readFileSync(project.paths.backup));
  });

  withPulumi('is read although a kill cut off what lies beside it', ['random'], async () => {
    writeFileSync(`${project.paths.checkpoint}.attrs`, '');
    expect(
      (await project.runBare('preview', { configFile: stackConfigCopy(project.root, STACK, undefined) })).failures,
    ).not.toEqual([]);
    expect((await project.run('preview')).failures).toEqual([]);
  });

  withPulumi('has a history that Pulumi shows', ['random'], async () => {
    recordUpdate(project.paths, {
      kind: 'update',
      startedAt: new Date(Date.now() + 60_000),
      endedAt: new Date(Date.now() + 61_000),
      result: 'succeeded',
      resourceChanges: { same: 4 },
      config: { 'sample:given': '1' },
      environment: { 'exec.kind': 'coachdb' },
      message: 'by the embedded engine',
    });
    const history = JSON.parse(await project.type('stack', 'history', '--json', '--stack', STACK)) as Record<
      string,
      unknown
    >[];
    expect(history[0]).toMatchObject({ kind: 'update', message: 'by the embedded engine', result: 'succeeded' });
    expect(history).toHaveLength(2);
  });

  withPulumi(
    'that Pulumi compressed is read and written compressed, and Pulumi goes on with it',
    ['random'],
    async () => {
      const environment = { ...project.environment, PULUMI_DIY_BACKEND_GZIP: 'true' };
      expect((await project.run('refresh', { environment })).failures).toEqual([]);
      expect(existsSync(project.paths.checkpoint)).toBe(false);
      const file = project.checkpoint();
      expect(decodeResources(file, await project.crypter())).toHaveLength(5);
      writeCheckpoint(project.paths.checkpoint, file);
      expect(existsSync(project.paths.checkpoint)).toBe(false);
      expect((await project.run('preview', { environment })).result.counts).toMatchObject({ same: 4 });
      expect((await project.run('refresh')).result.counts).toMatchObject({ same: 4 });
      expect(existsSync(project.paths.checkpoint)).toBe(true);
    },
  );
});

describe('runs', () => {
  withPulumi('of a failing program say why, and in time', ['random'], async () => {
    project.settings({ fail: '1' });
    const { failures, result } = await project.run('preview');
    expect(failures[0]).toMatchObject({
      code: 'program-error',
      message: expect.stringContaining('told to fail') as string,
    });
    // The SDK alone takes over half a minute for this with Node 20.20 (see `preload`).
    expect(result.durationMs).toBeLessThan(30_000);
    project.settings({});
  });

  withPulumi('that replace say what forces it; of a destroy, what is protected', ['random'], async () => {
    project.settings({ length: '14' });
    const { result } = await project.run('preview');
    expect(result.changes.find(({ name }) => name === 'password')).toMatchObject({
      operation: 'replace',
      replaces: ['length'],
      changed: [{ path: 'length', before: 12, after: 14 }],
    });
    expect(result.outputs).toMatchObject({ password: '[unknown]' });
    project.settings({});
    expect((await project.run('destroy')).failures).toMatchObject([
      { code: 'resource-failed', message: expect.stringMatching(/word: .*protected/s) as string },
    ]);
    expect(project.checkpoint().checkpoint.latest?.resources).toHaveLength(5);
  });

  withPulumi('as a user types them put a salt into the settings, which goes again', ['random'], async () => {
    const committed = readFileSync(project.settingsFile, 'utf8');
    const secret = await secretOutput();
    for (let time = 0; time < 2; time += 1) {
      await project.type('up', '--yes', '--skip-preview', '--stack', STACK);
      const { encryptionsalt } = parse(readFileSync(project.settingsFile, 'utf8')) as { encryptionsalt: string };
      expect(encryptionsalt).toBe(project.checkpoint().checkpoint.latest?.secrets_providers?.state?.salt);
      expect(removeSaltFromSettings(project.root, STACK)).toBe(true);
      expect(readFileSync(project.settingsFile, 'utf8')).toBe(committed);
    }
    expect((await project.run('up')).result.counts).toMatchObject({ same: 4, update: 0 });
    expect(await secretOutput()).toBe(secret);
  });
});

describe('locks, with Pulumi itself', () => {
  withPulumi('exclude both ways, and a killed run is told from a live one', ['random'], async () => {
    const own = await lockStack(project.paths.lockDirectory);
    expect(
      (await project.runBare('up', { configFile: join(project.root, '.coachdb/Pulumi.local.yaml') })).failures,
    ).toMatchObject([
      { code: 'stack-locked', kind: 'locked', message: expect.stringContaining(`process ${process.pid}`) as string },
    ]);
    own.release();

    project.settings({ slow: '1' });
    const running = project.run('up');
    await expect
      .poll(() => pendingOperations(project.checkpoint()), { timeout: 60_000, interval: 200 })
      .toHaveLength(1);
    const pid = otherLocks(project.paths.lockDirectory, '')[0]?.content.pid ?? 0;
    await expect(lockStack(project.paths.lockDirectory)).rejects.toMatchObject({ code: 'stack-locked' });
    process.kill(pid, 'SIGKILL');
    expect((await running).failures[0]).toMatchObject({
      code: 'pulumi-failed',
      message: expect.stringContaining('SIGKILL') as string,
    });
    await expect.poll(() => leftoversOf(pid), { timeout: 5000 }).toEqual([]);

    await expect(lockStack(project.paths.lockDirectory)).rejects.toMatchObject({ code: 'stale-lock' });
    expect(() => project.run('up')).toThrow(/ended without releasing its lock/);
    expect(removeStaleLocks(project.paths.lockDirectory)).toHaveLength(1);
  });

  withPulumi('of a killed run gone, its open operations are explained and repaired', ['random'], async () => {
    expect(() => project.run('up')).toThrow(/::slow, interrupted while creating/);
    project.settings({});
    const bare = await project.runBare('up', { configFile: stackConfigCopy(project.root, STACK, undefined) });
    expect(bare.failures).toEqual([]);
    const file = project.checkpoint();
    expect(pendingOperations(file)).toHaveLength(1);
    writeCheckpoint(project.paths.checkpoint, repairPending(file, planPendingRepair(file)));
    expect(pendingOperations(project.checkpoint())).toEqual([]);
    expect((await project.run('up')).result).toMatchObject({ counts: { same: 4 }, problems: [] });
  });

  withPulumi('and protection lifted, a destroy leaves an empty state both read', ['random'], async () => {
    writeCheckpoint(project.paths.checkpoint, withoutProtection(project.checkpoint()));
    expect((await project.run('destroy')).result).toMatchObject({ counts: { delete: 4 }, problems: [] });
    expect(project.checkpoint().checkpoint.latest?.resources).toBeUndefined();
    expect((await project.run('preview')).result.counts).toMatchObject({ create: 4 });
  });
});
