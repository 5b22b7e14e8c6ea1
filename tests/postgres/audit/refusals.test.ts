import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { AuditedTable, AuditSpec } from '../../../postgres/spec';
import { type AuditedDatabase, auditedDatabase } from './support';

const LONG = 'Ñandú "q" '.repeat(6).slice(0, 49);
const SCHEMA = `
CREATE TABLE "Student" (id int PRIMARY KEY, name text);
CREATE TABLE keyless (a int);
CREATE TABLE "Event" (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE "Event_1" PARTITION OF "Event" FOR VALUES FROM (0) TO (100);
CREATE VIEW seen AS SELECT 1 AS id;
CREATE MATERIALIZED VIEW kept AS SELECT 1 AS id;
`;

let database: AuditedDatabase;
beforeAll(async () => {
  database = await auditedDatabase('audit_refuse', SCHEMA, { tables: [{ schema: 'public', table: 'Student' }] });
});
afterAll(() => database.drop());

/** Codes and objects of everything that stands in the way of this. */
async function problems(changes: Partial<AuditSpec>): Promise<unknown[]> {
  const kept = { ...database.spec };
  Object.assign(database.spec, changes);
  const { problems: found } = await database.plan();
  Object.assign(database.spec, kept);
  return found.map(({ code, object }) => [code, object]);
}
const of = (table: string, more: Partial<AuditedTable> = {}): AuditedTable => ({ schema: 'public', table, ...more });

describe('a table that cannot be audited', () => {
  it.each([
    ['is missing', [of('Studnet')], [['audit-table-missing', 'public.Studnet']]],
    [
      'is in a schema that is missing',
      [{ schema: 'nowhere', table: 'Student' }],
      [['audit-table-missing', 'nowhere.Student']],
    ],
    ['has no primary key', [of('keyless')], [['audit-no-key', 'public.keyless']]],
    ['is a view', [of('seen')], [['audit-kind', 'public.seen']]],
    ['is a materialized view', [of('kept')], [['audit-kind', 'public.kept']]],
    [
      'is listed twice',
      [of('Student'), of('Student', { redact: ['name'] })],
      [['audit-table-twice', 'public.Student']],
    ],
    [
      'is a partition of one that is audited',
      [of('Event'), of('Event_1')],
      [['audit-partition-twice', 'public.Event_1']],
    ],
    ['would have its key hidden', [of('Student', { exclude: ['id'] })], [['audit-key-hidden', 'public.Student']]],
    ['would have its key masked', [of('Student', { redact: ['id'] })], [['audit-key-hidden', 'public.Student']]],
    ['belongs to the trail', [{ schema: 'audit', table: 'audit_log' }], [['audit-of-trail', 'audit.audit_log']]],
  ])('%s', async (_what, tables, expected) => {
    expect(await problems({ tables })).toEqual(expected);
  });

  it('is temporary', async () => {
    await database.admin.query('CREATE TEMP TABLE fleeting (id int PRIMARY KEY)');
    const { rows } = await database.admin.query<{ schema: string }>(
      `SELECT nspname AS schema FROM pg_namespace WHERE oid = pg_my_temp_schema()`,
    );
    const tables = [{ schema: rows[0]?.schema ?? '', table: 'fleeting' }];
    expect((await problems({ tables })).flat()).toContain('audit-kind');
  });

  it('stops all the rest: everything is named at once, nothing is applied', async () => {
    const tables = [of('Student'), of('Studnet'), of('keyless')];
    const failed = await database.up({ tables }).catch((error: unknown) => error);
    expect(failed).toMatchObject({
      code: 'audit-table-missing',
      kind: 'refused',
      message: expect.stringMatching(
        /public\.Studnet: it does not exist\.\n.*public\.keyless: it has no primary key/,
      ) as unknown,
    });
    const { rows } = await database.admin.query(`SELECT to_regnamespace('audit') AS schema`);
    expect(rows).toEqual([{ schema: null }]);
    database.spec.tables = [of('Student')];
  });
});

