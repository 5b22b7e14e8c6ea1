import { spawn } from 'node:child_process';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { expectNothingDoubled } from '../faults/support';
import { TestProject } from '../support/project';
import { missingPulumi, PULUMI_ENVIRONMENT } from '../support/pulumi';
import { typedThroughNpm } from './typed';

const reason = missingPulumi();
if (reason !== undefined)
  process.stderr.write(`skipped: runs that were killed go on with the other engine (${reason})\n`);

/** With COACH_CHAOS=1 (`npm run test:chaos`) each run is killed one step after the one before it. */
const EVERY = process.env['COACH_CHAOS'] === '1';

/** A command line, what it says when a step is done, and how many steps it gets. */
interface Killed {
  args: string[];
  done: RegExp;
}
const EMBEDDED: Killed = {
  args: ['up', '--yes', '--engine', 'embedded', '--verbose'],
  done: /^ {2}(create|update|replace|delete) /gm,
};
const PULUMI: Killed = {
  args: ['pulumi', 'up', '--yes', '--skip-preview', '--non-interactive'],
  done: / (created|updated|replaced|deleted) \(/gm,
};
const SAMPLE: [Killed, number][] = [
  [EMBEDDED, 9],
  [PULUMI, 2],
  [EMBEDDED, 3],
  [PULUMI, 9],
  [EMBEDDED, 8],
];

let project: TestProject;

/** Kills the run and whatever it started after that many steps; false: it ended before. */
async function killAfter({ args, done }: Killed, steps: number): Promise<boolean> {
  const child = spawn(process.execPath, [project.path('scripts', 'coachdb.cjs'), ...args], {
    cwd: project.root,
    env: { ...process.env, ...PULUMI_ENVIRONMENT },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let text = '';
  let killed = false;
  const hear = (chunk: Buffer): void => {
    text += chunk.toString('utf8');
    if (killed || (text.match(done) ?? []).length < steps) return;
    killed = true;
    process.kill(-(child.pid ?? 0), 'SIGKILL');
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  if (!killed) expect(code, text).toBe(0);
  // Its lock is Pulumi's to take away.
  if (killed && args[0] === 'pulumi') expect((await typedThroughNpm(project, 'cancel', '--yes')).code).toBe(0);
  return killed;
}

describe.skipIf(reason !== undefined)('a killed run', { timeout: 1_800_000 }, () => {
  beforeAll(() => {
    project = new TestProject();
  });
  afterAll(() => project.remove());

  it('goes on with the other engine wherever it was killed, and ends in one state', async () => {
    const runs = EVERY
      ? Array.from({ length: 400 }, (_, at) => [at % 2 === 0 ? EMBEDDED : PULUMI, 1] as const)
      : SAMPLE;
    let killed = 0;
    for (const [which, steps] of runs) {
      if (!(await killAfter(which, steps))) break;
      killed += 1;
    }
    expect(killed).toBeGreaterThanOrEqual(SAMPLE.length - 1);
    const up = await typedThroughNpm(project, 'up', '--yes', '--skip-preview');
    expect(up.code, up.text).toBe(0);
    for (const engine of ['embedded', 'pulumi']) {
      const { report, stderr } = await project.json(['up', '--yes', '--engine', engine], PULUMI_ENVIRONMENT);
      expect(report, stderr).toMatchObject({ status: 'ok', counts: { create: 0, update: 0, replace: 0, delete: 0 } });
    }
    await expectNothingDoubled(project);
  });

  it('of Pulumi that was interrupted ends at a safe point with 130, and the embedded engine goes on', async () => {
    expect((await project.run(['destroy', '--stack', 'local', '--delete-data', 'inclusive_ai', '--yes'])).code).toBe(0);
    const child = project.start(['up', '--yes', '--engine', 'pulumi', '--verbose'], PULUMI_ENVIRONMENT);
    let progress = '';
    const code = await new Promise<number | null>((resolve) => {
      child.stderr?.on('data', (chunk: Buffer) => {
        progress += chunk.toString('utf8');
        if (/^ {2}create {3}role-/m.test(progress) && !progress.includes('Interrupted')) child.kill('SIGINT');
      });
      child.once('exit', resolve);
    });
    expect(code, progress).toBe(130);
    expect(progress).toContain('Interrupted');
    const { code: next, report } = await project.json(['up', '--yes', '--engine', 'embedded']);
    expect({ next, problems: report['problems'] }).toEqual({ next: 0, problems: [] });
    const { report: again } = await project.json(['up', '--yes', '--engine', 'pulumi'], PULUMI_ENVIRONMENT);
    expect(again).toMatchObject({ status: 'ok', counts: { create: 0, update: 0, replace: 0, delete: 0 } });
    await expectNothingDoubled(project);
  });
});
