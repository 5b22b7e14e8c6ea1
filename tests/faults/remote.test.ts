import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ApplicationPool, poolSettings } from '../../app/pool';
import type * as Apply from '../../engine/apply/run';
import type * as Graphs from '../../engine/graph/graph';
import type { ResourceState } from '../../engine/state/resource';
import type { CommandContext } from '../../scripts/command';
import type * as Stacks from '../../scripts/stack';
import type * as States from '../../scripts/stackState';
import { makeAuthority } from '../support/certificates';
import { embeddedBinaries, installedBinaries, type TestCluster } from '../support/cluster';
import { commandContext } from '../support/commandContext';
import { TestProject } from '../support/project';
import { ANOTHER_MACHINE, startTlsServer } from '../support/tlsServer';
import type { Refusal } from './support';

/** The dev stack on a server that somebody else runs, which takes TLS alone; without Pulumi, so through the embedded engine's own parts. */

const binaries = installedBinaries() ?? embeddedBinaries();
if (binaries === undefined) process.stderr.write('skipped: a server that somebody else runs (no PostgreSQL here)\n');

const PASSWORD = 'p&ss "w\'rd/ü';
const SECRET = { secure: 'v1:notOpenedHere' };
let project: TestProject;

/** The project's own build: what starts programs needs compiled files beside it. */
const load = createRequire(__filename);
const built = <T>(...parts: string[]): T => load(project.path('dist', ...parts)) as T;
const apply = (): typeof Apply => built<typeof Apply>('engine', 'apply', 'run.js');
const graphs = (): typeof Graphs => built<typeof Graphs>('engine', 'graph', 'graph.js');
const stacks = (): typeof Stacks => built<typeof Stacks>('scripts', 'stack.js');
const states = (): typeof States => built<typeof States>('scripts', 'stackState.js');

beforeAll(() => {
  project = new TestProject();
  mkdirSync(project.path('certificates'));
});
afterAll(() => project.remove());

async function refused(args: string[], exitCode: number): Promise<Refusal[]> {
  const { code, report } = await project.json([...args, '--stack', 'dev']);
  expect({ args, code, report }).toMatchObject({ code: exitCode });
  return report['problems'] as Refusal[];
}

const settings = (more: Record<string, unknown> = {}): Record<string, unknown> => ({
  name: 'inclusive_ai',
  host: ANOTHER_MACHINE,
  caFile: 'certificates/ca.pem',
  adminPassword: SECRET,
  ...more,
});

