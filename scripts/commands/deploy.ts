import { Option } from 'commander';
import type { Client } from 'pg';

import { databaseSpec } from '../../infra/config/databaseSpec';
import { withClient } from '../../postgres/connection/client';
import { applyMigrations } from '../../postgres/migrations/apply';
import { pendingFields, planDeploy } from '../../postgres/migrations/deploy';
import { readMigrationFolder } from '../../postgres/migrations/folder';
import { planLines } from '../../postgres/migrations/print';
import { resolveFailed } from '../../postgres/migrations/resolve';
import type { MigrationPlan } from '../../postgres/migrations/types';
import type { MigrationsSpec } from '../../postgres/spec';
import { type CommandContext, type CommandResult, done } from '../command';
import { databaseAccess } from '../databaseAccess';
import { applied, confirmPlan, planned, recorded } from '../deployResult';
import { ProblemList } from '../problems';
import { openStack } from '../stack';
import { readState } from '../stackState';
import type { CommandDefinition } from './definition';
import { DETAILED_EXIT_CODE, YES } from './deployment';

export const deploy: CommandDefinition = {
  name: 'deploy',
  description: 'apply the application’s pending migrations (npm run db:deploy)',
  options: [
    YES(),
    DETAILED_EXIT_CODE(),
    new Option('--dry-run', 'print what would be applied').default(false),
    new Option('--applied <name>', 'record this migration as applied, without running it'),
    new Option('--rolled-back <name>', 'record this failed migration as rolled back: it is pending again').conflicts(
      'applied',
    ),
  ],
  finishesSteps: true,
  run: async (context, options) => {
    const stack = openStack(context);
    if (stack.settings.environment === 'prod')
      return (await import('../aws/deploy')).deployByFunction(context, stack, options);
    const access = databaseAccess(stack, await readState(context, stack), 'connect');
    const spec = databaseSpec(stack.settings, { projectRoot: context.root, machine: stack.machine });
    const work = async (client: Client): Promise<CommandResult> => {
      const [ran, rolledBack] = [options['applied'], options['rolledBack']];
      if (typeof ran === 'string') return resolve(client, spec.migrations, ran, 'applied');
      if (typeof rolledBack === 'string') return resolve(client, spec.migrations, rolledBack, 'rolled-back');
      const plan = await planDeploy(client, spec.migrations);
      if (plan.problems.length > 0) throw new ProblemList(plan.problems, 'failed');
      if (options['dryRun'] === true)
        return planned(pendingFields(plan), planLines(plan).join('\n'), options['detailedExitcode'] === true);
      return apply(context, client, spec.migrations, plan);
    };
    return withClient(access.as(spec.migrations.login), work, { session: 'script' });
  },
};

async function apply(
  context: CommandContext,
  client: Client,
  migrations: MigrationsSpec,
  plan: MigrationPlan,
): Promise<CommandResult> {
  const shown = planLines(plan).join('\n');
  if (plan.steps.length === 0) return done(shown, { applied: [] });
  await confirmPlan(context, shown, plan.steps.length);
  const result = await applyMigrations(client, plan, {
    ...migrations,
    signal: context.signal,
    onProgress: (event) => {
      if (event.phase === 'begin') context.progress(`  ${event.index}/${event.total}  ${event.name}`);
      if (event.phase === 'apart')
        context.progress('  undone, since it cannot be one transaction; statement by statement:');
    },
  });
  return applied(result.applied, result.warnings);
}

async function resolve(
  client: Client,
  migrations: MigrationsSpec,
  name: string,
  as: 'applied' | 'rolled-back',
): Promise<CommandResult> {
  const folder = readMigrationFolder(migrations.directory);
  await resolveFailed(client, name, as, { ...migrations, folder });
  return recorded(name, as);
}
