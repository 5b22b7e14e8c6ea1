import { type Dirent, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type CliResult, TestProject } from '../support/project';
import { as, changesOf, expectConverges, passwordsOf } from './support';

let project: TestProject;
let first: CliResult;
let second: CliResult;
/** Every command line that ran meanwhile, of any process. */
const commandLines = new Set<string>();

beforeAll(async () => {
  project = new TestProject();
  // A server that writes down every statement.
  project.set('parameters', { log_statement: 'all', log_min_duration_statement: 0, log_parameter_max_length: -1 });
  const sampling = setInterval(sampleCommandLines, 3);
  first = await project.run(['up', '--yes', '--verbose', '--engine', 'embedded']);
  project.set('roles', { application: { connectionLimit: 21 } });
  second = await project.run(['up', '--yes', '--verbose', '--json', '--engine', 'embedded']);
  clearInterval(sampling);
}, 120_000);
afterAll(() => project.remove());

function sampleCommandLines(): void {
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      commandLines.add(readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '));
    } catch {
      // Gone meanwhile.
    }
  }
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry: Dirent) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : [];
  });
}

function expectNowhere(passwords: readonly string[], texts: Iterable<[string, string | Buffer]>): void {
  const found: string[] = [];
  for (const [where, text] of texts) {
    for (const password of passwords) if (text.includes(password)) found.push(`${where} holds ${password}`);
  }
  expect(found).toEqual([]);
}

describe('passwords', { timeout: 120_000 }, () => {
  it('are in the state, eight of them, and encrypted', async () => {
    expect(first.code, first.stderr).toBe(0);
    expect(second.code, second.stderr).toBe(0);
    const passwords = await passwordsOf(project);
    expect(Object.keys(passwords).sort()).toEqual([
      'coach_auditor',
      'coach_backup',
      'coach_loader',
      'coach_migrator',
      'coach_monitor',
      'coach_readonly',
      'inclusive',
      'postgres',
    ]);
    expect(new Set(Object.values(passwords)).size).toBe(8);
    for (const password of Object.values(passwords)) expect(password).toMatch(/^[A-Za-z0-9]{32}$/);
  });

  it('are in no output, no command line and no file: neither state, its copies, nor the log of a server that logs all', async () => {
    const passwords = Object.values(await passwordsOf(project));
    const preview = await project.run(['preview', '--verbose', '--json', '--engine', 'embedded']);
    const exported = await project.run(['state', 'export']);
    const outputs = [first, second, preview, exported].flatMap(({ stdout, stderr }): [string, string][] => [
      ['stdout', stdout],
      ['stderr', stderr],
    ]);
    expectNowhere(passwords, outputs);
    expect([...commandLines].some((line) => line.includes(project.root))).toBe(true);
    expectNowhere(
      passwords,
      [...commandLines].map((line): [string, string] => ['command line', line]),
    );
    const files = filesBelow(project.path('.coachdb'));
    expect(files.some((path) => path.endsWith('.log'))).toBe(true);
    const log = files.filter((path) => path.includes('/logs/')).map((path) => readFileSync(path, 'utf8'));
    expect(log.join('')).toContain('ALTER ROLE "inclusive"');
    const contents = files.map((path): [string, Buffer] => [path, readFileSync(path)]);
    expectNowhere(passwords, contents);
  });

  it('rotate one at a time: the old one is refused, the new one accepted, all others stay', async () => {
    const before = await passwordsOf(project);
    const changes = await changesOf(project, 'up', ['--rotate-password', 'inclusive']);
    expect(changes.get('password-inclusive')).toMatchObject({ operation: 'replace' });
    expect(changes.get('role-inclusive')).toMatchObject({ operation: 'update' });
    const after = await passwordsOf(project);
    expect(after['inclusive']).not.toBe(before['inclusive']);
    expect({ ...after, inclusive: '' }).toEqual({ ...before, inclusive: '' });
    await as(project, 'inclusive', undefined, (client) => client.query('SELECT 1'));
    await expect(as(project, 'inclusive', before['inclusive'], () => Promise.resolve())).rejects.toMatchObject({
      code: '28P01',
    });
    const contents = filesBelow(project.path('.coachdb')).map((path): [string, Buffer] => [path, readFileSync(path)]);
    expectNowhere(Object.values(after), contents);
    await expectConverges(project);
  });
});
