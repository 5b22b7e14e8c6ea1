import type { Client } from 'pg';

import { withClient, withTransaction } from '../connection/client';
import { LOCK_SCHEMA } from '../connection/locks';
import { applyMigrations, type MigrationProgress } from '../migrations/apply';
import { mayApply, planDeclared } from '../migrations/declared';
import { readMigrationFolder } from '../migrations/folder';
import { readHistory, readPowers } from '../migrations/history';
import { requireApplicable } from '../migrations/plan';
import { assumeRole } from '../migrations/session';
import type { MigrationFolder, MigrationHistory } from '../migrations/types';
import type { MigrationsSpec } from '../spec';
import type { Work } from './objects';
import type { Run } from './run';

/** Migrations as the owner's, by whoever logs in to migrate and never by the master. */
export async function bringUpMigrations({ run, client: master, migrator, spec }: Work): Promise<void> {
  await run.step('migrations', '', async () => {
    const { migrations } = spec;
    const folder = readMigrationFolder(migrations.directory);
    const target = migrator();
    return withClient(
      target,
      async (client) => {
        const stop = run.clock.guard(target, client);
        try {
          return await apply(run, master, client, migrations, folder);
        } finally {
          stop();
        }
      },
      { session: 'script' },
    );
  });
}

async function apply(
  run: Run,
  master: Client,
  client: Client,
  migrations: MigrationsSpec,
  folder: MigrationFolder,
): Promise<string[]> {
  // The first run on a database may be cut off between two migrations: the next one is the first run still.
  const isFirst = await hasMark(master);
  const declared = isFirst ? { ...migrations, apply: 'always' as const } : migrations;
  const plan = planDeclared(declared, folder, await historyOf(client, migrations, folder));
  requireApplicable(plan);
  let history = plan.applied;
  let applied: string[] = [];
  if (mayApply(declared, history)) {
    if (plan.steps.length > 0) run.requireTime();
    if (migrations.apply === 'initial' && plan.steps.length > 0) await setMark(master);
    const { lockTimeoutMs, statementTimeoutMs, role } = migrations;
    const result = await applyMigrations(client, plan, {
      role,
      lockTimeoutMs,
      statementTimeoutMs,
      signal: run.ending(),
      onProgress: (event) => run.say(told(event)),
    });
    applied = result.applied.map(({ name }) => name);
    history = result.history;
    for (const message of result.warnings) run.warn('migration-warning', message, 'See docs/migrations.md.');
  }
  if (isFirst || migrations.apply === 'initial') await removeMark(master);
  const known = new Set(history.map(({ name }) => name));
  const pending = folder.migrations.map(({ name }) => name).filter((name) => !known.has(name));
  run.migrations = { applied: history.map(({ name }) => name), pending };
  return applied.map((name) => `apply migration ${name}`);
}

/** What is recorded, and where something is pending what the owner may do. */
function historyOf(client: Client, migrations: MigrationsSpec, folder: MigrationFolder): Promise<MigrationHistory> {
  return withTransaction(client, async () => {
    await assumeRole(client, migrations.schema, migrations, true);
    const history = await readHistory(client, migrations.schema);
    const known = new Set(history.rows.filter(({ rolledBackAt }) => rolledBackAt === null).map(({ name }) => name));
    if (folder.migrations.every(({ name }) => known.has(name))) return history;
    return { ...history, powers: await readPowers(client) };
  });
}

function told({ phase, name, index, total, statement, statements }: MigrationProgress): string {
  if (name === '') return `migrations: ${phase}`;
  const which = statement === undefined ? '' : `, statement ${statement} of ${statements}`;
  return `migration ${index} of ${total}, ${name}: ${phase}${which}`;
}

/** An empty table, there while the first migrations of a database are under way. */
const MARK = `${LOCK_SCHEMA}.first_migrations`;

async function hasMark(master: Client): Promise<boolean> {
  const { rows } = await master.query<{ there: boolean }>(`SELECT to_regclass('${MARK}') IS NOT NULL AS there`);
  return rows[0]?.there === true;
}

const setMark = (master: Client): Promise<unknown> => master.query(`CREATE TABLE IF NOT EXISTS ${MARK} ()`);
const removeMark = (master: Client): Promise<unknown> => master.query(`DROP TABLE IF EXISTS ${MARK}`);
