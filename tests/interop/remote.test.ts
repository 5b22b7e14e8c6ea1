import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { makeAuthority } from '../support/certificates';
import { embeddedBinaries, installedBinaries, type TestCluster } from '../support/cluster';
import { TestProject } from '../support/project';
import { missingPulumi, PULUMI, PULUMI_ENVIRONMENT } from '../support/pulumi';
import { ANOTHER_MACHINE, startTlsServer } from '../support/tlsServer';

const binaries = installedBinaries() ?? embeddedBinaries();
const reason = binaries === undefined ? 'no PostgreSQL here' : missingPulumi();
if (reason !== undefined) process.stderr.write(`skipped: Pulumi on a server that somebody else runs (${reason})\n`);

/** What the cluster was made with, long enough to be looked for. */
const PASSWORD = 'opens-only-the-test-cluster';
const authority = makeAuthority();
let project: TestProject;
let server: TestCluster;
let said = '';

async function run(...args: string[]): Promise<{ code: number | null; report: Record<string, unknown> }> {
  const { code, stdout, stderr, report } = await project.json([...args, '--stack', 'dev'], PULUMI_ENVIRONMENT);
  said += stdout + stderr;
  return { code, report };
}

const environment = (): NodeJS.ProcessEnv => ({
  ...process.env,
  ...PULUMI_ENVIRONMENT,
  PATH: `${dirname(PULUMI ?? '')}:${process.env['PATH']}`,
});

/** `npm run pulumi -- config set --secret`, with the value as typed or piped. */
function setSecret(value: string): void {
  const words = ['pulumi', 'config', 'set', '--secret', '--path', 'coach:database.adminPassword', '--stack', 'dev'];
  execFileSync(process.execPath, [project.path('scripts', 'coachdb.cjs'), ...words], {
    cwd: project.root,
    env: environment(),
    input: value,
  });
}

/** `pulumi WORDS` in the project's folder; throws where it fails. */
function plain(...words: string[]): string {
  const env = { ...environment(), PULUMI_CONFIG_PASSPHRASE_FILE: project.path('.coachdb', 'passphrase') };
  return execFileSync(PULUMI ?? '', [...words, '--stack', 'dev'], { cwd: project.root, env }).toString();
}

const problemsOf = ({ report }: { report: Record<string, unknown> }): unknown => report['problems'];

/** Every file of the project's own below .coachdb, and the settings. */
function kept(): string {
  const folder = project.path('.coachdb');
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const texts = files.map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'));
  return [...texts, readFileSync(project.path('Pulumi.dev.yaml'), 'utf8')].join('\n');
}

describe.skipIf(reason !== undefined)('Pulumi on a server that somebody else runs', { timeout: 600_000 }, () => {
  beforeAll(async () => {
    project = new TestProject();
    server = await startTlsServer(binaries ?? '', authority, PASSWORD);
    mkdirSync(project.path('certificates'));
    writeFileSync(project.path('certificates', 'ca.pem'), authority.certificate);
    writeFileSync(project.path('certificates', 'other.pem'), makeAuthority('Other').certificate);
  }, 120_000);
  afterAll(async () => {
    await server.stop();
    await project.remove();
  });

  const settings = (more: Record<string, unknown>): void =>
    project.set('database', { name: 'inclusive_ai', host: ANOTHER_MACHINE, port: server.port, ...more }, 'dev');

  it('takes the secret though the settings are not right before it', async () => {
    settings({ caFile: 'certificates/other.pem' });
    expect(problemsOf(await run('preview'))).toMatchObject([
      { code: 'setting-missing', object: 'coach:database.adminPassword' },
    ]);
    setSecret(PASSWORD);
    expect(readFileSync(project.path('Pulumi.dev.yaml'), 'utf8')).toMatch(/adminPassword:\s+secure: v1:/);
  });

  it('is told what is wrong with the certificate before anything runs', async () => {
    for (const args of [['preview'], ['up', '--yes']]) {
      expect(problemsOf(await run(...args))).toMatchObject([
        { code: 'tls-authority', message: expect.stringContaining('other.pem') as string },
      ]);
    }
    const path = project.path('Pulumi.dev.yaml');
    writeFileSync(path, readFileSync(path, 'utf8').replace('other.pem', 'none.pem'));
    expect(problemsOf(await run('preview'))).toMatchObject([{ code: 'ca-file' }]);
    writeFileSync(path, readFileSync(path, 'utf8').replace('none.pem', 'ca.pem'));
  });

  it('is told of a password that the server does not take, with the command that sets another', async () => {
    setSecret('another one');
    for (const args of [['preview'], ['up', '--yes']]) {
      expect(problemsOf(await run(...args))).toMatchObject([
        { code: 'password-refused', remedy: expect.stringMatching(/config set --secret .* --stack dev`/) as string },
      ]);
    }
    expect(said).not.toContain('another one');
    setSecret(PASSWORD);
  });

  it('brings it up over TLS, has nothing to do after that, and neither says nor keeps the password', async () => {
    const up = await run('up', '--yes');
    expect(up.code, said).toBe(0);
    for (const args of [
      ['preview', '--detailed-exitcode'],
      ['refresh', '--yes'],
      ['up', '--yes'],
      ['audit'],
      ['env'],
      ['graph'],
      ['state', 'export'],
    ])
      expect([args, (await run(...args)).code]).toEqual([args, 0]);
    said += plain('preview', '--expect-no-changes', '--non-interactive') + plain('config');
    expect(said).not.toContain(PASSWORD);
    expect(kept()).not.toContain(PASSWORD);
  });
});
