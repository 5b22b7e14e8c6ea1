import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { MANIFEST_FILE } from '../../../../postgres/backup/manifest';
import { MANIFEST_HASH_FILE, OWN_FILES, writeManifest } from '../../../../postgres/backup/manifestFile';
import type { BucketOptions } from '../../../../postgres/backup/s3/bucket';
import { openStore, type S3Store } from '../../../../postgres/backup/s3/store';
import { type Emulator, EMULATORS, missing, startEmulator } from './emulators';
import { makeBackup, MEBIBYTE, settingsOf, STACK, useTestCredentials } from './fixtures';

/** As a run has them by default, but for the parts: three of the large file, and one that is not full. */
const LARGE = {
  'dump/toc.dat': 4000,
  'dump/big.dat': 16 * MEBIBYTE + 1,
  'dump/exact.dat': 10 * MEBIBYTE,
  'roles.sql': 0,
};

useTestCredentials();

const emptyFolder = (): string => mkdtempSync(join(tmpdir(), 'coach-restored-'));

describe.each(EMULATORS)('backups in S3: %s', (name) => {
  describe.skipIf(missing(name) !== '')(`behaviour${missing(name)}`, () => {
    let emulator: Emulator;
    let count = 0;

    beforeAll(async () => {
      emulator = await startEmulator(name);
    });
    afterAll(() => emulator?.stop());

    /** A bucket of its own. */
    async function open(options: BucketOptions = {}): Promise<{ store: S3Store; bucket: string }> {
      const bucket = `backups-${(count += 1)}`;
      await emulator.s3.createBucket({ Bucket: bucket });
      const store = await openStore(settingsOf(emulator.endpoint, bucket), STACK, { attempts: 3, ...options });
      return { store, bucket };
    }

    const unfinished = async (bucket: string): Promise<number> =>
      (await emulator.s3.listMultipartUploads({ Bucket: bucket })).Uploads?.length ?? 0;

    it.each(['md5', 'crc32'] as const)(
      'what was uploaded comes back byte for byte, proven by %s',
      async (checksums) => {
        const { store, bucket } = await open({ checksums });
        const { folder, manifest, contents } = makeBackup(LARGE);
        const steps: number[] = [];
        const uploaded = await store.upload(folder, manifest, { progress: (done) => steps.push(done) });
        expect(uploaded).toEqual({ uri: `s3://${bucket}/local/daily/${manifest.id}`, bytes: manifest.bytes });
        expect(steps.at(-1)).toBe(manifest.bytes);
        expect(steps.length).toBeGreaterThan(6);
        expect(await unfinished(bucket)).toBe(0);

        expect(await store.list()).toMatchObject([
          {
            id: manifest.id,
            stack: STACK,
            generation: 'daily',
            startedAt: new Date(manifest.startedAt),
            durationMs: 90_000,
            bytes: manifest.bytes,
            state: 'good',
            pinned: false,
            problems: [],
          },
        ]);
        expect(await store.verify(manifest.id)).toEqual({ manifest, findings: [] });

        const target = emptyFolder();
        const downloaded = await store.download(manifest.id, target);
        expect(downloaded).toEqual({ folder: join(target, manifest.id), manifest });
        for (const [path, bytes] of contents)
          expect(readFileSync(join(downloaded.folder, path)).equals(bytes), path).toBe(true);
        for (const own of OWN_FILES.filter((one) => existsSync(join(folder, one))))
          expect(readFileSync(join(downloaded.folder, own))).toEqual(readFileSync(join(folder, own)));
        expect(readdirSync(target)).toEqual([manifest.id]);
        store.close();
      },
    );

    it('another backup of the same id is never written over, the same one is left alone', async () => {
      const { store, bucket } = await open();
      const { folder, manifest } = makeBackup();
      await store.upload(folder, manifest);
      expect(await store.upload(folder, manifest)).toMatchObject({ bytes: 0 });
      const other = { ...manifest, reason: 'another' };
      writeManifest(folder, other);
      await expect(store.upload(folder, other)).rejects.toMatchObject({ code: 's3-exists', kind: 'refused' });
      const key = `local/daily/${manifest.id}/${MANIFEST_FILE}`;
      const there = await emulator.s3.getObject({ Bucket: bucket, Key: key });
      expect(JSON.parse((await there.Body?.transformToString()) ?? '')).toEqual(manifest);
    });

    it('of two at once with the same id one wins, and what it wrote is whole', async () => {
      const { store } = await open();
      const first = makeBackup();
      const second = makeBackup();
      cpSync(first.folder, second.folder, { recursive: true });
      const other = { ...first.manifest, by: 'another' };
      writeManifest(second.folder, other);
      const results = await Promise.allSettled([
        store.upload(first.folder, first.manifest),
        store.upload(second.folder, other),
      ]);
      expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      expect(results.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 's3-exists' } });
      expect((await store.verify(first.manifest.id)).findings).toEqual([]);
    });

    it('a file that is no longer as the manifest says is refused, and no backup appears', async () => {
      const { store, bucket } = await open();
      for (const path of ['dump/toc.dat', 'dump/big.dat']) {
        const { folder, manifest, contents } = makeBackup(LARGE);
        const bytes = Buffer.from(contents.get(path) ?? []);
        bytes.writeUInt8(bytes.readUInt8(3000) ^ 4, 3000);
        writeFileSync(join(folder, path), bytes);
        await expect(store.upload(folder, manifest)).rejects.toMatchObject({ code: 'backup-changed', object: path });
        writeFileSync(join(folder, path), bytes.subarray(1));
        await expect(store.upload(folder, manifest)).rejects.toMatchObject({ code: 'backup-changed', object: path });
      }
      expect((await store.list()).filter(({ state }) => state !== 'incomplete')).toEqual([]);
      expect(await unfinished(bucket)).toBe(0);
    });

    it('a backup without manifest is incomplete, one with a broken manifest or wrong files is bad', async () => {
      const { store, bucket } = await open();
      const all = [
        makeBackup(),
        makeBackup(),
        makeBackup(),
        makeBackup(),
        makeBackup(),
        makeBackup(),
        makeBackup(),
      ] as const;
      const [whole, cut, broken, gone, short, foreign, unproven] = all;
      for (const { folder, manifest } of all) await store.upload(folder, manifest);
      const key = ({ manifest }: typeof whole, path: string) => ({
        Bucket: bucket,
        Key: `local/daily/${manifest.id}/${path}`,
      });
      await emulator.s3.deleteObject(key(cut, MANIFEST_FILE));
      await emulator.s3.putObject({ ...key(broken, MANIFEST_FILE), Body: '{"format":1' });
      await emulator.s3.deleteObject(key(gone, 'dump/3001.dat.zst'));
      await emulator.s3.putObject({ ...key(short, 'dump/toc.dat'), Body: 'short' });
      await emulator.s3.putObject({ ...key(foreign, MANIFEST_FILE), Body: JSON.stringify(whole.manifest) });
      await emulator.s3.deleteObject(key(unproven, MANIFEST_HASH_FILE));
      const found = new Map((await store.list()).map(({ id, state, problems }) => [id, [state, ...problems]]));
      const invalid = expect.stringMatching(/manifest\.json is not a manifest of this project/) as string;
      expect(all.map(({ manifest: { id } }) => found.get(id))).toEqual([
        ['good'],
        ['incomplete'],
        ['bad', invalid],
        ['bad', 'dump/3001.dat.zst is missing'],
        ['bad', 'dump/toc.dat has 5 bytes, not 4000'],
        ['bad', `manifest.json is that of daily ${whole.manifest.id}`],
        ['bad', 'manifest.sha256 is missing'],
      ]);
      const codes = {
        cut: 's3-not-found',
        broken: 'manifest-altered',
        foreign: 'manifest-altered',
        unproven: 'manifest-altered',
      };
      for (const [one, code] of Object.entries(codes)) {
        const { id } = { cut, broken, foreign, unproven }[one as keyof typeof codes].manifest;
        await expect(store.download(id, emptyFolder()), one).rejects.toMatchObject({ code });
        await expect(store.verify(id), one).rejects.toMatchObject({ code });
      }
      const findings = async ({ manifest }: typeof whole) => (await store.verify(manifest.id)).findings;
      await emulator.s3.putObject({ ...key(whole, 'dump/extra.dat'), Body: 'extra' });
      expect(await findings(whole)).toMatchObject([{ kind: 'unexpected', path: 'dump/extra.dat' }]);
      expect(await findings(gone)).toMatchObject([{ kind: 'missing', path: 'dump/3001.dat.zst' }]);
      expect(await findings(short)).toMatchObject([{ kind: 'size', path: 'dump/toc.dat' }]);
    });

    it('a manifest that the stack’s key did not sign is refused, one that it signed comes back', async () => {
      const { store } = await open();
      const { folder, manifest } = makeBackup();
      const key = Buffer.from('the key of this stack');
      writeManifest(folder, manifest, key);
      await store.upload(folder, manifest);
      await store.download(manifest.id, emptyFolder(), { key });
      const other = { key: Buffer.from('another key') };
      await expect(store.download(manifest.id, emptyFolder(), other)).rejects.toMatchObject({
        code: 'manifest-forged',
      });
      await expect(store.verify(manifest.id, other)).rejects.toMatchObject({ code: 'manifest-forged' });
    });

    it('changed bytes are found by verify, and a download of them leaves no backup behind', async () => {
      const { store, bucket } = await open();
      const { folder, manifest } = makeBackup();
      await store.upload(folder, manifest);
      const Key = `local/daily/${manifest.id}/dump/3001.dat.zst`;
      await emulator.s3.putObject({ Bucket: bucket, Key, Body: Buffer.alloc(70_000) });
      expect((await store.list()).map(({ state }) => state)).toEqual(['good']);
      expect((await store.verify(manifest.id)).findings).toEqual([
        { kind: 'checksum', path: 'dump/3001.dat.zst', detail: 'its SHA-256 is another one' },
      ]);
      const target = emptyFolder();
      await expect(store.download(manifest.id, target)).rejects.toMatchObject({
        code: 's3-corrupted',
        object: 'dump/3001.dat.zst',
      });
      expect(readdirSync(target)).toEqual([`.partial-${manifest.id}`]);
    });

    it('a manifest whose paths lead out of the folder is no manifest', async () => {
      const { store, bucket } = await open();
      const { folder, manifest } = makeBackup();
      await store.upload(folder, manifest);
      const evil = makeBackup({ 'dump/toc.dat': 4000 }, { id: manifest.id });
      writeManifest(evil.folder, {
        ...manifest,
        files: [{ path: '../../escaped', bytes: 4000, sha256: '0'.repeat(64) }],
      });
      for (const own of [MANIFEST_FILE, MANIFEST_HASH_FILE]) {
        const Key = `local/daily/${manifest.id}/${own}`;
        await emulator.s3.putObject({ Bucket: bucket, Key, Body: readFileSync(join(evil.folder, own)) });
      }
      const target = emptyFolder();
      await expect(store.download(manifest.id, target)).rejects.toMatchObject({ code: 'manifest-invalid' });
      expect(existsSync(join(target, '../escaped'))).toBe(false);
    });

    it('a download never touches a folder that is there, and begins a broken one anew', async () => {
      const { store } = await open();
      const { folder, manifest } = makeBackup();
      await store.upload(folder, manifest);
      const target = emptyFolder();
      await store.download(manifest.id, target);
      await expect(store.download(manifest.id, target)).rejects.toMatchObject({
        code: 'backup-present',
        kind: 'refused',
      });
      expect((await store.list()).length).toBe(1);
    });

    it('removes a backup with all that is below it, and nothing else', async () => {
      const { store, bucket } = await open();
      const [kept, removed] = [makeBackup(), makeBackup()];
      await store.upload(kept.folder, kept.manifest);
      await store.upload(removed.folder, removed.manifest);
      const entry = (await store.list()).find(({ id }) => id === removed.manifest.id);
      if (entry === undefined) throw new Error('not listed');
      expect(await store.remove(entry)).toEqual({ outcome: 'removed', versions: false });
      expect((await store.list()).map(({ id }) => id)).toEqual([kept.manifest.id]);
      const { Contents = [] } = await emulator.s3.listObjectsV2({ Bucket: bucket });
      expect(Contents.filter(({ Key }) => Key?.includes(removed.manifest.id))).toEqual([]);
      // Once more is the same.
      expect(await store.remove({ ...entry, keys: [] }).catch((error: unknown) => error)).toMatchObject({
        code: 's3-exists',
      });
    });

    it('a pinned one is kept until it is unpinned', async () => {
      const { store } = await open();
      const { folder, manifest } = makeBackup();
      await store.upload(folder, manifest);
      const [before] = await store.list();
      await store.pin(manifest.id);
      const [entry] = await store.list();
      expect(entry?.pinned).toBe(true);
      // Pinned since it was listed.
      if (before === undefined) throw new Error('not listed');
      expect(await store.remove(before)).toEqual({ outcome: 'pinned' });
      await store.unpin(manifest.id);
      expect((await store.list())[0]?.pinned).toBe(false);
      expect(await store.remove(before)).toMatchObject({ outcome: 'removed' });
    });

    it('another manifest than the listed one is not deleted', async () => {
      const { store, bucket } = await open();
      const { folder, manifest } = makeBackup();
      await store.upload(folder, manifest);
      const [entry] = await store.list();
      const Key = `local/daily/${manifest.id}/${MANIFEST_FILE}`;
      await emulator.s3.putObject({ Bucket: bucket, Key, Body: JSON.stringify({ ...manifest, by: 'another' }) });
      if (entry === undefined) throw new Error('not listed');
      await expect(store.remove(entry)).rejects.toMatchObject({ code: 's3-exists' });
      expect((await store.list()).map(({ state }) => state)).toEqual(['good']);
    });

    it('ends uploads of dead runs and those older than a day, of this prefix alone', async () => {
      const { store, bucket } = await open();
      const begin = (Key: string) => emulator.s3.createMultipartUpload({ Bucket: bucket, Key });
      await begin('local/daily/20261126T020000Z-dead/dump/1.dat');
      await begin('local/daily/20261126T030000Z-live/dump/1.dat');
      await begin('localhost/daily/20261126T020000Z-dead/dump/1.dat');
      const ended = async (hours: number, isDead?: (id: string) => boolean): Promise<unknown[]> =>
        (await store.abortUnfinished(isDead, new Date(began.getTime() + hours * 3_600_000))).map(({ id }) => id);
      // A date that the emulator takes.
      const began = (await emulator.s3.listMultipartUploads({ Bucket: bucket })).Uploads?.[0]?.Initiated ?? new Date();
      expect(await ended(23)).toEqual([]);
      expect(await ended(23, (id) => id.endsWith('-dead'))).toEqual(['20261126T020000Z-dead']);
      expect(await ended(25)).toEqual(['20261126T030000Z-live']);
      const { Uploads = [] } = await emulator.s3.listMultipartUploads({ Bucket: bucket });
      expect(Uploads.map(({ Key }) => Key)).toEqual(['localhost/daily/20261126T020000Z-dead/dump/1.dat']);
    });

    it('an upload that is stopped leaves nothing unfinished and no backup', async () => {
      const { store, bucket } = await open();
      const { folder, manifest } = makeBackup(LARGE);
      const stop = new AbortController();
      const upload = store.upload(folder, manifest, {
        signal: stop.signal,
        progress: (done) => done > 5 * MEBIBYTE && stop.abort(),
      });
      await expect(upload).rejects.toMatchObject({ code: 'interrupted', kind: 'interrupted' });
      expect(await unfinished(bucket)).toBe(0);
      expect((await store.list()).map(({ state }) => state)).toEqual(['incomplete']);
      // And the next run brings it in.
      await store.upload(folder, manifest);
      expect((await store.list()).map(({ state }) => state)).toEqual(['good']);
    });

    it('a bucket that is not there is named', async () => {
      const { folder, manifest } = makeBackup();
      const store = await openStore(settingsOf(emulator.endpoint, 'no-such-bucket'), STACK);
      const failure = { code: 's3-bucket-missing', object: expect.stringMatching(/./) as string };
      await expect(store.list()).rejects.toMatchObject(failure);
      await expect(store.upload(folder, manifest)).rejects.toMatchObject(failure);
      await expect(store.download(manifest.id, emptyFolder())).rejects.toMatchObject(failure);
    });
  });
});
