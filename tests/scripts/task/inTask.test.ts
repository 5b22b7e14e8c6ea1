import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { TASK_VARIABLE } from '../../../postgres/backup/task';
import { withClient } from '../../../postgres/connection/client';
import { decompressSample, SAMPLE_FILE } from '../../../scripts/sample/file';
import { ReportReader, type TaskReport } from '../../../scripts/task/outcome';
import { missing, programOf } from '../../postgres/backup/s3/emulators';
import { DUMP_BINARIES, WITHOUT_DUMP } from '../../postgres/backup/support';
import { TestProject } from '../../support/project';
import { BUCKET, type ProdServer, startProdServer } from './prodServer';

const ROWS = 500;
const without = WITHOUT_DUMP === undefined ? missing('moto') : ` (skipped: ${WITHOUT_DUMP})`;

describe.skipIf(DUMP_BINARIES === undefined || programOf('moto') === null)(
  `coachdb in the task of prod${without}`,
  { timeout: 120_000 },
  () => {
    let prod: ProdServer;
    let project: TestProject;
    beforeAll(async () => {
      prod = await startProdServer(DUMP_BINARIES ?? '', ROWS);
      project = new TestProject();
      // Nothing of the operator's is there.
      rmSync(project.path('Pulumi.prod.yaml'));
      rmSync(project.path('.coachdb'), { recursive: true });
    }, 120_000);
    afterAll(async () => {
      await prod.stop();
      await project.remove();
    });

    /** A task of its own: with a disk that is empty, and gone afterwards. */
    async function task(...args: string[]): Promise<TaskReport & { log: string; code: number | null }> {
      const scratch = mkdtempSync(join(tmpdir(), 'coach-scratch-'));
      try {
        const environment = { ...prod.environment, [TASK_VARIABLE]: JSON.stringify(prod.description), TMPDIR: scratch };
        const { code, stdout, stderr } = await project.run(args, environment);
        const reader = new ReportReader();
        const rest = stdout.split('\n').filter((line) => line !== '' && !reader.take(line));
        expect(rest, stderr).toEqual([]);
        if (reader.report === undefined) throw new Error(`no report: ${stdout}${stderr}`);
        expect(reader.report.exitCode).toBe(code);
        return { ...reader.report, log: stderr, code };
      } finally {
        rmSync(scratch, { recursive: true, force: true });
      }
    }

    it('a backup is read back and in the bucket, for the first of its month and then for its day', async () => {
      const first = await task('backup', '--reason', 'daily');
      expect(first, JSON.stringify(first.problems)).toMatchObject({ command: 'backup', stack: 'prod', exitCode: 0 });
      const { uri, generation, reason } = first.fields['backup'] as Record<string, string>;
      expect({ generation, reason }).toEqual({ generation: 'monthly', reason: 'daily' });
      expect(uri).toMatch(new RegExp(`^s3://${BUCKET}/prod/monthly/`));
      const second = await task('backup');
      expect((second.fields['backup'] as Record<string, string>)['generation']).toBe('daily');
      const listed = await task('backup', 'list');
      expect((listed.fields['backups'] as { state: string }[]).map(({ state }) => state)).toEqual(['good', 'good']);
      expect(listed.text).toContain('2 of 2 are good');
    });

    const rowsOf = <T extends object>(sql: string, database?: string): Promise<T[]> =>
      withClient(prod.target(database), async (client) => (await client.query<T>(sql)).rows);
    const users = async (database?: string): Promise<number> =>
      (await rowsOf<{ n: number }>('SELECT count(*)::int AS n FROM public."User"', database))[0]?.n ?? -1;
    /** Who owns what, and who may do what with it. */
    const rights = (): Promise<object[]> =>
      rowsOf(
        `SELECT c.oid::regclass::text AS name, pg_get_userbyid(relowner) AS owner, coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's'::"char" ELSE 'r' END, relowner))::text AS acl FROM pg_class AS c
           WHERE relkind IN ('r', 'p', 'v', 'S') AND relnamespace::regnamespace::text !~ '^(pg_|information_schema)' ORDER BY 1`,
      );
    const memberships = (): Promise<object[]> =>
      rowsOf(
        `SELECT roleid::regrole::text AS role FROM pg_auth_members WHERE member = 'coach_admin'::regrole AND pg_has_role(member, roleid, 'USAGE') ORDER BY 1`,
      );

    it('the newest restores for trial, and in the live one’s place, by an administrator without superuser', async () => {
      const [before, memberOf] = [await rights(), await memberships()];
      const verified = await task('backup', 'verify', '--restore');
      expect(verified.problems).toEqual([]);
      expect(verified.fields['backups']).toMatchObject([{ ok: true }]);
      expect(await memberships()).toEqual(memberOf);

      await rowsOf('DELETE FROM public."User"');
      const restored = await task('restore', '--yes');
      expect(restored.problems).toEqual([]);
      const { kept } = restored.fields['restored'] as { kept: string };
      expect([await users(), await users(kept)]).toEqual([ROWS, 0]);
      expect(await rights()).toEqual(before);
      expect(await memberships()).toEqual(memberOf);
      const owners = await rowsOf(
        "SELECT DISTINCT pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname ~ '^inclusive_ai'",
      );
      expect(owners).toEqual([{ owner: 'coach_admin' }]);

      // What came back is backed up as what was there.
      expect((await task('backup')).problems).toEqual([]);
      expect((await task('restore', '--drop-old', '--yes')).fields['dropped']).toEqual([kept]);
    });

    it('a file in the bucket takes the place of the rows, and nothing does so unasked', async () => {
      const Key = 'prod/transfer/coach.db';
      const Body = decompressSample(readFileSync(project.path(SAMPLE_FILE)));
      await prod.emulator.s3.putObject({ Bucket: BUCKET, Key, Body });
      const from = ['transfer', '--from', `s3://${BUCKET}/${Key}`];
      const refused = await task(...from);
      expect(refused.problems).toMatchObject([{ code: 'target-not-empty' }]);
      expect(await users()).toBe(ROWS);

      const loaded = await task(...from, '--truncate', '--yes');
      expect(loaded.problems).toEqual([]);
      expect(loaded.fields['source']).toMatchObject({ bytes: Body.length });
      const tables = loaded.fields['tables'] as { target: string; rows: number; loaded: number; rejected: number }[];
      expect(tables.map(({ target }) => target).sort()).toEqual(['Assessment', 'CompletedLesson', 'Student', 'User']);
      for (const { target, rows, ...table } of tables) {
        expect(table).toMatchObject({ loaded: rows, rejected: 0 });
        expect(await rowsOf(`SELECT count(*)::int AS rows FROM public."${target}"`)).toEqual([{ rows }]);
      }
      expect((await task(...from, '--verify-only')).problems).toEqual([]);
    });

    it('is refused what it was not told, and says so at the end of its log', async () => {
      const { exitCode, problems } = await task(
        'restore',
        '--from',
        `s3://${BUCKET}/prod/daily/20200101T000000Z-0000`,
        '--yes',
      );
      expect([exitCode, problems.map(({ code }) => code)]).toEqual([1, ['s3-not-found']]);
      const unread = await project.run(['backup'], { [TASK_VARIABLE]: '{"stack":"prod"}' });
      expect(unread.code).toBe(64);
      expect(unread.stderr).toContain('task-description');
    });
  },
);
