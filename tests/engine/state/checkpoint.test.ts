import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';

import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { type BackendPaths, backendPaths, initialiseStack, prepareBackend } from '../../../engine/state/backend';
import {
  type CheckpointFile,
  decodeResources,
  newCheckpoint,
  readCheckpoint,
  readForPulumi,
  withResources,
  writeCheckpoint,
} from '../../../engine/state/checkpoint';
import { Crypter } from '../../../engine/state/passphrase';
import type { ResourceState } from '../../../engine/state/resource';
import { Secret } from '../../../engine/state/values';
import { PlatformError } from '../../../system/errors';

/** Written by Pulumi 3.248 under the passphrase below. */
const RECORDED = join(__dirname, '../../fixtures/pulumi/checkpoint.json');
const PASSPHRASE = 'correct horse battery';
const NOW = new Date('2026-01-02T03:04:05.678Z');

let crypter: Crypter;
let folder: string;
let paths: BackendPaths;

beforeAll(async () => {
  crypter = await Crypter.open(PASSPHRASE, recorded().checkpoint.latest?.secrets_providers?.state?.salt ?? '', 'test');
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coach-state-'));
  prepareBackend(folder, 'proof');
  paths = backendPaths(folder, 'proof', 'dev');
});
afterEach(() => rmSync(folder, { recursive: true }));

function recorded(): CheckpointFile {
  return JSON.parse(readFileSync(RECORDED, 'utf8')) as CheckpointFile;
}

/** The recorded state with one thing in it broken. */
function broken(change: (latest: { resources: Record<string, unknown>[] } & Record<string, unknown>) => void): string {
  const file = recorded();
  change(file.checkpoint.latest as never);
  return JSON.stringify(file);
}

