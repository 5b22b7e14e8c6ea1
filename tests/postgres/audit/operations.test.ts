import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { MATRIX, SCHEMA, TABLES } from './operations';
import { type AuditedDatabase, auditedDatabase, newestServer, SKIPPED_NEWEST } from './support';

let newest: Awaited<ReturnType<typeof newestServer>>;
beforeAll(async () => {
  newest = await newestServer();
});
afterAll(() => newest?.stop());

describe.each(['the run’s server', 'the newest major'])('every operation on %s', (where) => {
  let database: AuditedDatabase | undefined;

  beforeEach(async (ctx) => {
    if (where !== 'the run’s server' && newest === undefined) ctx.skip(SKIPPED_NEWEST);
    database ??= await auditedDatabase(
      'audit_ops',
      SCHEMA,
      { tables: TABLES },
      where === 'the run’s server' ? undefined : newest,
    );
  });
  afterAll(() => database?.drop());

  it.each(MATRIX)('$name', async ({ before, run, expected }) => {
    if (database === undefined) throw new Error('beforeEach makes it');
    const { admin } = database;
    // Each case begins with empty tables of the matrix, whatever the one before did to them.
    await admin.query(`SELECT set_config('coach_audit.applying', 'on', false)`);
    await admin.query(
      `DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT ALL ON SCHEMA public TO public; SET check_function_bodies = on; ${SCHEMA}`,
    );
    await admin.query(`SELECT set_config('coach_audit.applying', 'off', false)`);
    await database.up();
    if (before !== undefined) await admin.query(before);
    await database.recorded();
    if (typeof run === 'string') await admin.query(run);
    else await run(database);
    const rows = await database.recorded();
    expect(rows).toHaveLength(expected.length);
    rows.forEach((row, index) => expect(row).toMatchObject(expected[index] ?? {}));
  });
});
