import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { TASK_VARIABLE } from '../../../postgres/backup/task';
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
  },
);
