import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { TestProject } from '../support/project';
import { copyOf, has, mark, problemsOf, projectAt, projects, removeProjects, serverOf } from './folders';
import { changesOf, isRoot, refused } from './support';

afterAll(removeProjects);

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
