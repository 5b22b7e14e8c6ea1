import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { CommandContext, CommandResult } from '../../scripts/command';
import { prepare, type PrepareOptions } from '../../scripts/commands/transferPrepare';
import { PLAIN, textFor } from '../../scripts/report/display';
import { runTransfer } from '../../scripts/transfer';
import { PlatformError } from '../../system/errors';
import { commitAll, filesOf, removeApplications, school, withFiles } from '../postgres/transfer/prepare/support';
import { commandContext } from '../support/commandContext';
import { ROOT } from '../support/compiled';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'coach-prepare-'));
  cpSync(join(ROOT, 'Pulumi.yaml'), join(root, 'Pulumi.yaml'));
});
afterAll(() => {
  rmSync(root, { recursive: true });
  removeApplications();
});

interface Run {
  result: CommandResult;
  text: string;
  progress: string;
}

/** The world of a command, for the application in `directory`; by default --yes is given. */
function contextFor(directory: string, world: Partial<CommandContext> = {}): CommandContext {
  writeFileSync(
    join(root, 'Pulumi.local.yaml'),
    `config:\n  coach:environment: local\n  coach:app:\n    directory: ${directory}\n`,
  );
  return commandContext({
    root,
    stack: 'local',
    isStackNamed: false,
    environment: process.env,
    display: PLAIN,
    ...world,
  });
}

async function run(
  directory: string,
  options: Partial<PrepareOptions> = {},
  world: Partial<CommandContext> = {},
): Promise<Run> {
  const progress: string[] = [];
  const context = contextFor(directory, { progress: (line) => progress.push(line), ...world });
  const result = await prepare(context, { dryRun: false, unversioned: false, detailedExitcode: false, ...options });
  return { result, text: textFor(result.text, PLAIN), progress: progress.join('\n') };
}

const committed = (): string => commitAll(school());
const codes = ({ result }: Run): string[] => result.problems.map(({ code }) => code);
const problemOf = async (work: Promise<unknown>): Promise<PlatformError> => {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof PlatformError) return error;
  throw new Error(`Expected a PlatformError, got ${String(error)}.`);
};

it('prepares a committed application, says what it did and what comes next', async () => {
  const directory = committed();
  const { result, text } = await run(directory);
  expect(result).toMatchObject({ status: 'changed', exitCode: 0, problems: [] });
  expect(text).toMatch(/1\. move prisma\/migrations \(3 migrations\) to prisma\/migrations-sqlite\n/);
  expect(text).toMatch(/Prepared: \d{14}_baseline is the application’s first PostgreSQL migration\./);
  expect(text).toContain('`npm run db:deploy`');
  expect(filesOf(directory)['prisma/schema.prisma']).toContain('provider = "postgresql"');
  expect(result.fields).toMatchObject({
    application: directory,
    archive: { to: join(directory, 'prisma/migrations-sqlite') },
    schema: { lines: [{ line: 10 }] },
    handWritten: expect.arrayContaining([
      expect.objectContaining({
        kind: 'view',
        object: 'ActiveStudent',
        line: 9,
        // Where it lies from now on.
        path: join(directory, 'prisma/migrations-sqlite/20240415080000_by_hand/migration.sql'),
      }),
    ]) as unknown,
  });
});

it('has nothing to do the second time, committed or not', async () => {
  const directory = committed();
  await run(directory);
  const after = filesOf(directory);
  const { result, text } = await run(directory);
  expect(result).toMatchObject({ status: 'ok', exitCode: 0 });
  expect(text).toContain('are PostgreSQL’s already; there is nothing to prepare');
  expect(filesOf(directory)).toEqual(after);
});

