import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Emulator, startEmulator } from '../postgres/backup/s3/emulators';
import { WITHOUT_DUMP } from '../postgres/backup/support';
import { deployedProject } from '../support/deployed';
import type { TestProject } from '../support/project';
import { asAdmin } from './support';

const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test-secret-key' };

let project: TestProject;
let emulator: Emulator;
const s3 = (...args: string[]): ReturnType<TestProject['json']> => project.json(args, CREDENTIALS);
const codes = (report: Record<string, unknown>): string[] =>
  (report['problems'] as { code: string }[]).map(({ code }) => code);

const TITLE = `backups in S3 through the command line${WITHOUT_DUMP === undefined ? '' : ` (${WITHOUT_DUMP})`}`;

describe.skipIf(WITHOUT_DUMP !== undefined)(TITLE, { timeout: 120_000 }, () => {
  beforeAll(async () => {
    emulator = await startEmulator('fake');
    project = await deployedProject();
    project.set('backup', { s3: { bucket: 'coach-backups', endpoint: emulator.endpoint, region: 'us-east-1' } });
  }, 120_000);
  afterAll(async () => {
    await project?.remove();
    await emulator?.stop();
  });

  it('a failed upload leaves the local backup, which is good, and exits 1', async () => {
    const { code, report, stdout } = await s3('backup', '--upload-s3');
    expect(code, stdout).toBe(1);
    expect(codes(report)).toEqual(['s3-bucket-missing']);
    expect(stdout).not.toContain(CREDENTIALS.AWS_SECRET_ACCESS_KEY);
    expect(report['backup']).toMatchObject({ uri: null });
    const list = await s3('backup', 'list');
    expect(list.report['backups']).toMatchObject([{ state: 'good' }]);
  });

  it('one goes up for its month, though the folder has one of that month already, and comes back as it was', async () => {
    await emulator.s3.createBucket({ Bucket: 'coach-backups' });
    const { code, report, stdout } = await s3('backup', '--upload-s3');
    expect(code, stdout).toBe(0);
    const { id, uri } = report['backup'] as { id: string; uri: string };
    expect(uri).toBe(`s3://coach-backups/local/monthly/${id}`);
    expect((await s3('backup', 'list', '--s3')).report['backups']).toMatchObject([{ id, uri, state: 'good' }]);
    expect((await s3('backup', 'verify', '--s3')).report['backups']).toMatchObject([{ id, ok: true }]);
    expect((await s3('backup', 'pin', id, '--s3')).code).toBe(0);
    expect((await s3('backup', 'prune', '--s3', '--dry-run')).report['plan']).toMatchObject([{ id, rule: 'pinned' }]);
    expect((await s3('backup', 'unpin', id, '--s3')).code).toBe(0);

    const manifest = readFileSync(project.path('.coachdb', 'local', 'backups', id, 'manifest.json'), 'utf8');
    rmSync(project.path('.coachdb', 'local', 'backups'), { recursive: true });
    await asAdmin(project, (client) => client.query('UPDATE "User" SET name = $1', ['changed since']));
    const restored = await s3('restore', '--from', uri, '--yes');
    expect(restored.code, restored.stdout).toBe(0);
    const { rows } = await asAdmin(project, (client) =>
      client.query(`SELECT FROM "User" WHERE name = 'changed since'`),
    );
    expect(rows).toEqual([]);
    const folder = project.path('.coachdb', 'local', 'backups', id);
    expect(readFileSync(join(folder, 'manifest.json'), 'utf8')).toBe(manifest);
    expect(readdirSync(project.path('.coachdb', 'local', 'backups')).filter((name) => name.startsWith('.'))).toEqual(
      [],
    );
  });

  it('what is damaged there is found, and not restored', async () => {
    const { Contents = [] } = await emulator.s3.listObjectsV2({ Bucket: 'coach-backups' });
    const key = Contents.map((object) => object.Key ?? '').find((one) => one.endsWith('toc.dat')) ?? '';
    const object = await emulator.s3.getObject({ Bucket: 'coach-backups', Key: key });
    const bytes = Buffer.from((await object.Body?.transformToByteArray()) ?? []);
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    await emulator.s3.putObject({ Bucket: 'coach-backups', Key: key, Body: bytes });
    const verified = await s3('backup', 'verify', '--s3');
    expect(verified.code).toBe(1);
    expect(codes(verified.report)).toEqual(['backup-bad']);
    const uri = `s3://coach-backups/${key.replace(/\/dump\/toc\.dat$/, '')}`;
    rmSync(project.path('.coachdb', 'local', 'backups'), { recursive: true });
    const { code, report } = await s3('restore', '--from', uri, '--yes');
    expect([code, codes(report)]).toEqual([expect.any(Number), ['s3-corrupted']]);
    expect(code).not.toBe(0);
  });

  it('a stack without a bucket is told which setting names one', async () => {
    project.set('backup', undefined);
    const { code, report } = await s3('backup', 'list', '--s3');
    expect([code, codes(report)]).toEqual([64, ['s3-not-configured']]);
  });
});
