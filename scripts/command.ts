import { PlatformError, type Problem, toProblem } from '../system/errors';
import { ExitCode, exitCodeOf } from './exitCodes';
import { knownError } from './knownError';
import { ProblemList } from './problems';
import type { Display, Text } from './report/display';

export type Status = 'ok' | 'changed' | 'differs' | 'refused' | 'failed';

/** What a command hands back; one file prints it (`report/print.ts`). */
export interface CommandResult {
  status: Status;
  exitCode: ExitCode;
  problems: Problem[];
  /** The command's own fields of the JSON object. */
  fields: Record<string, unknown>;
  /** For people, without a final newline. */
  text: Text;
}

/** Everything a command may use of the world. */
export interface CommandContext {
  /** The folder that holds Pulumi.yaml. */
  root: string;
  stack: string;
  /** --stack was given, rather than left to its default. */
  isStackNamed: boolean;
  environment: NodeJS.ProcessEnv;
  json: boolean;
  yes: boolean;
  verbose: boolean;
  /** `pulumi` or `embedded`, when --engine was given. */
  engine: 'pulumi' | 'embedded' | undefined;
  /** How what goes to stderr is read. */
  display: Display;
  /** A line of progress, to stderr. */
  progress: (line: string) => void;
  /** The same, but on a terminal the next one takes its place; elsewhere it is left out unless `isLogged`. An empty one clears the line. */
  passing: (line: string, isLogged?: boolean) => void;
  /** Aborted by an interrupt (Ctrl-C). */
  signal: AbortSignal;
  /** From here on an interrupt is for a child process that has the terminal. */
  ignoreInterrupts: () => void;
  /** Asks on the terminal; undefined where there is none. */
  ask: ((question: string) => Promise<string>) | undefined;
}

export function done(text: Text, fields: Record<string, unknown> = {}, status: 'ok' | 'changed' = 'ok'): CommandResult {
  return { status, exitCode: ExitCode.done, problems: [], fields, text };
}

/** Problems decide the exit code: the first one's kind where the error is ours, `failed` otherwise. */
export function failed(
  thrown: readonly unknown[],
  text: Text = '',
  fields: Record<string, unknown> = {},
): CommandResult {
  const errors = thrown.map(knownError);
  const first = errors[0];
  const exitCode = first instanceof PlatformError ? exitCodeOf(first.kind) : ExitCode.failed;
  const status = exitCode === ExitCode.refused ? 'refused' : 'failed';
  return {
    status,
    exitCode,
    problems: errors.flatMap((error) => (error instanceof ProblemList ? error.problems : [toProblem(error)])),
    fields,
    text,
  };
}

/**
 * Yes or no before something changes: --yes answers it, a terminal is asked, anywhere else the command is refused and told
 * to be given --yes.
 */
export async function confirm(context: CommandContext, question: string): Promise<boolean> {
  if (context.yes) return true;
  if (context.ask === undefined) {
    throw new PlatformError(
      'confirmation-needed',
      `${question} There is no terminal to ask on.`,
      'Add --yes to say so beforehand.',
      { kind: 'refused' },
    );
  }
  const answer = (await context.ask(`${question} [y/N] `)).trim().toLowerCase();
  return answer === 'y' || answer === 'yes';
}

/** The answer was no. */
export function declined(): PlatformError {
  return new PlatformError('declined', 'Not approved; nothing was changed.', 'Run again and answer y, or give --yes.', {
    kind: 'refused',
  });
}
