import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { embeddedBinaries } from '../support/cluster';
import { deployedProject } from '../support/deployed';
import { TestProject } from '../support/project';
import { as, changesOf, checkpointOf, isRoot, ownPackage, refused, stateOf } from './support';

const projects: TestProject[] = [];
afterAll(async () => {
  for (const project of projects) await project.remove();
});

async function deployed(prefix?: string): Promise<TestProject> {
  const project = await deployedProject(prefix ?? 'coach-folder-');
  projects.push(project);
  return project;
}

/** The project that lies in another folder. */
function projectAt(root: string): TestProject {
  return Object.assign(Object.create(TestProject.prototype) as TestProject, { root });
}

function copyOf(project: TestProject): TestProject {
  const copy = projectAt(`${project.root}-copy-${projects.length}`);
  execFileSync('cp', ['-a', project.root, copy.root]);
  projects.push(copy);
  return copy;
}

interface Server {
  status: string;
  pid: number | null;
  port: number;
  dataDirectory: string;
  logFile: string;
  notice: string | null;
}

async function serverOf(project: TestProject): Promise<Server> {
  const { code, report, stderr } = await project.json(['status']);
  expect(code, stderr).toBe(0);
  // How full the disk is is no matter of the server's.
  return { ...(report['server'] as Server), freeBytes: 0 } as Server;
}

/** A table in a database of which nothing is declared. */
const mark = (project: TestProject, table: string): Promise<unknown> =>
  as(project, 'postgres', undefined, (client) => client.query(`CREATE TABLE ${table} ()`), 'postgres');
const has = (project: TestProject, table: string): Promise<boolean> =>
  as(
    project,
    'postgres',
    undefined,
    async (client) => {
      const { rows } = await client.query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [table]);
      return rows[0]?.there === true;
    },
    'postgres',
  );
const identityOf = async (project: TestProject): Promise<unknown> =>
  (await stateOf(project)).find(({ type }) => type.endsWith('coach:Server'))?.outputs['identity'];

/** What `command` says without an engine to choose. */
async function problemsOf(project: TestProject, ...command: string[]): Promise<{ code: string; remedy: string }[]> {
  const { report } = await project.json(command);
  return report['problems'] as { code: string; remedy: string }[];
}

describe('a copied folder', { timeout: 300_000 }, () => {
  it('taken from a running server is told that its data is torn, and touches nothing of the original', async () => {
    const one = await deployed();
    await mark(one, 'kept');
    const before = await serverOf(one);
    const two = copyOf(one);
    expect((await serverOf(two)).status).toBe('stopped');
    expect((await serverOf(two)).notice).toContain(one.path('.coachdb', 'local'));
    for (const args of [['up', '--yes'], ['start'], ['preview'], ['refresh']]) {
      const [problem] = await refused(two, args, 3);
      expect(problem, args[0]).toMatchObject({ code: 'copy-torn' });
      expect(problem?.remedy).toMatch(/copy again/);
    }
    for (const command of [['env'], ['deploy', '--dry-run'], ['audit']])
      expect(await problemsOf(two, ...command), command[0]).toMatchObject([{ code: 'copy-torn' }]);
    expect((await two.run(['destroy', '--yes'])).code).toBe(0);
    const removal = ['destroy', '--yes', '--stack', 'local', '--delete-data', 'inclusive_ai', '--engine', 'embedded'];
    expect(await two.run(removal)).toMatchObject({ code: 0 });
    expect(existsSync(two.path('.coachdb', 'local', 'data'))).toBe(false);
    expect(await serverOf(one)).toEqual(before);
    expect(await has(one, 'kept')).toBe(true);
    // What the remedy names: a new, empty one.
    expect((await two.run(['start', '--yes', '--engine', 'embedded'])).code).toBe(0);
    expect(await has(two, 'kept')).toBe(false);
    expect((await serverOf(two)).port).not.toBe(before.port);
    expect((await serverOf(one)).pid).toBe(before.pid);
  });

  it('taken from a stopped server goes on with its own copy, on a port of its own', async () => {
    const one = await deployed();
    await mark(one, 'before_copy');
    await one.run(['destroy', '--yes']);
    const two = copyOf(one);
    expect(await problemsOf(two, 'env')).toMatchObject([{ code: 'copy-unused' }]);
    expect((await refused(two, ['refresh'], 3))[0]).toMatchObject({ code: 'copy-unused' });
    await changesOf(one, 'up');
    const before = await serverOf(one);
    const started = await two.run(['start', '--engine', 'embedded']);
    expect(started.code, started.stderr).toBe(0);
    expect(started.stderr).toContain(`This folder came from ${one.path('.coachdb', 'local')}`);
    const after = await serverOf(two);
    expect(after).toMatchObject({ status: 'running', notice: null });
    expect(after.dataDirectory).toBe(two.path('.coachdb', 'local', 'data'));
    expect(after.port).not.toBe(before.port);
    expect(await has(two, 'before_copy')).toBe(true);
    await mark(two, 'only_here');
    expect(await has(one, 'only_here')).toBe(false);
    expect(await identityOf(two)).toBe(await identityOf(one));
    expect([...(await changesOf(two, 'up')).keys()]).toEqual([]);
    await two.run(['destroy', '--yes']);
    expect(await serverOf(one)).toEqual(before);
  });

  it('of a state from before paths were relative is told too, and the original gets an identity', async () => {
    const one = await deployed();
    makeOld(one);
    const two = copyOf(one);
    const [problem] = await refused(two, ['up', '--yes'], 3);
    expect(problem).toMatchObject({ code: 'copy-torn' });
    await two.run(['destroy', '--yes']);
    expect((await serverOf(one)).status).toBe('running');
    const data = one.path('.coachdb', 'local', 'data');
    expect((await serverOf(one)).dataDirectory).toBe(data);
    await changesOf(one, 'up');
    expect(await identityOf(one)).toMatch(/^\d{19}$/);
    expect(JSON.stringify(readFileSync(checkpointOf(one), 'utf8'))).not.toContain(one.root);
  });
});

