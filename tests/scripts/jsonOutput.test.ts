import { cpSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { Ajv2020 } from 'ajv/dist/2020';
import Database from 'libsql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { generate } from '../../benchmarks/transfer/generate';
import { TRAIL_COLUMNS } from '../../postgres/audit/columns';
import { COMMANDS } from '../../scripts/commands/index';
import { ExitCode } from '../../scripts/exitCodes';
import { ROOT } from '../support/compiled';
import { FakeCrontab } from '../support/crontab';
import { deployedProject } from '../support/deployed';
import { TestProject } from '../support/project';

interface Condition {
  if: { properties: { command: { const?: string; enum?: string[] } } };
}
const schema = JSON.parse(readFileSync(join(ROOT, 'docs', 'json-output.schema.json'), 'utf8')) as {
  allOf: Condition[];
  $defs: { trailEntry: { required: string[] } };
};
const validate = new Ajv2020({ allErrors: true, strict: true, strictTypes: false, strictRequired: false }).compile(
  schema,
);

let project: TestProject;
beforeAll(() => {
  project = new TestProject();
});
afterAll(() => project.remove());

const seen = new Set<string>();

const BACKUP_COMMANDS = COMMANDS.map(({ name }) => name).filter((name) => /^(backup|restore)/.test(name));

/** Runs a command and holds what it prints, and its exit code, against the schema. */
async function report(
  args: string[],
  code: number,
  environment: NodeJS.ProcessEnv = {},
): Promise<Record<string, unknown>> {
  const result = await project.json(args, environment);
  expect(validate(result.report), JSON.stringify([result.report, validate.errors], null, 2)).toBe(true);
  expect(result.code, result.stdout).toBe(code);
  if (code === ExitCode.done) seen.add(String(result.report['command']));
  return result.report;
}

const codes = (found: Record<string, unknown>): string[] =>
  (found['problems'] as { code: string }[]).map(({ code }) => code);

/** A migration below the application's folder. */
function migration(name: string, sql: string): void {
  const folder = project.path('app', 'prisma', 'migrations', name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'migration.sql'), sql);
}

it('every command has its fields in the schema, and no other', () => {
  const named = schema.allOf.flatMap(({ if: { properties } }) => properties.command.enum ?? [properties.command.const]);
  expect([...named].sort()).toEqual(COMMANDS.map(({ name }) => name).sort());
});

it('an entry of the trail has every column that is shown', () => {
  const shown = TRAIL_COLUMNS.flatMap(({ entry }) => (entry === null ? [] : [entry]));
  expect([...schema.$defs.trailEntry.required].sort()).toEqual([...shown, 'differences'].sort());
});

it('the schema refuses a field that it does not name, and another status', () => {
  const base = { command: 'psql', stack: 'local', startedAt: new Date(0).toISOString(), durationMs: 1, problems: [] };
  expect(validate({ ...base, status: 'ok' })).toBe(true);
  expect(validate({ ...base, status: 'ok', surplus: 1 })).toBe(false);
  expect(validate({ ...base, status: 'fine' })).toBe(false);
});

describe('before there is a stack', () => {
  it.each([
    ['env'],
    ['logs'],
    ['deploy', '--yes'],
    ['state', 'export'],
    ['audit'],
    ['audit', 'verify'],
    ['audit', 'maintain'],
  ])('%j fails by the schema', async (...args) => {
    const found = await report(args, ExitCode.failed);
    expect(found['status']).toBe('failed');
  });

  it('usage does', async () => {
    expect(codes(await report(['psql'], ExitCode.usage))).toEqual(['psql-json']);
    await report(['status', '--fast'], ExitCode.usage);
    await report(['fly'], ExitCode.usage);
  });

  it('what asks is refused where nobody can answer, or asks nothing', async () => {
    await report(['status'], ExitCode.done);
    await report(['stop'], ExitCode.done);
    await report(['restart'], ExitCode.done);
  });

  it('generate --index-hints prints lines for the schema, and touches nothing', async () => {
    const found = await report(['generate', '--index-hints'], ExitCode.done);
    expect(Array.isArray(found['models'])).toBe(true);
    const { stdout } = await project.run(['generate', '--index-hints']);
    for (const { model, lines } of found['models'] as { model: string; lines: string[] }[])
      for (const part of [model, ...lines]) expect(stdout).toContain(part);
    expect(stdout).toContain(String(found['migration']));
  });
});

