import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import type { AuditTrailInputs, AuditTrailOutputs } from '../../../infra/resources/auditTrail';
import { auditTrail } from '../../../infra/resources/handlers/auditTrail';
import { type AuditedDatabase, auditedDatabase } from '../../postgres/audit/support';

let database: AuditedDatabase;
const told: string[] = [];

beforeAll(async () => {
  database = await auditedDatabase('audit_resource', '');
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => told.push(String(text)) > 0);
});
beforeEach(async () => {
  told.length = 0;
  await database.admin.query(
    `SET ROLE ${database.roles.tableOwner}; DROP TABLE IF EXISTS "Student"; CREATE TABLE "Student" (id int PRIMARY KEY, name text, secret text); RESET ROLE`,
  );
});
afterEach(() => database.admin.query('DROP SCHEMA IF EXISTS audit CASCADE'));
afterAll(async () => {
  vi.restoreAllMocks();
  // The handler's shared connections close by themselves.
  await new Promise((resolve) => setTimeout(resolve, 600));
  await database.drop();
});

const STUDENT = { schema: 'public', table: 'Student' };

function inputs(more: Partial<AuditTrailInputs> = {}): AuditTrailInputs {
  const { host, port, user, password } = database.server;
  const { auditOwner, reader, migrator } = database.roles;
  return {
    schema: 'audit',
    table: 'audit_log',
    owner: auditOwner,
    readers: [reader],
    loaders: [migrator],
    tables: [STUDENT],
    retentionMonths: 0,
    monthsAhead: 1,
    hashChain: false,
    connection: { host, port, user, password, database: database.name },
    ...more,
  };
}
const connection = (more: Partial<AuditTrailInputs['connection']>): Partial<AuditTrailInputs> => ({
  connection: { ...inputs().connection, ...more },
});

/** What an engine does for one update: check, diff, and the action where there is one. */
async function up(
  news: AuditTrailInputs,
  olds?: AuditTrailOutputs,
): Promise<{ plan: string[] | undefined; changes: boolean; outs: AuditTrailOutputs }> {
  const checked = await auditTrail.check(olds, { ...news, __preview: true });
  expect(checked.failures).toEqual([]);
  const { plan } = checked.inputs;
  if (olds === undefined) return { plan, changes: true, outs: (await auditTrail.create(checked.inputs)).outs };
  const { changes } = await auditTrail.diff('id', olds, checked.inputs);
  return { plan, changes, outs: changes ? (await auditTrail.update('id', olds, checked.inputs)).outs : olds };
}

