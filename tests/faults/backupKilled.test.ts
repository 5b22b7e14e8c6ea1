import type { ChildProcess } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { Manifest } from '../../postgres/backup/manifest';
import { MANIFEST_FILE } from '../../postgres/backup/manifest';
import { backupId, writeManifest } from '../../postgres/backup/manifestFile';
import { WITHOUT_DUMP } from '../postgres/backup/support';
import { deployedProject } from '../support/deployed';
import { eventually } from '../support/eventually';
import type { TestProject } from '../support/project';
import { asAdmin } from './support';

/** Of each command, at random moments; `npm run test:backup` is the long form. */
const ROUNDS = Number(process.env['COACH_BACKUP_KILLS'] ?? 6);

let project: TestProject;
let directory: string;

beforeAll(async () => {
  if (WITHOUT_DUMP !== undefined) return;
  project = await deployedProject();
  directory = project.path('.coachdb', 'local', 'backups');
  await asAdmin(project, (client) =>
    client.query(
      `CREATE TABLE public.mark (id int); CREATE TABLE public.bulk AS SELECT n AS id, md5(n::text) AS t FROM generate_series(1, 300000) AS n; ALTER TABLE public.bulk ADD PRIMARY KEY (id)`,
    ),
  );
}, 120_000);
afterAll(() => project?.remove());

/** What every command leaves behind, whatever became of it. */
afterEach(async () => {
  if (project !== undefined) await expectNothingRuns();
});

/** Programs that a command started work in its folder, as itself does; the server works in its data. */
function running(): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    try {
      if (!/^\d+$/.test(pid) || readlinkSync(`/proc/${pid}/cwd`) !== project.root) return [];
      return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')];
    } catch {
      return [];
    }
  });
}
const expectNothingRuns = (): Promise<true> =>
  eventually(`the end of ${running().join('; ')}`, () => Promise.resolve(running().length === 0 ? true : undefined));

const ended = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => child.once('close', (code) => resolve(code)));

/** How long a command takes that nobody disturbs. */
async function timed(args: string[]): Promise<number> {
  const since = performance.now();
  const { code, stderr, stdout } = await project.run(args);
  expect(code, stderr + stdout).toBe(0);
  return performance.now() - since;
}

/** Runs the command and ends it at a random moment of the time that it would take; its exit code, null after SIGKILL. */
async function disturbed(args: string[], wholeMs: number, signal: NodeJS.Signals): Promise<number | null> {
  const child = project.start(args);
  for (const stream of [child.stdout, child.stderr]) stream?.resume();
  let timer: NodeJS.Timeout | undefined;
  const begin = (): void => {
    timer ??= setTimeout(() => child.kill(signal), (0.1 + 0.9 * Math.random()) * wholeMs);
  };
  // Before its first words a command is the interpreter's alone, which ends by itself.
  if (signal === 'SIGKILL') begin();
  else child.stderr?.once('data', begin);
  const code = await ended(child);
  clearTimeout(timer);
  return code;
}

interface Listed {
  id: string;
  state: string;
}
async function listed(): Promise<Listed[]> {
  const { report } = await project.json(['backup', 'list']);
  return report['backups'] as Listed[];
}

/** Whatever is called good is. */
async function expectGoodOnesHold(): Promise<void> {
  for (const { id, state } of await listed()) {
    if (state !== 'good') continue;
    const { code, stdout } = await project.run(['backup', 'verify', id, '--checksums']);
    expect(code, stdout).toBe(0);
  }
}

async function databases(): Promise<string[]> {
  return asAdmin(project, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `SELECT datname AS name FROM pg_database WHERE datname LIKE 'inclusive\\_ai%' ORDER BY 1`,
    );
    return rows.map(({ name }) => name);
  });
}

/** Rows, structure and rights of the live database, as text. */
async function live(): Promise<string> {
  return asAdmin(project, async (client) => {
    const { rows } = await client.query(
      `SELECT (SELECT count(*) || ' ' || sum(hashtextextended(b::text, 0)) FROM public.bulk AS b) AS bulk, (SELECT max(id) FROM public.mark) AS mark,
              (SELECT count(*) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname !~ '^pg_') AS relations, (SELECT count(*) FROM pg_trigger) AS triggers,
              (SELECT datacl::text || datconnlimit FROM pg_database WHERE datname = current_database()) AS rights`,
    );
    return JSON.stringify(rows[0]);
  });
}

/** After a run that came to its end nothing is left of those that did not. */
async function expectSwept(): Promise<void> {
  await expectNothingRuns();
  expect(readdirSync(directory).filter((name) => name.startsWith('.') && name !== '.state')).toEqual([]);
  expect((await databases()).filter((name) => /_(restore|verify)_/.test(name))).toEqual([]);
}

