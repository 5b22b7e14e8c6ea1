import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { container } from '../../../components/backup/taskContainer';
import { decompressSample, SAMPLE_FILE } from '../../../scripts/sample/file';
import { ReportReader, type TaskReport } from '../../../scripts/task/outcome';
import { missing, programOf } from '../../postgres/backup/s3/emulators';
import { DUMP_BINARIES, WITHOUT_DUMP } from '../../postgres/backup/support';
import { BUCKET, type ProdServer, startProdServer } from './prodServer';

/** What the Dockerfile builds on; another name where a registry is out of reach. */
const NODE_IMAGE = process.env['COACH_NODE_IMAGE'] ?? 'node:24-trixie-slim';
const MAJOR = /\/(\d+)\/bin$/.exec(DUMP_BINARIES ?? '')?.[1] ?? '17';
const IMAGE = `coach-backup-test:${process.pid}`;

/** Why the image cannot be built here; undefined: it can. */
function obstacle(): string | undefined {
  if (WITHOUT_DUMP !== undefined) return WITHOUT_DUMP;
  if (programOf('moto') === null) return missing('moto');
  try {
    execFileSync('docker', ['image', 'inspect', NODE_IMAGE], { stdio: 'ignore' });
    return undefined;
  } catch {
    return `no Docker with ${NODE_IMAGE} here (COACH_NODE_IMAGE names another Node.js on Debian)`;
  }
}

const without = obstacle();

describe.skipIf(without !== undefined)(
  `the image of the task${without === undefined ? '' : ` (skipped: ${without})`}`,
  { timeout: 900_000 },
  () => {
    const docker = (...args: string[]): Promise<{ stdout: string; stderr: string }> =>
      promisify(execFile)('docker', args, { cwd: process.cwd(), maxBuffer: 1 << 26 });
    let prod: ProdServer;
    beforeAll(async () => {
      const build = ['build', '--network', 'host', '--build-arg', `NODE_IMAGE=${NODE_IMAGE}`];
      await docker(...build, '--build-arg', `PG_MAJOR=${MAJOR}`, '--tag', IMAGE, '.');
      prod = await startProdServer(DUMP_BINARIES ?? '', 100);
    }, 900_000);
    afterAll(async () => {
      await prod?.stop();
      await docker('image', 'rm', IMAGE).catch(() => undefined);
    });

    /** As Fargate runs the task's container: read-only but for its volume, as nobody in particular. */
    async function task(...args: string[]): Promise<TaskReport> {
      const described = { image: IMAGE, description: JSON.stringify(prod.description), logGroup: '', region: '' };
      const { entryPoint, user, environment, mountPoints } = container({ ...described, timeLimitHours: 1 });
      const [entry = '', ...words] = entryPoint;
      const volumes = mountPoints.flatMap(({ containerPath }) => ['--volume', containerPath]);
      const variables = {
        ...prod.environment,
        COACH_DATABASE_CA_FILE: '/authority.pem',
        ...Object.fromEntries(environment.map(({ name, value }) => [name, value])),
      };
      const run = docker(
        ...['run', '--rm', '--init', '--network', 'host', '--read-only', '--cap-drop', 'ALL', '--user', user],
        ...['--volume', `${prod.environment['COACH_DATABASE_CA_FILE'] ?? ''}:/authority.pem:ro`, ...volumes],
        ...Object.entries(variables).flatMap(([name, value]) => ['--env', `${name}=${value ?? ''}`]),
        ...['--entrypoint', entry, IMAGE, ...words, ...args],
      );
      // A command that fails has its report all the same.
      const { stdout, stderr } = await run.catch((error: { stdout: string; stderr: string }) => error);
      const reader = new ReportReader();
      for (const line of stdout.split('\n')) reader.take(line);
      if (reader.report === undefined) throw new Error(`no report: ${stdout}${stderr}`);
      return reader.report;
    }

    it('does everything that prod has its task do, each with a disk of its own', async () => {
      const backup = await task('backup', '--reason', 'daily');
      expect(backup).toMatchObject({ command: 'backup', stack: 'prod', exitCode: 0, problems: [] });
      expect(backup.fields['backup']).toMatchObject({ compression: 'zstd', generation: 'monthly' });
      expect((await task('backup', 'list')).fields['backups']).toMatchObject([{ state: 'good' }]);
      expect(await task('backup', 'verify', '--restore')).toMatchObject({ exitCode: 0, problems: [] });
      expect(await task('restore', '--yes')).toMatchObject({ exitCode: 0, problems: [] });

      const Key = 'prod/transfer/coach.db';
      const Body = decompressSample(readFileSync(SAMPLE_FILE));
      await prod.emulator.s3.putObject({ Bucket: BUCKET, Key, Body });
      const transfer = await task('transfer', '--from', `s3://${BUCKET}/${Key}`, '--truncate', '--yes');
      expect(transfer).toMatchObject({ status: 'changed', exitCode: 0, problems: [] });
      const absent = await task('restore', '--from', `s3://${BUCKET}/prod/daily/20200101T000000Z-0000`, '--yes');
      expect(absent).toMatchObject({ exitCode: 1, problems: [{ code: 's3-not-found' }] });
    });

    it('holds no settings, state or keys', async () => {
      const list = ['--entrypoint', 'ls', IMAGE, '-A', '/app'];
      const { stdout } = await docker('run', '--rm', '--network', 'host', ...list);
      expect(stdout.trim().split('\n').sort()).toEqual(['Pulumi.yaml', 'dist', 'node_modules', 'package.json']);
    });
  },
);
