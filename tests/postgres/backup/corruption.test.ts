import { createHash } from 'node:crypto';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { checkContents } from '../../../postgres/backup/archive';
import type { MadeBackup } from '../../../postgres/backup/make';
import { MANIFEST_FILE } from '../../../postgres/backup/manifest';
import { MANIFEST_HASH_FILE, MANIFEST_SIGNATURE_FILE, readManifest } from '../../../postgres/backup/manifestFile';
import { findDumpPrograms } from '../../../postgres/backup/programs';
import { type FindingKind, readThrough } from '../../../postgres/backup/readThrough';
import { withClient } from '../../../postgres/connection/client';
import { startCluster, type TestCluster } from '../../support/cluster';
import {
  type BackupFolders,
  backupFolders,
  databasesOf,
  DUMP_BINARIES,
  restoreInto,
  takeBackup,
  targetOf,
  WITHOUT_DUMP,
} from './support';

/** Here a short form; `npm run test:backup` is the long one. */
const ROUNDS = Number(process.env['COACH_BACKUP_ROUNDS'] ?? 300);
const SEED = Number(process.env['COACH_BACKUP_SEED'] ?? 20261126);
const KEY = Buffer.from('0123456789abcdef0123456789abcdef');
const LIVE = 'bk_corrupted';

/** Mulberry32: the same rounds for the same seed. */
function randomBy(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * below);
  };
}

let cluster: TestCluster;
let folders: BackupFolders;
/** Two of each layout, of which one gets the other's files. */
let made: MadeBackup[][];
const path = process.env['PATH'] ?? '';

beforeAll(async () => {
  if (DUMP_BINARIES === undefined) return;
  cluster = await startCluster(DUMP_BINARIES);
  folders = backupFolders();
  await withClient(targetOf(cluster, 'postgres'), (client) => client.query(`CREATE DATABASE ${LIVE}`));
  const fill = (times: number): Promise<unknown> =>
    withClient(targetOf(cluster, LIVE), (client) =>
      client.query(`CREATE TABLE IF NOT EXISTS public.a (id int, t text); CREATE TABLE IF NOT EXISTS public.b (t text); CREATE TABLE IF NOT EXISTS public.none (id int);
        INSERT INTO public.a SELECT n, md5((n * ${times})::text) FROM generate_series(1, ${times * 700}) AS n; INSERT INTO public.b SELECT n::text FROM generate_series(1, 40) AS n;
        SELECT lo_from_bytea(0, decode(repeat('ab', ${times * 3000}), 'hex'))`),
    );
  made = [[], []];
  for (const times of [1, 2]) {
    await fill(times);
    for (const [at, layout] of (['directory', 'plain'] as const).entries())
      made[at]?.push(await takeBackup(targetOf(cluster, LIVE), folders.directory, path, { layout, key: KEY }));
  }
}, 120_000);
afterAll(async () => {
  folders?.remove();
  await cluster?.stop();
});

/** What verification finds, as `backup verify` looks: the manifest's problem by its code, those of files by kind and path. */
async function verify(folder: string, depth: 'bytes' | 'content', key: Buffer | null = KEY): Promise<string[]> {
  let manifest;
  try {
    manifest = readManifest(folder, key ?? undefined);
  } catch (error) {
    return [(error as { code: string }).code];
  }
  const findings = await readThrough(folder, manifest, { pathVariable: path, depth });
  if (depth === 'content' && manifest.layout === 'directory')
    findings.push(...(await checkContents(folder, manifest, findDumpPrograms(cluster.major, path, DUMP_BINARIES))));
  return findings.map(({ kind, path: at }) => `${kind} ${at}`);
}

interface Damage {
  folder: string;
  /** Of the same layout, at another moment. */
  other: string;
  /** One that the manifest lists, and a second one. */
  file: string;
  second: string;
  random: (below: number) => number;
}

const at = ({ folder, file }: Damage): string => join(folder, file);
const change = (path_: string, edit: (text: string) => string): void =>
  writeFileSync(path_, edit(readFileSync(path_, 'utf8')));
const hashAnew = (folder: string): void => {
  const hash = createHash('sha256')
    .update(readFileSync(join(folder, MANIFEST_FILE)))
    .digest('hex');
  writeFileSync(join(folder, MANIFEST_HASH_FILE), `${hash}  ${MANIFEST_FILE}\n`);
};
const of = (kinds: FindingKind[], file: string): string[] => kinds.map((kind) => `${kind} ${file}`);