describe('another machine’s server in the settings', { timeout: 120_000 }, () => {
  it.each([
    [{ sslMode: 'disable', caFile: undefined }, 'tls-required', 'coach:database.sslMode'],
    [{ caFile: undefined }, 'setting-missing', 'coach:database.caFile'],
    [{ sslMode: 'require' }, 'setting-invalid', 'coach:database.sslMode'],
    [{ adminPassword: undefined }, 'setting-missing', 'coach:database.adminPassword'],
    [{ adminPassword: 'hunter2' }, 'setting-plain', 'coach:database.adminPassword'],
  ])('is refused by every command: %j', async (wrong, code, object) => {
    project.set('database', settings(wrong), 'dev');
    for (const args of [['graph'], ['preview'], ['up', '--yes'], ['env']]) {
      const problems = await refused(args, 64);
      expect(problems, args.join(' ')).toMatchObject([{ code, object }]);
      expect(JSON.stringify(problems)).not.toContain('hunter2');
    }
  });

  it('is refused by the program itself, whoever runs it', async () => {
    const raw = { host: ANOTHER_MACHINE, caFile: 'certificates/ca.pem', adminPassword: 'hunter2' };
    const declare = (database: object, secretKeys: string[], stack = 'elsewhere'): Promise<unknown> =>
      graphs().buildGraph({
        program: {
          projectRoot: project.root,
          main: 'dist/infra/index.js',
          project: 'coach',
          stack,
          config: { 'coach:environment': 'dev', 'coach:database': JSON.stringify(database) },
          secretKeys,
          environment: { PATH: process.env['PATH'] },
        },
        invokes: {},
        onLog: () => undefined,
      });
    const failure = async (work: Promise<unknown>): Promise<string> =>
      work.then(
        () => 'none',
        (error: unknown) => String(error),
      );
    const plain = await failure(declare(raw, []));
    expect(plain).toMatch(/adminPassword stands in plain text.*config set --secret/s);
    expect(plain).not.toContain('hunter2');
    // Beside another value that is encrypted Pulumi hands all of the key over as a secret.
    project.set('database', settings({ name: SECRET, adminPassword: 'hunter2' }), 'dev');
    const beside = await failure(declare(raw, ['coach:database'], 'dev'));
    expect(beside).toMatch(/adminPassword stands in plain text/);
    expect(beside).not.toContain('hunter2');
    expect(await failure(declare({ ...raw, sslMode: 'disable', caFile: null }, ['coach:database']))).toContain(
      'coach:database.sslMode',
    );
    expect(await failure(declare(raw, ['coach:database']))).toMatch(/certificates.ca\.pem cannot be read \(ENOENT\)/);
    writeFileSync(project.path('certificates', 'ca.pem'), 'nothing');
    expect(await failure(declare(raw, ['coach:database']))).toMatch(/certificates.ca\.pem holds no certificate/);
    writeFileSync(project.path('certificates', 'ca.pem'), makeAuthority().certificate);
    expect(await failure(declare(raw, ['coach:database']))).toBe('none');
  });

  it('is drawn offline: TLS as declared, the password nowhere, nothing read of this machine', async () => {
    project.set('database', settings({ caFile: 'certificates/none.pem' }), 'dev');
    const { code, report, stdout, stderr } = await project.json(['graph', '--stack', 'dev']);
    expect(code, stderr).toBe(0);
    const resources = report['resources'] as { type: string; name: string; inputs: Record<string, unknown> }[];
    const provider = resources.find(({ type }) => type === 'pulumi:providers:postgresql');
    expect(provider?.inputs).toMatchObject({
      host: ANOTHER_MACHINE,
      sslmode: 'verify-full',
      sslrootcert: '../../certificates/none.pem',
      password: '[secret]',
    });
    const connections = resources.flatMap(({ inputs }) => ('connection' in inputs ? [inputs['connection']] : []));
    expect(connections.length).toBeGreaterThan(8);
    for (const connection of connections)
      expect(connection).toMatchObject({
        sslMode: 'verify-full',
        caFile: 'certificates/none.pem',
        password: '[secret]',
      });
    expect(resources.some(({ name }) => name === 'password-postgres')).toBe(false);
    expect(report['outputs']).toMatchObject({ sslMode: 'verify-full', caFile: 'certificates/none.pem' });
    expect(stdout).not.toContain(SECRET.secure);
  });
});