async function recorded(): Promise<number> {
  const { rows } = await database.admin.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM audit.audit_log WHERE operation IN ('INSERT', 'UPDATE', 'DELETE')`,
  );
  return rows[0]?.count ?? 0;
}

describe('check', () => {
  it('reports everything that is wrong, by property, without a database', async () => {
    const wrong = {
      ...inputs(connection({ port: 1 })),
      schema: '',
      table: 5,
      owner: undefined,
      readers: 'x',
      loaders: [1],
      tables: [{ schema: 'public' }, { ...STUDENT, redact: 'secret' }],
      retentionMonths: -1,
      monthsAhead: 1.5,
      hashChain: 'yes',
    };
    const { failures } = await auditTrail.check(undefined, wrong as unknown as AuditTrailInputs);
    expect(failures.map(({ property }) => property)).toEqual([
      'schema',
      'table',
      'owner',
      'readers',
      'loaders',
      'tables[0]',
      'tables[1]',
      'retentionMonths',
      'monthsAhead',
      'hashChain',
    ]);
  });

  it.each<[string, Partial<AuditTrailInputs>]>([
    ['no server', connectionOf({ port: 1 })],
    ['no database', connectionOf({ database: 'never_created' })],
    ['another password', connectionOf({ password: 'unknown' })],
  ])('is clean and says nothing on a first preview: %s', async (_what, more) => {
    const news = { ...inputs(), connection: { ...inputs().connection, ...more.connection } };
    expect(await auditTrail.check(undefined, news)).toEqual({ inputs: news, failures: [] });
  });

  it('says what will be made, table by table', async () => {
    const { plan } = (await auditTrail.check(undefined, { ...inputs(), __preview: true })).inputs;
    expect((await auditTrail.check(undefined, inputs())).inputs).toEqual(inputs());
    expect(plan).toContain('+ trail audit.audit_log: partitioned by month');
    expect(plan).toContain('+ audit of public.Student: inserts and deletes by statement, updates by row');
  });

  it('names a table that a migration of the same run may still bring; applying without it is refused', async () => {
    const news = inputs({ tables: [STUDENT, { schema: 'public', table: 'Lesson' }] });
    const { inputs: checked, failures } = await auditTrail.check(undefined, { ...news, __preview: true });
    expect(failures).toEqual([]);
    expect(checked.plan?.[0]).toMatch(/^! Audit of public\.Lesson: it does not exist\. Apply the migration/);
    await expect(auditTrail.create(checked)).rejects.toThrow(
      /public\.Lesson: it does not exist\.[^]*remove it from coach:audit\.tables/,
    );
    expect((await database.admin.query(`SELECT to_regnamespace('audit') AS schema`)).rows).toEqual([{ schema: null }]);
  });

  it('drops what the engine added', async () => {
    const news = { ...inputs(connection({ port: 1 })), __provider: 'text', plan: ['old'], warnings: [] };
    expect((await auditTrail.check(undefined, news)).inputs).toEqual(inputs(connection({ port: 1 })));
  });

  it('refuses another schema or table for a trail that has rows', async () => {
    const { outs } = await up(inputs());
    const { failures } = await auditTrail.check(outs, inputs({ schema: 'elsewhere', table: 'log' }));
    expect(failures.map(({ property }) => property)).toEqual(['schema', 'table']);
    expect(failures[0]?.reason).toContain('rows would stay behind');
  });
});

/** Only what differs: the database is not there yet when the cases are listed. */
function connectionOf(more: Partial<AuditTrailInputs['connection']>): Partial<AuditTrailInputs> {
  return { connection: more as AuditTrailInputs['connection'] };
}

describe('diff and update', () => {
  it('find nothing on a second run', async () => {
    const first = await up(inputs());
    expect(await up(inputs(), first.outs)).toMatchObject({ changes: false, plan: [] });
    expect((await auditTrail.diff('id', first.outs, inputs())).changes).toBe(false);
  });

  it.each([
    ['a trigger disabled by hand', 'ALTER TABLE "Student" DISABLE TRIGGER ALL', '~ audit of public.Student'],
    ['a trigger dropped', 'DROP TRIGGER "00_audit_update" ON "Student"', '~ audit of public.Student'],
    [
      'a function replaced',
      `CREATE OR REPLACE FUNCTION audit."record_update_public.Student"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN NULL; END'`,
      '~ function record_update_public.Student: source',
    ],
    ['a guard dropped', 'DROP EVENT TRIGGER audit_guard_ddl', '+ event trigger audit_guard_ddl'],
    [
      'a row trigger of the application',
      `CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; CREATE TRIGGER own AFTER INSERT ON "Student" FOR EACH ROW EXECUTE FUNCTION nothing()`,
      'by row: row trigger own',
    ],
  ])('see and repair %s', async (_what, sql, line) => {
    const { outs } = await up(inputs());
    await database.admin.query(sql);
    const second = await up(inputs(), outs);
    expect(second.changes).toBe(true);
    expect(second.plan?.join('\n')).toContain(line);
    await database.admin.query(
      `INSERT INTO "Student" VALUES (1); UPDATE "Student" SET name = 'x'; DELETE FROM "Student"`,
    );
    expect(await recorded()).toBe(3);
    expect(await up(inputs(), second.outs)).toMatchObject({ changes: false, plan: [] });
    await database.admin.query('DROP FUNCTION IF EXISTS nothing() CASCADE');
  });

  it('change rules and tables without losing a row', async () => {
    const { outs } = await up(inputs());
    await database.admin.query(`INSERT INTO "Student" VALUES (1, 'a', 's')`);
    const second = await up(
      inputs({ tables: [{ ...STUDENT, redact: ['secret'] }], hashChain: true, monthsAhead: 2 }),
      outs,
    );
    expect(second.changes).toBe(true);
    expect(second.plan).toContain(
      '~ audit of public.Student: inserts and deletes by statement, updates by row; secret masked',
    );
    const third = await up(inputs({ tables: [] }), second.outs);
    expect(third.plan?.join('\n')).toContain('- audit of public.Student');
    expect(await recorded()).toBe(1);
  });

  it('tell what cannot be had, and keep it in the state', async () => {
    const { outs } = await up(inputs({ tables: [{ ...STUDENT, exclude: ['later'] }] }));
    expect(outs.warnings).toEqual(['Audit of public.Student: it has no column later to hide.']);
    expect(told.join('')).toContain('no column later to hide. Correct its name');
  });

  it('are a change where the connection is another, or the database cannot be asked and something differs', async () => {
    const { outs } = await up(inputs());
    expect(await auditTrail.diff('id', outs, inputs(connection({ password: 'changed' })))).toEqual({ changes: true });
    const away = { ...outs, ...connection({ port: 1 }) };
    expect(await auditTrail.diff('id', away, inputs(connection({ port: 1 })))).toEqual({ changes: false });
    expect(await auditTrail.diff('id', away, inputs({ ...connection({ port: 1 }), monthsAhead: 5 }))).toEqual({
      changes: true,
    });
  });
});

