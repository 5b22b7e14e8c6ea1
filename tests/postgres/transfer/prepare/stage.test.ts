import { chmodSync, chownSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { readApplication } from '../../../../postgres/transfer/prepare/application';
import { planPreparation, type PreparationPlan } from '../../../../postgres/transfer/prepare/plan';
import { applyPreparation, stageFolders } from '../../../../postgres/transfer/prepare/stage';
import { PlatformError } from '../../../../system/errors';
import { application, filesOf, NOW, removeApplications, schema, SCHOOL, school } from './support';

afterAll(removeApplications);

const OLD = filesOf(SCHOOL);
/** What it is to become. */
let done: Record<string, string>;

const planOf = async (directory: string): Promise<PreparationPlan> =>
  planPreparation(await readApplication(directory), NOW);
const migrationsOf = (directory: string): string => join(directory, 'prisma/migrations');

async function apply(directory: string): Promise<void> {
  applyPreparation(await planOf(directory), migrationsOf(directory));
}

beforeAll(async () => {
  const directory = school();
  await apply(directory);
  done = filesOf(directory);
});

it('archives, writes and changes what the plan says, and nothing else', () => {
  const moved = Object.entries(OLD)
    .filter(([name]) => name.startsWith('prisma/migrations/'))
    .map(([name, text]) => [name.replace('prisma/migrations/', 'prisma/migrations-sqlite/'), text]);
  expect(Object.keys(done).sort()).toEqual(
    [
      'package.json',
      'prisma/migrations/20250601102030_baseline/migration.sql',
      'prisma/migrations/migration_lock.toml',
      'prisma/schema.prisma',
      ...moved.map(([name]) => name ?? ''),
    ].sort(),
  );
  expect(done).toMatchObject(Object.fromEntries(moved));
  expect(done['prisma/migrations/migration_lock.toml']).toBe(
    OLD['prisma/migrations/migration_lock.toml']?.replace('"sqlite"', '"postgresql"'),
  );
  expect(done['prisma/schema.prisma']).toBe(OLD['prisma/schema.prisma']?.replace('"sqlite" //', '"postgresql" //'));
});

it('finds nothing to do afterwards', async () => {
  const directory = school();
  await apply(directory);
  expect((await planOf(directory)).found).toEqual([]);
});

it('keeps the rights of the schema’s file and writes through a link to it', async () => {
  const directory = school({ 'real.prisma': OLD['prisma/schema.prisma'] ?? '', 'prisma/schema.prisma': null });
  symlinkSync('../real.prisma', join(directory, 'prisma/schema.prisma'));
  chmodSync(join(directory, 'real.prisma'), 0o640);
  const plan = await planOf(directory);
  // Beside the file that the link leads to.
  applyPreparation(plan, plan.baseline?.directory ?? '');
  expect(readFileSync(join(directory, 'real.prisma'), 'utf8')).toBe(done['prisma/schema.prisma']);
  expect(statSync(join(directory, 'real.prisma')).mode & 0o777).toBe(0o640);
});

it.skipIf(process.getuid?.() !== 0)('gives what root makes to the owner of the folder', async () => {
  const directory = school();
  const own = (path: string): void => chownSync(path, 12_345, 12_346);
  ['prisma', 'prisma/migrations', 'prisma/schema.prisma'].forEach((name) => own(join(directory, name)));
  await apply(directory);
  const made = ['migrations', 'migrations/20250601102030_baseline', 'schema.prisma'];
  const files = ['migrations/migration_lock.toml', 'migrations/20250601102030_baseline/migration.sql'];
  for (const name of [...made, ...files]) {
    expect(statSync(join(directory, 'prisma', name)), name).toMatchObject({ uid: 12_345, gid: 12_346 });
  }
});

it('writes a first folder where there was none, and leaves nothing beside it', async () => {
  const directory = application({ 'prisma/schema.prisma': schema('sqlite') });
  await apply(directory);
  expect(Object.keys(filesOf(directory))).toEqual([
    'prisma/migrations/20250601102030_baseline/migration.sql',
    'prisma/migrations/migration_lock.toml',
    'prisma/schema.prisma',
  ]);
});

const problemOf = (work: () => void): PlatformError => {
  try {
    work();
  } catch (error) {
    if (error instanceof PlatformError) return error;
    throw error;
  }
  throw new Error('Expected a PlatformError.');
};

describe('of two at once', () => {
  it('one does it and the other one is told so', async () => {
    const directory = school();
    const [first, second] = [await planOf(directory), await planOf(directory)];
    applyPreparation(first, migrationsOf(directory));
    const error = problemOf(() => applyPreparation(second, migrationsOf(directory)));
    expect(error).toMatchObject({ code: 'prepare-changed', kind: 'locked' });
    expect(error.message).toMatch(/migrations could not become .*migrations-sqlite: that exists by now/);
    expect(filesOf(directory)).toEqual(done);
  });

  it('and so where neither found a folder', async () => {
    const directory = application({ 'prisma/schema.prisma': schema('sqlite') });
    const [first, second] = [await planOf(directory), await planOf(directory)];
    applyPreparation(first, migrationsOf(directory));
    const after = filesOf(directory);
    expect(problemOf(() => applyPreparation(second, migrationsOf(directory))).code).toBe('prepare-changed');
    expect(filesOf(directory)).toEqual(after);
  });

  it('a run at work is seen as one', () => {
    const directory = school({
      [`prisma/.migrations.${process.ppid}.new/x`]: '',
      'prisma/.migrations.999999999.new/x': '',
    });
    expect(
      stageFolders(migrationsOf(directory))
        .map(({ isRunning }) => isRunning)
        .sort(),
    ).toEqual([false, true]);
  });
});
