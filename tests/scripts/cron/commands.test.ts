import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { failed } from '../../../scripts/command';
import { COMMANDS } from '../../../scripts/commands/index';
import { blockLines } from '../../../scripts/cron/block';
import { nextRun } from '../../../scripts/cron/times';
import { PLAIN } from '../../../scripts/report/display';
import { commandContext } from '../../support/commandContext';
import { commandsOf, FakeCrontab } from '../../support/crontab';
import { eventually } from '../../support/eventually';
import { TestProject } from '../../support/project';

const OTHERS = 'MAILTO=ana\r\n# caf\xe9\n\n0 1 * * * date +\\%F\n';

let project: TestProject;
let crontab: FakeCrontab;
beforeAll(() => {
  project = new TestProject('coach cron 100%s "x\' ');
  crontab = new FakeCrontab(project.path('.coachdb'));
});
afterAll(() => project.remove());
beforeEach(() => {
  crontab.text = undefined;
  project.set('backup', undefined);
});

interface Outcome {
  code: number;
  report: Record<string, unknown>;
}

/** A command without a process of its own, as from a script: nobody can be asked. */
async function cron(...args: string[]): Promise<Outcome> {
  return cronIn(project.root, args, crontab.environment);
}

async function cronIn(root: string, args: string[], environment: NodeJS.ProcessEnv): Promise<Outcome> {
  const definition = COMMANDS.find(({ name }) => name === `cron ${args[0]}`);
  const after = (flag: string): string | undefined => (args.includes(flag) ? args[args.indexOf(flag) + 1] : undefined);
  const context = commandContext({
    root,
    stack: after('--stack') ?? 'local',
    environment,
    json: true,
    yes: args.includes('--yes'),
    display: PLAIN,
  });
  const options = {
    dryRun: args.includes('--dry-run'),
    detailedExitcode: args.includes('--detailed-exitcode'),
    now: args.includes('--now'),
    folder: after('--folder'),
  };
  const work = definition?.run(context, options, args.slice(1));
  const { exitCode, fields, problems, status } = await (work?.catch((error: unknown) => failed([error])) ??
    Promise.reject(new Error('no such command')));
  return { code: exitCode, report: { status, problems, ...fields } };
}

const lines = (stack = 'local'): string[] => blockLines(crontab.text ?? '', { stack, root: project.root }) ?? [];
const codes = (report: Record<string, unknown>): unknown[] =>
  (report['problems'] as { code: string }[]).map(({ code }) => code);
const timesOf = (all: readonly string[]): string[] =>
  all.filter((line) => !line.startsWith('#')).map((line) => line.split(' ').slice(0, 5).join(' '));

/** Runs a command as cron does. */
function asCron(command: string): { code: number; stdout: string; stderr: string } {
  try {
    const stdout = execFileSync(
      'env',
      ['-i', 'PATH=/usr/bin:/bin', 'HOME=/tmp', 'LOGNAME=root', 'SHELL=/bin/sh', '/bin/sh', '-c', command],
      {
        cwd: '/',
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    return { code: 0, stdout, stderr: '' };
  } catch (error) {
    const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string };
    return { code: status, stdout, stderr };
  }
}

const logsOf = (job: string): string[] => {
  const folder = project.path('.coachdb', 'local', 'logs');
  return existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.startsWith(`cron-${job}-`))
        .map((name) => join(folder, name))
    : [];
};
const logOf = (job: string): string =>
  logsOf(job)
    .map((file) => readFileSync(file, 'utf8'))
    .join('');

