import { execFile } from 'node:child_process';
import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { freePort } from '../support/cluster';
import { deployedProject } from '../support/deployed';
import type { TestProject } from '../support/project';
import { refused } from './support';

const EMBEDDED = ['--engine', 'embedded'];

let project: TestProject;
beforeAll(async () => {
  project = await deployedProject('coach-destroy-');
  copyFileSync(project.path('Pulumi.local.yaml'), project.path('Pulumi.staging.yaml'));
  project.set('server', { port: await freePort(), binaries: 'auto' }, 'staging');
  const { code, stderr } = await project.run(['up', '--yes', '--stack', 'staging', ...EMBEDDED]);
  expect(code, stderr).toBe(0);
}, 240_000);
afterAll(async () => {
  await project.run(['destroy', '--yes', '--stack', 'staging']);
  await project.remove();
});

const dataOf = (stack: string): boolean => existsSync(project.path('.coachdb', stack, 'data', 'PG_VERSION'));

/** A run on a terminal where these answers are typed. */
async function typing(stack: string, answers: string[]): Promise<unknown> {
  const args = [join(__dirname, 'typing.cjs'), project.root, stack, JSON.stringify(answers)];
  return JSON.parse((await promisify(execFile)(process.execPath, args)).stdout);
}

describe('a stack beside the local one', () => {
  it('has its name in every command that is printed for it', async () => {
    const stopped = await project.run(['destroy', '--yes', '--stack', 'staging']);
    expect(stopped).toMatchObject({ code: 0 });
    expect(stopped.stdout).toContain('`npm run up -- --stack staging`');
    expect(stopped.stdout).toContain('`npm run coachdb -- destroy --stack staging --delete-data inclusive_ai`');
    const { report } = await project.json(['deploy', '--dry-run', '--stack', 'staging']);
    const [gone] = report['problems'] as { remedy: string }[];
    expect(gone?.remedy).toContain('--stack staging');
    expect(gone?.remedy).not.toMatch(/npm start|`npm run (?![^`]*--stack staging)/);
  });

  it('has it in what a handler says too, which plain Pulumi would print as it is', async () => {
    project.set('server', { port: await freePort(), binaries: 'auto', dataDirectory: '/nowhere/data' }, 'staging');
    const before = project.path('.coachdb', 'staging', 'data');
    const [moved] = await refused(project, ['up', '--yes', '--stack', 'staging'], 64);
    expect(moved).toMatchObject({ code: 'data-directory-changed' });
    expect(moved?.message).toContain(before);
    expect(moved?.remedy).toContain('`npm run coachdb -- destroy --stack staging`');
    project.set('server', { port: await freePort(), binaries: 'auto' }, 'staging');
  });
});

describe('destroy --delete-data', () => {
  it.each([
    ['no names', ['--delete-data'], 'names-needed'],
    ['no stack', ['--delete-data', 'inclusive_ai'], 'names-needed'],
    ['no database', ['--stack', 'local', '--delete-data'], 'names-needed'],
    ['another database', ['--stack', 'local', '--delete-data', 'other'], 'name-mismatch'],
  ])('removes nothing with --yes and %s', async (_what, flags, code) => {
    const [problem] = await refused(project, ['destroy', '--yes', ...flags], 3);
    expect(problem).toMatchObject({ code });
    expect(problem?.remedy).toContain('`npm run coachdb -- destroy --stack local --delete-data inclusive_ai');
    expect([dataOf('local'), dataOf('staging')]).toEqual([true, true]);
  });

  it.each([
    [['y'], 1],
    [['local', 'inclusive_ai'], 1],
    [['staging', 'staging'], 2],
  ])('removes nothing where %j is typed', async (answers, asked) => {
    expect(await typing('staging', answers)).toEqual({ asked, code: 'name-mismatch' });
    expect(dataOf('staging')).toBe(true);
  });

  it('removes the stack whose name and database are typed, and no other', async () => {
    expect(await typing('staging', ['staging', 'inclusive_ai'])).toEqual({ asked: 2, exitCode: 0 });
    expect([dataOf('local'), dataOf('staging')]).toEqual([true, false]);
    const { code, report } = await project.json(['status']);
    expect(code).toBe(0);
    expect(report['server']).toMatchObject({ status: 'running' });
  });

  it('removes what both flags name', async () => {
    const flags = ['--stack', 'local', '--delete-data', 'inclusive_ai'];
    expect(await project.run(['destroy', '--yes', ...flags])).toMatchObject({ code: 0 });
    expect(dataOf('local')).toBe(false);
  });
});
