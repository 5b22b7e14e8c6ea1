import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';

import { afterAll, describe, expect, it } from 'vitest';

import { TestProject } from '../support/project';
import { deployed, mark, problemsOf, projects, removeProjects, serverOf } from './folders';
import { changesOf, refused, stateOf } from './support';

afterAll(removeProjects);

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
