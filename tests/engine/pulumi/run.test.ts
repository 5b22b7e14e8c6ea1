import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { prepareLocalState } from '../../../engine/pulumi/localState';
import { type PulumiRun, type PulumiRunOptions, runPulumi } from '../../../engine/pulumi/run';
import { backendPaths } from '../../../engine/state/backend';
import { toProblem } from '../../../system/errors';

const FIXTURES = join(__dirname, '../../fixtures/pulumi');

let root: string;
let lockDirectory: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'coach-run-'));
  lockDirectory = join(root, 'locks');
  mkdirSync(lockDirectory);
});
afterEach(() => rmSync(root, { recursive: true }));

/** A program in Pulumi's place that runs this shell script. */
function run(script: string, options: Partial<PulumiRunOptions> = {}): Promise<PulumiRun> {
  const program = join(root, 'pulumi');
  writeFileSync(program, `#!/bin/sh\n${script}\n`);
  chmodSync(program, 0o755);
  const fixed = {
    program,
    projectRoot: root,
    stack: 'local',
    operation: 'up',
    lockDirectory,
    environment: process.env,
  } as const;
  return runPulumi({ ...fixed, ...options });
}

const fails = (words: string, code = 1): string => `cat >&2 <<'END'\n${words}\nEND\nexit ${code}`;

describe('a run of Pulumi', () => {
  it('reports while it works, and as a whole at the end', async () => {
    const said: string[] = [];
    const { result, failures } = await run(`echo "$@" > args; pwd > cwd; cat ${FIXTURES}/up-create.jsonl`, {
      onChange: ({ name }) => said.push(name),
    });
    expect(failures).toEqual([]);
    expect(result).toMatchObject({ operation: 'up', counts: { create: 4 }, problems: [] });
    expect(result.durationMs).toBeGreaterThan(0);
    expect(said).toEqual(['pg', 'app', 'db', 'sample-local']);
    expect(readFileSync(join(root, 'args'), 'utf8')).toContain('up --yes --skip-preview --non-interactive');
    expect(readFileSync(join(root, 'cwd'), 'utf8').trim()).toBe(root);
  });

  it('that failed has the reasons of its resources, not those of the CLI', async () => {
    const { result, failures } = await run(`cat ${FIXTURES}/up-failed.jsonl; ${fails('error: update failed')}`);
    expect(failures.map(toProblem)).toEqual(result.problems);
    expect(result.problems).toMatchObject([
      { code: 'resource-failed', message: expect.stringContaining('already exists') as string },
    ]);
  });

  it.each([
    ['error: incorrect passphrase, please set PULUMI_CONFIG_PASSPHRASE', 1, 'passphrase-wrong', 'usage'],
    [
      'error: getting secrets manager: passphrase must be set with PULUMI_CONFIG_PASSPHRASE or',
      1,
      'passphrase-missing',
      'usage',
    ],
    ["error: no stack named 'local' found", 6, 'stack-unknown', 'usage'],
    ['error: something in other words', 6, 'stack-unknown', 'usage'],
    ['error: snapshot integrity failure; refusing to use it: ...', 1, 'checkpoint-corrupted', 'failed'],
    ['error: failed to load checkpoint: unexpected end of JSON input', 1, 'checkpoint-corrupted', 'failed'],
    ["error: no resource plugin 'pulumi-resource-random' found in the workspace", 1, 'plugin-missing', 'failed'],
    ['error: [409] Conflict: Another update is currently in progress.', 1, 'stack-locked', 'locked'],
    ['error: confirmation cancelled', 8, 'interrupted', 'interrupted'],
    ['error: the roof is on fire', 1, 'pulumi-failed', 'failed'],
    ['', 255, 'pulumi-failed', 'failed'],
  ])('explains %j with exit code %i as %s', async (words, code, expected, kind) => {
    const { failures, result } = await run(fails(words, code));
    expect(failures).toMatchObject([{ code: expected, kind }]);
    expect(result.problems[0]?.remedy).not.toBe('');
  });

  it('that found the stack locked says by whom, and whether they still run', async () => {
    const words = fails(
      'error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end',
    );
    expect((await run(words)).failures).toMatchObject([{ code: 'stack-locked', kind: 'locked' }]);
    const lock = { pid: process.pid, username: 'anna', hostname: hostname(), timestamp: new Date().toISOString() };
    writeFileSync(join(lockDirectory, 'a.json'), JSON.stringify({ ...lock, pid: 4_000_000 }));
    expect((await run(words)).failures).toMatchObject([{ code: 'stale-lock', kind: 'locked' }]);
    writeFileSync(join(lockDirectory, 'b.json'), JSON.stringify(lock));
    expect((await run(words)).failures).toMatchObject([
      {
        code: 'stack-locked',
        message: expect.stringContaining(`anna@${hostname()}, process ${process.pid}`) as string,
      },
    ]);
  });

  it('that began with open operations says so first', async () => {
    const warning =
      'with 1 pending operations from previous deployment.\\n  * urn:pulumi:a::b::c::d, interrupted while creating\\n';
    const event = JSON.stringify({ diagnosticEvent: { severity: 'warning', message: 'MESSAGE' } }).replace(
      'MESSAGE',
      warning,
    );
    const { failures } = await run(`cat <<'END'\n${event}\nEND\ncat ${FIXTURES}/up-failed.jsonl; exit 1`);
    expect(failures).toMatchObject([
      {
        code: 'operations-pending',
        message: expect.stringContaining('urn:pulumi:a::b::c::d, interrupted while creating') as string,
      },
      { code: 'resource-failed' },
    ]);
  });

  describe('that is interrupted', () => {
    const waits = (): string =>
      `trap 'echo stopped >> ${root}/log; sleep 0.3; exit 1' INT; echo up > ${root}/log; while :; do sleep 0.05; done`;
    const log = (): string => readOptional(join(root, 'log'));

    it('by its caller is asked to stop once, and waited for', async () => {
      const abort = new AbortController();
      const running = run(waits(), { abort: abort.signal });
      await expect.poll(log, { timeout: 20_000 }).toBe('up\n');
      expect(process.listenerCount('SIGINT')).toBe(0);
      abort.abort();
      expect((await running).failures).toMatchObject([{ code: 'interrupted', kind: 'interrupted' }]);
      expect(log()).toBe('up\nstopped\n');
      expect((await run(waits(), { abort: abort.signal })).failures).toMatchObject([{ code: 'interrupted' }]);
    });

    it('by a signal that nobody else handles is asked to stop as well', async () => {
      const running = run(waits());
      await expect.poll(log, { timeout: 20_000 }).toBe('up\n');
      process.emit('SIGTERM');
      expect((await running).failures).toMatchObject([{ code: 'interrupted', kind: 'interrupted' }]);
      expect(log()).toBe('up\nstopped\n');
      expect(process.listenerCount('SIGINT') + process.listenerCount('SIGTERM')).toBe(0);
    });
  });

  it('that was killed is not taken for a success', async () => {
    const { failures } = await run(`cat ${FIXTURES}/up-create.jsonl | head -5; kill -9 $$`);
    expect(failures).toMatchObject([
      { code: 'pulumi-failed' },
      { code: 'resource-failed', message: expect.stringContaining('Pulumi ended before this was done') as string },
    ]);
    expect((await run('kill -9 $$')).failures).toMatchObject([
      { code: 'pulumi-failed', message: expect.stringContaining('SIGKILL') as string },
    ]);
  });

  it('that cannot be started says how to get Pulumi', async () => {
    const { failures } = await run('', { program: join(root, 'nothing') });
    expect(failures).toMatchObject([
      { code: 'pulumi-missing', kind: 'usage', remedy: expect.stringContaining('engine install') as string },
    ]);
  });
});

