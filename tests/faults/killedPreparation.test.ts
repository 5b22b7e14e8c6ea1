import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { readApplication } from '../../postgres/transfer/prepare/application';
import { planPreparation } from '../../postgres/transfer/prepare/plan';
import { applyPreparation, settleStage, stageFolders } from '../../postgres/transfer/prepare/stage';
import { PlatformError } from '../../system/errors';
import { filesOf, NOW, removeApplications, SCHOOL, school, withFiles } from '../postgres/transfer/prepare/support';
import { compileInto } from '../support/compiled';

// As JavaScript a run starts in a tenth of the time, and there are many.
const compiled = compileInto('coach-prepare-', ['postgres/transfer/prepare']);
afterAll(() => {
  rmSync(compiled, { recursive: true });
  removeApplications();
});

const OLD = filesOf(SCHOOL);
let planned: string;
/** What the application is to become. */
let done: Record<string, string>;
beforeAll(async () => {
  const plan = await planPreparation(await readApplication(SCHOOL), NOW);
  planned = JSON.stringify(plan);
  const directory = school();
  applyPreparation(planFor(directory), migrationsOf(directory));
  done = filesOf(directory);
});

const planFor = (directory: string): Parameters<typeof applyPreparation>[0] =>
  JSON.parse(planned.replaceAll(SCHOOL, directory)) as Parameters<typeof applyPreparation>[0];
const migrationsOf = (directory: string): string => join(directory, 'prisma/migrations');
const archiveOf = (directory: string): string => join(directory, 'prisma/migrations-sqlite');

/** Applies in a process that kills itself; true where it came to its end. */
function ends(directory: string, at: { stopAt?: number; renamedTo?: string }): boolean {
  const argument = join(directory, 'argument.json');
  const settings = { compiled, plan: planFor(directory), migrations: migrationsOf(directory), ...at };
  writeFileSync(argument, JSON.stringify(settings));
  const run = spawnSync(process.execPath, [join(__dirname, 'killedPreparation.cjs'), argument], { encoding: 'utf8' });
  expect(run).toMatchObject({ stderr: '', signal: run.stdout === 'done' ? null : 'SIGKILL' });
  rmSync(argument);
  return run.stdout === 'done';
}

/** The next run: it settles what is left, then plans anew. */
async function again(directory: string): Promise<string[]> {
  const { migrations } = await readApplication(directory);
  const settled = stageFolders(migrations.directory).map(settleStage);
  const plan = await planPreparation(await readApplication(directory), NOW);
  if (plan.found.length > 0) applyPreparation(plan, migrations.directory);
  return settled;
}

/** The old folder's files, whichever of its two names it bears. */
function oldMigrations(files: Record<string, string>): Record<string, string> {
  const names = Object.keys(files);
  const start = ['prisma/migrations-sqlite/', 'prisma/migrations/'].find((one) =>
    names.some((name) => name.startsWith(one)),
  );
  const own = Object.entries(files).filter(([name]) => name.startsWith(start ?? ''));
  return Object.fromEntries(own.map(([name, text]) => [name.slice(start?.length), text]));
}

it(
  'at any change of a file: nothing of the old is lost, and the next run brings it to its end',
  { timeout: 300_000 },
  async () => {
    const states = new Set<string>();
    for (let stopAt = 1; ; stopAt += 1) {
      const directory = school();
      if (ends(directory, { stopAt })) break;
      expect(oldMigrations(filesOf(directory)), `killed at ${stopAt}`).toEqual(oldMigrations(OLD));
      const moved = existsSync(archiveOf(directory)) ? 'moved' : 'old';
      states.add([moved, ...(await again(directory))].join());
      expect(filesOf(directory), `killed at ${stopAt}`).toEqual(done);
      expect(stageFolders(migrationsOf(directory))).toEqual([]);
    }
    // Before the first write; while writing; from the first rename on; once all was done and the rest was being removed.
    expect([...states].sort()).toEqual(['moved,finished', 'moved,removed', 'old', 'old,removed']);
  },
);

describe('what a killed run left between old and new', () => {
  const between = (): string => {
    const directory = school();
    expect(ends(directory, { renamedTo: archiveOf(directory) })).toBe(false);
    expect(existsSync(migrationsOf(directory))).toBe(false);
    return directory;
  };

  it('is finished', async () => {
    const directory = between();
    expect(await again(directory)).toEqual(['finished']);
    expect(filesOf(directory)).toEqual(done);
  });

  it('is not finished over a schema that somebody changed since', () => {
    const mine = `${OLD['prisma/schema.prisma']}\n// mine\n`;
    const directory = withFiles(between(), { 'prisma/schema.prisma': mine });
    const [folder] = stageFolders(migrationsOf(directory));
    if (folder === undefined) throw new Error('Expected a stage.');
    let error: unknown;
    try {
      settleStage(folder);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(PlatformError);
    expect(error).toMatchObject({ code: 'prepare-changed', kind: 'refused' });
    expect((error as PlatformError).remedy).toContain('Set `provider = "postgresql"`');
    expect(filesOf(directory)['prisma/schema.prisma']).toBe(mine);
  });

  it('gives way where the old folder was brought back since', async () => {
    const old = Object.entries(OLD).filter(([name]) => name.startsWith('prisma/migrations/'));
    const directory = withFiles(between(), Object.fromEntries(old));
    expect(await again(directory)).toEqual(['removed']);
    expect(existsSync(join(directory, 'prisma/migrations-sqlite-2/migration_lock.toml'))).toBe(true);
  });

  it('is found where the schema has several files, from which the folder does not follow', async () => {
    const directory = withFiles(between(), {
      'prisma/schema.prisma': null,
      'prisma/schema/all.prisma': OLD['prisma/schema.prisma'] ?? '',
    });
    expect((await readApplication(directory)).migrations.directory).toBe(migrationsOf(directory));
  });
});
