import { existsSync, readFileSync } from 'node:fs';

import { afterAll, describe, expect, it } from 'vitest';

import { copyOf, deployed, has, identityOf, makeOld, mark, problemsOf, removeProjects, serverOf } from './folders';
import { changesOf, checkpointOf, refused } from './support';

afterAll(removeProjects);

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
