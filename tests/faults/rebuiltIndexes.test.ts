import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { withClient } from '../../postgres/connection/client';
import { planRebuild } from '../../postgres/transfer/target/rebuild';
import { readTarget } from '../../postgres/transfer/target/tables';
import { deployedProject } from '../support/deployed';
import type { TestProject } from '../support/project';
import { asAdmin, changesOf, passwordsOf } from './support';

let project: TestProject;

/** One of each kind that the settings know. */
const INDEXES = [
  { name: 'idx_student_location', table: 'Student', columns: ['location'] },
  { name: 'idx_expression', table: 'Student', columns: [{ name: 'lower(name)', expression: true }] },
  { name: 'idx_partial', table: 'Student', columns: ['name'], predicate: 'active AND language <> $$x$$' },
  { name: 'idx_order', table: 'Assessment', columns: [{ name: 'score', order: 'desc', nulls: 'last' }], include: ['passed'] },
  { name: 'idx_unique', table: 'Student', columns: ['userId', 'location'], unique: true, nullsNotDistinct: true },
  { name: 'idx_trigram', table: 'Student', columns: [{ name: 'name', opclass: 'gin_trgm_ops' }], method: 'gin', storage: { fastupdate: 'off' } },
  { name: 'idx_brin', table: 'CompletedLesson', columns: ['completedAt'], method: 'brin', storage: { pages_per_range: 16 } },
  { name: 'idx_hash', table: 'User', columns: ['name'], method: 'hash', storage: { fillfactor: 70 } },
  { name: 'idx_collation', table: 'User', columns: [{ name: 'name', collation: 'C', opclass: 'text_pattern_ops' }] },
]; // prettier-ignore

beforeAll(async () => {
  project = await deployedProject();
  project.set('indexes', INDEXES);
  await changesOf(project, 'up');
}, 120_000);
afterAll(() => project.remove());

async function asLoader<T>(work: (client: Client) => Promise<T>): Promise<T> {
  const password = (await passwordsOf(project))['coach_loader'] ?? '';
  return withClient(
    { host: '127.0.0.1', port: project.port, database: 'inclusive_ai', user: 'coach_loader', password },
    work,
  );
}

/** What a person sees of the tables, indexes and constraints; oids are others after a load. */
async function described(): Promise<unknown[]> {
  const { rows } = await asAdmin(project, (client) =>
    client.query<Record<string, unknown>>(`
      SELECT c.relname AS name, pg_get_indexdef(i.indexrelid) AS definition, indisvalid, indisclustered, indisreplident, obj_description(i.indexrelid) AS comment,
             (SELECT array_agg(attstattarget ORDER BY attnum) FROM pg_attribute WHERE attrelid = i.indexrelid) AS targets
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relnamespace = 'public'::regnamespace
      UNION ALL SELECT conname, conrelid::regclass || ' ' || pg_get_constraintdef(oid), convalidated, condeferrable, condeferred, obj_description(oid), NULL
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2`),
  );
  return rows;
}

describe('after a load that dropped every index and constraint and made them again', { timeout: 240_000 }, () => {
  it('preview finds nothing to change, and nothing that hangs on them is lost', async () => {
    await asAdmin(project, (client) =>
      client.query(`COMMENT ON INDEX idx_student_location IS 'by town'; COMMENT ON CONSTRAINT "Student_pkey" ON "Student" IS 'a cuid';
        COMMENT ON INDEX "User_email_key" IS 'one account each'; COMMENT ON CONSTRAINT "Student_userId_fkey" ON "Student" IS 'whose';
        ALTER INDEX idx_expression ALTER COLUMN 1 SET STATISTICS 500; ALTER TABLE "Student" CLUSTER ON idx_unique;
        ALTER TABLE "User" REPLICA IDENTITY USING INDEX "User_email_key"`),
    );
    expect([...(await changesOf(project, 'preview')).keys()]).toEqual([]);
    const before = await described();
    const oids = async (): Promise<unknown> =>
      (
        await asAdmin(project, (client) =>
          client.query(
            `SELECT array_agg(indexrelid ORDER BY 1) AS all FROM pg_index WHERE indrelid = '"Student"'::regclass`,
          ),
        )
      ).rows;
    const made = await oids();

    await asLoader(async (client) => {
      await client.query(`BEGIN; SELECT audit.suspend('load'); SET LOCAL ROLE coach_owner`);
      const tables = (await readTarget(client, 'public', 'audit')).filter(
        ({ name, kind }) => kind === 'table' && !name.startsWith('_'),
      );
      const { takeOff, indexes, foreignKeys, triggers } = planRebuild(tables);
      for (const sql of takeOff) await client.query(sql);
      await client.query(`TRUNCATE ${tables.map(({ qualified }) => qualified).join(', ')}`);
      await client.query(`INSERT INTO public."User" (id, email, "updatedAt") SELECT 'u' || g, 'u' || g, now() FROM generate_series(1, 100) AS g;
        INSERT INTO public."Student" (id, "userId", name, "updatedAt") SELECT 's' || g, 'u' || g, 'n' || g, now() FROM generate_series(1, 100) AS g`);
      for (const sql of [...indexes, ...foreignKeys].flatMap(({ statements }) => statements)) await client.query(sql);
      for (const sql of triggers) await client.query(sql);
      await client.query('COMMIT');
    });

    expect(await oids()).not.toEqual(made);
    expect(await described()).toEqual(before);
    expect([...(await changesOf(project, 'preview')).keys()]).toEqual([]);
    expect((await project.run(['refresh', '--yes', '--engine', 'embedded'])).code).toBe(0);
    expect([...(await changesOf(project, 'preview')).keys()]).toEqual([]);
    expect([...(await changesOf(project, 'up')).keys()]).toEqual([]);
  });
});
