import type { Client } from 'pg';

import { Clock } from '../../../postgres/apply/clock';
import type { MigrationRequest } from '../../../postgres/apply/request';
import { withClient } from '../../../postgres/connection/client';
import { applyMigrations } from '../../../postgres/migrations/apply';
import { pendingFields, planDeploy } from '../../../postgres/migrations/deploy';
import { readMigrationFolder } from '../../../postgres/migrations/folder';
import { planLines } from '../../../postgres/migrations/print';
import { resolveFailed } from '../../../postgres/migrations/resolve';
import type { MigrationsSpec } from '../../../postgres/spec';
import { codeOf, messageOf, PlatformError } from '../../../system/errors';
import type { Answer } from '../answer';
import type { Work } from '../work';

type DeployRequest = MigrationRequest & { action: 'deploy' };

/** What a migration has to have before the end to be begun. */
const NEEDS_MS = 20_000;

/** Pending migrations, by whoever migrates; as `coachdb deploy` elsewhere. */
export async function deploy(work: Work, request: DeployRequest): Promise<Answer> {
  await work.requireReach();
  const target = work.migrator(request.spec);
  const clock = new Clock(work.deadline);
  try {
    return await work.withMigrations(request.spec, request.migrations, ({ migrations }) =>
      withClient(
        target,
        async (client) => {
          const stop = clock.guard(target, client);
          try {
            return await deployAs(client, migrations, request, work, clock);
          } finally {
            stop();
          }
        },
        { session: 'script' },
      ),
    );
  } catch (error) {
    throw clock.stopped || codeOf(error) === 'interrupted' ? timeLimit(error) : error;
  }
}

async function deployAs(
  client: Client,
  migrations: MigrationsSpec,
  { dryRun = false, applied: appliedName, rolledBack }: DeployRequest,
  { log }: Work,
  clock: Clock,
): Promise<Answer> {
  const name = appliedName ?? rolledBack;
  if (name !== undefined) {
    const as = appliedName === undefined ? 'rolled-back' : 'applied';
    await resolveFailed(client, name, as, { ...migrations, folder: readMigrationFolder(migrations.directory) });
    return { status: 'changed', fields: { name, as } };
  }
  const plan = await planDeploy(client, migrations);
  const { problems, warnings } = plan;
  if (problems.length > 0) return { status: 'failed', problems, fields: {} };
  if (dryRun) {
    // Unpacked, they lie in a folder that nobody knows.
    const text = planLines(plan, 'prisma/migrations').join('\n');
    return { status: plan.steps.length > 0 ? 'differs' : 'ok', fields: { ...pendingFields(plan), warnings, text } };
  }
  if (plan.steps.length === 0) return { status: 'ok', fields: { applied: [], warnings } };
  const result = await applyMigrations(client, plan, {
    ...migrations,
    signal: clock.ending(NEEDS_MS),
    onProgress: ({ phase, name: migration, index, total, durationMs }) => {
      if (phase === 'begin') log.line('INFO', `migration ${index} of ${total}, ${migration}: begins`);
      if (phase === 'applied')
        log.line('INFO', `migration ${index} of ${total}, ${migration}: applied`, { durationMs });
    },
  });
  return { status: 'changed', fields: { applied: result.applied, warnings: result.warnings } };
}

/** What became of the migration under way stands in its own message; those before it stay. */
function timeLimit(cause: unknown): PlatformError {
  const remedy = cause instanceof PlatformError && cause.code !== 'interrupted' ? `${cause.remedy} ` : '';
  return new PlatformError(
    'time-limit',
    `Time was up before all pending migrations were applied. ${messageOf(cause)}`,
    `${remedy}The next \`deploy\` goes on from there. A migration that takes longer than a run of the function may (15 minutes) has to be split.`,
    { cause },
  );
}