describe('cron install', () => {
  it('writes the four lines of the founding document, once, and leaves the rest byte for byte', async () => {
    crontab.text = OTHERS;
    const first = await cron('install', '--yes');
    expect(first).toMatchObject({ code: 0, report: { status: 'changed', leftOut: [], removed: [] } });
    expect(crontab.text?.startsWith(OTHERS)).toBe(true);
    expect(timesOf(lines())).toEqual(['0 2 * * *', '0 3 * * 0', '0 4 * * 0', '*/30 * * * *']);
    expect(commandsOf(lines()).map((command) => / cron run (\S+) --stack local$/.exec(command)?.[1])).toEqual([
      'backup',
      'upload',
      'clean-logs',
      'health',
    ]);
    const { writes } = crontab;
    const again = await cron('install');
    expect(again).toMatchObject({ code: 0, report: { status: 'ok', added: [], removed: [] } });
    expect(crontab.writes).toBe(writes);
    expect(await cron('remove', '--yes')).toMatchObject({ code: 0, report: { status: 'changed' } });
    expect(crontab.text).toBe(OTHERS);
    expect(await cron('remove')).toMatchObject({ code: 0, report: { status: 'ok' } });
  });

  it('shows with --dry-run what it would do, asks before it does, and writes nothing till then', async () => {
    expect(await cron('install', '--dry-run')).toMatchObject({ code: 0, report: { status: 'differs' } });
    const dry = await cron('install', '--dry-run', '--detailed-exitcode');
    expect(dry.code).toBe(2);
    const refused = await cron('install');
    expect([refused.code, codes(refused.report)]).toEqual([3, ['confirmation-needed']]);
    expect(crontab.text).toBeUndefined();
    await cron('install', '--yes');
    expect(dry.report['added']).toEqual(lines());
  });

  it('brings changed times and lines changed by hand to the settings, and drops what is off', async () => {
    await cron('install', '--yes');
    crontab.text = (crontab.text ?? '').replace('0 2 * * *', '5 5 * * *');
    const listed = await cron('list');
    expect(listed.report).toMatchObject({ status: 'differs', installed: true, asDeclared: false });
    project.set('backup', { schedule: { backup: '15 1 * * *', upload: 'off' } });
    const { report } = await cron('install', '--yes');
    expect(report['leftOut']).toEqual([{ name: 'upload', reason: 'coach:backup.schedule.upload is off' }]);
    expect((report['removed'] as string[]).map((line) => line.slice(0, 9))).toEqual(['5 5 * * *', '0 3 * * 0']);
    expect(timesOf(lines())).toEqual(['15 1 * * *', '0 4 * * 0', '*/30 * * * *']);
  });

  it('leaves backups out where they are not enabled, and says so', async () => {
    project.set('backup', { enabled: false });
    const { code, stdout } = await project.run(['cron', 'install', '--yes'], crontab.environment);
    expect(code).toBe(0);
    expect(stdout).toContain('Left out: backup (coach:backup.enabled is false).');
    expect(timesOf(lines())).toEqual(['0 4 * * 0', '*/30 * * * *']);
  });

  it('keeps stacks and checkouts apart', async () => {
    const other = new TestProject();
    try {
      for (const args of [
        ['install', '--yes'],
        ['install', '--yes', '--stack', 'dev'],
      ])
        await cron(...args);
      await cronIn(other.root, ['install', '--yes'], crontab.environment);
      const { report } = await cron('list');
      expect(report).toMatchObject({
        asDeclared: true,
        others: [
          { stack: 'dev', root: project.root, missing: false },
          { stack: 'local', root: other.root, missing: false },
        ],
      });
      await cron('remove', '--yes');
      expect(lines()).toEqual([]);
      expect(lines('dev')).not.toEqual([]);
      expect(blockLines(crontab.text ?? '', { stack: 'local', root: other.root })).toHaveLength(6);
    } finally {
      await other.remove();
    }
    // The folder is gone; its lines can still be taken out.
    const { report } = await cron('list');
    expect(report['others']).toContainEqual({ stack: 'local', root: other.root, missing: true });
    await cron('remove', '--yes', '--folder', other.root);
    expect((await cron('list')).report['others']).toEqual([{ stack: 'dev', root: project.root, missing: false }]);
  });

  it('a damaged block is refused by install, remove and list, with nothing written', async () => {
    await cron('install', '--yes');
    const damaged = (crontab.text ?? '').replace(/# END.*\n/, '');
    crontab.text = damaged;
    for (const args of [['install', '--yes'], ['remove', '--yes'], ['list']]) {
      const { code, report } = await cron(...args);
      expect([code, codes(report)], args[0]).toEqual([3, ['crontab-block-damaged']]);
    }
    expect(crontab.text).toBe(damaged);
  });

  it('says what is wrong with crontab itself', async () => {
    const without = await cronIn(project.root, ['install', '--yes'], { PATH: join(process.execPath, '..') });
    // A machine with cron has it beside node, where both come from the system.
    if (!existsSync(join(process.execPath, '..', 'crontab'))) {
      expect([without.code, codes(without.report)]).toEqual([1, ['crontab-missing']]);
      expect(JSON.stringify(without.report)).toContain('`cron` of Debian');
    }
    const denied = await crontab.while('denied', () => cron('install', '--yes'));
    expect([denied.code, codes(denied.report)]).toEqual([1, ['crontab-refused']]);
    expect(JSON.stringify(denied.report)).toContain('You (tester) are not allowed');
    const bad = await crontab.while('bad', () => cron('install', '--yes'));
    expect(codes(bad.report)).toEqual(['crontab-refused']);
    const ignored = await crontab.while('ignored', () => cron('install', '--yes'));
    expect(codes(ignored.report)).toEqual(['crontab-not-taken']);
    expect(crontab.text).toBeUndefined();
  });

  it('knows a passphrase of a file, and refuses one that only this shell has', async () => {
    const refused = await cronIn(project.root, ['install', '--yes'], {
      ...crontab.environment,
      PULUMI_CONFIG_PASSPHRASE: 'x',
    });
    expect([refused.code, codes(refused.report)]).toEqual([3, ['cron-passphrase']]);
    await cronIn(project.root, ['install', '--yes'], {
      ...crontab.environment,
      PULUMI_CONFIG_PASSPHRASE_FILE: project.path('a secret 5%'),
    });
    const [command = ''] = commandsOf(lines());
    const shown = command.replace(/ '[^ ]*node' .*/, ' env');
    expect(asCron(shown).stdout).toContain(`PULUMI_CONFIG_PASSPHRASE_FILE=${project.path('a secret 5%')}\n`);
  });
});

describe('a line of the crontab', () => {
  it('runs as cron would run it: silent when it went well, all in its log', async () => {
    await cron('install', '--yes');
    const command = commandsOf(lines()).at(-1) ?? '';
    expect(asCron(command)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(logOf('health')).toMatch(
      /Z health: begins as process \d+\nstack +local.*Z health: exit code 0 after [\d.]+ s\n$/s,
    );
    const [job] = ((await cron('list')).report['jobs'] as Record<string, unknown>[]).slice(-1);
    expect(job).toMatchObject({
      name: 'health',
      command: 'status',
      last: { exitCode: 0, logFile: logsOf('health')[0] },
    });
  });

  it('that fails has its command’s exit code and says on stderr, which is mailed, where the log is', async () => {
    await cron('install', '--yes');
    const status = project.path('dist', 'scripts', 'commands', 'status.js');
    const text = readFileSync(status, 'utf8');
    writeFileSync(status, `${text}\nexports.status.run = () => Promise.reject(new Error('no such day'));\n`);
    try {
      const { code, stderr, stdout } = asCron(commandsOf(lines()).at(-1) ?? '');
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toContain('error [cron-job-failed]: Job health of stack local ended with exit code 1.');
      expect(stderr).toContain(logsOf('health')[0]);
      expect(logOf('health')).toContain('no such day');
    } finally {
      writeFileSync(status, text);
    }
  });

  it('does nothing for a job that the settings no longer ask for', async () => {
    project.set('backup', { enabled: false });
    expect((await cron('run', 'backup')).report).toMatchObject({ status: 'ok', due: false, exitCode: null });
    expect(logsOf('backup')).toEqual([]);
    const unknown = await cron('run', 'restore');
    expect([unknown.code, codes(unknown.report)]).toEqual([64, ['cron-job-unknown']]);
  });

  it('waits for a bucket where there is none, and says so', async () => {
    const { report } = await cron('install', '--yes');
    const waiting = 'coach:backup.s3 names no bucket yet';
    expect((report['jobs'] as { waitsFor: unknown }[]).map(({ waitsFor }) => waitsFor)).toEqual([
      null,
      waiting,
      null,
      null,
    ]);
    expect((await cron('run', 'upload')).report).toMatchObject({ status: 'ok', due: false });
    const { stdout } = await project.run(['cron', 'list'], crontab.environment);
    expect(stdout).toContain(`does nothing: ${waiting}`);
    project.set('backup', { s3: { bucket: 'example-backups' } });
    const listed = (await cron('list')).report;
    expect([listed['asDeclared'], (listed['jobs'] as { waitsFor: unknown }[])[1]?.waitsFor]).toEqual([true, null]);
    // Never deployed, so there is nothing to dump; but it was tried.
    expect((await cron('run', 'upload')).report).toMatchObject({ status: 'failed', due: true, exitCode: 1 });
    expect(logOf('upload')).toMatch(/error \[[a-z0-9-]+\]:.*upload: exit code 1 after/s);
  });

  it('in another zone starts every hour, and works only when it is time', async () => {
    // Kiritimati and Pago Pago are 25 hours apart: the machine is in one of them at most.
    const zone =
      ['Pacific/Kiritimati', 'Pacific/Pago_Pago'].find(
        (name) => name !== Intl.DateTimeFormat().resolvedOptions().timeZone,
      ) ?? '';
    const far = nextRun('0 0 1 1 *', zone, new Date()) ?? new Date();
    const time = far.getTime() - Date.now() < 3_600_000 ? '0 0 1 7 *' : '0 0 1 1 *';
    project.set('backup', { schedule: { timeZone: zone, health: time, cleanLogs: '* * * * *' } });
    await cron('install', '--yes');
    expect(lines()[1]).toMatch(`# Times of ${zone}; this machine is in`);
    expect(timesOf(lines())).toEqual(['0,15,30,45 * * * *', '0,15,30,45 * * * *', '* * * * *', '0,15,30,45 * * * *']);
    expect((await cron('run', 'health')).report).toMatchObject({ due: false });
    expect((await cron('run', 'health', '--now')).report).toMatchObject({ due: true, exitCode: 0 });
    expect((await cron('run', 'clean-logs')).report).toMatchObject({ due: true, exitCode: 0 });
  });

  describe('that is still running', () => {
    let first: ChildProcess | undefined;
    afterEach(() => first?.kill('SIGKILL'));

    it('is not started a second time; once it is killed, it is', async () => {
      const status = project.path('dist', 'scripts', 'commands', 'status.js');
      const text = readFileSync(status, 'utf8');
      writeFileSync(
        status,
        `${text}\nexports.status.run = () => new Promise((resolve) => setTimeout(resolve, 600_000));\n`,
      );
      try {
        first = spawn(process.execPath, [project.path('scripts', 'coachdb.cjs'), 'cron', 'run', 'health'], {
          stdio: 'ignore',
          detached: true,
        });
        const locks = project.path('.coachdb', 'local', 'cron', 'health');
        await eventually('its lock', () =>
          Promise.resolve(existsSync(locks) && readdirSync(locks).length === 1 ? true : undefined),
        );
        const second = await cron('run', 'health');
        expect([second.code, codes(second.report)]).toEqual([75, ['cron-job-running']]);
        expect(logOf('health')).toContain(`is still running (process ${first.pid}, since`);
      } finally {
        writeFileSync(status, text);
        // With its child: the group.
        if (first?.pid !== undefined) process.kill(-first.pid, 'SIGKILL');
      }
      await eventually('the end of the killed one', async () => (await cron('run', 'health')).code === 0 || undefined);
    });
  });
});

describe('cron clean-logs', () => {
  it('removes what is older than the settings say, and no file that is not a log of ours', async () => {
    const folder = project.path('.coachdb', 'local', 'logs');
    mkdirSync(folder, { recursive: true });
    const days = (n: number): Date => new Date(Date.now() - n * 86_400_000);
    const files: [string, number][] = [
      ['postgresql-2026-01-01.log', 31],
      ['postgresql-2026-01-02.log', 29],
      ['cron-backup-2026-01-01.log', 400],
      ['cron-backup-2026-01-02.log', 12],
      ['start.log', 400],
      ['notes.txt', 400],
    ];
    for (const [name, age] of files) {
      writeFileSync(join(folder, name), 'x'.repeat(1000));
      utimesSync(join(folder, name), days(age), days(age));
    }
    symlinkSync(project.path('package.json'), join(folder, 'cron-link-2026-01-01.log'));
    const first = await cron('clean-logs');
    expect(first.report).toMatchObject({ status: 'changed', freedBytes: 2000, retentionDays: 30 });
    expect((first.report['removed'] as string[]).sort()).toEqual([
      join(folder, 'cron-backup-2026-01-01.log'),
      join(folder, 'postgresql-2026-01-01.log'),
    ]);
    project.set('backup', { logRetentionDays: 10 });
    const second = await cron('clean-logs');
    // The newest of the server's is the one that it writes, or wrote last.
    expect((second.report['removed'] as string[]).map((path) => path.slice(folder.length + 1))).toContain(
      'cron-backup-2026-01-02.log',
    );
    expect(readdirSync(folder)).toEqual(expect.arrayContaining(['start.log', 'notes.txt', 'cron-link-2026-01-01.log']));
    expect((await cron('clean-logs')).report).toMatchObject({ status: 'ok', removed: [] });
  });
});

describe('scripts/setup-cron.sh', () => {
  it('installs, lists and removes, from any folder, and passes flags on', () => {
    const run = (...args: string[]): string =>
      execFileSync(project.path('scripts', 'setup-cron.sh'), args, {
        cwd: '/',
        env: { ...process.env, ...crontab.environment },
        encoding: 'utf8',
      });
    expect(JSON.parse(run('--yes', '--json'))).toMatchObject({ command: 'cron install', status: 'changed' });
    expect(lines()).toHaveLength(6);
    expect(run('--list')).toContain('is as the settings say');
    expect(JSON.parse(run('--remove', '--yes', '--json'))).toMatchObject({ command: 'cron remove', status: 'changed' });
    expect(crontab.text).toBe('');
  });

  it('works through a link to it', () => {
    const link = project.path('.coachdb', 'setup');
    symlinkSync(project.path('scripts'), link);
    const env = { ...process.env, ...crontab.environment };
    const json = execFileSync(join(link, 'setup-cron.sh'), ['--list', '--json'], { cwd: '/', env, encoding: 'utf8' });
    expect(JSON.parse(json)).toMatchObject({ command: 'cron list' });
  });
});
