import type { ErrorKind } from '../system/errors';

/** The one table of exit codes; README and `--help` print it. */
export const ExitCode = {
  done: 0,
  failed: 1,
  differences: 2,
  refused: 3,
  usage: 64,
  locked: 75,
  interrupted: 130,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

export function exitCodeOf(kind: ErrorKind): ExitCode {
  return ExitCode[kind];
}

export const EXIT_CODE_HELP = `
Exit codes:
    0  done
    1  failed
    2  differences found (audit verify; preview, graph --base and --dry-run
       with --detailed-exitcode)
    3  refused for safety
   64  usage or settings
   75  locked, try again
  130  interrupted`;
