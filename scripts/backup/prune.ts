import { readBackups } from '../../postgres/backup/folder';
import { withFolderLock } from '../../postgres/backup/lock';
import { pruneFolder, sweepLeftovers } from '../../postgres/backup/prune';
import type { RotationPlan } from '../../postgres/backup/rotation';
import { type PlatformError, toProblem } from '../../system/errors';
import { type CommandContext, type CommandResult, confirm, declined, done } from '../command';
import { ExitCode } from '../exitCodes';
import type { Table } from '../report/document';
import { renderText } from '../report/text';
import { planFor } from './rotate';
import { openWorkplace } from './workplace';

export interface PruneRequest {
  /** Instead of the settings'. */
  retentionDays: number | undefined;
  dryRun: boolean;
  detailedExitCode: boolean;
}

/** A plan, and for which backups it was made. */
export interface Rotation {
  stack: string;
  /** The folder, or `s3://...`. */
  place: string;
  plan: RotationPlan;
  startedAt: Date;
}

/** `backup prune` in the folder. */
export async function pruneHere(context: CommandContext, request: PruneRequest): Promise<CommandResult> {
  const startedAt = new Date();
  const workplace = openWorkplace(context);
  const { directory, key, stack } = workplace;
  const plan = (): RotationPlan => planFor(workplace, readBackups(directory, key), request.retentionDays);
  if (request.dryRun) return presentPlan({ stack: stack.name, place: directory, plan: plan(), startedAt }, request);
  return withFolderLock(directory, async () => {
    const now = plan();
    await approve(context, now);
    const swept = sweepLeftovers(directory);
    const pruned = pruneFolder(directory, now);
    return presentPruned({ stack: stack.name, place: directory, plan: now, startedAt }, pruned.removed, [
      ...swept.failures,
      ...pruned.failures,
    ]);
  });
}

/** Throws unless the removal was approved; nothing is asked where nothing goes. */
export async function approve(context: CommandContext, plan: RotationPlan): Promise<void> {
  const going = goingOf(plan);
  if (going.length === 0) return;
  if (!(await confirm(context, `These backups would be removed: ${going.join(', ')}. Go on?`))) throw declined();
}

/** What a dry run prints. */
export function presentPlan(rotation: Rotation, request: PruneRequest): CommandResult {
  const { place, plan } = rotation;
  const going = goingOf(plan);
  const result = done('', { directory: place, plan: fieldsOf(plan), removed: [] });
  const differs = request.detailedExitCode && going.length > 0;
  return present(
    differs ? { ...result, status: 'differs', exitCode: ExitCode.differences } : result,
    rotation,
    `${going.length} of ${plan.length} would be removed; nothing was changed.`,
  );
}

/** What was done, and what could not be. */
export function presentPruned(
  rotation: Rotation,
  removed: readonly string[],
  failures: readonly PlatformError[],
): CommandResult {
  const { place, plan } = rotation;
  const fields = { directory: place, plan: fieldsOf(plan), removed };
  const result = done('', fields, removed.length > 0 ? 'changed' : 'ok');
  return present(
    failures.length === 0
      ? result
      : { ...result, status: 'failed', exitCode: ExitCode.failed, problems: failures.map(toProblem) },
    rotation,
    `${removed.length} of ${plan.length} were removed.`,
  );
}

function present(result: CommandResult, { stack, place, plan, startedAt }: Rotation, summary: string): CommandResult {
  const document = {
    title: `Rotation of the backups of stack ${stack}`,
    status: result.status,
    stack,
    startedAt,
    durationMs: Date.now() - startedAt.getTime(),
    summary,
    facts: [{ label: 'Where', value: place }],
    sections: plan.length === 0 ? [] : [{ heading: 'Backups', tables: [tableOf(plan)] }],
    problems: result.problems,
  };
  return { ...result, text: (display) => renderText(document, display) };
}

const goingOf = (plan: RotationPlan): string[] =>
  plan.filter(({ action }) => action === 'remove').map(({ entry }) => entry.id);

const fieldsOf = (plan: RotationPlan): unknown[] =>
  plan.map(({ entry, action, rule, reason }) => ({ id: entry.id, action, rule, reason }));

const tableOf = (plan: RotationPlan): Table => ({
  caption: 'Oldest first',
  columns: [
    { heading: 'Backup', kind: 'text' },
    { heading: 'Size', kind: 'bytes' },
    { heading: 'What', kind: 'text' },
    { heading: 'Why', kind: 'text' },
  ],
  rows: plan.map(({ entry, action, reason }) => [entry.id, entry.bytes, action, reason]),
});
