import { existsSync, readFileSync, renameSync } from 'node:fs';

import { afterAll, describe, expect, it } from 'vitest';

import { embeddedBinaries } from '../support/cluster';
import { TestProject } from '../support/project';
import { deployed, has, makeOld, mark, problemsOf, projectAt, projects, removeProjects, serverOf } from './folders';
import { changesOf, checkpointOf, ownPackage } from './support';

afterAll(removeProjects);

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
