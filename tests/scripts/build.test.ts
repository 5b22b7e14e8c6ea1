import { readFileSync, writeFileSync } from 'node:fs';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { TestProject } from '../support/project';

let project: TestProject;
beforeAll(() => {
  project = new TestProject();
});
afterAll(() => project.remove());

it.each(['postgres/tuning/parameters.json', 'postgres/audit/sql/resume.sql', 'system/errors.ts'])(
  'a changed %s is built before the next command runs, and once',
  { timeout: 120_000 },
  async (file) => {
    const text = `${readFileSync(project.path(file), 'utf8')}\n`;
    writeFileSync(project.path(file), text);
    expect((await project.run(['--help'])).stderr).toContain('The sources changed since the last build: building.');
    if (!file.endsWith('.ts')) expect(readFileSync(project.path('dist', file), 'utf8')).toBe(text);
    expect((await project.run(['--help'])).stderr).toBe('');
  },
);
