import { spawn } from 'node:child_process';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { openStore, type S3Store } from '../../postgres/backup/s3/store';
import { type Emulator, missing, startEmulator } from '../postgres/backup/s3/emulators';
import { makeBackup, MEBIBYTE, settingsOf, STACK, useTestCredentials } from '../postgres/backup/s3/fixtures';
import { ROOT } from '../support/compiled';

/** Each a process of its own; `COACH_CHAOS`: as many as it takes for a rare moment. */
const ROUNDS = process.env['COACH_CHAOS'] === undefined ? 6 : 50;
const FILES = { 'dump/toc.dat': 4000, 'dump/big.dat': 11 * MEBIBYTE, 'dump/other.dat': 6 * MEBIBYTE };

useTestCredentials();

describe.each(['fake', 'versitygw'] as const)('an upload that is killed: %s', (name) => {
  describe.skipIf(missing(name) !== '')(`behaviour${missing(name)}`, () => {
    let emulator: Emulator;
    let store: S3Store;
    const bucket = 'killed';

    beforeAll(async () => {
      emulator = await startEmulator(name);
      await emulator.s3.createBucket({ Bucket: bucket });
      store = await openStore(settingsOf(emulator.endpoint, bucket), STACK);
    });
    afterAll(() => emulator?.stop());

    it('never looks like a backup that is not whole, and the next run ends what it left', async () => {
      let killed = 0;
      let open = 0;
      for (let round = 0; round < ROUNDS; round += 1) {
        const { folder, manifest } = makeBackup(FILES);
        // After each of its steps in turn, and a random moment more.
        const result = await runUntil(folder, 1 + (round % 6), Math.random() * 20);
        if (result === 'killed') killed += 1;
        // What the service is still working on.
        await new Promise((resolve) => setTimeout(resolve, 100));
        const states = (await store.list()).filter(({ id }) => id === manifest.id).map(({ state }) => state);
        if (states.includes('good')) expect((await store.verify(manifest.id)).findings).toEqual([]);
        else {
          expect(states.every((state) => state === 'incomplete')).toBe(true);
          expect(result).toBe('killed');
        }
        open += (await store.abortUnfinished((id) => id === manifest.id)).length;
        expect((await emulator.s3.listMultipartUploads({ Bucket: bucket })).Uploads ?? []).toEqual([]);
        // The next run.
        await store.upload(folder, manifest);
        expect((await store.verify(manifest.id)).findings).toEqual([]);
      }
      // It would prove nothing else.
      expect(killed).toBeGreaterThan(0);
      expect(open).toBeGreaterThan(0);
    });

    /** Kills the upload so many milliseconds after so many steps. */
    function runUntil(folder: string, steps: number, ms: number): Promise<'killed' | 'done'> {
      const script = join(__dirname, '../postgres/backup/s3/uploader.cjs');
      const child = spawn(process.execPath, [script, join(ROOT, 'dist'), emulator.endpoint, bucket, STACK, folder], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      let seen = 0;
      child.stdout.on('data', (text: Buffer) => {
        seen += text.toString().split('\n').length - 1;
        if (seen >= steps) setTimeout(() => child.kill('SIGKILL'), ms);
      });
      return new Promise((resolve) => child.once('close', (code) => resolve(code === 0 ? 'done' : 'killed')));
    }
  });
});
