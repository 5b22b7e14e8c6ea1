import type { MigrationsSpec } from '../spec';
import { planMigrations } from './plan';
import type { MigrationFolder, MigrationHistory, MigrationPlan } from './types';

/** `initial` applies to a database that has none yet. */
export function mayApply({ apply }: Pick<MigrationsSpec, 'apply'>, applied: MigrationPlan['applied']): boolean {
  return apply === 'always' || applied.length === 0;
}

/** What is wrong with a pending migration matters when it is applied; that an applied one was edited matters now. */
export function planDeclared(
  declared: Pick<MigrationsSpec, 'apply'>,
  folder: MigrationFolder,
  history: MigrationHistory,
): MigrationPlan {
  const plan = planMigrations(folder, history);
  if (mayApply(declared, plan.applied)) return plan;
  const names = new Set(history.rows.map((row) => row.name));
  const migrations = folder.migrations.filter((migration) => names.has(migration.name));
  return planMigrations({ ...folder, migrations }, history);
}