describe('read', () => {
  it('takes over what is there, and sees what is gone or more', async () => {
    const lesson = { schema: 'public', table: 'Lesson' };
    await database.admin.query('CREATE TABLE IF NOT EXISTS "Lesson" (id int PRIMARY KEY)');
    const { outs } = await up(inputs({ tables: [{ ...STUDENT, redact: ['secret'] }, lesson] }));
    const read = await auditTrail.read('id', outs);
    expect(read.inputs?.tables).toEqual([{ ...STUDENT, redact: ['secret'] }, lesson]);
    const fewer = await auditTrail.read('id', { ...outs, tables: [lesson] });
    expect(fewer.props?.tables).toEqual([lesson, STUDENT]);
    await database.admin.query('DROP TABLE "Lesson"');
    expect((await auditTrail.read('id', outs)).inputs?.tables).toEqual([{ ...STUDENT, redact: ['secret'] }]);
  });

  it('says that it is gone: the trail, or the database with it', async () => {
    const { outs } = await up(inputs());
    await database.admin.query('DROP SCHEMA audit CASCADE');
    expect(await auditTrail.read('id', outs)).toEqual({ id: '' });
    expect(await auditTrail.read('id', { ...outs, ...connection({ database: 'never_created' }) })).toEqual({ id: '' });
    await expect(auditTrail.read('id', { ...outs, ...connection({ port: 1 }) })).rejects.toThrow(
      'No PostgreSQL answers',
    );
  });
});

describe('delete', () => {
  it('takes the recording away and keeps every row; a later run takes them over', async () => {
    const { outs } = await up(inputs());
    await database.admin.query(`INSERT INTO "Student" VALUES (1)`);
    await auditTrail.delete('id', outs);
    expect(told.join('')).toContain('The rows of audit.audit_log stay');
    await database.admin.query(`INSERT INTO "Student" VALUES (2)`);
    expect(await recorded()).toBe(1);
    await auditTrail.delete('id', outs);
    await up(inputs());
    await database.admin.query(`INSERT INTO "Student" VALUES (3)`);
    expect(await recorded()).toBe(2);
  });

  it('has nothing to do where the database is gone', async () => {
    await expect(
      auditTrail.delete('id', { ...inputs(connection({ database: 'never_created' })), warnings: [] }),
    ).resolves.toBeUndefined();
  });
});

it('gives the trail an id of its database', async () => {
  const { id, outs } = await auditTrail.create((await auditTrail.check(undefined, inputs())).inputs);
  expect(id).toBe(`${database.name}/audit.audit_log`);
  // The plan was for the preview; the state keeps what was declared.
  expect(outs).toEqual({ ...inputs(), warnings: [] });
});
