import { rmSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, expect, it } from 'vitest';

import { checksumOf } from '../../../postgres/migrations/checksum';
import { readMigrationFolder } from '../../../postgres/migrations/folder';
import { planMigrations, requireApplicable } from '../../../postgres/migrations/plan';
import { planLines } from '../../../postgres/migrations/print';
import type { MigrationHistory, MigrationRow } from '../../../postgres/migrations/types';
import { migrationFolder, problemOf, removeFolders } from './support';

afterAll(removeFolders);

const A = '20250101000000_a';
const B = '20250102000000_b';
const C = '20250103000000_c';
const folder = readMigrationFolder(migrationFolder({ [A]: 'SELECT 1;\n', [B]: 'SELECT 2;\n', [C]: 'SELECT 3;\n' }));

function row(name: string, sql: string, more: Partial<MigrationRow> = {}): MigrationRow {
  const at = new Date('2025-02-01T10:00:00Z');
  return {
    id: name,
    name,
    checksum: checksumOf(sql),
    startedAt: at,
    finishedAt: at,
    rolledBackAt: null,
    logs: null,
    appliedStepsCount: 1,
    ...more,
  };
}

const history = (...rows: MigrationRow[]): MigrationHistory => ({
  schema: 'public',
  exists: true,
  rows,
  otherTables: [],
});
const codes = (...rows: MigrationRow[]): string[] =>
  planMigrations(folder, history(...rows)).problems.map((p) => p.code);

it('plans what has no record, in order', () => {
  const plan = planMigrations(folder, history(row(A, 'SELECT 1;\n')));
  expect(plan.steps.map((step) => step.name)).toEqual([B, C]);
  expect(plan.steps[0]).toMatchObject({ transactional: true, statements: [{ sql: 'SELECT 2', line: 1, start: 0 }] });
  expect(plan.applied).toEqual([{ name: A, checksum: checksumOf('SELECT 1;\n') }]);
  expect([plan.problems, plan.warnings]).toEqual([[], []]);
});

it('applies one that is older than the last applied, and says so', () => {
  const plan = planMigrations(folder, history(row(A, 'SELECT 1;\n'), row(C, 'SELECT 3;\n')));
  expect(plan.steps.map((step) => step.name)).toEqual([B]);
  expect(plan.warnings).toEqual([expect.stringContaining(`${B} is older than ${C}`)]);
  expect(plan.problems).toEqual([]);
});

it('forgives line endings that git changed, and checksums of early Prisma versions', () => {
  expect(codes(row(A, 'SELECT 1;\r\n'))).toEqual([]);
  // The first byte below 16 loses its zero.
  const zeros = readMigrationFolder(migrationFolder({ [A]: 'SELECT 20;\n' }));
  const checksum = checksumOf('SELECT 20;\n');
  const old = checksum.replace(/../g, (byte) => byte.replace(/^0/, ''));
  expect(old).not.toBe(checksum);
  expect(planMigrations(zeros, history(row(A, '', { checksum: old }))).problems).toEqual([]);
});

it('names an edited and a missing applied migration', () => {
  const plan = planMigrations(folder, history(row(A, 'SELECT 1; -- edited\n'), row('20240101000000_gone', 'SELECT 0')));
  expect(plan.problems).toMatchObject([{ code: 'migration-edited' }]);
  expect(plan.problems[0]?.message).toContain(`${A} was edited`);
  expect(plan.warnings).toEqual([`Applied, but not in ${folder.directory}: 20240101000000_gone.`]);
});

it('refuses a folder that holds none of the applied ones, and says how squashed ones are recorded', () => {
  const [problem] = planMigrations(folder, history(row('20240101000000_gone', 'SELECT 0'))).problems;
  expect(problem).toMatchObject({ code: 'migration-missing', object: folder.directory });
  expect(problem?.message).toContain('20240101000000_gone');
  expect(problem?.remedy).toContain(`deploy --applied ${A}`);
  // Recorded, they are history.
  expect(codes(row('20240101000000_gone', 'SELECT 0'), row(A, 'SELECT 1;\n'))).toEqual([]);
});