/** The server's entry as states had it: absolute paths, and no word of whose the data is. */
function makeOld(project: TestProject): void {
  const file = JSON.parse(readFileSync(checkpointOf(project), 'utf8')) as {
    checkpoint: { latest: { resources: { type: string; [place: string]: unknown }[] } };
  };
  const home = project.path('.coachdb', 'local');
  const paths = { dataDirectory: join(home, 'data'), logDirectory: join(home, 'logs'), packageRoot: project.root };
  const actual = { actualDataDirectory: paths.dataDirectory, actualLogDirectory: paths.logDirectory };
  for (const resource of file.checkpoint.latest.resources) {
    if (!resource.type.endsWith('coach:Server')) continue;
    const outputs = { ...(resource['outputs'] as Record<string, unknown>) };
    delete outputs['identity'];
    resource['inputs'] = { ...(resource['inputs'] as object), ...paths };
    resource['outputs'] = { ...outputs, ...paths, ...actual, binariesDirectory: '/nowhere/bin' };
    resource['id'] = paths.dataDirectory;
  }
  writeFileSync(checkpointOf(project), JSON.stringify(file));
  rmSync(join(paths.dataDirectory, 'coachdb-owner.json'));
}

describe('a moved folder', { timeout: 300_000 }, () => {
  it('just works, of an older state too', async () => {
    const one = await deployed();
    await mark(one, 'kept');
    makeOld(one);
    const { pid } = await serverOf(one);

    // While it runs: what is asked about it is answered, and it can be stopped.
    const two = projectAt(`${one.root}-moved`);
    renameSync(one.root, two.root);
    projects.push(two);
    expect(await serverOf(two)).toMatchObject({ status: 'running', pid, notice: null });
    expect(await problemsOf(two, 'env')).toEqual([]);
    expect(await has(two, 'kept')).toBe(true);
    expect((await two.run(['destroy', '--yes'])).code).toBe(0);
    expect((await serverOf(two)).status).toBe('stopped');

    // Stopped: refresh starts it where it is now.
    const refreshed = await two.run(['refresh', '--engine', 'embedded']);
    expect(refreshed.code, refreshed.stderr).toBe(0);
    expect(await has(two, 'kept')).toBe(true);
    expect((await serverOf(two)).logFile.startsWith(two.root)).toBe(true);
    expect((await two.run(['preview', '--engine', 'embedded', '--detailed-exitcode'])).code).not.toBe(1);
    await changesOf(two, 'up');
    expect([...(await changesOf(two, 'up')).keys()]).toEqual([]);
    expect(existsSync(one.root)).toBe(false);
    expect(readFileSync(checkpointOf(two), 'utf8')).not.toContain(two.root);

    // While it runs, and brought up there: restarted, since it would load libraries from the former path.
    const three = projectAt(`${one.root}-again`);
    renameSync(two.root, three.root);
    projects.push(three);
    const changes = await changesOf(three, 'up');
    expect([...changes.keys()]).toEqual(['server']);
    expect(await has(three, 'kept')).toBe(true);
  });
});