it('what runs by the clock', async () => {
  const { environment } = new FakeCrontab(project.path('.coachdb'));
  expect((await report(['cron', 'install', '--dry-run'], ExitCode.done, environment))['status']).toBe('differs');
  expect(codes(await report(['cron', 'install'], ExitCode.refused, environment))).toEqual(['confirmation-needed']);
  expect((await report(['cron', 'install', '--yes'], ExitCode.done, environment))['status']).toBe('changed');
  await report(['cron', 'list'], ExitCode.done, environment);
  await report(['cron', 'run', 'clean-logs'], ExitCode.done);
  expect(codes(await report(['cron', 'run', 'nothing'], ExitCode.usage))).toEqual(['cron-job-unknown']);
  await report(['cron', 'clean-logs'], ExitCode.done);
  await report(['cron', 'list'], ExitCode.done, environment);
  await report(['cron', 'remove', '--yes'], ExitCode.done, environment);
});

describe('transfer --prepare', () => {
  it('finds nothing to do in the stand-in application, and says all of another one', async () => {
    expect((await report(['transfer', '--prepare'], ExitCode.done))['status']).toBe('ok');
    const file = project.path('Pulumi.local.yaml');
    const settings = readFileSync(file, 'utf8');
    cpSync(join(ROOT, 'tests/fixtures/sqlite/school'), project.path('school'), { recursive: true });
    writeFileSync(file, `${settings}  coach:app:\n    directory: school\n`);
    try {
      const dry = ['transfer', '--prepare', '--dry-run', '--unversioned'];
      expect((await report(dry, ExitCode.done))['status']).toBe('differs');
      expect(codes(await report(['transfer', '--prepare'], ExitCode.refused))).toEqual(['prepare-unversioned']);
      const prepared = await report(['transfer', '--prepare', '--unversioned', '--yes'], ExitCode.done);
      expect(prepared['status']).toBe('changed');
      await report(['transfer', '--prepare', '--from', 'x'], ExitCode.usage);
    } finally {
      writeFileSync(file, settings);
    }
  });
});

describe('a preview', () => {
  it('exits 2 with --detailed-exitcode where there are differences, else 0', async () => {
    expect((await report(['preview', '--engine', 'embedded'], ExitCode.done))['status']).toBe('differs');
    await report(['preview', '--engine', 'embedded', '--detailed-exitcode'], ExitCode.differences);
    await report(['graph'], ExitCode.done);
    await report(['policies'], ExitCode.done);
  });

  it('and a first start, which says what sample it loaded', async () => {
    const { sample } = await report(['start', '--engine', 'embedded'], ExitCode.done);
    expect(sample).toContainEqual({ table: 'User', rows: 60 });
  });
});