describe.skipIf(WITHOUT_DUMP !== undefined)(
  `a command about backups that is killed (${WITHOUT_DUMP ?? 'pg_dump is here'})`,
  { timeout: 120_000 + ROUNDS * 30_000 },
  () => {
    it('backup: what is listed as good is, the database is untouched, the next run sweeps', async () => {
      const before = await live();
      const wholeMs = await timed(['backup']);
      for (let round = 0; round < ROUNDS; round += 1) {
        await disturbed(['backup'], wholeMs, 'SIGKILL');
        await expectNothingRuns();
        await expectGoodOnesHold();
      }
      expect(await live()).toBe(before);
      await timed(['backup']);
      await expectSwept();
      expect((await listed()).map(({ state }) => state)).not.toContain('incomplete');
    });

    it('backup: pg_dump does not outlive it, whatever it waits for', async () => {
      await asAdmin(project, async (holder) => {
        await holder.query('BEGIN; LOCK TABLE public.mark');
        const child = project.start(['backup']);
        await eventually('pg_dump waits for the lock', async () => {
          const { rowCount } = await holder.query(
            `SELECT FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND application_name = 'pg_dump' OR NOT granted AND query LIKE 'LOCK TABLE%'`,
          );
          return rowCount === 0 ? undefined : true;
        });
        child.kill('SIGKILL');
        await ended(child);
        await expectNothingRuns();
        await holder.query('ROLLBACK');
      });
    });

    it('backup verify --restore: the same', async () => {
      const before = await live();
      const wholeMs = await timed(['backup', 'verify', '--restore']);
      for (let round = 0; round < ROUNDS; round += 1)
        await disturbed(['backup', 'verify', '--restore'], wholeMs, 'SIGKILL');
      await timed(['backup', 'verify', '--restore']);
      await expectSwept();
      expect(await live()).toBe(before);
      expect((await listed()).map(({ state }) => state)).not.toContain('bad');
    });

    it('restore: the live database is wholly the old one or wholly the new one', async () => {
      await asAdmin(project, (client) => client.query('DELETE FROM public.mark'));
      await timed(['backup']);
      const restored = await live();
      const mark = (): Promise<unknown> =>
        asAdmin(project, (client) => client.query('INSERT INTO public.mark VALUES (1)'));
      await mark();
      const marked = await live();
      const wholeMs = await timed(['restore', '--yes']);
      expect(await live()).toBe(restored);
      for (let round = 0; round < ROUNDS; round += 1) {
        if ((await live()) === restored) await mark();
        await disturbed(['restore', '--yes'], wholeMs, 'SIGKILL');
        expect([marked, restored]).toContain(await live());
        await expectNothingRuns();
      }
      await timed(['restore', '--yes']);
      await timed(['restore', '--drop-old', '--yes']);
      await expectSwept();
      expect(await live()).toBe(restored);
      expect(await databases()).toEqual(['inclusive_ai']);
    });

    it('backup prune: a backup is there whole, or not at all', async () => {
      const newest = (await listed()).filter(({ state }) => state === 'good').at(-1)?.id ?? '';
      const manifest = JSON.parse(readFileSync(join(directory, newest, MANIFEST_FILE), 'utf8')) as Manifest;
      const old = (count: number): void => {
        for (let day = 0; day < count; day += 1) {
          const at = new Date(Date.UTC(2020, 0, 1 + day));
          const id = backupId(at, '0000');
          if (existsSync(join(directory, id))) continue;
          cpSync(join(directory, newest), join(directory, id), {
            recursive: true,
            filter: (source) => !basename(source).startsWith('manifest.'),
          });
          writeManifest(join(directory, id), { ...manifest, id, startedAt: at.toISOString(), generation: 'daily' });
        }
      };
      old(12);
      const wholeMs = await timed(['backup', 'prune', '--yes']);
      for (let round = 0; round < ROUNDS; round += 1) {
        old(12);
        await disturbed(['backup', 'prune', '--yes'], wholeMs, 'SIGKILL');
        expect(new Set((await listed()).map(({ state }) => state))).toEqual(new Set(['good']));
      }
      await timed(['backup', 'prune', '--yes']);
      await expectSwept();
      await expectGoodOnesHold();
    });

    it.each(['SIGINT', 'SIGTERM'] as const)('%s: exit code 130, and nothing is left', async (signal) => {
      await timed(['backup']);
      const before = await live();
      for (const args of [['backup'], ['backup', 'verify', '--restore'], ['restore', '--yes']]) {
        const count = (await listed()).length;
        const code = await disturbed(args, 800, signal);
        expect([0, 130], args.join(' ')).toContain(code);
        await expectSwept();
        if (code === 130) expect((await listed()).length).toBeLessThanOrEqual(count + 1);
        expect(await live()).toBe(before);
      }
    });
  },
);
