import { codeOf, PlatformError, type Problem } from '../../system/errors';
import { SqlState } from '../connection/sqlstate';
import type { Step } from '../steps/step';
import type { Clock } from './clock';

export interface AppliedStep {
  phase: Phase;
  /** A role, an index, a migration, ...; empty for what is one whole. */
  object: string;
  /** What was changed; empty: nothing was to do. */
  actions: string[];
  durationMs: number;
}

export type Phase =
  | 'database'
  | 'role'
  | 'master'
  | 'login settings'
  | 'schemas'
  | 'extension'
  | 'grants'
  | 'default privileges'
  | 'migrations'
  | 'rights'
  | 'index'
  | 'audit trail';

/** What has to be left of the time for a step to be begun, and for a migration or the build of an index, which work on rows. */
const NEEDS_MS = 5_000;
const LONG_NEEDS_MS = 20_000;
const MIGRATIONS: Phase = 'migrations';

interface Watching {
  signal?: AbortSignal;
  onProgress?: (text: string) => void;
  onStep?: (step: AppliedStep) => void;
}

/** The steps of one run, one after the other, as long as there is time for them. */
export class Run {
  readonly steps: AppliedStep[] = [];
  readonly warnings: Problem[] = [];
  migrations: { applied: string[]; pending: string[] } = { applied: [], pending: [] };
  private current = '';

  constructor(
    readonly clock: Clock,
    private readonly watching: Watching,
  ) {}

  say(text: string): void {
    this.watching.onProgress?.(text);
  }

  warn(code: string, message: string, remedy: string): void {
    this.warnings.push({ code, message, remedy });
  }

  /** Aborted when nothing more may be begun: somebody said so, or time is nearly up. */
  ending(): AbortSignal {
    const { signal } = this.watching;
    return AbortSignal.any([...(signal === undefined ? [] : [signal]), this.clock.ending(LONG_NEEDS_MS)]);
  }

  async step(phase: Phase, object: string, work: () => Promise<readonly (string | Step)[]>): Promise<void> {
    this.current = object === '' ? phase : `${phase} ${object}`;
    if (this.watching.signal?.aborted === true) throw this.interrupted();
    this.requireTime(NEEDS_MS);
    this.say(this.current);
    const began = performance.now();
    const done = await work();
    const actions = done.map((one) => (typeof one === 'string' ? one : one.action));
    const step = { phase, object, actions, durationMs: Math.round(performance.now() - began) };
    this.steps.push(step);
    this.watching.onStep?.(step);
  }

  /** Before work on rows. */
  requireTime(neededMs = LONG_NEEDS_MS): void {
    if (this.clock.remainingMs() < neededMs) throw this.timeLimit();
  }

  /** What went wrong, as somebody reads it who sees nothing else of the run. */
  failure(error: unknown): unknown {
    const code = error instanceof PlatformError ? error.code : undefined;
    if (code === 'time-limit') return error;
    if (this.clock.stopped || (code === 'interrupted' && this.watching.signal?.aborted !== true))
      return this.timeLimit(error);
    const state = codeOf(error instanceof PlatformError ? error.cause : error);
    // What a migration may not do is its own affair, and so is who may connect.
    if (state !== SqlState.insufficientPrivilege || this.current === MIGRATIONS || code === 'connect-denied')
      return error;
    const { message, object } = error as PlatformError;
    return new PlatformError(
      'master-powerless',
      `At ${this.current}: ${message}`,
      'The account that applies the declaration needs CREATEROLE, CREATEDB, the database as its own and, from PostgreSQL 16 on, ADMIN OPTION on each ' +
        'role that it did not make itself (`GRANT "ROLE" TO "ACCOUNT" WITH ADMIN OPTION`); on RDS that is the master user, a member of rds_superuser.',
      { cause: error, ...(object === undefined ? {} : { object }) },
    );
  }

  private timeLimit(cause?: unknown): PlatformError {
    const changed = this.steps.filter(({ actions }) => actions.length > 0).length;
    return new PlatformError(
      'time-limit',
      `Time was up at ${this.current}: ${changed} steps before it were done and stay, and the one under way was undone.`,
      'Run it again: the next run goes on from there. Where it is the same step each time, that step takes longer than a run may: split the ' +
        'migration into smaller ones, or build the index from a place without such a limit.',
      { object: this.current, cause },
    );
  }

  private interrupted(): PlatformError {
    return new PlatformError(
      'interrupted',
      `Interrupted before ${this.current}; what was done stays.`,
      'Run it again: the next run goes on from there.',
      { kind: 'interrupted' },
    );
  }
}