describe('a trail that cannot be', () => {
  it.each([
    [
      'names too long',
      { schema: 's'.repeat(52), table: 't'.repeat(52), owner: 'o'.repeat(64) },
      ['audit-name', 'audit-name', 'audit-name'],
    ],
    ['empty names', { schema: '', table: '' }, ['audit-name', 'audit-name']],
    ['numbers out of range', { retentionMonths: -1, monthsAhead: 1.5 }, ['audit-number', 'audit-number']],
    [
      'roles that do not exist',
      { readers: ['nobody_here'], loaders: ['nor_here'] },
      ['audit-role-missing', 'audit-role-missing'],
    ],
  ])('%s', async (_what, changes, codes) => {
    expect((await problems(changes)).map((problem) => (problem as string[])[0])).toEqual(codes);
  });

  it.each([
    ['a table that is not partitioned', 'CREATE TABLE taken.audit_log (id uuid)'],
    [
      'columns of another type',
      'CREATE TABLE taken.audit_log (id int, "timestamp" timestamptz) PARTITION BY RANGE ("timestamp")',
    ],
  ])('%s of its name', async (_what, sql) => {
    await database.admin.query(`CREATE SCHEMA taken; ${sql}`);
    expect(await problems({ schema: 'taken' })).toEqual([['audit-trail-foreign', 'taken.audit_log']]);
    await database.admin.query('DROP SCHEMA taken CASCADE');
  });

  it('is refused to whoever may not make it, with what to do', async () => {
    const { spec } = database;
    const { bringUpAudit } = await import('../../../postgres/audit/plan/apply');
    const error: unknown = await bringUpAudit(await database.as('migrator'), spec).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'lock-denied', remedy: expect.stringContaining('administrator') as unknown });
  });
});

describe('names at the limit', () => {
  it('of 63 bytes and with quotes, alike up to their end: each is recorded under its own', async () => {
    const { admin } = database;
    const [one, other] = [`${LONG} 1`, `${LONG} 2`];
    expect(Buffer.byteLength(one)).toBeLessThanOrEqual(63);
    const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;
    await admin.query(`SET ROLE ${database.roles.tableOwner}`);
    for (const name of [one, other])
      await admin.query(
        `CREATE TABLE ${quote(name)} (${quote(name)} int PRIMARY KEY, "o'r\\" text, "${'ß'.repeat(31)}" text)`,
      );
    await admin.query('RESET ROLE');
    const hidden = { exclude: [`o'r\\`], redact: ['ß'.repeat(31)] };
    await database.up({
      schema: 's"'.repeat(25),
      table: `t"'\\`.repeat(12),
      tables: [of(one, hidden), of(other, hidden)],
    });
    await admin.query(
      `INSERT INTO ${quote(one)} VALUES (1, 'x', 'y'); UPDATE ${quote(other)} SET "o'r\\" = 'z'; INSERT INTO ${quote(other)} VALUES (2)`,
    );
    const trail = `${quote(database.spec.schema)}.${quote(database.spec.table)}`;
    const { rows } = await admin.query(
      `SELECT table_name, key, new_data FROM ${trail} WHERE operation = 'INSERT' ORDER BY id`,
    );
    const masked = { ['ß'.repeat(31)]: '[redacted]' };
    expect(rows).toEqual([
      { table_name: one, key: { [one]: 1 }, new_data: { [one]: 1, ...masked } },
      { table_name: other, key: { [other]: 2 }, new_data: { [other]: 2, ...masked } },
    ]);
    const migrator = await database.as('migrator');
    await migrator.query(`SET ROLE ${database.roles.tableOwner}`);
    await expect(migrator.query('DROP OWNED BY CURRENT_USER CASCADE')).rejects.toMatchObject({ code: '42501' });
    expect((await database.plan()).steps).toEqual([]);
  });
});
