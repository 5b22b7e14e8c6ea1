import { readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { COMMANDS } from '../../scripts/commands/index';
import { ROOT } from '../support/compiled';
import { TestProject } from '../support/project';

let project: TestProject;
beforeAll(() => {
  project = new TestProject();
});
afterAll(() => project.remove());

describe('the command line', () => {
  it('prints help within 80 columns, with every command and the exit codes', async () => {
    const { code, stdout } = await project.run(['--help']);
    expect(code).toBe(0);
    for (const { name } of COMMANDS) expect(stdout).toContain(name.split(' ')[0]);
    expect(stdout).toContain('75  locked, try again');
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('says its version', async () => {
    expect(await project.run(['--version'])).toMatchObject({ code: 0, stdout: '0.1.0\n' });
  });

  it('leaves the output of psql to psql', async () => {
    const { code, report } = await project.json(['psql']);
    expect(code).toBe(64);
    expect(report['problems']).toMatchObject([{ code: 'psql-json' }]);
  });

  it.each([
    ['audit', '--stack', 'prod', 'verify', '--json'],
    ['audit', '--json', 'verify', '--stack', 'prod'],
    ['audit', '--stack', 'local', 'verify', '--stack', 'prod', '--json'],
  ])('works on the stack that is named, wherever in the line: %s %s %s %s %s', async (...args) => {
    const { stdout } = await project.run(args);
    expect(JSON.parse(stdout)).toMatchObject({ command: 'audit verify', stack: 'prod' });
  });

  it('names every command in README', () => {
    const readme = readFileSync(join(__dirname, '..', '..', 'README.md'), 'utf8');
    for (const { name } of COMMANDS) expect(readme, name).toContain(`\`${name}\``);
  });

  it.each([
    [['fly'], /unknown command/],
    [['status', '--fast'], /unknown option/],
    [['up', '--engine', 'terraform'], /Allowed choices are pulumi, embedded/],
    [['logs', '--lines', 'many'], /whole number/],
    [['audit', '--table', 'Student', 'verify'], /unknown option '--table' of verify/],
  ])('refuses %j with exit code 64', async (args, message) => {
    const { code, stderr } = await project.run(args);
    expect(code).toBe(64);
    expect(stderr).toMatch(message);
  });

  it.each([
    [['fly', '--json'], 'fly', /unknown command/],
    [['status', '--fast', '--json'], 'status', /unknown option/],
    [['audit', 'verify', 'now', '--json'], 'audit verify now', /too many arguments/],
    [['--json'], '', /unknown option|No command/],
  ])('reports wrong usage %j as its one JSON object', async (args, command, message) => {
    const { code, stdout, stderr } = await project.run(args);
    expect(code).toBe(64);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({
      command,
      status: 'failed',
      problems: [{ code: 'usage', message: expect.stringMatching(message) as string }],
    });
  });

  it('says no default of a flag that is off by itself', async () => {
    for (const name of ['up', 'deploy', 'graph']) {
      const { stdout } = await project.run([name, '--help']);
      expect(stdout).toContain('(default: "local")');
      expect(stdout).not.toMatch(/default: (false|\[\])/);
    }
  });

  it('says what to do where npm ci was never run', async () => {
    rmSync(project.path('node_modules'));
    try {
      for (const args of [['status'], ['start', '--json']]) {
        const { code, stderr } = await project.run(args);
        expect(code).toBe(64);
        expect(stderr).toBe(`The packages of this project are not installed. Run \`npm ci\` in ${project.root}.\n`);
      }
    } finally {
      symlinkSync(join(ROOT, 'node_modules'), project.path('node_modules'));
    }
  });

  it('says what is wrong with Pulumi.yaml, whatever it holds', async () => {
    const path = project.path('Pulumi.yaml');
    const kept = readFileSync(path, 'utf8');
    try {
      for (const text of ['name: [', '', 'name: 7\nmain: x\n']) {
        writeFileSync(path, text);
        const { code, report } = await project.json(['status']);
        expect(code).toBe(64);
        expect(report['problems']).toMatchObject([{ code: 'project-file', object: path }]);
      }
    } finally {
      writeFileSync(path, kept);
    }
  });

  it('says what runs and where things are kept before anything was deployed', async () => {
    const { code, report } = await project.json(['status']);
    expect(code).toBe(0);
    expect(report).toMatchObject({
      command: 'status',
      stack: 'local',
      status: 'ok',
      deployed: false,
      server: null,
      problems: [],
    });
  });

  it.each([['env'], ['logs'], ['deploy'], ['state', 'export'], ['refresh']])(
    'tells %j to start first',
    async (...args) => {
      const { code, report } = await project.json(args.filter((arg): arg is string => typeof arg === 'string'));
      expect(code).toBe(1);
      expect(report['problems']).toMatchObject([{ remedy: expect.stringContaining('npm start') as string }]);
    },
  );

  it('reports every problem of the settings at once, with the accepted values', async () => {
    project.set('server', { port: 'high', colour: 'blue' });
    project.set('tuning', 'magic');
    const { code, report } = await project.json(['preview']);
    project.set('server', undefined);
    project.set('tuning', undefined);
    expect(code).toBe(64);
    const messages = (report['problems'] as { message: string }[]).map(({ message }) => message).join('\n');
    expect(messages).toMatch(/port/);
    expect(messages).toMatch(/colour/);
    expect(messages).toMatch(/tuning/);
  });

  it('wants --yes where there is no terminal', async () => {
    const { code, report } = await project.json(['up', '--engine', 'embedded']);
    expect(code).toBe(3);
    expect(report['problems']).toMatchObject([
      { code: 'confirmation-needed', remedy: expect.stringContaining('--yes') as string },
    ]);
  });

  it('keeps the embedded engine to the local stack', async () => {
    const { code, report } = await project.json(['up', '--yes', '--stack', 'prod', '--engine', 'embedded']);
    expect(code).toBe(3);
    expect(report['problems']).toMatchObject([{ code: 'engine-local-only' }]);
  });
});
