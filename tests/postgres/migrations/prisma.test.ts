import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Client } from 'pg';
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest';

import { matchesChecksum } from '../../../postgres/migrations/checksum';
import { readMigrationFolder } from '../../../postgres/migrations/folder';
import { resolveFailed } from '../../../postgres/migrations/resolve';
import { addMigration, deploy, migrationFolder, options, problemOf, removeFolders, type Stage, stage } from './support';

/** What Prisma's own engine wrote, recorded by tests/fixtures/prisma/record.mjs. */
interface Recorded {
  scripts: Record<string, string>;
  broken: Record<string, string>;
  applied: RecordedRow[];
  table: unknown;
  lock: unknown;
  failed: RecordedRow[];
  rolledBack: RecordedRow[];
  resolvedApplied: RecordedRow[];
  baselined: RecordedRow[];
  outOfOrder: string[];
  edited: { sql: string; edited: boolean }[];
  enumMigrations: string[];
}

interface RecordedRow {
  id: string;
  migration_name: string;
  checksum: string;
  logs: string | null;
  finished: boolean | null;
  rolled_back: boolean;
  applied_steps_count: number;
}

const recorded = JSON.parse(readFileSync(join(__dirname, '../../fixtures/prisma/recorded.json'), 'utf8')) as Recorded;

let place: Stage;
beforeEach(async () => {
  place = await stage('prisma');
});
afterEach(() => place.close());
afterAll(removeFolders);

/** The same reduction as the recording's: identifiers and moments as shape and relation. */
async function rows(client: Client): Promise<RecordedRow[]> {
  const result = await client.query<Record<string, string | Date | null> & RecordedRow>(
    'SELECT * FROM _prisma_migrations ORDER BY started_at, finished_at NULLS FIRST',
  );
  return result.rows.map((row) => ({
    id: /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(row.id) ? 'uuid4' : row.id,
    migration_name: row.migration_name,
    checksum: row.checksum,
    logs: row.logs === null || row.logs === '' ? row.logs : 'text',
    finished:
      row.finished_at instanceof Date && row.started_at instanceof Date ? row.finished_at >= row.started_at : null,
    rolled_back: row.rolled_back_at !== null,
    applied_steps_count: row.applied_steps_count,
  }));
}

it('writes the rows Prisma writes, into a table like its own', async () => {
  await deploy(place, migrationFolder(recorded.scripts));
  expect(await rows(place.database.client)).toEqual(recorded.applied);

  const columns = await place.database.client.query(
    `SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS not_null,
            pg_get_expr(d.adbin, d.adrelid) AS default
       FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
      WHERE a.attrelid = '_prisma_migrations'::regclass AND a.attnum > 0 ORDER BY a.attnum`,
  );
  const constraints = await place.database.client.query(
    `SELECT conname AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint
      WHERE conrelid = '_prisma_migrations'::regclass AND contype <> 'n' ORDER BY conname`,
  );
  expect({ columns: columns.rows, constraints: constraints.rows }).toEqual(recorded.table);
  const owner = await place.database.client.query(
    `SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public' AND tablename IN ('A', '_prisma_migrations')`,
  );
  expect(owner.rows).toEqual([{ tableowner: place.owner }]);
});

it('holds the lock Prisma holds', async () => {
  const sql = `CREATE TABLE "Seen" AS
    SELECT classid::int, objid::int, objsubid, mode FROM pg_locks
     WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid()`;
  await deploy(place, migrationFolder({ '20250101000000_seen': sql }));
  expect((await place.database.client.query('SELECT * FROM "Seen"')).rows).toEqual([recorded.lock]);
});

it('leaves the failed row Prisma leaves where there is no transaction, and resolves it the same way', async () => {
  const [name, sql] = Object.entries(recorded.broken)[0] ?? ['', ''];
  const directory = migrationFolder(recorded.scripts);
  addMigration(directory, name, `-- coachdb: no-transaction\n${sql}`);
  const folder = readMigrationFolder(directory);
  const resolve = (as: 'applied' | 'rolled-back'): Promise<void> =>
    resolveFailed(place.client, name, as, { ...options(place.owner), folder });
  // The checksum is that of the marked file, all else as recorded.
  const checksum = folder.migrations.at(-1)?.checksum ?? '';
  const marked = (row: RecordedRow): RecordedRow => (row.migration_name === name ? { ...row, checksum } : row);

  expect((await problemOf(() => deploy(place, directory))).code).toBe('migration-failed');
  expect((await rows(place.database.client)).slice(-1)).toEqual(recorded.failed.map(marked));
  expect((await problemOf(() => deploy(place, directory))).code).toBe('migration-failed-before');
  await resolve('rolled-back');
  expect((await rows(place.database.client)).slice(-1)).toEqual(recorded.rolledBack.map(marked));
  await problemOf(() => deploy(place, directory));
  await resolve('applied');
  expect((await rows(place.database.client)).slice(-3)).toEqual(recorded.resolvedApplied.map(marked));
  expect((await deploy(place, directory)).applied).toEqual([]);

  expect((await problemOf(() => resolve('applied'))).code).toBe('migration-already-applied');
  expect((await problemOf(() => resolve('rolled-back'))).code).toBe('migration-not-failed');
});

it('takes over a database that has the tables already', async () => {
  const [first = ''] = Object.keys(recorded.scripts);
  const directory = migrationFolder(recorded.scripts);
  await place.database.client.query(`SET ROLE ${place.owner}; CREATE TABLE "A" ("id" integer PRIMARY KEY); RESET ROLE`);
  expect((await problemOf(() => deploy(place, directory))).code).toBe('schema-not-empty');
  const resolving = { ...options(place.owner), folder: readMigrationFolder(directory) };
  expect((await problemOf(() => resolveFailed(place.client, 'absent', 'applied', resolving))).code).toBe(
    'migration-unknown',
  );
  await resolveFailed(place.client, first, 'applied', resolving);
  expect(await rows(place.database.client)).toEqual(recorded.baselined);
  expect((await deploy(place, directory)).applied).toHaveLength(2);
});

it('applies what Prisma applies when an older migration appears', async () => {
  const [first = ''] = Object.keys(recorded.scripts);
  const directory = migrationFolder({ [first]: recorded.scripts[first] ?? '' });
  await deploy(place, directory);
  addMigration(directory, '20240101000000_older', 'CREATE TABLE "Older" ("id" INTEGER);\n');
  const { applied, warnings } = await deploy(place, directory);
  expect(applied.map((migration) => migration.name)).toEqual(recorded.outOfOrder);
  expect(warnings.join()).toContain('20240101000000_older is older');
});

it('calls edited what Prisma calls edited', () => {
  const original = recorded.applied[0]?.checksum ?? '';
  expect(recorded.edited.map(({ sql }) => !matchesChecksum(sql, original))).toEqual(
    recorded.edited.map(({ edited }) => edited),
  );
});

it('applies the enum migrations that Prisma writes with BEGIN and COMMIT of their own', async () => {
  const scripts = Object.fromEntries(
    recorded.enumMigrations.map((sql, index) => [`2025010${index + 1}000000_enum`, sql]),
  );
  expect(recorded.enumMigrations.some((sql) => sql.includes('BEGIN;\n'))).toBe(true);
  expect((await deploy(place, migrationFolder(scripts))).applied).toHaveLength(recorded.enumMigrations.length);
  const { rows: values } = await place.database.client.query('SELECT enum_range(NULL::"Kind")::text AS values');
  expect(values).toEqual([{ values: '{X,Y,W}' }]);
});
