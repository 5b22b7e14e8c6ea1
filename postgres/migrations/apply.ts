import type { Client } from 'pg';

import { codeOf, messageOf, PlatformError } from '../../system/errors';
import { withTransaction } from '../connection/client';
import { runScript } from '../connection/script';
import { SqlState } from '../connection/sqlstate';
import { migrationFailure, type Outcome } from './failure';
import { createHistory, readHistory, recordApplied, recordFinished, recordLogs, recordStarted } from './history';
import { planMigrations, requireApplicable } from './plan';
import {
  assumeRole,
  cleanSession,
  freeSession,
  holdsLock,
  resumeRole,
  type SessionOptions,
  withMigrationLock,
} from './session';
import type { MigrationFolder, MigrationPlan, MigrationStep } from './types';

/**
 * Sent before the thing named happens, except `applied`, which follows the commit. `apart`: the server does not take the file in one
 * transaction, so it is undone and runs statement by statement.
 */
export interface MigrationProgress {
  phase: 'locked' | 'table' | 'begin' | 'statement' | 'record' | 'commit' | 'apart' | 'applied';
  /** The migration; empty before the first. */
  name: string;
  /** Position of the migration among those of this run, from 1. */
  index: number;
  total: number;
  /** Position of the statement, from 1, in phase `statement`. */
  statement?: number;
  statements?: number;
  /** In phase `applied`. */
  durationMs?: number;
}

export interface ApplyOptions extends SessionOptions {
  /** Aborted, no further migration begins; the one under way ends first. Then an `interrupted` PlatformError. */
  signal?: AbortSignal;
  onProgress?: (event: MigrationProgress) => void;
}

export interface ApplyResult {
  applied: { name: string; checksum: string; durationMs: number }[];
  /** Everything the database holds now. */
  history: { name: string; checksum: string }[];
  warnings: string[];
}

/**
 * Applies a plan's pending migrations under Prisma's lock, each in one transaction with its record where its effect is then the one it has
 * through Prisma, else statement by statement as Prisma does. Plans again once it has the lock, so a run that waited for another one does
 * only what is left. The session's own settings are reset to those it started with.
 * A failure is a PlatformError `migration-failed`; those before it stay applied.
 */
export async function applyMigrations(
  client: Client,
  plan: MigrationPlan,
  options: ApplyOptions,
): Promise<ApplyResult> {
  requireApplicable(plan);
  const run = new Run(client, plan.schema, options);
  try {
    return await run.apply(plan.folder);
  } catch (error) {
    throw error instanceof PlatformError ? error : interrupted(error);
  } finally {
    await cleanSession(client).catch(() => undefined);
  }
}

/** What PostgreSQL says of a statement that only the transaction around the file keeps from working. */
const REFUSED_INSIDE = new Set<string | undefined>([
  SqlState.activeTransaction,
  SqlState.invalidTransactionTermination,
  SqlState.unsafeNewEnumValue,
  // "because it has pending trigger events"
  SqlState.objectInUse,
  // SET TRANSACTION READ ONLY, when the record is written
  SqlState.readOnlyTransaction,
]);

/** One run: what the functions below would otherwise hand to each other. */
class Run {
  private readonly applied: ApplyResult['applied'] = [];
  private readonly warnings: string[] = [];
  private total = 0;

  constructor(
    private readonly client: Client,
    private readonly schema: string,
    private readonly options: ApplyOptions,
  ) {}

  /** A migration may give the lock away (DISCARD ALL): it is taken again, and what is left then is applied. */
  apply(folder: MigrationFolder): Promise<ApplyResult> {
    return withMigrationLock(this.client, this.options.waitMs, async () => {
      const plan = await this.planUnderLock(folder);
      for (const step of plan.steps) {
        if (this.options.signal?.aborted === true) throw this.stopped();
        await this.applyStep(step);
        if (!(await holdsLock(this.client))) return this.apply(folder);
      }
      return {
        applied: this.applied,
        history: [...plan.applied, ...this.applied.slice(-plan.steps.length || Infinity).map(named)],
        warnings: [...plan.warnings, ...this.warnings],
      };
    });
  }

  private stopped(): PlatformError {
    return new PlatformError(
      'interrupted',
      `Interrupted: ${this.applied.length} of ${this.total} pending migrations were applied, the others were not begun.`,
      '`npm run db:deploy` goes on with them.',
      { kind: 'interrupted' },
    );
  }

  private async planUnderLock(folder: MigrationFolder): Promise<MigrationPlan> {
    this.report('locked', '');
    await assumeRole(this.client, this.schema, this.options, false);
    const history = await readHistory(this.client, this.schema);
    const plan = planMigrations(folder, history);
    requireApplicable(plan);
    this.total = this.applied.length + plan.steps.length;
    if (!history.exists) {
      this.report('table', '');
      await createHistory(this.client, this.schema).catch((cause: unknown) => {
        throw tableError(this.schema, this.options.role, cause);
      });
    }
    return plan;
  }

  private async applyStep(step: MigrationStep): Promise<void> {
    const started = performance.now();
    this.report('begin', step.name);
    const refusal = step.transactional ? await this.applyAtomically(step) : undefined;
    if (refusal !== undefined) {
      this.report('apart', step.name);
      this.warnings.push(
        `Migration ${step.name} ran statement by statement, since it cannot run in one transaction: ${refusal}.`,
      );
    }
    if (refusal !== undefined || !step.transactional) await this.applyStatements(step);
    await cleanSession(this.client);
    const durationMs = Math.round(performance.now() - started);
    this.applied.push({ name: step.name, checksum: step.checksum, durationMs });
    this.report('applied', step.name, { durationMs });
  }

