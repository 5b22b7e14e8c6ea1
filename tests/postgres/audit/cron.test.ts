import { existsSync } from 'node:fs';
import { join } from 'node:path';

import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { removeAudit } from '../../../postgres/audit/plan/apply';
import { installedBinaries, startCluster, type TestCluster } from '../../support/cluster';
import { type AuditedDatabase, auditedDatabase } from './support';

/** pg_cron lives in one database of a server and has to be preloaded: a server of its own, with the extension of Debian's package. */
const binaries = installedBinaries();
const major = /postgresql\/(\d+)\//.exec(binaries ?? '')?.[1];
const control = `/usr/share/postgresql/${major}/extension/pg_cron.control`;
const SKIPPED = `needs pg_cron (${major === undefined ? 'and an installed PostgreSQL' : `Debian: postgresql-${major}-cron`})`;

let cluster: TestCluster | undefined;
let database: AuditedDatabase | undefined;

beforeAll(async () => {
  if (binaries === undefined || !existsSync(control) || !existsSync(join(binaries, 'initdb'))) return;
  cluster = await startCluster(
    binaries,
    `shared_preload_libraries = 'pg_stat_statements,pg_cron'\ncron.use_background_workers = on\ncron.database_name = 'coach_cron'\n`,
  );
});
afterAll(async () => {
  await database?.drop();
  await cluster?.stop();
});

async function jobs(admin: Client): Promise<{ jobname: string; schedule: string; command: string }[]> {
  return (
    await admin.query<{ jobname: string; schedule: string; command: string }>(
      'SELECT jobname, schedule, command FROM cron.job ORDER BY jobid',
    )
  ).rows;
}

describe('a trail beside pg_cron', { timeout: 60_000 }, () => {
  it('is kept by a job of its own, which is mended and goes with it', async (context) => {
    if (cluster === undefined) return context.skip(SKIPPED);
    database = await auditedDatabase(
      'coach_cron',
      'CREATE TABLE "Student" (id text PRIMARY KEY)',
      {
        tables: [{ schema: 'public', table: 'Student' }],
      },
      cluster,
      'coach_cron',
    );
    const { admin, spec } = database;
    await admin.query('CREATE EXTENSION pg_cron');
    await database.up();
    const command = `SELECT "${spec.schema}"."maintain"()`;
    const job = { jobname: `coachdb-${spec.schema}-maintain`, schedule: '17 * * * *', command };
    expect(await jobs(admin)).toEqual([job]);
    expect((await database.plan()).steps).toEqual([]);

    // What the job does, by the text it would run.
    const month = `${spec.table}_2031_01`;
    await admin.query(
      `INSERT INTO "${spec.schema}"."${spec.table}" (operation, table_name, table_schema, "timestamp") VALUES ('INSERT', 'Student', 'public', '2031-01-15')`,
    );
    await admin.query((await jobs(admin))[0]?.command ?? '');
    const { rows } = await admin.query<{ there: boolean }>(`SELECT to_regclass($1) IS NOT NULL AS there`, [
      `${spec.schema}.${month}`,
    ]);
    expect(rows).toEqual([{ there: true }]);

    await admin.query(`SELECT cron.schedule($1, '0 0 1 1 *', 'SELECT 1')`, [job.jobname]);
    expect((await database.plan()).steps.map(({ action }) => action)).toEqual([
      expect.stringContaining(`job ${job.jobname}: `),
    ]);
    await database.up();
    expect(await jobs(admin)).toEqual([job]);
    await admin.query(`SELECT cron.unschedule($1)`, [job.jobname]);
    await database.up({ hashChain: true });
    expect(await jobs(admin)).toEqual([{ ...job, schedule: '*/5 * * * *' }]);

    await removeAudit(admin, database.spec);
    expect(await jobs(admin)).toEqual([]);
  });
});