describe('a moved folder whose server runs the npm binaries in it', { timeout: 300_000 }, () => {
  it('is told, previewed, refreshed and brought up, though the server finds its files no more', async (context) => {
    if (embeddedBinaries() === undefined) return context.skip('npm left the optional package out');
    const one = new TestProject('coach-folder-');
    projects.push(one);
    ownPackage(one);
    one.set('server', { port: 'auto', binaries: 'embedded' });
    await changesOf(one, 'up');
    await mark(one, 'kept');

    const two = projectAt(`${one.root}-moved`);
    renameSync(one.root, two.root);
    projects.push(two);
    const [problem] = await problemsOf(two, 'audit');
    expect(problem).toMatchObject({ code: 'server-left-behind' });
    expect(problem?.remedy).toContain('npm start');
    expect([...(await changesOf(two, 'preview')).keys()]).toEqual(['server']);
    const refreshed = await two.run(['refresh', '--engine', 'embedded']);
    expect(refreshed.code, refreshed.stderr).toBe(0);
    expect(await has(two, 'kept')).toBe(true);

    const three = projectAt(`${one.root}-again`);
    renameSync(two.root, three.root);
    projects.push(three);
    expect([...(await changesOf(three, 'start')).keys()]).toEqual(['server']);
    expect(await has(three, 'kept')).toBe(true);
    expect([...(await changesOf(three, 'up')).keys()]).toEqual([]);
  });
});

describe('data that is gone while the state is there', { timeout: 300_000 }, () => {
  it('is refused without --yes, counted as it is by the preview, and made anew with --yes', async () => {
    const project = await deployed();
    const made = (await stateOf(project)).filter(({ custom, deletedWith, type }) => {
      return custom && (deletedWith !== undefined || type.endsWith('coach:Server'));
    });
    await project.run(['destroy', '--yes']);
    rmSync(project.path('.coachdb', 'local', 'data'), { recursive: true });
    for (const args of [['start'], ['up'], ['refresh', '--yes'], ['destroy', '--yes']]) {
      const [problem] = await refused(project, args, 3);
      expect(problem, args[0]).toMatchObject({ code: 'data-directory-lost' });
      expect(problem?.remedy).toContain('`npm start -- --yes`');
    }
    const preview = await project.json(['preview', '--engine', 'embedded']);
    expect(preview.code).toBe(3);
    expect(preview.report['problems']).toMatchObject([{ code: 'data-directory-lost' }]);
    expect(preview.report['counts']).toMatchObject({ create: made.length, delete: 0, replace: 0 });
    expect(existsSync(project.path('.coachdb', 'local', 'data'))).toBe(false);

    const anew = await project.json(['start', '--yes', '--engine', 'embedded']);
    expect(anew.code, anew.stderr).toBe(0);
    expect(anew.report['counts']).toMatchObject({ create: made.length });
    expect([...(await changesOf(project, 'up')).keys()]).toEqual([]);
  });
});

