import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { MANIFEST_FILE } from '../../../../postgres/backup/manifest';
import { openStore, type S3Store } from '../../../../postgres/backup/s3/store';
import { ACCESS_KEY, type Emulator, missing, SECRET_KEY, startEmulator } from './emulators';
import { makeBackup, settingsOf, setVariables, STACK, useTestCredentials } from './fixtures';

useTestCredentials();

/** What a bucket may be set to, which only real emulators know. */
describe.each(['versitygw', 'moto'] as const)('a bucket’s own rules: %s', (name) => {
  describe.skipIf(missing(name) !== '')(`behaviour${missing(name)}`, () => {
    let emulator: Emulator;
    let count = 0;

    beforeAll(async () => {
      emulator = await startEmulator(name);
    });
    afterAll(() => emulator?.stop());

    async function open(lock: boolean): Promise<{ store: S3Store; bucket: string }> {
      const bucket = `rules-${(count += 1)}`;
      await emulator.s3.createBucket({ Bucket: bucket, ...(lock ? { ObjectLockEnabledForBucket: true } : {}) });
      const VersioningConfiguration = { Status: 'Enabled' } as const;
      await emulator.s3.putBucketVersioning({ Bucket: bucket, VersioningConfiguration });
      return { store: await openStore(settingsOf(emulator.endpoint, bucket), STACK, { attempts: 3 }), bucket };
    }

    it('with versions, what was removed is gone from the list and its versions stay', async () => {
      const { store, bucket } = await open(false);
      const { folder, manifest } = makeBackup();
      await store.upload(folder, manifest);
      const [entry] = await store.list();
      if (entry === undefined) throw new Error('not listed');
      expect(await store.remove(entry)).toEqual({ outcome: 'removed', versions: true });
      expect(await store.list()).toEqual([]);
      const { Versions = [], DeleteMarkers = [] } = await emulator.s3.listObjectVersions({ Bucket: bucket });
      expect(Versions.length).toBe(entry.keys.length);
      expect(DeleteMarkers.length).toBe(entry.keys.length);
    });

    it('with object lock, a backup goes up, shows its date, and is kept until then', async () => {
      const { store, bucket } = await open(true);
      const DefaultRetention = { Mode: 'GOVERNANCE', Days: 5 } as const;
      const ObjectLockConfiguration = { ObjectLockEnabled: 'Enabled', Rule: { DefaultRetention } } as const;
      await emulator.s3.putObjectLockConfiguration({ Bucket: bucket, ObjectLockConfiguration });
      const { folder, manifest } = makeBackup();
      await store.upload(folder, manifest);
      // versitygw takes a default and gives it to no object.
      if (name === 'versitygw') {
        const Key = `local/daily/${manifest.id}/${MANIFEST_FILE}`;
        const Retention = { Mode: 'GOVERNANCE', RetainUntilDate: new Date(Date.now() + 5 * 86_400_000) } as const;
        await emulator.s3.putObjectRetention({ Bucket: bucket, Key, Retention });
      }
      const [entry] = await store.list();
      if (entry?.lockedUntil === undefined) throw new Error('no lock is listed');
      const days = (entry.lockedUntil.getTime() - Date.now()) / 86_400_000;
      expect(Math.round(days)).toBe(5);
      expect(await store.remove(entry)).toEqual({ outcome: 'locked', until: entry.lockedUntil });
      const { DeleteMarkers = [] } = await emulator.s3.listObjectVersions({ Bucket: bucket });
      expect(DeleteMarkers).toEqual([]);
      expect((await store.list()).map(({ state }) => state)).toEqual(['good']);
      // As it will be after its lock.
      const now = new Date(entry.lockedUntil.getTime() + 1000);
      expect(await store.remove(entry, { now })).toEqual({ outcome: 'removed', versions: true });
    });

    it('a legal hold counts as a pin', async () => {
      const { store, bucket } = await open(true);
      const { folder, manifest } = makeBackup();
      await store.upload(folder, manifest);
      const Key = `local/daily/${manifest.id}/${MANIFEST_FILE}`;
      await emulator.s3.putObjectLegalHold({ Bucket: bucket, Key, LegalHold: { Status: 'ON' } });
      const [entry] = await store.list();
      if (entry === undefined) throw new Error('not listed');
      expect(entry.pinned).toBe(true);
      expect(await store.remove(entry)).toEqual({ outcome: 'pinned' });
    });

    it.skipIf(name === 'moto')(
      'a policy that only reads: lists, restores, and names what it may not (moto has no accounts)',
      async () => {
        const { store, bucket } = await open(false);
        const { folder, manifest } = makeBackup();
        await store.upload(folder, manifest);
        await emulator.addAccount?.('reader', 'reader-secret');
        const statement = (Action: string[], Resource: string) => ({
          Effect: 'Allow',
          Principal: { AWS: ['reader'] },
          Action,
          Resource: `arn:aws:s3:::${bucket}${Resource}`,
        });
        const Statement = [
          statement(['s3:ListBucket', 's3:ListBucketMultipartUploads'], ''),
          statement(['s3:GetObject'], '/*'),
        ];
        await emulator.s3.putBucketPolicy({
          Bucket: bucket,
          Policy: JSON.stringify({ Version: '2012-10-17', Statement }),
        });
        setVariables([
          ['AWS_ACCESS_KEY_ID', 'reader'],
          ['AWS_SECRET_ACCESS_KEY', 'reader-secret'],
        ]);
        try {
          const reader = await openStore(settingsOf(emulator.endpoint, bucket), STACK, { attempts: 2 });
          const [entry] = await reader.list();
          if (entry === undefined) throw new Error('not listed');
          await reader.download(manifest.id, mkdtempSync(join(tmpdir(), 'coach-restored-')));
          const another = makeBackup();
          const denied = { code: 's3-access-denied' };
          const put = reader.upload(another.folder, another.manifest);
          await expect(put).rejects.toMatchObject({
            ...denied,
            message: expect.stringMatching(/^s3:PutObject on /) as string,
          });
          await expect(reader.remove(entry)).rejects.toMatchObject({
            ...denied,
            message: expect.stringMatching(/^s3:DeleteObject on /) as string,
          });
          expect((await reader.list()).map(({ state }) => state)).toEqual(['good']);
        } finally {
          setVariables([
            ['AWS_ACCESS_KEY_ID', ACCESS_KEY],
            ['AWS_SECRET_ACCESS_KEY', SECRET_KEY],
          ]);
        }
      },
    );
  });
});