/** Each does its damage and says what may be found, of which at least one has to be. */
const KINDS: Record<string, (damage: Damage) => string[] | undefined> = {
  'a flipped bit': (damage) => {
    const bytes = readFileSync(at(damage));
    const where = damage.random(bytes.length);
    bytes[where] = (bytes[where] ?? 0) ^ (1 << damage.random(8));
    writeFileSync(at(damage), bytes);
    return of(['checksum'], damage.file);
  },
  truncated: (damage) => {
    truncateSync(at(damage), damage.random(readFileSync(at(damage)).length));
    return of(['size', 'empty'], damage.file);
  },
  emptied: (damage) => {
    truncateSync(at(damage), 0);
    return of(['empty'], damage.file);
  },
  removed: (damage) => {
    rmSync(at(damage));
    return of(['missing'], damage.file);
  },
  appended: (damage) => {
    appendFileSync(at(damage), Buffer.alloc(1 + damage.random(9000), damage.random(256)));
    return of(['size'], damage.file);
  },
  'a zeroed page': (damage) => {
    const bytes = readFileSync(at(damage));
    const where = damage.random(bytes.length);
    if (bytes.subarray(where, where + 512).every((byte) => byte === 0)) return undefined;
    writeFileSync(at(damage), bytes.fill(0, where, Math.min(where + 512, bytes.length)));
    return of(['checksum'], damage.file);
  },
  'another backup’s file': (damage) => {
    const [own, foreign] = [damage.folder, damage.other].map((folder) => {
      try {
        return readFileSync(join(folder, damage.file));
      } catch {
        return undefined;
      }
    });
    if (own === undefined || foreign === undefined || own.equals(foreign)) return undefined;
    writeFileSync(at(damage), foreign);
    return of(['size', 'checksum'], damage.file);
  },
  'two files swapped': (damage) => {
    const second = join(damage.folder, damage.second);
    if (readFileSync(at(damage)).equals(readFileSync(second))) return undefined;
    renameSync(at(damage), `${second}.x`);
    renameSync(second, at(damage));
    renameSync(`${second}.x`, second);
    return of(['size', 'checksum', 'empty'], damage.file);
  },
  'a link in its place': (damage) => {
    renameSync(at(damage), join(damage.folder, '..', 'elsewhere'));
    symlinkSync(join(damage.folder, '..', 'elsewhere'), at(damage));
    return of(['unreadable'], damage.file);
  },
  'a folder in its place': (damage) => {
    rmSync(at(damage));
    mkdirSync(at(damage));
    return of(['unreadable'], damage.file);
  },
  'a file dropped in': (damage) => {
    const name = join(damage.file, '..', ['9999.dat', '.hidden', 'toc.dat.new'][damage.random(3)] ?? '');
    writeFileSync(join(damage.folder, name), 'x');
    return of(['unexpected'], name);
  },
  'the manifest edited': ({ folder }) => {
    change(join(folder, MANIFEST_FILE), (text) => text.replace(/"rows": (\d+)/, '"rows": 1$1'));
    return ['manifest-altered'];
  },
  'the manifest edited with its hash': ({ folder }) => {
    change(join(folder, MANIFEST_FILE), (text) => text.replace(/"checksum": "/, '$&9'));
    hashAnew(folder);
    return ['manifest-forged'];
  },
  'the manifest cut': ({ folder, random }) => {
    truncateSync(join(folder, MANIFEST_FILE), random(500));
    return ['manifest-altered'];
  },
  'the manifest a folder': ({ folder }) => {
    rmSync(join(folder, MANIFEST_FILE));
    mkdirSync(join(folder, MANIFEST_FILE));
    return ['manifest-invalid'];
  },
  'the manifest removed': ({ folder }) => {
    rmSync(join(folder, MANIFEST_FILE));
    return ['backup-incomplete'];
  },
  'the manifest of another backup, with hash and signature': ({ folder, other }) => {
    for (const name of [MANIFEST_FILE, MANIFEST_HASH_FILE, MANIFEST_SIGNATURE_FILE])
      cpSync(join(other, name), join(folder, name));
    return of(['size', 'checksum', 'missing'], '');
  },
  'the hash edited': ({ folder }) => {
    change(join(folder, MANIFEST_HASH_FILE), (text) => text.replace(/^./, (first) => (first === '0' ? '1' : '0')));
    return ['manifest-altered'];
  },
  'the hash removed': ({ folder }) => {
    rmSync(join(folder, MANIFEST_HASH_FILE));
    return ['manifest-altered'];
  },
  'the signature removed': ({ folder }) => {
    rmSync(join(folder, MANIFEST_SIGNATURE_FILE));
    return ['manifest-unsigned'];
  },
  'the signature edited': ({ folder }) => {
    change(join(folder, MANIFEST_SIGNATURE_FILE), (text) => text.replace(/^../, (two) => (two === '00' ? '11' : '00')));
    return ['manifest-forged'];
  },
};

/** A damaged copy, what may be found of it, and what was done to which file; undefined where that would have changed nothing. */
async function damaged<T>(
  round: number,
  random: (below: number) => number,
  look: (copy: MadeBackup, expected: string[], what: string) => Promise<T>,
): Promise<T | undefined> {
  const [one, two] = (made[random(2)] ?? []) as [MadeBackup, MadeBackup];
  const [backup, other] = random(2) === 0 ? [one, two] : [two, one];
  const work = mkdtempSync(join(folders.directory, '..', 'round-'));
  try {
    const folder = join(work, basename(backup.folder));
    cpSync(backup.folder, folder, { recursive: true });
    const { files } = backup.manifest;
    const first = random(files.length);
    const file = files[first]?.path ?? '';
    const second = files[(first + 1) % files.length]?.path ?? '';
    const names = Object.keys(KINDS);
    const name = names[round % names.length] ?? '';
    const expected = KINDS[name]?.({ folder, other: other.folder, file, second, random });
    if (expected === undefined) return undefined;
    return await look({ folder, manifest: backup.manifest }, expected, `round ${round}: ${name}, ${file}`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

const isFound = (found: string[], expected: string[]): boolean =>
  expected.some((one) => found.some((finding) => (one.endsWith(' ') ? finding.startsWith(one) : finding === one)));

describe.skipIf(WITHOUT_DUMP !== undefined)(`a damaged backup (${WITHOUT_DUMP ?? 'pg_dump is here'})`, () => {
  it('is none before the damage', async () => {
    for (const { folder } of made.flat()) expect(await verify(folder, 'content')).toEqual([]);
  });

  it.each(['content', 'bytes'] as const)(
    'is found by kind and file whatever was done to it, at the depth %s',
    { timeout: 60_000 + ROUNDS * 1000 },
    async (depth) => {
      const random = randomBy(SEED);
      let looked = 0;
      for (let round = 0; round < ROUNDS; round += 1)
        await damaged(round, random, async ({ folder }, expected, what) => {
          looked += 1;
          const found = await verify(folder, depth);
          expect(isFound(found, expected), `seed ${SEED}, ${what}: found ${found.join(', ')}`).toBe(true);
        });
      expect(looked).toBeGreaterThan(ROUNDS * 0.8);
    },
  );

  it('is refused by a restore, which leaves the live database and nothing else', { timeout: 180_000 }, async () => {
    const random = randomBy(SEED + 1);
    for (let round = 0; round < Object.keys(KINDS).length; round += 1)
      await damaged(round, random, async ({ folder }, _expected, what) => {
        const restoring = (async () => {
          await restoreInto(cluster, LIVE, { folder, manifest: readManifest(folder, KEY) }, path);
        })();
        const error = await restoring.then(
          () => ({ code: 'restored' }),
          (thrown: unknown) => thrown,
        );
        expect(error, what).toMatchObject({
          kind: 'refused',
          code: expect.stringMatching(/^(backup-|manifest-)/) as string,
        });
      });
    expect(await databasesOf(cluster, LIVE)).toEqual([LIVE]);
  });

  it('whose manifest was edited together with its hash is found without a key too where a file says otherwise', async () => {
    const [backup] = made[0] as [MadeBackup];
    const folder = join(mkdtempSync(join(folders.directory, '..', 'edited-')), 'copy');
    cpSync(backup.folder, folder, { recursive: true });
    change(join(folder, MANIFEST_FILE), (text) => text.replace(/"rows": (\d+)/, '"rows": 1$1'));
    hashAnew(folder);
    expect(await verify(folder, 'content', null)).toEqual([expect.stringMatching(/^rows dump\//)]);
    expect(await verify(folder, 'bytes', null)).toEqual([]);
    expect(await verify(folder, 'bytes')).toEqual(['manifest-forged']);
  });
});
