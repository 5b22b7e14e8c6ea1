import type { PendingMigration } from '../postgres/migrations/deploy';
import { type CommandContext, type CommandResult, confirm, declined, done } from './command';
import { ExitCode } from './exitCodes';
import { wrapLines } from './report/display';

/** What would be applied, and the question; throws `declined`. */
export async function confirmPlan(context: CommandContext, shown: string, count: number): Promise<void> {
  if (!context.yes) context.progress(wrapLines(shown, context.display));
  if (!(await confirm(context, `Apply ${count} migration(s)?`))) throw declined();
}

/** The report of `deploy --dry-run`. */
export function planned(
  fields: { pending: string[]; migrations: PendingMigration[] },
  text: string,
  detailed: boolean,
): CommandResult {
  const hasPending = fields.pending.length > 0;
  const exitCode = detailed && hasPending ? ExitCode.differences : ExitCode.done;
  return { status: hasPending ? 'differs' : 'ok', exitCode, problems: [], fields: { ...fields }, text };
}

export function applied(
  migrations: readonly { name: string; durationMs: number }[],
  warnings: readonly string[],
): CommandResult {
  const lines = migrations.map(({ name, durationMs }) => `applied ${name} (${(durationMs / 1000).toFixed(1)} s)`);
  const said = [...lines, ...warnings.map((warning) => `Warning: ${warning}`)].join('\n');
  return done(said, { applied: migrations }, 'changed');
}

export const recorded = (name: string, as: 'applied' | 'rolled-back'): CommandResult =>
  done(`Recorded ${name} as ${as === 'applied' ? 'applied' : 'rolled back'}.`, { name, as }, 'changed');
