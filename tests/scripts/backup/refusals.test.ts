import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Manifest } from '../../../postgres/backup/manifest';
import { MANIFEST_FILE } from '../../../postgres/backup/manifest';
import { writeManifest } from '../../../postgres/backup/manifestFile';
import { withClient } from '../../../postgres/connection/client';
import { asAdmin, changesOf, refused } from '../../faults/support';
import { WITHOUT_DUMP } from '../../postgres/backup/support';
import { deployedProject } from '../../support/deployed';
import type { TestProject } from '../../support/project';

let project: TestProject;
let directory: string;
let id: string;

beforeAll(async () => {
  if (WITHOUT_DUMP !== undefined) return;
  project = await deployedProject();
  directory = project.path('.coachdb', 'local', 'backups');
}, 120_000);
afterAll(() => project?.remove());

const ids = (): string[] => readdirSync(directory).filter((name) => !name.startsWith('.'));

/** The first problem of a command that has to fail with this exit code. */
const problem = async (args: string[], exitCode: number) => {
  const { code, report } = await project.json(args);
  const [first] = report['problems'] as { code: string; message: string; remedy: string }[];
  expect({ code, first }).toMatchObject({ code: exitCode });
  expect(first?.remedy).not.toBe('');
  return first;
};

describe.skipIf(WITHOUT_DUMP !== undefined)(
  `backup and restore (${WITHOUT_DUMP ?? 'pg_dump is here'})`,
  { timeout: 120_000 },
  () => {
    it('without a backup: said, with the command that makes one', async () => {
      for (const args of [
        ['restore', '--yes'],
        ['backup', 'verify'],
      ])
        expect(await problem(args, 3)).toMatchObject({
          code: 'backup-none',
          remedy: expect.stringContaining('db:backup') as string,
        });
    });

    it('restore what was backed up; nothing is left to do for preview and up', async () => {
      const { code, report, stderr } = await project.json(['backup', '--reason', 'for the test']);
      expect(code, stderr).toBe(0);
      [id = ''] = ids();
      expect(report['backup']).toMatchObject({ id, reason: 'for the test', stack: 'local' });
      const restored = await project.json(['restore', id.slice(0, 12), '--yes']);
      expect(restored.code, restored.stdout).toBe(0);
      expect([...(await changesOf(project, 'preview')).keys()]).toEqual([]);
      expect([...(await changesOf(project, 'up')).keys()]).toEqual([]);
      const dropped = await project.json(['restore', '--drop-old', '--yes']);
      expect(dropped.report['dropped']).toEqual([(restored.report['restored'] as { kept: string }).kept]);
      expect((await project.json(['restore', '--drop-old', '--yes'])).report).toMatchObject({
        status: 'ok',
        dropped: [],
      });
    });

    it.each(['0', '-1', 'abc', '1.5', '4000'])('--retention %s: usage', async (days) => {
      for (const args of [['backup'], ['backup', 'prune', '--yes']]) {
        const { code, stderr, stdout } = await project.run([...args, `--retention=${days}`]);
        expect({ code, said: stderr + stdout }).toMatchObject({
          code: 64,
          said: expect.stringContaining('from 1 to 3650') as string,
        });
      }
      expect(ids()).toEqual([id]);
    });

    it('flags and ids that nobody knows: usage', async () => {
      expect((await project.run(['backup', '--faster'])).code).toBe(64);
      expect(await problem(['restore', '2019', '--yes'], 64)).toMatchObject({ code: 'backup-unknown' });
      expect(await problem(['backup', 'verify', '../elsewhere'], 64)).toMatchObject({ code: 'backup-unknown' });
      expect((await project.json(['backup'])).code).toBe(0);
      const both = await problem(['restore', '2', '--yes'], 64);
      expect(both?.message).toContain(ids().join(', '));
    });

    it('a restore without --yes where nobody can be asked: refused', async () => {
      expect((await project.run(['restore'])).code).not.toBe(0);
      expect(await asAdmin(project, (client) => client.query('SELECT 1 AS one'))).toMatchObject({ rowCount: 1 });
    });

    it('another stack’s backup: refused, --foreign lets it', async () => {
      const folder = join(directory, id);
      const text = readFileSync(join(folder, MANIFEST_FILE), 'utf8');
      const manifest = JSON.parse(text) as Manifest;
      writeManifest(folder, { ...manifest, stack: 'prod' });
      const foreign = await problem(['restore', id, '--yes'], 3);
      expect(foreign).toMatchObject({ code: 'backup-foreign', remedy: expect.stringContaining('--foreign') as string });
      expect(foreign?.message).toContain('prod');
      expect((await project.json(['restore', id, '--foreign', '--yes', '--drop-old'])).code).toBe(0);
      writeManifest(folder, manifest);
    });

    it('while another run works in the folder: locked', async () => {
      const lock = join(directory, `.lock-${process.pid}`);
      writeFileSync(lock, '');
      try {
        for (const args of [['backup'], ['backup', 'verify'], ['restore', '--yes'], ['backup', 'prune', '--yes']])
          expect(await problem(args, 75)).toMatchObject({ code: 'backup-locked' });
      } finally {
        rmSync(lock);
      }
    });

    it('--to-file writes the SQL whole, and never over a file', async () => {
      const file = project.path('out.sql');
      expect((await project.json(['restore', id, '--to-file', file])).code).toBe(0);
      const sql = readFileSync(file, 'utf8');
      expect(sql).toContain('CREATE TABLE public."Student"');
      expect(sql).toContain('-- PostgreSQL database dump complete');
      expect(await problem(['restore', id, '--to-file', file], 3)).toMatchObject({ code: 'file-exists' });
      expect(await problem(['restore', id, '--to-file', project.path('no', 'out.sql')], 1)).toMatchObject({
        code: 'folder-missing',
      });
      expect(readFileSync(file, 'utf8')).toBe(sql);
    });

    it('files of others in the folder stay, and the folder may be a link', async () => {
      writeFileSync(join(directory, 'notes.txt'), 'mine');
      mkdirSync(join(directory, 'old-dumps'));
      renameSync(directory, project.path('moved'));
      symlinkSync(project.path('moved'), directory);
      expect((await project.json(['backup'])).code).toBe(0);
      expect((await project.json(['backup', 'prune', '--yes'])).code).toBe(0);
      expect(readFileSync(join(directory, 'notes.txt'), 'utf8')).toBe('mine');
      expect(ids()).toContain('old-dumps');
      const { report } = await project.json(['backup', 'list']);
      expect((report['backups'] as { id: string }[]).map((one) => one.id)).not.toContain('old-dumps');
    });

    it('a password changed by hand, and a database that is gone: named; the restore brings it back', async () => {
      await asAdmin(project, (client) => client.query(`ALTER ROLE coach_backup PASSWORD 'another'`));
      const [password] = await refused(project, ['backup'], 1).catch(async () => [await problem(['backup'], 1)]);
      expect(password).toMatchObject({
        code: 'password-refused',
        remedy: expect.stringContaining('npm run up') as string,
      });
      await changesOf(project, 'up');
      const target = await asAdmin(project, ({ host, port, user = '', password = '' }) =>
        Promise.resolve({ host, port, user, password: String(password), database: 'postgres' }),
      );
      await withClient(target, (client) => client.query('ALTER DATABASE inclusive_ai RENAME TO gone'));
      expect(await problem(['backup'], 1)).toMatchObject({ code: 'database-missing' });
      const restored = await project.json(['restore', '--yes']);
      expect(restored.code, restored.stdout).toBe(0);
      expect([...(await changesOf(project, 'up')).keys()]).toEqual([]);
    });
  },
);
