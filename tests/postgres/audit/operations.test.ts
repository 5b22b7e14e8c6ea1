import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { MATRIX, SCHEMA, TABLES } from './operations';
import { type AuditedDatabase, auditedDatabase } from './support';

const ALL_TABLES = `"Student", "Lesson", "Completed", "Note", "Event", "Person", "Teacher", "odd ""name.x"`;

/** The tables of the matrix as new, audited again. */
async function remake(database: AuditedDatabase): Promise<void> {
  await database.admin.query(`SET coach_audit.applying = 'on'; DROP SCHEMA public CASCADE; CREATE SCHEMA public;
    GRANT ALL ON SCHEMA public TO public; ${SCHEMA}; RESET coach_audit.applying`);
  await database.up();
}

describe('every operation', () => {
  let database: AuditedDatabase;
  let remade = false;

  beforeAll(async () => {
    database = await auditedDatabase('audit_ops', SCHEMA, { tables: TABLES });
  });
  afterAll(() => database.drop());

  it.each(MATRIX)('$name', async ({ before, run, expected }) => {
    const { admin } = database;
    await (remade ? admin.query(`TRUNCATE ${ALL_TABLES} RESTART IDENTITY CASCADE`) : remake(database));
    // What a case defines beyond rows is not undone by emptying tables.
    remade = !/CREATE|ALTER/.test(before ?? '');
    if (before !== undefined) await admin.query(before);
    await database.recorded();
    if (typeof run === 'string') await admin.query(run);
    else await run(database);
    const rows = await database.recorded();
    expect(rows).toHaveLength(expected.length);
    rows.forEach((row, index) => expect(row).toMatchObject(expected[index] ?? {}));
  });
});
