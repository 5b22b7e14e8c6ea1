import type { Problem } from '../../postgres/errors';
import type { CommandResult } from '../command';

/** A command's result as the one JSON object on stdout. */
export function renderJson(
  command: string,
  stack: string,
  startedAt: Date,
  durationMs: number,
  result: CommandResult,
): string {
  const { status, problems, fields } = result;
  return JSON.stringify(
    { command, stack, status, startedAt: startedAt.toISOString(), durationMs, problems, ...fields },
    null,
    2,
  );
}

/** Problems as people read them: what happened, then how to mend it. */
export function renderProblems(problems: readonly Problem[]): string {
  return problems
    .map(({ code, message, remedy }) => `error [${code}]: ${message}${remedy === '' ? '' : `\n  remedy: ${remedy}`}`)
    .join('\n');
}
