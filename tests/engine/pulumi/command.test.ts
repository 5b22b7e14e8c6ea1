import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { pulumiArguments, pulumiEnvironment } from '../../../engine/pulumi/command';
import { installPulumi } from '../../../engine/pulumi/install';
import { locatePulumi, pulumiVersion } from '../../../engine/pulumi/locate';

describe('the arguments', () => {
  const common = ['--non-interactive', '--color=never', '--json', '--stack=local'];

  it('ask nothing, and name the settings copy, what to replace and what to work on', () => {
    expect(
      pulumiArguments({
        operation: 'up',
        stack: 'local',
        configFile: '/p/.coachdb/Pulumi.local.yaml',
        refresh: true,
        replaceUrns: ['urn:a', 'urn:b'],
        targetUrns: ['urn:c'],
      }),
    ).toEqual([
      'up', '--yes', '--skip-preview', ...common, '--config-file=/p/.coachdb/Pulumi.local.yaml', '--refresh',
      '--replace=urn:a', '--replace=urn:b', '--target=urn:c',
    ]); // prettier-ignore
  });

  it('never approve what is only to be shown', () => {
    const words = (operation: 'up' | 'preview' | 'refresh' | 'destroy', dryRun: boolean): string[] =>
      pulumiArguments({ operation, dryRun, stack: 'local' }).filter((word) => !common.includes(word));
    expect(words('preview', false)).toEqual(['preview']);
    expect(words('preview', true)).toEqual(['preview']);
    expect(words('up', true)).toEqual(['preview']);
    expect(words('refresh', true)).toEqual(['refresh', '--preview-only']);
    expect(words('destroy', true)).toEqual(['destroy', '--preview-only']);
    expect(words('destroy', false)).toEqual(['destroy', '--yes', '--skip-preview']);
  });

  it('give the passphrase file only where the environment says nothing, and nothing of PostgreSQL’s clients', () => {
    const surroundings = {
      program: '/opt/p/bin/pulumi',
      passphraseFile: '/file',
      backendUrl: 'file:///s',
      preload: '/a b/c.js',
    };
    const plain = pulumiEnvironment({ ...surroundings, environment: { PATH: '/usr/bin', NODE_OPTIONS: '--trace-gc' } });
    expect(plain).toMatchObject({
      PATH: ['/opt/p/bin', '/usr/bin'].join(delimiter),
      PULUMI_CONFIG_PASSPHRASE_FILE: '/file',
      PULUMI_BACKEND_URL: 'file:///s',
      NODE_OPTIONS: '--trace-gc --require "/a b/c.js"',
    });
    const led = pulumiEnvironment({
      ...surroundings,
      environment: { PGHOST: 'a', PGOPTIONS: '-c x=1', PGUSER: 'b', HOME: '/h' },
    });
    expect(Object.keys(led).filter((name) => name.startsWith('PG'))).toEqual([]);
    expect(led['HOME']).toBe('/h');
    for (const name of ['PULUMI_CONFIG_PASSPHRASE', 'PULUMI_CONFIG_PASSPHRASE_FILE']) {
      const given = pulumiEnvironment({ ...surroundings, environment: { [name]: '' } });
      expect(given['PULUMI_CONFIG_PASSPHRASE_FILE']).not.toBe('/file');
    }
  });
});

describe('the program', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'coach-pulumi-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  function program(place: string, script: string, mode = 0o755): string {
    mkdirSync(join(folder, place), { recursive: true });
    const path = join(folder, place, 'pulumi');
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, mode);
    return path;
  }

  it('is looked for on PATH, then below the home, and has to be a program', () => {
    const pathVariable = ['', join(folder, 'none'), join(folder, 'a'), join(folder, 'b')].join(delimiter);
    const places = { pathVariable, home: folder };
    expect(locatePulumi(places)).toBeUndefined();
    mkdirSync(join(folder, 'none', 'pulumi'), { recursive: true });
    program('a', '', 0o644);
    expect(locatePulumi(places)).toBeUndefined();
    const atHome = program('.pulumi/bin', '');
    expect(locatePulumi(places)).toBe(atHome);
    expect(locatePulumi({ pathVariable: undefined, home: folder })).toBe(atHome);
    const onPath = program('b', '');
    expect(locatePulumi(places)).toBe(onPath);
  });

  it('is asked for its version once, and again when its file changed', async () => {
    const log = join(folder, 'log');
    const cache = join(folder, 'kept', 'version.json');
    const path = program('bin', `echo asked >> ${log}; echo v3.248.0-alpha.1`);
    expect(await pulumiVersion(path, cache)).toBe('3.248.0-alpha.1');
    expect(await pulumiVersion(path, cache)).toBe('3.248.0-alpha.1');
    expect(readFileSync(log, 'utf8')).toBe('asked\n');
    program('bin', `echo asked >> ${log}; echo v3.249.0`);
    utimesSync(path, 1000, 1000);
    expect(await pulumiVersion(path, cache)).toBe('3.249.0');
    program('bin', 'echo nonsense');
    expect(await pulumiVersion(path, cache)).toBeUndefined();
    program('bin', 'exit 1');
    expect(await pulumiVersion(path, cache)).toBeUndefined();
  });

  it('is installed where it is looked for, and a failure says what is needed', async () => {
    const roots: string[] = [];
    const installed = await installPulumi(folder, (root) => {
      roots.push(root);
      return Promise.resolve({ command: join(root, 'bin/pulumi'), version: { version: '3.248.0' } });
    });
    expect(installed).toEqual({ program: join(folder, '.pulumi/bin/pulumi'), version: '3.248.0' });
    expect(roots).toEqual([join(folder, '.pulumi')]);
    await expect(
      installPulumi(folder, () => Promise.reject(new Error('code: -2\ngetaddrinfo ENOTFOUND get.pulumi.com'))),
    ).rejects.toMatchObject({
      code: 'engine-install-failed',
      message: expect.stringContaining('ENOTFOUND get.pulumi.com') as string,
      remedy: expect.stringContaining('https://get.pulumi.com') as string,
    });
  });
});
