import { Option } from 'commander';

import type { DeploymentResult, ResourceChange } from '../../engine/changes';
import { spoken } from '../../postgres/spoken';
import { type PlatformError } from '../../system/errors';
import { type CommandContext, type CommandResult, confirm } from '../command';
import { ExitCode, exitCodeOf } from '../exitCodes';
import { type Text, withMore } from '../report/display';
import { renderDeployment, seconds } from '../report/tree';

export const YES = (): Option => new Option('--yes', 'answer every question with yes').default(false);
export const ENGINE = (): Option =>
  new Option('--engine <engine>', 'deploy with this engine instead of choosing').choices(['pulumi', 'embedded']);
export const DETAILED_EXIT_CODE = (): Option =>
  new Option('--detailed-exitcode', 'exit 2 when there are differences').default(false);

/** A deployment's result as a command's: the tree, the changes as fields, the exit code by the first problem's kind. */
export function deploymentResult(
  result: DeploymentResult,
  kindOf: (code: string) => PlatformError['kind'],
  fields: Record<string, unknown> = {},
  after = '',
): CommandResult {
  const { operation, changes, counts, outputs, problems } = result;
  const changed = counts.create + counts.update + counts.replace + counts.delete > 0;
  const first = problems[0];
  const exitCode = first === undefined ? ExitCode.done : exitCodeOf(kindOf(first.code));
  const fine = operation === 'preview' ? 'differs' : 'changed';
  const status = first !== undefined ? (exitCode === ExitCode.refused ? 'refused' : 'failed') : changed ? fine : 'ok';
  const tree: Text = (display) => renderDeployment(result, display);
  return {
    status,
    exitCode,
    problems,
    fields: { operation, changes, counts, outputs, ...fields },
    text: first === undefined ? withMore(tree, after) : tree,
  };
}

/** Progress for each finished step that did something: a line, or on a terminal one place that changes. */
export function reportStep(context: CommandContext): (change: ResourceChange) => void {
  return (change) => {
    if (change.operation === 'same' && change.error === undefined && !context.verbose) return;
    if (/^(coach|pulumi):/.test(change.type) && change.error === undefined) return;
    const what = change.error === undefined ? change.operation : 'FAILED';
    context.passing(`  ${what.padEnd(8)} ${change.name} (${seconds(change.durationMs ?? 0)})`);
  };
}

/** What a plan replaces or deletes, without the replacements that were asked for (logical names). Components hold nothing. */
export function doomedBy(changes: readonly ResourceChange[], asked: readonly string[]): ResourceChange[] {
  return changes.filter(
    ({ name, type, operation }) =>
      (operation === 'delete' && !/^coach:/.test(type)) || (operation === 'replace' && !asked.includes(name)),
  );
}

/** Asks before something is replaced or deleted, naming it. */
export function approvalOf(context: CommandContext): (changes: readonly ResourceChange[]) => Promise<boolean> {
  return (changes) => {
    const list = changes.map(({ operation, name, type }) => `  ${operation} ${name} (${type})`).join('\n');
    return confirm(context, `This would be replaced or deleted:\n${list}\nGo on?`);
  };
}

/** Shows what program, provider and handlers say: progress of a long step in passing, warnings, everything else with --verbose. */
export function hear(context: CommandContext, severity: string, message: string): void {
  const { kind, text } = spoken(message);
  if (kind === 'progress') context.passing(`  ${text}`, true);
  else if (severity === 'warning' || kind === 'warning') context.progress(`warning: ${text}`);
  else if (severity === 'error' || context.verbose) context.progress(text);
}
