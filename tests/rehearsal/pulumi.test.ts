import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { missingPulumi, PULUMI, PULUMI_ENVIRONMENT } from '../support/pulumi';
import { missing } from './emulators';
import { type PulumiProvider, servePulumiProvider } from './pulumiProvider';
import type { Rehearsal } from './rehearsal';
import { type RehearsalWithServer, startWithServer } from './withServer';

const pulumi = missingPulumi(['random']);
const absent = missing('ministack', 'moto') || (pulumi === undefined ? '' : ` (skipped: ${pulumi})`);

interface Step {
  op: string;
  urn: string;
}

describe.skipIf(absent !== '')(`prod through Pulumi's engine${absent}`, { timeout: 600_000 }, () => {
  let rehearsal: RehearsalWithServer;
  let prod: Rehearsal;
  let provider: PulumiProvider;
  beforeAll(async () => {
    rehearsal = await startWithServer();
    ({ prod } = rehearsal);
    const { aws } = prod.packages();
    if (aws === undefined) throw new Error('no stand-in');
    provider = await servePulumiProvider(aws, '7.48.0');
    mkdirSync(prod.project.path('.coachdb', 'state'), { recursive: true });
    expect(await typed('stack', 'init', 'prod')).toMatchObject({ code: 0 });
  });
  afterAll(async () => {
    provider.stop();
    await rehearsal.stop();
  });

  function typed(...args: string[]): Promise<{ code: number; stdout: string; text: string }> {
    const env = {
      ...process.env,
      ...PULUMI_ENVIRONMENT,
      PATH: `${dirname(PULUMI ?? '')}:${process.env['PATH'] ?? ''}`,
      PULUMI_CONFIG_PASSPHRASE: 'rehearsal',
      PULUMI_DEBUG_PROVIDERS: `aws:${provider.port}`,
      ...(args[0] === 'stack' ? {} : { PULUMI_STACK: 'prod' }),
    };
    const options = { cwd: prod.project.root, env, maxBuffer: 64 * 1024 * 1024 };
    return new Promise((resolve) => {
      execFile(PULUMI ?? '', [...args, '--non-interactive'], options, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, text: `${stdout}${stderr}` });
      });
    });
  }

  /** `OPERATION NAME` of what a preview would do to resources of AWS. */
  async function planned(): Promise<string[]> {
    const { code, stdout, text } = await typed('preview', '--json', '--refresh');
    expect(code, text).toBe(0);
    const { steps } = JSON.parse(stdout) as { steps: Step[] };
    return steps
      .filter(({ op, urn }) => !/^(same|refresh|read)$/.test(op) && /[:$]aws:/.test(urn))
      .map(({ op, urn }) => `${op} ${urn.split('::').at(-1) ?? ''}`)
      .sort();
  }

  it('is planned, brought up, and unchanged after that', async () => {
    const plan = await planned();
    expect(plan).toContain('create database');
    expect(plan.filter((step) => !step.startsWith('create '))).toEqual([]);
    const up = await typed('up', '--yes', '--skip-preview');
    expect(up.code, up.text).toBe(0);
    expect(await planned()).toEqual([]);
  });

  it('takes another class in place', async () => {
    prod.set('server', { instanceClass: 'db.t4g.large' });
    expect(await planned()).toContain('update database');
    const up = await typed('up', '--yes', '--skip-preview');
    expect(up.code, up.text).toBe(0);
    expect(await planned()).toEqual([]);
  });

  it('is not destroyed: refused before anything else goes', async () => {
    const destroy = await typed('destroy', '--yes', '--skip-preview');
    expect(destroy.code).not.toBe(0);
    expect(destroy.text).toMatch(/protected/);
    expect(await planned()).toEqual([]);
  });
});
