import { Option } from 'commander';

import type { RotationPlan } from '../../postgres/backup/rotation';
import { toProblem } from '../../system/errors';
import { type CommandContext, type CommandResult, confirm, declined, done } from '../command';
import { ExitCode } from '../exitCodes';
import { renderText } from '../report/text';
import { RETENTION } from './backup';
import type { CommandDefinition } from './definition';
import { DETAILED_EXIT_CODE, YES } from './deployment';

export const backupPrune: CommandDefinition = {
  name: 'backup prune',
  description: 'removes the backups that are past their time, as every backup does at its end',
  options: [
    RETENTION(),
    new Option('--dry-run', 'print what would go and what stays, and why').default(false),
    YES(),
    DETAILED_EXIT_CODE(),
  ],
  run: async (context, options) => {
    const { withFolderLock } = await import('../../postgres/backup/lock');
    const { readBackups } = await import('../../postgres/backup/folder');
    const { pruneFolder, sweepLeftovers } = await import('../../postgres/backup/prune');
    const { openWorkplace } = await import('../backup/workplace');
    const { planFor } = await import('../backup/rotate');
    const startedAt = new Date();
    const workplace = openWorkplace(context);
    const { directory, key, stack } = workplace;
    const retention = options['retention'] as number | undefined;
    const present = (result: CommandResult, plan: RotationPlan, summary: string): CommandResult => {
      const document = {
        title: `Rotation of the backups of stack ${stack.name}`,
        status: result.status,
        stack: stack.name,
        startedAt,
        durationMs: Date.now() - startedAt.getTime(),
        summary,
        facts: [{ label: 'Folder', value: directory }],
        sections: plan.length === 0 ? [] : [{ heading: 'Backups', tables: [tableOf(plan)] }],
        problems: result.problems,
      };
      return { ...result, text: (display) => renderText(document, display) };
    };
    if (options['dryRun'] === true) {
      const plan = planFor(workplace, readBackups(directory, key), retention);
      const going = goingOf(plan);
      const result = done('', { directory, plan: fieldsOf(plan), removed: [] });
      const detailed = options['detailedExitcode'] === true && going.length > 0;
      return present(
        detailed ? { ...result, status: 'differs', exitCode: ExitCode.differences } : result,
        plan,
        `${going.length} of ${plan.length} would be removed; nothing was changed.`,
      );
    }
    return withFolderLock(directory, async () => {
      const plan = planFor(workplace, readBackups(directory, key), retention);
      const going = goingOf(plan);
      if (going.length > 0) await approve(context, going);
      const swept = sweepLeftovers(directory);
      const pruned = pruneFolder(directory, plan);
      const failures = [...swept.failures, ...pruned.failures];
      const fields = { directory, plan: fieldsOf(plan), removed: pruned.removed };
      const result = done('', fields, pruned.removed.length > 0 ? 'changed' : 'ok');
      const all =
        failures.length === 0
          ? result
          : { ...result, status: 'failed' as const, exitCode: ExitCode.failed, problems: failures.map(toProblem) };
      return present(all, plan, `${pruned.removed.length} of ${plan.length} were removed.`);
    });
  },
};

async function approve(context: CommandContext, going: readonly string[]): Promise<void> {
  if (!(await confirm(context, `These backups would be removed: ${going.join(', ')}. Go on?`))) throw declined();
}

const goingOf = (plan: RotationPlan): string[] =>
  plan.filter(({ action }) => action === 'remove').map(({ entry }) => entry.id);

const fieldsOf = (plan: RotationPlan): unknown[] =>
  plan.map(({ entry, action, rule, reason }) => ({ id: entry.id, action, rule, reason }));

const tableOf = (plan: RotationPlan) => ({
  caption: 'Oldest first',
  columns: [
    { heading: 'Backup', kind: 'text' as const },
    { heading: 'Size', kind: 'bytes' as const },
    { heading: 'What', kind: 'text' as const },
    { heading: 'Why', kind: 'text' as const },
  ],
  rows: plan.map(({ entry, action, reason }) => [entry.id, entry.bytes, action, reason]),
});