it('minds the oddity of a file only where it is pending', () => {
  const odd = { [A]: '\ufeffSELECT 1;', [B]: 'SELECT 1;\0', [C]: '' };
  const files = readMigrationFolder(migrationFolder(odd));
  const checked = (...names: string[]): MigrationHistory =>
    history(...files.migrations.filter(({ name }) => names.includes(name)).map(({ name, sql }) => row(name, sql)));
  expect(planMigrations(files, checked(A, B, C))).toMatchObject({ problems: [], warnings: [], steps: [] });
  const pending = planMigrations(files, checked());
  expect(pending.problems.map(({ code }) => code)).toEqual(['migration-encoding', 'migration-nul']);
  expect(pending.warnings).toEqual([expect.stringContaining(`${C}/migration.sql is empty`)]);
});

it('does without the script of an applied migration, and not without that of a pending one', () => {
  const directory = migrationFolder({ [A]: 'SELECT 1;\n', [B]: 'SELECT 2;\n' });
  rmSync(join(directory, A, 'migration.sql'));
  const files = readMigrationFolder(directory);
  const plan = planMigrations(files, history(row(A, 'SELECT 1;\n')));
  expect(plan.problems).toEqual([]);
  expect(plan.warnings).toEqual([`Applied, but not in ${directory}: ${A}.`]);
  expect(planMigrations(files, history()).problems).toMatchObject([{ code: 'migration-missing-script' }]);
});

it('is blocked by a failed one, with its logs and both ways out, as P3009', () => {
  const failed = row(B, 'SELECT 2;\n', { finishedAt: null, logs: 'relation "x" does not exist', appliedStepsCount: 0 });
  const [problem] = planMigrations(folder, history(row(A, 'SELECT 1;\n'), failed)).problems;
  expect(problem).toMatchObject({ code: 'migration-failed-before', object: B });
  expect(problem?.message).toMatch(/started at 2025-02-01T10:00:00.000Z, failed .*relation "x" does not exist/s);
  expect(problem?.remedy).toMatch(/--rolled-back 20250102000000_b.*--applied 20250102000000_b/s);
});

it('takes a rolled back record for none', () => {
  const rolledBack = row(A, 'edited since', { finishedAt: null, rolledBackAt: new Date() });
  const plan = planMigrations(folder, history(rolledBack));
  expect(plan.problems).toEqual([]);
  expect(plan.steps.map((step) => step.name)).toEqual([A, B, C]);
});

it('refuses a database with tables and no record, as P3005', () => {
  const plan = planMigrations(folder, { schema: 'public', exists: false, rows: [], otherTables: ['User', 'Student'] });
  expect(plan.problems).toMatchObject([{ code: 'schema-not-empty' }]);
  expect(plan.problems[0]?.message).toContain('User, Student');
});

it('throws all problems as one refusal', async () => {
  const plan = planMigrations(folder, history(row(A, 'x'), row(B, 'y')));
  const error = await problemOf(() => requireApplicable(plan));
  expect(error).toMatchObject({ code: 'migration-edited', kind: 'refused' });
  expect(error.message).toMatch(/_a was edited.*\n.*_b was edited/);
});

it('prints itself', () => {
  const pending = { [A]: 'SELECT 1;\n', [B]: 'VACUUM; VACUUM;', [C]: 'ABORT;' };
  const mixed = readMigrationFolder(migrationFolder(pending, null));
  const lines = planLines(planMigrations(mixed, history(row(A, 'SELECT 1;\n'))));
  expect(lines).toEqual([
    `1 migration applied, 2 pending in ${mixed.directory}:`,
    `  ${B} (2 statements; not all or nothing (line 1: VACUUM cannot run inside a transaction))`,
    `  ${C} (1 statement; not all or nothing (line 1: the file controls transactions itself))`,
    expect.stringMatching(/^Warning: .*migration_lock\.toml is missing/),
    expect.stringMatching(/^Problem: .*ROLLBACK without BEGIN/),
    expect.stringMatching(/^ {2}Remove it if no database has recorded/),
  ]);
  expect(planLines(planMigrations(folder, history()))[0]).toContain('0 migrations applied, 3 pending');
});
