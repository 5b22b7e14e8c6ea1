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
import { type CommandContext, type CommandResult, confirm, declined, done } from '../command';
import { databaseAccess } from '../databaseAccess';
import { ExitCode } from '../exitCodes';
import { ProblemList } from '../problems';
import { wrapLines } from '../report/display';
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
    const access = databaseAccess(stack, await readState(context, stack), 'connect');
    const spec = databaseSpec(stack.settings, { projectRoot: context.root, machine: stack.machine });
    const work = async (client: Client): Promise<CommandResult> => {
      const [applied, rolledBack] = [options['applied'], options['rolledBack']];
      if (typeof applied === 'string') return resolve(client, spec.migrations, applied, 'applied');
      if (typeof rolledBack === 'string') return resolve(client, spec.migrations, rolledBack, 'rolled-back');
      const plan = await planDeploy(client, spec.migrations);
      if (plan.problems.length > 0) throw new ProblemList(plan.problems, 'failed');
      if (options['dryRun'] === true) return planned(plan, options['detailedExitcode'] === true);
      return apply(context, client, spec.migrations, plan);
    };
    return withClient(access.as(spec.migrations.login), work, { session: 'script' });
  },
};

function planned(plan: MigrationPlan, detailed: boolean): CommandResult {
  const fields = pendingFields(plan);
  const hasPending = fields.pending.length > 0;
  const exitCode = detailed && hasPending ? ExitCode.differences : ExitCode.done;
  const status = hasPending ? 'differs' : 'ok';
  return { status, exitCode, problems: [], fields: { ...fields }, text: planLines(plan).join('\n') };
}

async function apply(
  context: CommandContext,
  client: Client,
  migrations: MigrationsSpec,
  plan: MigrationPlan,
): Promise<CommandResult> {
  if (plan.steps.length === 0) return done(planLines(plan).join('\n'), { applied: [] });
  if (!context.yes) context.progress(wrapLines(planLines(plan).join('\n'), context.display));
  if (!(await confirm(context, `Apply ${plan.steps.length} migration(s)?`))) throw declined();
  const { applied, warnings } = await applyMigrations(client, plan, {
    ...migrations,
    signal: context.signal,
    onProgress: (event) => {
      if (event.phase === 'begin') context.progress(`  ${event.index}/${event.total}  ${event.name}`);
      if (event.phase === 'apart')
        context.progress('  undone, since it cannot be one transaction; statement by statement:');
    },
  });
  const lines = applied.map(({ name, durationMs }) => `applied ${name} (${(durationMs / 1000).toFixed(1)} s)`);
  return done([...lines, ...warnings.map((warning) => `Warning: ${warning}`)].join('\n'), { applied }, 'changed');
}

async function resolve(
  client: Client,
  migrations: MigrationsSpec,
  name: string,
  as: 'applied' | 'rolled-back',
): Promise<CommandResult> {
  const folder = readMigrationFolder(migrations.directory);
  await resolveFailed(client, name, as, { ...migrations, folder });
  return done(`Recorded ${name} as ${as === 'applied' ? 'applied' : 'rolled back'}.`, { name, as }, 'changed');
}