function readOptional(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

describe('a state of this machine', () => {
  const options = (operation: 'up' | 'preview' | 'refresh' = 'up'): Parameters<typeof prepareLocalState>[0] => ({
    projectRoot: root,
    stateDirectory: join(root, 'state'),
    project: 'proof',
    stack: 'dev',
    operation,
  });
  beforeEach(() => writeFileSync(join(root, 'Pulumi.dev.yaml'), 'config:\n  proof:a: b\n'));

  it('is made where there is none, and given with the settings copy', () => {
    const prepared = prepareLocalState(options());
    const { checkpoint, lockDirectory: locks } = backendPaths(join(root, 'state'), 'proof', 'dev');
    expect(JSON.parse(readFileSync(checkpoint, 'utf8'))).toEqual({
      version: 3,
      checkpoint: { stack: 'organization/proof/dev' },
    });
    expect(prepared).toEqual({
      configFile: join(root, '.coachdb/Pulumi.dev.yaml'),
      backendUrl: `file://${join(root, 'state')}`,
      lockDirectory: locks,
      takenOver: [],
    });
  });

  it('with open operations is refused for up, and lends its salt to the settings copy for a refresh', () => {
    prepareLocalState(options());
    const killed = readFileSync(join(FIXTURES, 'checkpoint-killed.json'), 'utf8');
    writeFileSync(backendPaths(join(root, 'state'), 'proof', 'dev').checkpoint, killed);
    expect(() => prepareLocalState(options())).toThrow(/interrupted while creating/);
    const salt = /"salt":"([^"]+)"/.exec(killed)?.[1] ?? '?';
    expect(readFileSync(prepareLocalState(options('refresh')).configFile, 'utf8')).toContain(salt);
  });

  it('that is damaged or locked is refused, except that a preview needs no lock and our own dead lock is taken over', () => {
    const { lockDirectory: locks } = prepareLocalState(options());
    mkdirSync(locks, { recursive: true });
    const lock = { pid: 4_000_000, username: 'anna', hostname: hostname(), timestamp: new Date().toISOString() };
    writeFileSync(join(locks, 'a.json'), JSON.stringify({ ...lock, by: 'coachdb' }));
    expect(prepareLocalState(options()).takenOver).toMatchObject([{ content: { by: 'coachdb' } }]);
    writeFileSync(join(locks, 'b.json'), JSON.stringify(lock));
    expect(() => prepareLocalState(options())).toThrow(/ended without releasing its lock/);
    expect(() => prepareLocalState(options('preview'))).not.toThrow();
    writeFileSync(backendPaths(join(root, 'state'), 'proof', 'dev').checkpoint, '{');
    expect(() => prepareLocalState(options('preview'))).toThrow(/is damaged/);
  });
});