describe('the port', { timeout: 300_000 }, () => {
  it('that a stranger took while the server was stopped is given up, and the stranger never talked to', async () => {
    const project = await deployed();
    await project.run(['destroy', '--yes']);
    const { port } = project;
    const received: string[] = [];
    const stranger = createServer((socket) => {
      // A server that asks for the password in clear text would be told it.
      socket.on('data', (bytes) => received.push(bytes.toString('hex')));
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => stranger.listen(port, '127.0.0.1', resolve));
    try {
      for (const command of [['deploy', '--dry-run'], ['audit']])
        expect(await problemsOf(project, ...command)).toMatchObject([{ code: 'server-stopped' }]);
      expect((await refused(project, ['refresh', '--yes'], 1))[0]).toMatchObject({ code: 'port-taken' });
      expect((await project.run(['preview', '--engine', 'embedded'])).code).toBe(0);
      const started = await project.run(['start', '--engine', 'embedded']);
      expect(started.code, started.stderr).toBe(0);
      expect(project.port).not.toBe(port);
      expect((await serverOf(project)).port).toBe(project.port);
      expect(received).toEqual([]);
      expect([...(await changesOf(project, 'up')).keys()]).toEqual([]);
    } finally {
      await new Promise((resolve) => stranger.close(resolve));
    }
  });

  it('is another one for each of two folders that are started at the same moment', async () => {
    const both = [new TestProject('coach-folder-'), new TestProject('coach-folder-')];
    projects.push(...both);
    const [first] = both;
    for (const project of both) writeFileSync(project.path('.coachdb', 'local', 'port'), `${first?.port ?? 0}\n`);
    const results = await Promise.all(both.map((project) => project.run(['start', '--engine', 'embedded'])));
    expect(
      results.map(({ code }) => code),
      results.map(({ stderr }) => stderr).join('\n'),
    ).toEqual([0, 0]);
    const ports = await Promise.all(both.map(async (project) => (await serverOf(project)).port));
    expect(new Set(ports).size).toBe(2);
    for (const project of both) await mark(project, 'mine');
  });
});

describe('the system folder', { timeout: 300_000 }, () => {
  it('keeps each checkout’s data from its copies, and from a new checkout where it was', async (context) => {
    if (!isRoot) return context.skip('only root’s data may lie there');
    const closed = mkdtempSync(join(tmpdir(), 'closed-'));
    try {
      const one = new TestProject(join(basename(closed), 'coach-folder-'));
      projects.push(one);
      await changesOf(one, 'up');
      await mark(one, 'kept');
      const before = await serverOf(one);
      expect(before.dataDirectory).toMatch(/^\/var\/lib\/coachdb\//);
      const two = copyOf(one);
      expect((await serverOf(two)).notice).toContain(one.path('.coachdb', 'local'));
      const removal = ['destroy', '--yes', '--stack', 'local', '--delete-data', 'inclusive_ai'];
      let remedy = '';
      for (const args of [['up', '--yes'], ['start'], ['preview'], ['refresh'], ['destroy', '--yes'], removal]) {
        const [problem] = await refused(two, args, 3);
        expect(problem, args[0]).toMatchObject({ code: 'data-directory-owned' });
        expect(problem?.remedy).toContain(two.path('.coachdb', 'local', 'location.json'));
        remedy = problem?.remedy ?? '';
      }
      for (const command of [['env'], ['deploy', '--dry-run'], ['logs']])
        expect(await problemsOf(two, ...command)).toMatchObject([{ code: 'data-directory-owned' }]);
      expect(await serverOf(one)).toEqual(before);

      // As the remedy says: it is about this stack alone.
      writeFileSync(two.path('.coachdb', 'other'), 'of another stack');
      execFileSync('sh', ['-c', /`(rm -f [^`]+)`/.exec(remedy)?.[1] ?? 'false']);
      expect(existsSync(two.path('.coachdb', 'other'))).toBe(true);
      expect(await two.run(['start', '--engine', 'embedded'])).toMatchObject({ code: 0 });
      expect((await serverOf(two)).dataDirectory).not.toBe(before.dataDirectory);

      // Moved away: its data goes on, and a new checkout in its place does not take it.
      const moved = projectAt(`${one.root}-moved`);
      renameSync(one.root, moved.root);
      projects.push(moved);
      const fresh = projectAt(one.root);
      execFileSync('cp', ['-a', moved.root, fresh.root]);
      rmSync(fresh.path('.coachdb'), { recursive: true });
      expect(await fresh.run(['start', '--engine', 'embedded'])).toMatchObject({ code: 0 });
      expect((await serverOf(fresh)).dataDirectory).not.toBe(before.dataDirectory);
      await changesOf(moved, 'up');
      expect(await serverOf(moved)).toMatchObject({ dataDirectory: before.dataDirectory, status: 'running' });
      expect(await has(moved, 'kept')).toBe(true);
      for (const project of [two, fresh, moved])
        expect(await project.run([...removal, '--engine', 'embedded'])).toMatchObject({ code: 0 });
      expect(existsSync(before.dataDirectory)).toBe(false);
    } finally {
      rmSync(closed, { recursive: true, force: true });
    }
  });
});