describe('changes nothing', () => {
  it.each([
    ['without', false, 0],
    ['with', true, 2],
  ])('with --dry-run, %s --detailed-exitcode', async (_what, detailedExitcode, exitCode) => {
    const directory = committed();
    const before = filesOf(directory);
    const { result, text } = await run(directory, { dryRun: true, detailedExitcode }, { yes: false });
    expect(result).toMatchObject({ status: 'differs', exitCode });
    expect(text).toContain('Written by hand in the old migrations, and not in the baseline:');
    expect(filesOf(directory)).toEqual(before);
  });

  it('where nobody can be asked and --yes is not given', async () => {
    const directory = committed();
    const before = filesOf(directory);
    expect(await problemOf(run(directory, {}, { yes: false }))).toMatchObject({
      code: 'confirmation-needed',
      kind: 'refused',
    });
    expect(filesOf(directory)).toEqual(before);
  });

  it('where the answer is no, which comes after the plan', async () => {
    const directory = committed();
    const before = filesOf(directory);
    const said: string[] = [];
    const world = {
      yes: false,
      progress: (line: string) => said.push(line),
      ask: (question: string) => {
        expect(said.join('\n')).toContain('Steps:');
        expect(question).toContain(`Prepare ${directory} for PostgreSQL?`);
        return Promise.resolve('n');
      },
    };
    expect((await problemOf(run(directory, {}, world))).code).toBe('declined');
    expect(filesOf(directory)).toEqual(before);
  });

  it('where the schema was changed while it asked', async () => {
    const directory = committed();
    const ask = (): Promise<string> => {
      withFiles(directory, { 'prisma/schema.prisma': `${filesOf(directory)['prisma/schema.prisma']}// mine\n` });
      return Promise.resolve('y');
    };
    const error = await problemOf(run(directory, {}, { yes: false, ask }));
    expect(error).toMatchObject({ code: 'prepare-changed', kind: 'locked' });
    expect(Object.keys(filesOf(directory)).join()).not.toContain('migrations-sqlite');
  });

  it.each([
    ['changes that are not committed', { 'prisma/schema.prisma': '// x' }, 'prisma/schema.prisma'],
    [
      'migrations that were never committed',
      { 'prisma/migrations/2_new/migration.sql': '' },
      'prisma/migrations/2_new/migration.sql',
    ],
  ])('with %s, and shows the plan', async (_what, files, path) => {
    const directory = committed();
    const [name, text] = Object.entries(files)[0] ?? ['', ''];
    withFiles(directory, { [name]: `${filesOf(directory)[name] ?? ''}${text}` });
    const before = filesOf(directory);
    for (const dryRun of [false, true]) {
      const refused = await run(directory, { dryRun });
      expect(codes(refused)).toEqual(['prepare-uncommitted']);
      expect(refused.result).toMatchObject({ status: 'refused', exitCode: 3 });
      expect(refused.result.problems[0]?.message).toContain(path);
      expect(refused.text).toContain('Steps:');
    }
    expect(filesOf(directory)).toEqual(before);
  });

  it('outside of a git repository, unless --unversioned says that it is meant', async () => {
    const directory = school();
    const before = filesOf(directory);
    const refused = await run(directory);
    expect(codes(refused)).toEqual(['prepare-unversioned']);
    expect(refused.result.exitCode).toBe(3);
    expect(refused.result.problems[0]?.remedy).toContain('--unversioned');
    expect(filesOf(directory)).toEqual(before);
    expect((await run(directory, { unversioned: true })).result.status).toBe('changed');
  });

  it('of uncommitted changes with --unversioned either', async () => {
    const directory = withFiles(committed(), { 'prisma/migrations/2_new/migration.sql': '' });
    expect(codes(await run(directory, { unversioned: true }))).toEqual(['prepare-uncommitted']);
  });

  it('with what PostgreSQL would refuse', async () => {
    const text = filesOf(school())['prisma/schema.prisma']?.replace(
      '@default("es")',
      `@default(dbgenerated("(hex(1))"))`,
    );
    const directory = commitAll(school({ 'prisma/schema.prisma': text ?? '' }));
    const before = filesOf(directory);
    const refused = await run(directory);
    expect(codes(refused)).toEqual(['schema-default']);
    expect(refused.result.exitCode).toBe(3);
    expect(filesOf(directory)).toEqual(before);
  });
});

it.each(['load', 'dry-run'] as const)('comes first: a transfer (%s) of such an application says so', async (mode) => {
  const directory = committed();
  const request = { from: 'x.db', mode, tables: [], exclude: [], policies: [], truncate: false, deploy: true };
  const error = await problemOf(
    runTransfer(contextFor(directory), { ...request, createSchema: false, detailedExitCode: false }),
  );
  expect(error).toMatchObject({ code: 'migration-provider', kind: 'refused' });
  expect(error.message).toContain('migration_lock.toml says provider = "sqlite"');
  expect(error.remedy).toContain('`npm run db:migrate-to-postgresql -- --prepare`');
});

describe('what a killed run left', () => {
  it('is removed and said, where that run had changed nothing', async () => {
    const directory = committed();
    mkdirSync(join(directory, 'prisma/.migrations.999999999.new'));
    const dry = await run(directory, { dryRun: true });
    expect(dry.progress).toContain('.migrations.999999999.new is left of a run that was killed');
    expect(filesOf(directory)).toEqual(filesOf(school()));
    const { progress, result } = await run(directory);
    expect(progress).toMatch(/^Removed .*\.migrations\.999999999\.new, which a run left that was killed/);
    expect(result).toMatchObject({ status: 'changed', fields: { settled: [expect.stringMatching(/^Removed /)] } });
    expect(
      execFileSync('git', ['status', '--porcelain', '--untracked-files=all'], { cwd: directory, encoding: 'utf8' }),
    ).not.toContain('.new');
  });

  it('is waited for where that run is at work', async () => {
    const directory = committed();
    mkdirSync(join(directory, `prisma/.migrations.${process.ppid}.new`));
    const error = await problemOf(run(directory));
    expect(error).toMatchObject({ code: 'prepare-running', kind: 'locked' });
    expect(error.message).toContain(`.migrations.${process.ppid}.new`);
  });
});
