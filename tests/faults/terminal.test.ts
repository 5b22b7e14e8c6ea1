import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { deployedProject } from '../support/deployed';
import type { TestProject } from '../support/project';
import { PULUMI_ENVIRONMENT } from '../support/pulumi';
import { asAdmin, stateOf } from './support';

const hasPty = spawnSync('python3', ['-c', 'import pty, termios, fcntl']).status === 0;
const MIGRATION = '20990101000000_more';

let project: TestProject;

beforeAll(async () => {
  if (!hasPty) return;
  project = await deployedProject();
}, 180_000);
afterAll(() => (hasPty ? project.remove() : undefined));

/** What a person at a terminal of 80 columns sees and gets. */
function typed(args: string[], prompt: string, answer: string): { code: number | null; shown: string } {
  const launcher = project.path('scripts', 'coachdb.cjs');
  const driver = join(__dirname, 'terminal.py');
  const { status, stdout, stderr } = spawnSync(
    'python3',
    [driver, prompt, answer, process.execPath, launcher, ...args],
    {
      cwd: project.root,
      encoding: 'utf8',
      env: { ...PULUMI_ENVIRONMENT, PATH: process.env['PATH'], HOME: process.env['HOME'], TERM: 'xterm-256color' },
    },
  );
  expect(stderr).toBe('');
  return { code: status, shown: stdout };
}

/** Everything that a run could have changed. */
async function everything(): Promise<unknown> {
  const { rows } = await asAdmin(project, (client) =>
    client.query(
      `SELECT pg_postmaster_start_time() AS started, current_setting('work_mem') AS work_mem,
              (SELECT rolconnlimit FROM pg_roles WHERE rolname = 'inclusive') AS connections, to_regclass('more') AS more,
              (SELECT array_agg(indexrelid::regclass::text ORDER BY 1) FROM pg_index WHERE indexrelid::regclass::text LIKE 'idx%') AS indexes`,
    ),
  );
  return { rows, state: await stateOf(project) };
}

/** Lines as they stand on the screen in the end: what the next line of progress took the place of is not among them. */
function lines(shown: string): string[] {
  return shown.split(/\r?\n/).map((line) => stripVTControlCharacters(line.split('\r\u001b[K').at(-1) ?? ''));
}

const ANSWERS = [
  ['n', 'n\\n', 3],
  ['nothing but return', '\\n', 3],
  ['Ctrl-C', '\\x03', 130],
  ['Ctrl-D', '\\x04', 3],
] as const;

describe.skipIf(!hasPty)(
  `a no on a terminal${hasPty ? '' : ' (skipped: no python3 with pty)'}`,
  { timeout: 240_000 },
  () => {
    it.each([
      ['up', ['up'], '[y/N]'],
      ['start, where something would be deleted', ['start'], '[y/N]'],
      ['deploy', ['deploy'], '[y/N]'],
      ['stop', ['stop'], '[y/N]'],
      ['destroy', ['destroy'], '[y/N]'],
      ['destroy --delete-data', ['destroy', '--delete-data'], 'to go on:'],
    ])('to %s changes nothing, whatever the no is, and fits the width', async (_name, args, prompt) => {
      project.set('parameters', { work_mem: '9MB' });
      project.set('roles', { application: { connectionLimit: 33 } });
      project.set('indexes', [{ name: 'idx_student_location', table: 'Student', columns: ['location'] }]);
      const folder = project.path('app', 'prisma', 'migrations', MIGRATION);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'migration.sql'), 'CREATE TABLE more ();\n');
      const before = await everything();
      const plain = await project.run(args, PULUMI_ENVIRONMENT);
      const words = new Set(`${plain.stdout}\n${plain.stderr}`.split(/\s+/));
      for (const [what, answer, expected] of ANSWERS) {
        const { code, shown } = typed(args, prompt, answer);
        expect(code, `${what}\n${shown}`).toBe(expected);
        expect(shown, what).toMatch(/nothing was (changed|removed)|Nothing was removed/i);
        const wide = lines(shown).filter((line) => [...line].length > 80);
        expect(wide, what).toEqual([]);
        expect(await everything(), what).toEqual(before);
        if (args[0] !== 'up') continue;
        // Words of the plan are whole: each is one that a pipe shows, too, but for durations and values cut short.
        const plan = lines(shown).slice(
          0,
          lines(shown).findIndex((line) => line.includes(prompt)),
        );
        expect(plan.length).toBeGreaterThan(5);
        expect(
          plan.flatMap((line) => line.split(/\s+/)).filter((word) => !words.has(word) && !/…$|^[\d.]+$/.test(word)),
        ).toEqual([]);
      }
    });

    it('and a yes is a yes', async () => {
      const { code, shown } = typed(['up'], '[y/N]', 'y\\n');
      expect(code, shown).toBe(0);
      expect(await everything()).toMatchObject({ rows: [{ work_mem: '9MB', connections: 33, more: 'more' }] });
      expect(lines(shown).filter((line) => [...line].length > 80)).toEqual([]);
    });
  },
);