describe.skipIf(binaries === undefined)('a server that takes TLS alone', { timeout: 300_000 }, () => {
  const authority = makeAuthority();
  let server: TestCluster;
  let stack: Stacks.Stack;
  let state: ResourceState[] = [];

  function deploy(more: { dryRun?: boolean; caFile?: string } = {}): Promise<Apply.RunResult> {
    const caFile = more.caFile ?? 'certificates/ca.pem';
    project.set('database', settings({ port: server.port, caFile }), 'dev');
    const database = settings({ port: server.port, caFile, adminPassword: PASSWORD });
    return apply().runDeployment({
      program: {
        ...stack.program,
        config: { ...stack.program.config, 'coach:database': JSON.stringify(database) },
        secretKeys: ['coach:database'],
      },
      olds: Promise.resolve(state),
      dryRun: more.dryRun === true,
      refreshes: () => true,
      replace: new Set(),
      save: () => Promise.resolve(),
      approve: () => Promise.resolve(true),
      onChange: () => undefined,
      onLog: () => undefined,
      now: () => new Date(),
      signal: new AbortController().signal,
    });
  }

  beforeAll(async () => {
    server = await startTlsServer(binaries ?? '', authority, PASSWORD);
    writeFileSync(project.path('certificates', 'ca.pem'), authority.certificate);
    writeFileSync(project.path('certificates', 'other.pem'), makeAuthority('Other').certificate);
    project.set('database', settings({ port: server.port }), 'dev');
    stack = stacks().openStack(contextOf());
  }, 60_000);
  afterAll(() => server.stop());

  const contextOf = (): CommandContext => commandContext({ root: project.root, stack: 'dev', engine: 'embedded' });

  it('is brought up through every connection of provider and handlers, and is unchanged after that', async () => {
    const wrong = await deploy({ caFile: 'certificates/other.pem' });
    expect(wrong.result.problems.map(({ code }) => code)).toContain('tls-authority');
    const up = await deploy();
    expect(up.result.problems).toEqual([]);
    expect(up.result.counts.create).toBeGreaterThan(30);
    state = up.resources;
    const again = await deploy({ dryRun: true });
    expect(again.result.problems).toEqual([]);
    expect(again.result.changes.filter(({ operation }) => operation !== 'same')).toEqual([]);
  });

  it('is what the commands read from the state, where the password stands encrypted', async () => {
    const context = contextOf();
    const stored = await states().readOrCreateState(context, stack);
    await stored.save(state);
    const text = readFileSync(stored.paths.checkpoint, 'utf8');
    expect(text).not.toContain(PASSWORD);
    expect(text).not.toContain(JSON.stringify(PASSWORD).slice(1, -1));
    const run = async (...args: string[]): Promise<string> => {
      const own = args.includes('--') ? args.indexOf('--') : args.length;
      const named = [...args.slice(0, own), '--stack', 'dev', ...args.slice(own)];
      const { code, stdout, stderr } = await project.run(named, {
        PATH: `${binaries}:${process.env['PATH']}`,
        PGSSLMODE: 'disable',
        PGSSLROOTCERT: '/nowhere',
        NODE_TLS_REJECT_UNAUTHORIZED: '1',
      });
      expect(code, `${args.join(' ')}: ${stdout}${stderr}`).toBe(0);
      expect(stdout + stderr).not.toContain(PASSWORD);
      return stdout;
    };
    await run('deploy', '--yes');
    await run('audit');
    await run('audit', 'maintain');
    await run('audit', 'verify');
    // The npm package's PostgreSQL comes without it.
    if (!existsSync(join(binaries ?? '', 'psql'))) return;
    const ssl = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()';
    expect(await run('psql', '--', '-XAtc', ssl)).toBe('t\n');
    expect(await run('psql', '--role', 'postgres', '--', '-XAtc', `${ssl} AND current_user = 'postgres'`)).toBe('t\n');
  });

  /** What the application's own pool says of its connection. */
  async function ofApplication(url: string): Promise<unknown[]> {
    const pool = new ApplicationPool(poolSettings({ DATABASE_URL: url, DATABASE_POOL_MIN: '0' }));
    try {
      return (await pool.query<{ ssl: boolean }>('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()')).rows;
    } finally {
      await pool.close();
    }
  }

  it('is what `env` tells the application, for its driver and for Prisma', async () => {
    const { report } = await project.json(['env', '--stack', 'dev']);
    const { DATABASE_URL = '', DIRECT_URL = '' } = report['variables'] as Record<string, string>;
    const caFile = project.path('certificates', 'ca.pem');
    expect(await ofApplication(DATABASE_URL)).toEqual([{ ssl: true }]);
    await expect(ofApplication(DATABASE_URL.replace(ANOTHER_MACHINE, '127.0.0.1'))).rejects.toThrow(/127\.0\.0\.1/);
    expect(Object.fromEntries(new URL(DATABASE_URL).searchParams)).toEqual({
      sslmode: 'verify-full',
      sslrootcert: caFile,
    });
    expect(Object.fromEntries(new URL(DIRECT_URL).searchParams)).toEqual({
      sslmode: 'require',
      sslaccept: 'strict',
      sslcert: caFile,
    });
  });

  it('is refused by a state from before, which says nothing of TLS', async () => {
    const stored = await states().readOrCreateState(contextOf(), stack);
    const isTls = ([key]: [string, unknown]): boolean => key === 'sslMode' || key === 'caFile';
    const before = state.map((resource) => {
      if (resource.type !== 'pulumi:pulumi:Stack') return resource;
      return {
        ...resource,
        outputs: Object.fromEntries(Object.entries(resource.outputs).filter((entry) => !isTls(entry))),
      };
    });
    await stored.save(before);
    for (const command of ['env', 'audit']) {
      const [problem] = await refused(
        [command, '--stack', 'dev'].filter((word) => word !== '--engine'),
        3,
      );
      expect(problem).toMatchObject({ code: 'tls-required' });
    }
  });
});
