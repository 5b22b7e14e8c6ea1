import { afterAll, beforeEach, describe, expect, inject, it } from 'vitest';

import { MATRIX, SCHEMA, TABLES } from './operations';
import { type AuditedDatabase, auditedDatabase, ONE_MAJOR } from './support';

const other = inject('otherCluster');

const ALL_TABLES = `"Student", "Lesson", "Completed", "Note", "Event", "Person", "Teacher", "odd ""name.x"`;

/** The tables of the matrix as new, audited again. */
async function remake(database: AuditedDatabase): Promise<void> {
  await database.admin.query(`SET coach_audit.applying = 'on'; DROP SCHEMA public CASCADE; CREATE SCHEMA public;
    GRANT ALL ON SCHEMA public TO public; ${SCHEMA}; RESET coach_audit.applying`);
  await database.up();
}

describe.each(['the run’s server', 'the other major'])('every operation on %s', (where) => {
  let database: AuditedDatabase | undefined;
  let remade = false;

  beforeEach(async (ctx) => {
    if (where !== 'the run’s server' && other === null) ctx.skip(ONE_MAJOR);
    database ??= await auditedDatabase(
      'audit_ops',
      SCHEMA,
      { tables: TABLES },
      where === 'the run’s server' ? undefined : (other ?? undefined),
    );
  });
  afterAll(() => database?.drop());

  it.each(MATRIX)('$name', async ({ before, run, expected }) => {
    if (database === undefined) throw new Error('beforeEach makes it');
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