  /** Sent at once, as Prisma does. Returns why the server takes no part of it in a transaction; then nothing of it is left. */
  private async applyAtomically(step: MigrationStep): Promise<string | undefined> {
    const statements = step.statements.filter(({ merged }) => merged !== true);
    let done: number | undefined = 0;
    let committing = false;
    // Before the transaction: SET TRANSACTION has to come first in it.
    await freeSession(this.client);
    await assumeRole(this.client, this.schema, this.options, false);
    try {
      await withTransaction(this.client, async () => {
        await runScript(this.client, atOnce(step), (count) => {
          done = count;
          if (count < statements.length) this.reportStatement(step, count, statements.length);
        });
        done = undefined;
        await this.client.query('SET CONSTRAINTS ALL IMMEDIATE');
        this.report('record', step.name);
        await resumeRole(this.client, this.options.role);
        await recordApplied(this.client, this.schema, step.name, step.checksum);
        this.report('commit', step.name);
        committing = true;
      });
      return undefined;
    } catch (error) {
      if (error instanceof PlatformError) throw error;
      if (REFUSED_INSIDE.has(codeOf(error))) return (error as Error).message;
      if (committing && !isSqlState(codeOf(error))) throw unknownOutcome(step, error);
      const failed = done === undefined ? undefined : statements[done];
      throw migrationFailure(step, failed && { textStart: 0, failed }, error, { appliedBefore: this.applied.length });
    }
  }

  /** Each statement commits by itself; a row without `finished_at` blocks other runs until all are done, or it is resolved. */
  private async applyStatements(step: MigrationStep): Promise<void> {
    const { client, schema, options } = this;
    await cleanSession(client);
    await assumeRole(client, schema, options, false);
    const id = await recordStarted(client, schema, step.name, step.checksum);
    await freeSession(client);
    await assumeRole(client, schema, options, false);
    const outcome: Outcome = { appliedBefore: this.applied.length, statementsDone: 0 };
    for (const [done, statement] of step.statements.entries()) {
      try {
        await runScript(client, statement.sql, (count) => {
          if (count === 0) this.reportStatement(step, done, step.statements.length);
        });
      } catch (error) {
        const sent = { textStart: statement.start, failed: statement };
        const failure = migrationFailure(step, sent, error, { ...outcome, statementsDone: done });
        await this.freshRole().catch(() => undefined);
        await recordLogs(client, schema, id, failure.message).catch(() => undefined);
        throw failure;
      }
    }
    try {
      await this.freshRole();
      this.report('record', step.name);
      await recordFinished(client, schema, id);
    } catch (error) {
      throw migrationFailure(step, undefined, error, { ...outcome, statementsDone: step.statements.length });
    }
  }

  private async freshRole(): Promise<void> {
    // Inside a transaction that failed, or that the script left open by an error between BEGIN and COMMIT.
    await this.client.query('ROLLBACK');
    await cleanSession(this.client);
    await assumeRole(this.client, this.schema, this.options, false);
  }

  private reportStatement(step: MigrationStep, done: number, statements: number): void {
    if (this.options.onProgress === undefined) return;
    this.report('statement', step.name, { statement: done + 1, statements });
  }

  private report(phase: MigrationProgress['phase'], name: string, more: Partial<MigrationProgress> = {}): void {
    const index = this.applied.length + (name === '' || phase === 'applied' ? 0 : 1);
    this.options.onProgress?.({ phase, name, index, total: this.total, ...more });
  }
}

/** The whole file, with white space of the same length for BEGIN and COMMIT that the transaction stands for. */
function atOnce({ sql, statements }: MigrationStep): string {
  let behind = 0;
  let text = '';
  for (const { start, sql: statement, merged } of statements) {
    if (merged !== true) continue;
    text += sql.slice(behind, start) + statement.replace(/[^\r\n]/g, ' ');
    behind = start + statement.length;
  }
  return text + sql.slice(behind);
}

function named({ name, checksum }: { name: string; checksum: string }): { name: string; checksum: string } {
  return { name, checksum };
}

/** Five characters of class and condition; Node's codes (ECONNRESET) and a closed socket have none. */
function isSqlState(state: string | undefined): boolean {
  return state !== undefined && /^[0-9A-Z]{5}$/.test(state) && !state.startsWith('57P') && !state.startsWith('08');
}

/** A lost connection between two migrations, mostly. */
function interrupted(cause: unknown): PlatformError {
  const reason = messageOf(cause);
  return new PlatformError(
    'migration-interrupted',
    `The migration run stopped between two migrations: ${reason}`,
    'Run `npm run coachdb -- deploy` again: it reads the database’s record and does what is left.',
    { cause },
  );
}

function unknownOutcome(step: MigrationStep, cause: unknown): PlatformError {
  return new PlatformError(
    'migration-outcome-unknown',
    `The connection broke while migration ${step.name} was being committed, so it is either applied and recorded, or not at all.`,
    'Run `npm run coachdb -- deploy` again: it reads the database’s record and does what is left.',
    { object: step.name, cause },
  );
}

function tableError(schema: string, role: string, cause: unknown): unknown {
  if (codeOf(cause) === SqlState.undefinedSchema)
    return new PlatformError(
      'schema-missing',
      `Schema ${schema}, where migrations are recorded, does not exist.`,
      'Create it as the owner role; the application’s tables live in it.',
      { object: schema, cause },
    );
  if (codeOf(cause) === SqlState.insufficientPrivilege)
    return new PlatformError(
      'schema-denied',
      `Role ${role} may not create tables in schema ${schema}.`,
      'Make it the owner of the database, or GRANT CREATE on the schema to it; `npm run up` sets the declared owner.',
      { object: schema, cause },
    );
  return cause;
}