function problemOf(work: () => unknown): PlatformError {
  try {
    work();
  } catch (error) {
    if (error instanceof PlatformError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('a checkpoint of Pulumi', () => {
  it('is written back byte for byte when nothing changed', () => {
    cpSync(RECORDED, paths.checkpoint);
    const file = readCheckpoint(paths.checkpoint);
    if (file === undefined) throw new Error('not read');
    const resources = decodeResources(file, crypter);
    const { time, version } = (file.checkpoint.latest as { manifest: { time: string; version: string } }).manifest;
    writeCheckpoint(paths.checkpoint, withResources(file, resources, crypter, NOW, version));
    const written = readFileSync(paths.checkpoint, 'utf8');
    expect(written.replace(NOW.toISOString(), time)).toBe(readFileSync(RECORDED, 'utf8').trim());
  });

  it('opens its secrets, and hides them from logs', () => {
    const resources = decodeResources(recorded(), crypter);
    const password = resources.find(({ type }) => type.endsWith(':RandomPassword'))?.outputs['result'];
    expect(password).toBeInstanceOf(Secret);
    expect((password as Secret).value).toMatch(/^\w{24}$/);
    expect(JSON.stringify(resources)).not.toContain((password as Secret).value);
    const provider = resources.find(({ urn }) => urn.endsWith('::pg'));
    expect((provider?.inputs['password'] as Secret).value).toBe('supersecret');
  });

  it('gives only a changed secret a new ciphertext', () => {
    const file = recorded();
    const before = JSON.stringify(file.checkpoint.latest?.resources);
    const resources = decodeResources(file, crypter);
    const provider = resources.find(({ urn }) => urn.endsWith('::pg')) as ResourceState;
    provider.inputs['password'] = new Secret('another');
    const after = JSON.stringify(withResources(file, resources, crypter, NOW, 'v3.248.0').checkpoint.latest?.resources);
    const ciphertexts = (text: string): string[] => text.match(/"ciphertext":"[^"]+"/g) ?? [];
    const added = ciphertexts(after).filter((text) => !ciphertexts(before).includes(text));
    expect(added).toHaveLength(1);
    expect(ciphertexts(after)).toHaveLength(ciphertexts(before).length);
  });

  it('keeps fields it does not know, at every level', () => {
    const file = recorded();
    const latest = file.checkpoint.latest as Record<string, unknown>;
    Object.assign(file, { novelty: 1 });
    Object.assign(file.checkpoint, { note: ['kept'] });
    Object.assign(latest, { snippets: [{ uuid: 'u' }] });
    Object.assign((latest['resources'] as object[])[1] as object, { taint: true, fromTheFuture: { a: [1, null] } });
    const same = withResources(file, decodeResources(file, crypter), crypter, NOW, 'v3.248.0');
    expect(same).toMatchObject({ novelty: 1, checkpoint: { note: ['kept'], latest: { snippets: [{ uuid: 'u' }] } } });
    expect(same.checkpoint.latest?.resources?.[1]).toMatchObject({ taint: true, fromTheFuture: { a: [1, null] } });
  });

  it('keeps pending operations until they are repaired', () => {
    const killed = JSON.parse(readFileSync(RECORDED.replace('.json', '-killed.json'), 'utf8')) as CheckpointFile;
    const same = withResources(killed, decodeResources(killed, crypter), crypter, NOW, 'v3.248.0');
    expect(same.checkpoint.latest?.pending_operations).toEqual(killed.checkpoint.latest?.pending_operations);
  });

  it('loses references to resources that are gone, since Pulumi refuses a state that has them', () => {
    const file = recorded();
    const without = decodeResources(file, crypter).filter(({ type }) => !type.endsWith(':RandomPassword'));
    writeCheckpoint(paths.checkpoint, withResources(file, without, crypter, NOW, 'v3.248.0'));
    const role = readCheckpoint(paths.checkpoint)?.checkpoint.latest?.resources?.find(({ urn }) =>
      String(urn).endsWith('::app'),
    );
    expect(role?.['dependencies']).toBeUndefined();
    expect(role?.['propertyDependencies']).toMatchObject({ password: [], name: [] });
    expect(role?.['parent']).toMatch(/pulumi:pulumi:Stack::/);
  });
});

describe('a stack without resources', () => {
  it('has no checkpoint, then an empty one that needs no passphrase', () => {
    expect(readCheckpoint(paths.checkpoint)).toBeUndefined();
    expect(initialiseStack(folder, 'proof', 'dev')).toBe(true);
    expect(initialiseStack(folder, 'proof', 'dev')).toBe(false);
    const file = readCheckpoint(paths.checkpoint) as CheckpointFile;
    expect(file).toEqual({ version: 3, checkpoint: { stack: 'organization/proof/dev' } });
    expect(decodeResources(file, crypter)).toEqual([]);
    const saved = withResources(file, [], crypter, NOW, 'v3.248.0').checkpoint.latest;
    expect(saved?.secrets_providers).toEqual({ type: 'passphrase', state: { salt: crypter.state } });
  });

  it('starts from a new checkpoint that passes the reader', () => {
    writeCheckpoint(paths.checkpoint, newCheckpoint('dev', 'proof', crypter.state));
    expect(readCheckpoint(paths.checkpoint)?.checkpoint.latest?.secrets_providers?.state?.salt).toBe(crypter.state);
  });
});

describe('a damaged checkpoint', () => {
  const first = (latest: { resources: Record<string, unknown>[] }): Record<string, unknown> =>
    latest.resources[0] ?? {};
  const last = (latest: { resources: Record<string, unknown>[] }): Record<string, unknown> =>
    latest.resources.at(-1) ?? {};
  const whole = readFileSync(RECORDED, 'utf8');
  it.each<[string, string, RegExp]>([
    ['empty', '', /it is empty/],
    ['not JSON', 'version: 3', /it is not JSON/],
    ['cut off', whole.slice(0, whole.length / 2), /not JSON, or cut off/],
    ['filled with zero bytes', '\0'.repeat(4096), /it is not JSON/],
    ['a list', '[]', /not a JSON object/],
    ['of no known kind of version', whole.replace('"version":3', '"version":"3"'), /its version is "3", expected 3/],
    ['without version', whole.replace('"version":3,', ''), /its version is missing/],
    ['without checkpoint', '{"version":3}', /no checkpoint/],
    ['without its stack', '{"version":3,"checkpoint":{}}', /does not name its stack/],
    ['without manifest', broken((latest) => delete latest['manifest']), /manifest is missing/],
    [
      'with a changed manifest',
      whole.replace('"version":"v3.248.0"', '"version":"v3.1.0"'),
      /does not match its version/,
    ],
    ['with resources that are no list', broken((latest) => (latest['resources'] = {} as never)), /are no list/],
    ['with a resource without urn', broken((latest) => delete first(latest)['urn']), /resource 1 has no urn/],
    ['with a resource without type', broken((latest) => delete last(latest)['type']), /has no urn or no type/],
    ['with a resource that is null', broken((latest) => latest.resources.push(null as never)), /has no urn/],
    ['with a resource without custom', broken((latest) => delete last(latest)['custom']), /whether it is custom/],
    ['with an id on a component', broken((latest) => (first(latest)['id'] = 'x')), /no custom resource but has an id/],
    ['with a resource twice', broken((latest) => latest.resources.push({ ...last(latest) })), /stands in it twice/],
    [
      'with a missing parent',
      broken((latest) => (last(latest)['parent'] = 'urn:x')),
      /its parent urn:x, which is missing/,
    ],
    [
      'with a missing dependency',
      broken((latest) => (last(latest)['dependencies'] = ['urn:x'])),
      /its dependency urn:x, which is missing/,
    ],
    [
      'with a missing property dependency',
      broken((latest) => (last(latest)['propertyDependencies'] = { a: ['urn:x'] })),
      /property dependency urn:x/,
    ],
    [
      'with a missing deletedWith',
      broken((latest) => (last(latest)['deletedWith'] = 'urn:x')),
      /its deletedWith urn:x/,
    ],
    [
      'with a missing provider',
      broken((latest) => (last(latest)['provider'] = 'urn:x::id')),
      /its provider urn:x::id, which is missing/,
    ],
    ['in the wrong order', broken((latest) => latest.resources.reverse()), /which comes after it/],
    ['with a provider without id', broken((latest) => delete latest.resources[1]?.['id']), /has no id/],
    [
      'with a nameless pending operation',
      broken((latest) => (latest['pending_operations'] = [{ type: 'creating' }])),
      /pending operation 1/,
    ],
  ])('%s is named, kept aside and left alone', (_, text, reason) => {
    writeFileSync(paths.checkpoint, text);
    const problem = problemOf(() => readCheckpoint(paths.checkpoint));
    expect(problem).toMatchObject({ code: 'checkpoint-corrupted', object: paths.checkpoint });
    expect(problem.message).toMatch(reason);
    expect(problem.message).toContain(paths.checkpoint);
    expect(readFileSync(paths.checkpoint, 'utf8')).toBe(text);
    expect(problemOf(() => readCheckpoint(paths.checkpoint)).code).toBe('checkpoint-corrupted');
    const aside = readdirSync(join(folder, '.pulumi/stacks/proof')).filter((name) => name.includes('.corrupt-'));
    expect(aside).toEqual([expect.stringMatching(/^dev\.json\.corrupt-\d{8}T\d{6}Z$/)]);
    expect(readFileSync(join(folder, '.pulumi/stacks/proof', aside[0] ?? ''), 'utf8')).toBe(text);
  });

  it('names the newest good copy: the .bak, else one of the backups, else none', () => {
    const remedy = (): string => problemOf(() => readCheckpoint(paths.checkpoint)).remedy;
    writeFileSync(paths.checkpoint, 'x');
    expect(remedy()).toContain('No good copy');
    mkdirSync(paths.backupDirectory, { recursive: true });
    cpSync(RECORDED, join(paths.backupDirectory, 'dev.1700000000000000000.json'));
    cpSync(RECORDED, join(paths.backupDirectory, 'dev.1800000000000000000.json'));
    writeFileSync(join(paths.backupDirectory, 'dev.1900000000000000000.json'), '{');
    expect(remedy()).toContain('dev.1800000000000000000.json');
    cpSync(RECORDED, paths.backup);
    expect(remedy()).toContain(paths.backup);
  });
});

describe('what only Pulumi may touch', () => {
  it('does not include a gzip-compressed state: that is read, and written compressed', () => {
    writeFileSync(`${paths.checkpoint}.gz`, gzipSync(readFileSync(RECORDED)));
    const file = readCheckpoint(paths.checkpoint) as CheckpointFile;
    expect(decodeResources(file, crypter)).toHaveLength(recorded().checkpoint.latest?.resources?.length ?? 0);
    writeCheckpoint(paths.checkpoint, withResources(file, [], crypter, NOW, 'v3.248.0'));
    expect(existsSync(paths.checkpoint)).toBe(false);
    expect(readCheckpoint(paths.checkpoint)?.checkpoint.latest?.resources).toBeUndefined();
    expect(gunzipSync(readFileSync(`${paths.checkpoint}.gz.bak`)).toString('utf8')).toBe(
      readFileSync(RECORDED, 'utf8'),
    );
  });

  it('takes the newer of a plain and a compressed state', () => {
    writeFileSync(`${paths.checkpoint}.gz`, gzipSync(readFileSync(RECORDED)));
    writeFileSync(paths.checkpoint, '{"version":3,"checkpoint":{"stack":"organization/proof/dev"}}');
    utimesSync(`${paths.checkpoint}.gz`, 1000, 1000);
    expect(readCheckpoint(paths.checkpoint)?.checkpoint.latest).toBeUndefined();
    utimesSync(paths.checkpoint, 500, 500);
    expect(readCheckpoint(paths.checkpoint)?.checkpoint.latest).toBeDefined();
  });

  it('refuses one compressed with zstd, and one that uses features it does not know', () => {
    writeFileSync(`${paths.checkpoint}.zst`, 'zstd');
    expect(problemOf(() => readCheckpoint(paths.checkpoint))).toMatchObject({
      code: 'checkpoint-compressed',
      kind: 'refused',
    });
    rmSync(`${paths.checkpoint}.zst`);
    writeFileSync(paths.checkpoint, JSON.stringify({ ...recorded(), version: 4, features: ['taint', 'views'] }));
    const problem = problemOf(() => readCheckpoint(paths.checkpoint));
    expect(problem).toMatchObject({ code: 'checkpoint-features', kind: 'refused' });
    expect(problem.message).toContain('taint, views');
    for (const [version, whose] of [
      [5, 'later'],
      [2, 'earlier'],
    ] as const) {
      writeFileSync(paths.checkpoint, JSON.stringify({ ...recorded(), version, checkpoint: { surprising: true } }));
      const other = problemOf(() => readCheckpoint(paths.checkpoint));
      expect(other).toMatchObject({ code: 'checkpoint-version', kind: 'refused' });
      expect(other.message).toMatch(new RegExp(`version ${version}, written by an? ${whose} Pulumi`));
      expect(other.remedy).not.toMatch(/copy/);
      expect(readForPulumi(paths.checkpoint)).toBeUndefined();
    }
    expect(readdirSync(join(folder, '.pulumi/stacks/proof'))).toEqual(['dev.json']);
  });
});

describe('writing', () => {
  it('keeps the one before as .bak, both readable by the owner only', () => {
    writeCheckpoint(paths.checkpoint, newCheckpoint('dev', 'proof', 'first'));
    expect(existsSync(paths.backup)).toBe(false);
    for (const salt of ['second', 'third', 'fourth'])
      writeCheckpoint(paths.checkpoint, newCheckpoint('dev', 'proof', salt));
    expect(readFileSync(paths.checkpoint, 'utf8')).toContain('fourth');
    expect(readFileSync(paths.backup, 'utf8')).toContain('third');
    expect(statSync(paths.checkpoint).mode & 0o777).toBe(0o600);
    expect(statSync(paths.backup).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(folder, '.pulumi/stacks/proof')).sort()).toEqual(['dev.json', 'dev.json.bak']);
  });

  it('refuses a state Pulumi would refuse, and leaves the one before', () => {
    cpSync(RECORDED, paths.checkpoint);
    const file = recorded();
    file.checkpoint.latest?.resources?.splice(1, 1);
    expect(problemOf(() => writeCheckpoint(paths.checkpoint, file)).code).toBe('state-inconsistent');
    expect(readFileSync(paths.checkpoint, 'utf8')).toBe(readFileSync(RECORDED, 'utf8'));
  });

  it('leaves nothing half-made when the disk refuses', () => {
    cpSync(RECORDED, paths.checkpoint);
    // A folder where the backup belongs makes the step after the new file was written fail.
    mkdirSync(join(paths.backup, 'in the way'), { recursive: true });
    expect(() => writeCheckpoint(paths.checkpoint, recorded())).toThrow();
    expect(readFileSync(paths.checkpoint, 'utf8')).toBe(readFileSync(RECORDED, 'utf8'));
    expect(readdirSync(join(folder, '.pulumi/stacks/proof')).sort()).toEqual(['dev.json', 'dev.json.bak']);
  });
});
