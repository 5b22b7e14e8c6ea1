import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { addRetiredGrant, as, checkpointOf, withoutLoader } from '../faults/support';
import { deployedProject } from '../support/deployed';
import type { TestProject } from '../support/project';
import { missingPulumi } from '../support/pulumi';
import { typed, typedThroughNpm } from './typed';

const reason = missingPulumi();
if (reason !== undefined) process.stderr.write(`skipped: Pulumi on a state of an older version (${reason})\n`);

const UP = ['up', '--yes', '--skip-preview'];
let project: TestProject;

const reads = (): Promise<unknown> =>
  as(project, 'inclusive', undefined, (client) => client.query('SELECT FROM "User"'));

describe.skipIf(reason !== undefined)('Pulumi on a state of an older version', { timeout: 300_000 }, () => {
  beforeAll(async () => {
    project = await deployedProject();
  }, 120_000);
  afterAll(() => project.remove());

  it('alone is refused before it takes the application its rights', async () => {
    addRetiredGrant(project);
    const before = readFileSync(checkpointOf(project), 'utf8');
    const up = await typed(project, ...UP);
    expect(up.code).not.toBe(0);
    expect(up.text).toMatch(/older version of this project.*npm run pulumi -- up.*\[state-unsettled/s);
    expect(before).toContain('TableGrants$postgresql');
    expect(readFileSync(checkpointOf(project), 'utf8')).toContain('TableGrants$postgresql');
    await reads();
  });

  it('through npm goes on, and the application has its rights after the first run', async () => {
    const up = await typedThroughNpm(project, ...UP);
    expect(up.code, up.text).toBe(0);
    expect(readFileSync(checkpointOf(project), 'utf8')).not.toContain('TableGrants');
    await reads();
    const alone = await typed(project, 'preview', '--expect-no-changes');
    expect(alone.code, alone.text).toBe(0);
  });

  it('makes the role for loads that it lacks, which may suspend the trail then', async () => {
    await withoutLoader(project);
    const up = await typed(project, ...UP);
    expect(up.code, up.text).toBe(0);
    await as(project, 'coach_loader', undefined, (client) => client.query(`SELECT audit.suspend('load')`));
    const again = await typed(project, 'preview', '--expect-no-changes');
    expect(again.code, again.text).toBe(0);
    const { code, report } = await project.json(['preview', '--engine', 'embedded']);
    expect([code, report['counts']]).toMatchObject([0, { create: 0, update: 0, replace: 0, delete: 0 }]);
  });

  it('does the same with a compressed one', async () => {
    addRetiredGrant(project);
    const plain = checkpointOf(project);
    writeFileSync(`${plain}.gz`, gzipSync(readFileSync(plain)));
    rmSync(plain);
    const alone = await typed(project, ...UP);
    expect(alone.text).toMatch(/\[state-unsettled/);
    const up = await typedThroughNpm(project, ...UP);
    expect(up.code, up.text).toBe(0);
    await reads();
    const files = [plain, `${plain}.gz`].flatMap((path) => {
      try {
        const bytes = readFileSync(path);
        return [(path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')];
      } catch {
        return [];
      }
    });
    expect(files.join('')).not.toBe('');
    expect(files.join('')).not.toContain('TableGrants');
  });
});
