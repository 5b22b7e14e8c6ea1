import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { embeddedBinaries, installedBinaries } from '../support/cluster';
import type { RdsServer } from '../support/rdsMaster';
import { outputsByPulumi } from '../support/stackOutputs';
import { CREDENTIALS } from './clients';
import { missing } from './emulators';
import type { Rehearsal } from './rehearsal';
import { DATABASE, MASTER, type RehearsalWithServer, startWithServer } from './withServer';

const absent = missing('ministack', 'moto');
const servers = [installedBinaries(), embeddedBinaries()].filter((binaries) => binaries !== undefined);

/** The function runs for real: its own zip under the emulator's Lambda, the instance's address that of a server here. */
describe.skipIf(absent !== '').each(servers)(
  `prod's function works on %s${absent}`,
  { timeout: 300_000 },
  (binaries) => {
    let rehearsal: RehearsalWithServer;
    let server: RdsServer;
    let prod: Rehearsal;

    beforeAll(async () => {
      rehearsal = await startWithServer(binaries);
      ({ server, prod } = rehearsal);
    });
    afterAll(() => rehearsal.stop());

    async function query<Row>(text: string): Promise<Row[]> {
      const client = new Client({ ...server.admin, database: DATABASE });
      await client.connect();
      try {
        return (await client.query(text)).rows as Row[];
      } finally {
        await client.end();
      }
    }

    async function names(text: string): Promise<string[]> {
      return (await query<{ name: string }>(text)).map(({ name }) => name);
    }

    it('makes roles, extensions, tables, indexes and trail', async () => {
      expect((await prod.up()).problems).toEqual([]);
      expect(
        await names(`SELECT m.rolname AS name FROM pg_auth_members a JOIN pg_roles m ON m.oid = a.member
        JOIN pg_roles r ON r.oid = a.roleid WHERE r.rolname = 'rds_iam' AND m.rolcanlogin AND m.rolname <> '${MASTER}' ORDER BY 1`),
      ).toEqual([
        'coach_auditor',
        'coach_backup',
        'coach_loader',
        'coach_migrator',
        'coach_monitor',
        'coach_readonly',
        'inclusive',
      ]);
      expect(await names(`SELECT rolname AS name FROM pg_authid WHERE rolpassword IS NOT NULL ORDER BY 1`)).toEqual([
        MASTER,
        'postgres',
      ]);
      expect(await names('SELECT extname AS name FROM pg_extension ORDER BY 1')).toEqual(
        expect.arrayContaining(['btree_gin', 'pg_stat_statements', 'pg_trgm', 'uuid-ossp']),
      );
      expect(await names(`SELECT DISTINCT tableowner AS name FROM pg_tables WHERE schemaname = 'public'`)).toEqual([
        'coach_owner',
      ]);
      expect(await names('SELECT migration_name AS name FROM _prisma_migrations')).toEqual(['20250101000000_baseline']);
      expect(await names(`SELECT indexname AS name FROM pg_indexes WHERE indexname LIKE 'idx\\_%' ORDER BY 1`)).toEqual(
        [
          'idx_assessment_student',
          'idx_completed_lesson_student',
          'idx_student_language',
          'idx_student_location',
          'idx_user_email',
        ],
      );
    });

    it('leaves the application its rights and no others, and the trail tells of what it does', async () => {
      const client = new Client({ host: server.host, port: server.admin.port, user: 'inclusive', database: DATABASE });
      await client.connect();
      try {
        await expect(client.query('CREATE TABLE public.own (id int)')).rejects.toMatchObject({ code: '42501' });
        await expect(client.query('DELETE FROM audit.audit_log')).rejects.toMatchObject({ code: '42501' });
        await client.query(
          `INSERT INTO "User" (id, email, name, "updatedAt") VALUES ('u1', 'a@example.org', 'A', now())`,
        );
      } finally {
        await client.end();
      }
      expect(await query(`SELECT table_name, operation FROM audit.audit_log WHERE operation <> 'CONFIGURED'`)).toEqual([
        { table_name: 'User', operation: 'INSERT' },
      ]);
    });

    it('does not run again for what has not changed', async () => {
      const again = await prod.up();
      expect(again.problems).toEqual([]);
      expect(again.steps).toEqual([]);
    });

    it('runs again for another declaration, which the preview shows', async () => {
      prod.set('indexes', [{ name: 'idx_user_name', table: 'User', columns: ['name'] }]);
      const preview = await prod.preview();
      expect(preview.steps).toEqual(['replace migration-apply']);
      const up = await prod.up();
      expect(up.problems).toEqual([]);
      expect(await names(`SELECT indexname AS name FROM pg_indexes WHERE indexname = 'idx_user_name'`)).toEqual([
        'idx_user_name',
      ]);
    });

    it('fails `up` with its own words, and goes on from there', async () => {
      prod.set('indexes', [{ name: 'idx_user_nothing', table: 'User', columns: ['nothing'] }]);
      const up = await prod.up();
      expect(up.problems.join('\n')).toMatch(/nothing/);
      expect(up.problems.join('\n')).toMatch(/Lambda function/);
      prod.set('indexes', [{ name: 'idx_user_name', table: 'User', columns: ['name'] }]);
      expect((await prod.up()).problems).toEqual([]);
    });

    it('is what `deploy` and `status` of the command line ask', async () => {
      const outputs = prod.state.find(({ type }) => type === 'pulumi:pulumi:Stack')?.outputs ?? {};
      const environment = {
        ...outputsByPulumi(prod.project, 'prod', outputs),
        AWS_ENDPOINT_URL: prod.clients().endpoint,
        AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
        AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
      };
      const coachdb = async (...args: string[]): Promise<Record<string, unknown>> =>
        (await prod.project.json([...args, '--stack', 'prod'], environment)).report;
      const folder = prod.project.path('app', 'prisma', 'migrations', '20260101000000_grade');
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'migration.sql'), 'ALTER TABLE "Student" ADD COLUMN grade integer;');
      expect(await coachdb('deploy', '--dry-run')).toMatchObject({
        status: 'differs',
        pending: ['20260101000000_grade'],
      });
      expect(await coachdb('deploy', '--yes')).toMatchObject({
        status: 'changed',
        applied: [{ name: '20260101000000_grade' }],
        problems: [],
      });
      // The same archive is there by now.
      expect(await coachdb('deploy', '--yes')).toMatchObject({ status: 'ok', applied: [] });
      expect(await names(`SELECT attname AS name FROM pg_attribute WHERE attname = 'grade'`)).toEqual(['grade']);
      expect(await coachdb('status')).toMatchObject({
        function: {
          status: 'ok',
          server: { role: 'coach_migrator', database: DATABASE },
          migrations: { applied: [{ name: '20250101000000_baseline' }, { name: '20260101000000_grade' }], failed: [] },
        },
      });
    });
  },
);
