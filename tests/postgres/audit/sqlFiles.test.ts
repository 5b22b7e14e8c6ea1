import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { planAudit } from '../../../postgres/audit/plan/plan';
import { readAudit } from '../../../postgres/audit/plan/readCatalog';
import { sqlFile } from '../../../postgres/audit/sql/file';
import { type AuditedDatabase, auditedDatabase } from './support';

const FILES = readdirSync(join(__dirname, '../../../postgres/audit/sql'))
  .filter((name) => name.endsWith('.sql'))
  .map((name) => name.slice(0, -'.sql'.length));

let database: AuditedDatabase;
beforeAll(async () => {
  database = await auditedDatabase('audit_files', 'CREATE TABLE "Student" (id int PRIMARY KEY)', {
    tables: [{ schema: 'public', table: 'Student' }],
    hashChain: true,
  });
  await database.up();
});
afterAll(() => database.drop());

describe('the SQL files', () => {
  it('each define one function of the trail, and every one of them is used', async () => {
    const { rows } = await database.admin.query<{ name: string }>(
      `SELECT proname AS name FROM pg_proc WHERE pronamespace = 'audit'::regnamespace AND proname <> ALL ($1)`,
      [['delete', 'insert', 'truncate', 'update'].map((operation) => `record_${operation}_public.Student`)],
    );
    expect(rows.map(({ name }) => name).sort()).toEqual([...FILES].sort());
  });

  it.each(FILES)('%s.sql is what PostgreSQL takes, as it stands there', async (name) => {
    const { admin } = database;
    await admin.query(
      `BEGIN; SET LOCAL coach_audit.applying = 'on'; ALTER SCHEMA audit RENAME TO other; CREATE SCHEMA audit`,
    );
    try {
      await admin.query(sqlFile(name));
      const { rows } = await admin.query<{ args: string; settings: string[] }>(
        `SELECT pg_get_function_identity_arguments(oid) AS args, proconfig AS settings FROM pg_proc WHERE oid::regproc = to_regproc('audit.' || $1)`,
        [name],
      );
      expect(rows).toMatchObject([
        { settings: expect.arrayContaining(['search_path=pg_catalog, pg_temp']) as unknown },
      ]);
    } finally {
      await admin.query('ROLLBACK');
    }
  });

  it('say for the default trail what is in its database: each sample that is a plain value is the value', async () => {
    const plan = planAudit(
      { ...database.spec, owner: 'coach_audit', dumpers: ['coach_backup'], monthsAhead: 3 },
      { ...(await readAudit(database.admin, database.spec)), functions: [] },
      new Date(),
    );
    const sql = plan.steps.flatMap((step) => step.sql).join('\n');
    for (const name of FILES)
      for (const [, , sample = ''] of sqlFile(name).matchAll(/\/\*=(\w+)\*\/ ('[^']*'|\d+)/g))
        expect(sql, `${name}.sql: ${sample}`).toContain(
          `''${sample.replaceAll("'", '')}''`.replace(/^''(\d+)''$/, '$1'),
        );
  });
});
