import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { AuditActual } from '../../../postgres/audit/catalog';
import { planLines } from '../../../postgres/audit/plan/plan';
import { partitionsDue, planCron } from '../../../postgres/audit/plan/planMaintenance';
import { readAudit } from '../../../postgres/audit/plan/readCatalog';
import { verifyChain } from '../../../postgres/audit/reading/verify';
import { eventually } from '../../support/eventually';
import { type AuditedDatabase, auditedDatabase, sealChain } from './support';

const TABLES = [{ schema: 'public', table: 'Student' }];
let database: AuditedDatabase;

beforeAll(async () => {
  const SCHEMA = 'CREATE TABLE "Student" (id serial PRIMARY KEY, name text)';
  database = await auditedDatabase('audit_months', SCHEMA, { tables: TABLES, monthsAhead: 2 });
});
/** A trail as new, its rows gone. */
beforeEach(async () => {
  await database.admin.query('DROP SCHEMA IF EXISTS audit CASCADE');
  await database.up({ retentionMonths: 0, hashChain: false });
});
afterAll(() => database.drop());

const name = (month: string): string => `audit_log_${month.replace('-', '_')}`;
const monthsFrom = (first: string, count: number): string[] =>
  Array.from({ length: count }, (_, ahead) => {
    const date = new Date(`${first}-01T00:00:00Z`);
    date.setUTCMonth(date.getUTCMonth() + ahead);
    return name(date.toISOString().slice(0, 7));
  });
const now = new Date().toISOString().slice(0, 7);

