import { afterAll, beforeAll, expect, it } from 'vitest';

import { TestProject } from '../support/project';

let project: TestProject;
beforeAll(() => {
  project = new TestProject();
});
afterAll(() => project.remove());

it('finishes the step under way, exits 130, and the next run goes on from there', { timeout: 120_000 }, async () => {
  const child = project.start(['start', '--verbose']);
  let progress = '';
  const code = await new Promise<number | null>((resolve) => {
    child.stderr?.on('data', (chunk: Buffer) => {
      progress += chunk.toString('utf8');
      if (/create {3}server/.test(progress) && !progress.includes('Interrupted')) child.kill('SIGINT');
    });
    child.once('exit', resolve);
  });
  expect(code, progress).toBe(130);
  expect(progress).toContain('Interrupted');
  const { report } = await project.json(['start']);
  expect(report).toMatchObject({ status: 'changed', problems: [] });
  const { server, postgres } = Object.fromEntries(
    (report['changes'] as { name: string; type: string; operation: string }[])
      .filter(({ type }) => type.endsWith('coach:Server') || type.endsWith('RandomPassword'))
      .map(({ name, operation }) => [name.replace('password-', ''), operation]),
  );
  expect({ server, postgres }).toEqual({ server: 'same', postgres: 'same' });
});
