import { getSystemErrorMap } from 'node:util';

/**
 * What an error means for whoever ran the command; `scripts/exitCodes.ts` turns it into an exit code.
 * failed: the work was tried and did not succeed; refused: not tried, for safety; usage: arguments or settings are wrong;
 * locked: somebody else is at work, try again.
 */
export const ERROR_KINDS = ['failed', 'refused', 'usage', 'locked', 'interrupted'] as const;
export type ErrorKind = (typeof ERROR_KINDS)[number];

export interface PlatformErrorOptions {
  kind?: ErrorKind;
  /** The thing concerned: a file, a setting, a role, a URN. */
  object?: string;
  cause?: unknown;
}

/**
 * An error a user can meet. `message` names the thing, the value and what was expected; `remedy` names the command or
 * setting that mends it. `code` is stable, in kebab case (`port-taken`), and is what tests and scripts branch on.
 */
export class PlatformError extends Error {
  readonly kind: ErrorKind;
  readonly object: string | undefined;

  constructor(
    readonly code: string,
    message: string,
    readonly remedy: string,
    options: PlatformErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'PlatformError';
    this.kind = options.kind ?? 'failed';
    this.object = options.object;
  }
}

/** One entry of `problems` in every command's JSON. */
export interface Problem {
  code: string;
  message: string;
  remedy: string;
  object?: string;
}

/** Any thrown value as a problem; an error that is not ours keeps its message and says it was unexpected. */
export function toProblem(error: unknown): Problem {
  if (error instanceof PlatformError) {
    const { code, message, remedy, object } = error;
    return object === undefined ? { code, message, remedy } : { code, message, remedy, object };
  }
  return {
    code: 'unexpected',
    message: messageOf(error),
    remedy: 'This is not an error the program expected; run again with --verbose.',
  };
}

/** What any thrown value says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Node's code of a thrown value (`ENOENT`) or PostgreSQL's SQLSTATE; undefined without one. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Why the operating system refused, in words: `permission denied` rather than `EACCES: permission denied, open '/x'`. */
export function systemReason(error: unknown): string {
  const { errno, message } = error as NodeJS.ErrnoException;
  return (errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1]) ?? message;
}

const MARK = new RegExp(` \\[([a-z][a-z0-9-]*)(?:: (${ERROR_KINDS.join('|')}))?\\]$`);

/**
 * An error as one text, for where nothing else of it travels: what happened, on the last line the remedy, then code and kind in
 * brackets (`[port-taken]`, `[owner-foreign: refused]`), so that whoever reads it can still branch on them.
 */
export function errorText({ code, message, remedy, kind }: PlatformError): string {
  return `${message}\n${remedy} [${code}${kind === 'failed' ? '' : `: ${kind}`}]`;
}

/** The error that `errorText` wrote; undefined for any other text. */
export function errorFromText(
  text: string,
  options: Omit<PlatformErrorOptions, 'kind'> = {},
): PlatformError | undefined {
  const [, code, kind] = MARK.exec(text) ?? [];
  if (code === undefined) return undefined;
  const lines = text.replace(MARK, '').split('\n');
  const remedy = lines.pop() ?? '';
  return new PlatformError(code, lines.join('\n'), remedy, {
    ...options,
    kind: (kind as ErrorKind | undefined) ?? 'failed',
  });
}