async function partitions(): Promise<string[]> {
  const { rows } = await database.admin.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'audit.audit_log'::regclass ORDER BY 1`,
  );
  return rows.map((row) => row.name);
}
async function maintain(moment?: string): Promise<string[]> {
  const { rows } = await database.admin.query<{ line: string }>(
    `SELECT audit.maintain(coalesce($1, clock_timestamp())) AS line`,
    [moment],
  );
  return rows.map(({ line }) => line);
}
/** A row of the trail as if it had been recorded then. */
const past = (moment: string): Promise<unknown> =>
  database.admin.query(
    `INSERT INTO audit.audit_log (operation, table_schema, table_name, "timestamp") VALUES ('DELETE', 'public', 'Student', $1)`,
    [moment],
  );

describe('months', () => {
  it('are made ahead as declared, and the upkeep then has nothing to do', async () => {
    expect(await partitions()).toEqual([...monthsFrom(now, 3), 'audit_log_default']);
    expect(await maintain()).toEqual([]);
    expect(planLines(await database.plan())).toEqual([]);
  });

  it('are each read by whoever dumps the database, one by one, and by nobody else', async () => {
    await past('2024-01-15 00:00+00');
    await maintain();
    const [backup, reader] = [await database.as('backup'), await database.as('reader')];
    for (const partition of await partitions()) {
      const count = `SELECT count(*)::int AS rows FROM audit.${partition}`;
      const { rows } = await backup.query<{ rows: number }>(count);
      expect(rows, partition).toEqual((await database.admin.query(count)).rows);
      await expect(reader.query(count)).rejects.toMatchObject({ code: '42501' });
    }
    expect((await backup.query(`SELECT FROM audit.audit_log_2024_01`)).rowCount).toBe(1);
    await expect(backup.query(`DELETE FROM audit.audit_log_2024_01`)).rejects.toMatchObject({ code: '42501' });
  });

  it('that are missing are in the plan, and made by up', async () => {
    await database.admin.query(`DROP TABLE audit.${monthsFrom(now, 3)[2]}`);
    expect(planLines(await database.plan())).toEqual([`~ partitions: create ${monthsFrom(now, 3)[2]}`]);
    await database.up({ monthsAhead: 4 });
    expect(await partitions()).toEqual([...monthsFrom(now, 5), 'audit_log_default']);
    await database.up({ monthsAhead: 2 });
    expect(await partitions()).toHaveLength(6);
  });

  it.each(['UTC', 'Pacific/Kiritimati', 'Pacific/Pago_Pago', 'Asia/Kathmandu'])(
    'begin and end in UTC for a session in %s',
    async (zone) => {
      await database.admin.query(`SET TimeZone = '${zone}'`);
      try {
        // In UTC still January; the zones before and after it have another date.
        expect((await maintain('2031-01-31 23:30:00+00')).filter((line) => line.startsWith('created'))).toEqual([
          'created audit_log_2031_01',
          'created audit_log_2031_02',
          'created audit_log_2031_03',
        ]);
        await past('2031-01-31 23:59:59.999999+00');
        await past('2031-02-01 00:00:00+00');
        const { rows } = await database.admin.query(
          `SELECT tableoid::regclass::text AS "in" FROM audit.audit_log WHERE "timestamp" > '2031-01-01+00' ORDER BY "timestamp"`,
        );
        expect(rows).toEqual([{ in: 'audit.audit_log_2031_01' }, { in: 'audit.audit_log_2031_02' }]);
        expect(await database.plan()).toMatchObject({ problems: [] });
      } finally {
        await database.admin.query('RESET TimeZone');
      }
    },
  );

  it('are for their owner alone, as the trail is, with everything the trail has', async () => {
    await maintain('2031-05-10');
    const { rows } = await database.admin.query(
      `SELECT pg_get_userbyid(relowner) AS owner, relrowsecurity AS secured, relacl::text AS acl,
              (SELECT count(*)::int FROM pg_index WHERE indrelid = c.oid) AS indexes, (SELECT count(*)::int FROM pg_attrdef WHERE adrelid = c.oid) AS defaults
         FROM pg_class c WHERE relname = 'audit_log_2031_05'`,
    );
    const { auditOwner } = database.roles;
    expect(rows).toMatchObject([{ owner: auditOwner, secured: true, indexes: 1 }]);
    expect(planLines(await database.plan())).toEqual([]);
  });
});

describe('rows without a month', () => {
  it('wait in the default partition and are moved into one, none lost', async () => {
    for (const moment of ['2024-02-29 12:00+00', '2024-02-01 00:00+00', '2030-12-31 23:59+00']) await past(moment);
    expect(await maintain()).toEqual([
      'created audit_log_2024_02, moved 2 rows into it',
      'created audit_log_2030_12, moved 1 rows into it',
      'indexed audit_log_2024_02',
    ]);
    const { rows } = await database.admin.query(
      `SELECT tableoid::regclass::text AS "in", count(*)::int AS rows FROM audit.audit_log WHERE operation = 'DELETE' GROUP BY 1 ORDER BY 1`,
    );
    expect(rows).toEqual([
      { in: 'audit.audit_log_2024_02', rows: 2 },
      { in: 'audit.audit_log_2030_12', rows: 1 },
    ]);
    expect(await maintain()).toEqual([]);
  });

  it('are moved while others write, who are waited for no longer than two seconds', async () => {
    await past('2024-02-29 12:00+00');
    const writer = await database.as('app');
    await writer.query(`BEGIN; LOCK TABLE "Student" IN ROW EXCLUSIVE MODE; INSERT INTO "Student" VALUES (1, 'x')`);
    const holder = await database.connect(database.server.user, database.server.password);
    await holder.query('BEGIN; LOCK TABLE audit.audit_log_default IN ACCESS SHARE MODE');
    expect(await maintain()).toEqual(['postponed audit_log_2024_02: the trail is busy']);
    await holder.query('COMMIT');
    expect((await maintain())[0]).toBe('created audit_log_2024_02, moved 1 rows into it');
    await writer.query('COMMIT');
  });

  it('of a table that a person detached go into it again', async () => {
    const [, , last] = monthsFrom(now, 3);
    await database.admin.query(`ALTER TABLE audit.audit_log DETACH PARTITION audit.${last}`);
    expect(planLines(await database.plan())).toEqual([`~ partitions: create ${last}`]);
    await database.up();
    expect(planLines(await database.plan())).toEqual([]);
    expect(await partitions()).toContain(last);
  });
});

describe('retention', () => {
  it('drops what is older, says so in the trail, and drops no row that is not', async () => {
    for (const moment of ['2024-01-15', '2024-02-15', '2024-03-15', '2024-03-16']) await past(`${moment} 00:00+00`);
    await maintain();
    await database.admin.query('ANALYZE audit.audit_log');
    database.spec.retentionMonths = 2;
    await database.up();
    expect((await partitions()).filter((one) => one.includes('2024'))).toEqual([]);
    const { rows } = await database.admin.query<{ marker: { partition: string; rowsAbout: number } }>(
      `SELECT marker FROM audit.audit_log WHERE operation = 'EXPIRED' ORDER BY id`,
    );
    expect(rows.map(({ marker }) => [marker.partition, marker.rowsAbout])).toEqual([
      ['audit_log_2024_01', 1],
      ['audit_log_2024_02', 1],
      ['audit_log_2024_03', 2],
    ]);
  });

  it('keeps exactly so many full months', async () => {
    database.spec.retentionMonths = 2;
    await database.up();
    for (const moment of ['2031-01-31 23:59:59+00', '2031-02-01 00:00+00', '2031-04-30 00:00+00']) await past(moment);
    await maintain('2031-04-30');
    expect((await maintain('2031-04-30')).filter((line) => line.includes('2031'))).toEqual([]);
    expect((await partitions()).filter((one) => one.includes('2031')).slice(0, 3)).toEqual([
      'audit_log_2031_02',
      'audit_log_2031_04',
      'audit_log_2031_05',
    ]);
  });

  it('takes the links of a dropped month along, and notes its last one', async () => {
    await database.up({ hashChain: true });
    await past('2024-01-15 00:00+00');
    await eventually('everything is sealed', async () => {
      await sealChain(database.admin);
      const { months } = await verifyChain(database.admin, database.spec);
      return months.every(({ unsealed }) => unsealed === 0) ? true : undefined;
    });
    const { months } = await verifyChain(database.admin, database.spec);
    await maintain();
    await database.up({ retentionMonths: 1 });
    const { rows } = await database.admin.query<{ head: string }>(
      `SELECT marker ->> 'head' AS head FROM audit.audit_log WHERE operation = 'EXPIRED' AND marker ->> 'partition' = 'audit_log_2024_01'`,
    );
    expect(rows).toEqual([{ head: months[0]?.head }]);
    const after = await verifyChain(database.admin, database.spec);
    expect(after).toMatchObject({ intact: true, months: [{ month: now }] });
  });
});

describe('what the plan expects of a moment', () => {
  const relation = (one: string, indexed = false): AuditActual['relations'][number] => ({
    name: one,
    kind: 'r',
    owner: 'o',
    rowSecurity: true,
    parent: 'audit_log',
    columns: [],
    indexes: indexed ? [{ name: `${one}_key`, valid: true }] : [],
    grants: [],
    triggers: [],
  });

  it.each([
    ['2026-12-31T23:59:59Z', ['audit_log_2027_01'], ['audit_log_2026_09'], ['audit_log_2026_11']],
    [
      '2027-01-01T00:00:00Z',
      ['audit_log_2027_01', 'audit_log_2027_02'],
      ['audit_log_2026_09', 'audit_log_2026_10'],
      ['audit_log_2026_11', 'audit_log_2026_12'],
    ],
  ])('%s', (moment, missing, expired, unindexed) => {
    const spec = { ...database.spec, retentionMonths: 2, monthsAhead: 1 };
    const actual = {
      relations: [
        relation('audit_log_2026_09'),
        relation('audit_log_2026_10', true),
        relation('audit_log_2026_11'),
        relation('audit_log_2026_12'),
      ],
    } as AuditActual;
    expect(partitionsDue(spec, actual, new Date(moment))).toEqual({ missing, expired, unindexed });
  });
});

describe('pg_cron', () => {
  const job = { schedule: '17 * * * *', command: 'SELECT "audit"."maintain"()', active: true };

  it.each<[string, AuditActual['cron'], boolean, string | undefined]>([
    ['is not there', null, false, undefined],
    ['has the job', { job }, false, undefined],
    ['has no job', { job: null }, false, '17 * * * *'],
    ['has it with another schedule', { job }, true, '*/5 * * * *'],
    ['has it switched off', { job: { ...job, active: false } }, false, '17 * * * *'],
    ['has it with another command', { job: { ...job, command: 'SELECT 1' } }, false, '17 * * * *'],
  ])('%s', (_what, cron, hashChain, schedule) => {
    const steps = planCron({ ...database.spec, hashChain }, { cron } as AuditActual);
    const sql = `SELECT cron.schedule('coachdb-audit-maintain', '${schedule}', 'SELECT "audit"."maintain"()')`;
    expect(steps.map((step) => [step.phase, step.sql])).toEqual(schedule === undefined ? [] : [['alone', [sql]]]);
  });

  it('is asked for its job where it is installed, and the job is of this database', async () => {
    const { admin, spec } = database;
    await admin.query(`CREATE SCHEMA cron; CREATE TABLE cron.job (jobname text, database text, schedule text, command text, active boolean);
      INSERT INTO cron.job VALUES ('coachdb-audit-maintain', 'another', 'a', 'b', true), ('coachdb-audit-maintain', current_database(), '17 * * * *', 'c', true)`);
    await admin.query(
      `INSERT INTO pg_extension SELECT 4242424, 'pg_cron', extowner, extnamespace, extrelocatable, extversion, NULL, NULL FROM pg_extension LIMIT 1`,
    );
    expect((await readAudit(admin, spec)).cron).toEqual({
      job: { schedule: '17 * * * *', command: 'c', active: true },
    });
    await admin.query(`DELETE FROM pg_extension WHERE extname = 'pg_cron'; DROP SCHEMA cron CASCADE`);
    expect((await readAudit(admin, spec)).cron).toBeNull();
  });
});