describe('a stack', () => {
  beforeAll(async () => {
    await project.remove();
    project = await deployedProject();
    await report(['start', '--yes', '--engine', 'embedded'], ExitCode.done);
  }, 120_000);

  it('that stands as declared exits 0 with --detailed-exitcode', async () => {
    expect((await report(['preview', '--engine', 'embedded', '--detailed-exitcode'], ExitCode.done))['status']).toBe(
      'ok',
    );
    expect((await report(['up', '--yes', '--engine', 'embedded'], ExitCode.done))['status']).toBe('ok');
    await report(['refresh', '--engine', 'embedded'], ExitCode.done);
  });

  it.each([['status'], ['logs'], ['env'], ['audit'], ['audit', 'verify'], ['audit', 'maintain'], ['state', 'export']])(
    '%j',
    async (...args) => {
      await report(args, ExitCode.done);
    },
  );

  it('env --write and state export --file keep passwords to the owner', async () => {
    const env = project.path('.env');
    const state = project.path('state.json');
    for (const path of [env, state]) writeFileSync(path, 'OTHER=1\n', { mode: 0o644 });
    expect((await report(['env', '--write', env], ExitCode.done))['changed']).toContain('DATABASE_URL');
    await report(['state', 'export', '--file', state], ExitCode.done);
    const nowhere = await report(['state', 'export', '--file', project.path('nowhere', 'state.json')], ExitCode.failed);
    expect(codes(nowhere)).toEqual(['folder-missing']);
    for (const path of [env, state, project.path('.coachdb', 'passphrase')])
      expect(statSync(path).mode & 0o777, path).toBe(0o600);
  });

  it('transfer plans, loads, compares, and says what does not fit or differs', async () => {
    const file = project.path('app.db');
    generate(file, 300);
    const rows = (found: Record<string, unknown>): unknown =>
      (found['tables'] as { rows: number }[]).map((each) => each.rows);
    const plan = await report(['transfer', '--from', file, '--dry-run', '--detailed-exitcode'], ExitCode.differences);
    expect(rows(plan)).toEqual([117, 165, 12, 6]);
    expect(await report(['start', '--engine', 'embedded', '--from', file], ExitCode.done)).toMatchObject({
      status: 'changed',
      transfer: { differences: [] },
    });
    await report(['transfer', '--from', file, '--verify-only'], ExitCode.done);
    expect(codes(await report(['transfer', '--from', file], ExitCode.refused))).toEqual(['target-not-empty']);
    expect(codes(await report(['transfer', '--from', file, '--truncate'], ExitCode.refused))).toEqual([
      'confirmation-needed',
    ]);
    const source = new Database(file);
    source.exec(
      `PRAGMA foreign_keys = off; UPDATE "Student" SET "birthDate" = 'long ago', "name" = 'Noé' WHERE "name" = 'Student 2'; DELETE FROM "User" WHERE "email" = 'user2@example.org'`,
    );
    source.close();
    const refused = await report(['transfer', '--from', file, '--truncate', '--yes'], ExitCode.failed);
    expect(refused).toMatchObject({ issues: { counts: { 'invalid-date': 1 } } });
    const { file: rejects } = refused['issues'] as { file: string };
    expect(statSync(rejects).mode & 0o777).toBe(0o600);
    expect(readFileSync(rejects, 'utf8')).toContain('"long ago\\"');
    const lenient = ['--from', file, '--on', 'invalid-date=replace', '--on', 'orphan=reject'];
    const differs = await report(['transfer', ...lenient, '--verify-only'], ExitCode.failed);
    expect(differs['differences']).toEqual(
      expect.arrayContaining([expect.objectContaining({ column: 'name', source: `'Noé'`, target: `'Student 2'` })]),
    );
    const replaced = await report(['transfer', ...lenient, '--truncate', '--yes'], ExitCode.done);
    expect(replaced).toMatchObject({ issues: { counts: { 'invalid-date': 1 } } });
    expect((replaced['issues'] as { counts: { orphan: number } }).counts.orphan).toBeGreaterThan(1);
    expect(codes(await report(['transfer', '--from', file, '--on', 'orphan=lose'], ExitCode.usage))).toEqual(['usage']);
    expect(codes(await report(['transfer', '--from', file, '--create-schema'], ExitCode.refused))).toEqual([
      'schema-from-migrations',
    ]);
    expect(codes(await report(['transfer'], ExitCode.usage))).toEqual(['usage']);
    expect(codes(await report(['transfer', '--from', project.path('Pulumi.yaml')], ExitCode.usage))).toEqual([
      'source-not-sqlite',
    ]);
    // Its indexes, keys and rights are as declared, and its trail has markers alone.
    expect((await report(['preview', '--engine', 'embedded', '--detailed-exitcode'], ExitCode.done))['status']).toBe(
      'ok',
    );
    const { entries } = await report(['audit'], ExitCode.done);
    const operations = new Set((entries as { operation: string }[]).map(({ operation }) => operation));
    expect([...operations].sort()).toEqual(['CONFIGURED', 'DDL', 'RESUMED', 'SUSPENDED', 'TRUNCATE']);
  });

  const withoutPrograms = (code: string | undefined): boolean => code === 'tool-missing';

  it('a backup is made, listed, verified to the end, pinned, and restored', async () => {
    // The server that runs here may be npm's, which comes without pg_dump: that is said, and nothing else can be tried.
    const probe = await project.json(['backup']);
    expect(validate(probe.report), JSON.stringify(validate.errors)).toBe(true);
    if (withoutPrograms(codes(probe.report)[0])) {
      for (const name of BACKUP_COMMANDS) seen.add(name);
      return;
    }
    expect(probe.code, probe.stdout).toBe(ExitCode.done);
    seen.add('backup');
    const { id } = probe.report['backup'] as { id: string };
    const { backups } = await report(['backup', 'list'], ExitCode.done);
    expect(backups).toMatchObject([{ id, state: 'good' }]);
    await report(['backup', 'verify', '--restore'], ExitCode.done);
    expect(await report(['status'], ExitCode.done)).toMatchObject({ backups: { good: 1, notices: [] } });
    await report(['backup', 'pin', id], ExitCode.done);
    await report(['backup', 'unpin', id], ExitCode.done);
    await report(['backup', 'prune', '--dry-run'], ExitCode.done);
    await report(['backup', 'prune'], ExitCode.done);
    expect(codes(await report(['restore'], ExitCode.refused))).toEqual(['confirmation-needed']);
    expect(await report(['restore', '--yes'], ExitCode.done)).toMatchObject({ backup: id, dropped: [] });
    expect(await report(['restore', '--drop-old', '--yes'], ExitCode.done)).toMatchObject({ status: 'changed' });
    expect((await report(['preview', '--engine', 'embedded', '--detailed-exitcode'], ExitCode.done))['status']).toBe(
      'ok',
    );
    expect(codes(await report(['backup', 'verify', '2'.repeat(9)], ExitCode.usage))).toEqual(['backup-unknown']);
    await report(['backup', '--retention', '0'], ExitCode.usage);
  });

  it('deploy says what is pending, exits 2 for it when asked, and applies it only when told to', async () => {
    migration('29990101000000_later', 'CREATE TABLE later (id int PRIMARY KEY);\n');
    const pending = { status: 'differs', pending: ['29990101000000_later'] };
    expect(await report(['deploy', '--dry-run'], ExitCode.done)).toMatchObject(pending);
    expect(await report(['deploy', '--dry-run', '--detailed-exitcode'], ExitCode.differences)).toMatchObject(pending);
    expect(codes(await report(['deploy'], ExitCode.refused))).toEqual(['confirmation-needed']);
    expect(await report(['deploy', '--dry-run'], ExitCode.done)).toMatchObject(pending);
    const applied = await report(['deploy', '--yes'], ExitCode.done);
    expect(applied).toMatchObject({ status: 'changed', applied: [{ name: '29990101000000_later' }] });
    expect(await report(['deploy', '--dry-run', '--detailed-exitcode'], ExitCode.done)).toMatchObject({ status: 'ok' });
    expect(await report(['deploy', '--yes'], ExitCode.done)).toMatchObject({ status: 'ok', applied: [] });
  });

  it('deploy --applied and --rolled-back settle what failed half-way, and run nothing', async () => {
    const whole = '29990201000000_whole';
    migration(whole, 'SELECT 1/0;\n');
    await report(['deploy', '--yes'], ExitCode.failed);
    const untouched = await report(['deploy', '--rolled-back', whole], ExitCode.refused);
    expect(codes(untouched)).toEqual(['migration-not-failed']);
    expect(await report(['deploy', '--applied', whole], ExitCode.done)).toMatchObject({ name: whole, as: 'applied' });

    const half = '29990301000000_half';
    migration(half, 'CREATE INDEX CONCURRENTLY half_way ON "Student" (id);\nSELECT 1/0;\n');
    await report(['deploy', '--yes'], ExitCode.failed);
    const failed = await report(['deploy', '--rolled-back', half], ExitCode.done);
    expect(failed).toMatchObject({ status: 'changed', name: half, as: 'rolled-back' });
    expect(await report(['deploy', '--dry-run'], ExitCode.done)).toMatchObject({ pending: [half] });
    await report(['deploy', '--applied', half], ExitCode.done);
    expect(await report(['deploy', '--dry-run'], ExitCode.done)).toMatchObject({ pending: [] });
    await report(['deploy', '--applied', half, '--rolled-back', half], ExitCode.usage);
  });

  it('restart, stop and destroy', async () => {
    expect(codes(await report(['stop'], ExitCode.refused))).toEqual(['confirmation-needed']);
    await report(['restart', '--yes'], ExitCode.done);
    await report(['stop', '--yes'], ExitCode.done);
    await report(['destroy', '--yes'], ExitCode.done);
  });

  it('nearly every command went well once; the others need a network, a terminal or Pulumi', () => {
    const rest = COMMANDS.map(({ name }) => name).filter((name) => !seen.has(name));
    expect(rest).toEqual(['psql', 'pulumi', 'engine install']);
  });
});
