import { readdirSync, readFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { deployedProject } from '../support/deployed';
import type { TestProject } from '../support/project';

let project: TestProject;
beforeAll(async () => {
  project = await deployedProject();
}, 120_000);
afterAll(() => project.remove());

interface Entry {
  kind: string;
  result: string;
  resourceChanges: Record<string, number>;
  environment: Record<string, string>;
}

/** The entries `pulumi stack history` reads, oldest first. */
function history(): Entry[] {
  const folder = project.path('.coachdb', 'state', '.pulumi', 'history', 'coach', 'local');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.history.json'))
    .sort()
    .map((name) => JSON.parse(readFileSync(`${folder}/${name}`, 'utf8')) as Entry);
}

describe('the history of a stack', { timeout: 120_000 }, () => {
  it('has each run of this engine that changed something, in Pulumi’s own format', async () => {
    expect((await project.run(['start', '--engine', 'embedded'])).code).toBe(0);
    expect(history()).toMatchObject([{ kind: 'update', result: 'succeeded', environment: { 'exec.kind': 'coachdb' } }]);
    expect(history()[0]?.resourceChanges['create']).toBeGreaterThan(40);
    expect(history()[0]?.resourceChanges).not.toHaveProperty('same');
    project.set('parameters', { work_mem: '6MB' });
    expect((await project.run(['up', '--yes', '--engine', 'embedded'])).code).toBe(0);
    expect(history().map(({ resourceChanges }) => resourceChanges['update'])).toEqual([undefined, 1]);
  });
});
