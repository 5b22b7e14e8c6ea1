import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { TASK_VARIABLE } from '../../../postgres/backup/task';
import { ReportReader } from '../../../scripts/task/outcome';
import { missing, programOf } from '../../postgres/backup/s3/emulators';
import { DUMP_BINARIES, WITHOUT_DUMP } from '../../postgres/backup/support';
import { type ProdServer, startProdServer } from './prodServer';

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

    it('backs a real server up into S3 as Fargate would run it: read-only but for /tmp, as nobody in particular', async () => {
      const caFile = prod.environment['COACH_DATABASE_CA_FILE'] ?? '';
      const variables = { ...prod.environment, COACH_DATABASE_CA_FILE: '/authority.pem' };
      const { stdout } = await docker(
        'run',
        '--rm',
        ...['--network', 'host', '--read-only', '--cap-drop', 'ALL', '--user', '10001:10001'],
        ...['--volume', `${caFile}:/authority.pem:ro`],
        ...['--env', `${TASK_VARIABLE}=${JSON.stringify(prod.description)}`],
        ...Object.entries(variables).flatMap(([name, value]) => ['--env', `${name}=${value ?? ''}`]),
        ...[IMAGE, 'backup', '--reason', 'daily'],
      );
      const reader = new ReportReader();
      for (const line of stdout.split('\n')) reader.take(line);
      expect(reader.report).toMatchObject({ command: 'backup', stack: 'prod', exitCode: 0, problems: [] });
      const { compression } = reader.report?.fields['backup'] as { compression: string };
      expect(compression).toBe('zstd');
    });

    it('holds no settings, state or keys', async () => {
      const list = ['--entrypoint', 'ls', IMAGE, '-A', '/app'];
      const { stdout } = await docker('run', '--rm', '--network', 'host', ...list);
      expect(stdout.trim().split('\n').sort()).toEqual(['Pulumi.yaml', 'dist', 'node_modules', 'package.json']);
    });
  },
);
