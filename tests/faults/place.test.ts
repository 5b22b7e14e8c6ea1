import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { embeddedBinaries, installedBinaries, serverAccount } from '../support/cluster';
import { TestProject } from '../support/project';
import { isRoot, refused } from './support';

let project: TestProject;
let data: string;

beforeAll(() => {
  project = new TestProject();
  data = project.path('.coachdb', 'local', 'data');
});
afterAll(() => project.remove());
afterEach(() => {
  project.set('server', undefined);
  project.set('parameters', undefined);
  rmSync(data, { recursive: true, force: true });
});

/** A data directory as other programs would have made it. */
async function makeData(binaries: string): Promise<void> {
  const account = await serverAccount();
  mkdirSync(data, { recursive: true });
  if (account !== undefined) chownSync(data, account.uid, account.gid);
  const options = { ...account, cwd: '/', env: { LC_ALL: 'C' } };
  const args = ['-D', data, '-U', 'postgres', '-A', 'trust', '-N'];
  execFileSync(join(binaries, 'initdb'), args, { ...options, stdio: 'ignore' });
}

const installed = installedBinaries();
const embedded = embeddedBinaries();
const majorOf = (binaries: string): string => / (\d+)/.exec(version(binaries))?.[1] ?? '';
const version = (binaries: string): string =>
  execFileSync(join(binaries, 'postgres'), ['--version'], { encoding: 'utf8' });

describe('a server that cannot be run here', { timeout: 120_000 }, () => {
  it('names whoever has its port, in the preview and in up, and leaves nothing', async () => {
    const occupant = createServer();
    await new Promise<void>((resolve) => occupant.listen(project.port, '127.0.0.1', resolve));
    project.set('server', { port: project.port });
    try {
      for (const args of [['preview'], ['up', '--yes']]) {
        const [problem] = await refused(project, args, 1);
        expect(problem).toMatchObject({ code: 'port-taken' });
        expect(problem?.message).toContain(`Port ${project.port}`);
        expect(problem?.message).toContain(`process ${process.pid} of`);
        expect(problem?.message).toContain('node');
        expect(problem?.remedy).toContain('coach:server.port set to auto');
        expect(problem?.remedy).not.toMatch(/kill/i);
      }
      expect(existsSync(data)).toBe(false);
    } finally {
      await new Promise((resolve) => occupant.close(resolve));
    }
  });

  it.for([
    { from: embedded, to: installed, choice: 'installed' },
    { from: installed, to: embedded, choice: 'embedded' },
  ])('says how to carry data over to $choice programs of another major', async ({ from, to, choice }, context) => {
    if (from === undefined || to === undefined) return context.skip('needs an installed PostgreSQL and the npm one');
    if (majorOf(from) === majorOf(to)) return context.skip('both are of one major version');
    await makeData(from);
    const before = readFileSync(join(data, 'global', 'pg_control'));
    project.set('server', { binaries: choice });
    const [problem] = await refused(project, ['up', '--yes'], 3);
    expect(problem).toMatchObject({ code: 'major-mismatch' });
    expect(problem?.message).toMatch(new RegExp(`PostgreSQL ${majorOf(from)}.*PostgreSQL ${majorOf(to)}\\.`, 's'));
    for (const way of ['pg_dumpall', 'pg_upgrade', data]) expect(problem?.remedy).toContain(way);
    expect(readFileSync(join(data, 'global', 'pg_control'))).toEqual(before);
  });

  it('does not run data of another account', async (context) => {
    if (!isRoot || installed === undefined) return context.skip('needs root and an installed PostgreSQL');
    await makeData(installed);
    execFileSync('chown', ['-R', 'nobody', data]);
    project.set('server', { account: 'postgres' });
    const [problem] = await refused(project, ['up', '--yes'], 3);
    expect(problem).toMatchObject({ code: 'owner-foreign' });
    expect(problem?.message).toMatch(/belongs to nobody.*run as postgres/s);
    expect(problem?.remedy).toContain(`chown -R postgres ${data}`);
  });

  it('does not take a folder that holds something else', async () => {
    mkdirSync(data);
    writeFileSync(join(data, 'thesis.txt'), 'years of work');
    const [problem] = await refused(project, ['up', '--yes'], 3);
    expect(problem).toMatchObject({ code: 'data-directory-foreign' });
    expect(readFileSync(join(data, 'thesis.txt'), 'utf8')).toBe('years of work');
  });

  it('names the folder of the settings that holds no PostgreSQL, and every way to one', async () => {
    project.set('server', { binaries: '/nonexistent' });
    const [problem] = await refused(project, ['preview'], 64);
    expect(problem).toMatchObject({ code: 'binaries-missing' });
    expect(problem?.message).toMatch(/\/nonexistent.*no initdb and no postgres/s);
    expect(problem?.remedy).toMatch(/apt-get install.*npm ci/s);
  });

  it('names every place it looked at when nothing is installed', (context) => {
    if (!canUnshare()) return context.skip('needs a mount namespace of its own, so root');
    project.set('server', { binaries: 'installed' });
    // Debian's place is hidden, and PATH leads to node alone.
    const script = 'mount -t tmpfs none /usr/lib/postgresql && exec "$0" "$@"';
    const args = [
      process.execPath,
      project.path('scripts', 'coachdb.cjs'),
      'preview',
      '--engine',
      'embedded',
      '--json',
    ];
    let stdout = '';
    try {
      execFileSync('/usr/bin/unshare', ['--mount', '/bin/sh', '-c', script, ...args], {
        cwd: project.root,
        encoding: 'utf8',
        env: { PATH: '/bin:/usr/sbin', HOME: project.root },
      });
    } catch (error) {
      expect(error).toMatchObject({ status: 64 });
      stdout = (error as { stdout: string }).stdout;
    }
    const { problems } = JSON.parse(stdout) as { problems: { code: string; message: string }[] };
    expect(problems).toMatchObject([{ code: 'binaries-missing' }]);
    expect(problems[0]?.message).toMatch(/PATH: no postgres.*\/usr\/lib\/postgresql/s);
  });
});

function canUnshare(): boolean {
  if (!isRoot || !existsSync('/usr/bin/unshare') || !existsSync('/usr/lib/postgresql')) return false;
  try {
    execFileSync('/usr/bin/unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', '/usr/lib/postgresql'], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}
