import type { Client, QueryConfig } from 'pg';

import { withTransaction } from '../connection/client';
import { SqlState, stateOf } from '../connection/sqlstate';
import { PlatformError } from '../errors';
import { migrationFailure, type Outcome } from './failure';
import { createHistory, readHistory, recordApplied, recordFinished, recordLogs, recordStarted } from './history';
import { planMigrations, requireApplicable } from './plan';
import { assumeRole, cleanSession, requireLock, resumeRole, type SessionOptions, withMigrationLock } from './session';
import type { MigrationPlan, MigrationStep, PlannedStatement } from './types';

/** Sent before the thing named happens, except `applied`, which follows the commit. */
export interface MigrationProgress {
  phase: 'locked' | 'table' | 'begin' | 'statement' | 'record' | 'commit' | 'applied';
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
  onProgress?: (event: MigrationProgress) => void;
}

export interface ApplyResult {
  applied: { name: string; checksum: string; durationMs: number }[];
  /** Everything the database holds now. */
  history: { name: string; checksum: string }[];
  warnings: string[];
}

/**
 * Applies a plan's pending migrations, each in one transaction with its record, under Prisma's lock. Plans again once it has the lock,
 * so a run that waited for another one does only what is left. The session's own settings are reset to those it started with.
 * A failure is a PlatformError `migration-failed`; those before it stay applied.
 */
export async function applyMigrations(
  client: Client,
  plan: MigrationPlan,
  options: ApplyOptions,
): Promise<ApplyResult> {
  requireApplicable(plan);
  return withMigrationLock(client, options.waitMs, async () => {
    try {
      return await new Run(client, plan.schema, options).apply(plan);
    } catch (error) {
      throw error instanceof PlatformError ? error : interrupted(error);
    } finally {
      await cleanSession(client).catch(() => undefined);
    }
  });
}

/** One run: what the functions below would otherwise hand to each other. */
class Run {
  private readonly applied: ApplyResult['applied'] = [];
  private total = 0;

  constructor(
    private readonly client: Client,
    private readonly schema: string,
    private readonly options: ApplyOptions,
  ) {}

  async apply(stale: MigrationPlan): Promise<ApplyResult> {
    this.report('locked', '');
    await assumeRole(this.client, this.schema, this.options, false);
    const history = await readHistory(this.client, this.schema);
    const plan = planMigrations(stale.folder, history);
    requireApplicable(plan);
    this.total = plan.steps.length;
    if (!history.exists) {
      this.report('table', '');
      await createHistory(this.client, this.schema).catch((cause: unknown) => {
        throw tableError(this.schema, this.options.role, cause);
      });
    }
    for (const step of plan.steps) await this.applyStep(step);
    return { applied: this.applied, history: [...plan.applied, ...this.applied.map(named)], warnings: plan.warnings };
  }

  private async applyStep(step: MigrationStep): Promise<void> {
    const started = performance.now();
    await cleanSession(this.client);
    this.report('begin', step.name);
    if (step.transactional) await this.applyAtomically(step);
    else await this.applyStatements(step);
    await cleanSession(this.client);
    const durationMs = Math.round(performance.now() - started);
    this.applied.push({ name: step.name, checksum: step.checksum, durationMs });
    this.report('applied', step.name, { durationMs });
    await requireLock(this.client, step.name);
  }

  private async applyAtomically(step: MigrationStep): Promise<void> {
    let current: PlannedStatement | undefined;
    let committing = false;
    try {
      await withTransaction(this.client, async () => {
        await assumeRole(this.client, this.schema, this.options, true);
        for (const statement of step.statements) {
          current = statement;
          await this.run(step, statement);
        }
        current = undefined;
        await this.client.query('SET CONSTRAINTS ALL IMMEDIATE');
        this.report('record', step.name);
        await resumeRole(this.client, this.options.role);
        await recordApplied(this.client, this.schema, step.name, step.checksum);
        this.report('commit', step.name);
        committing = true;
      });
    } catch (error) {
      if (error instanceof PlatformError) throw error;
      // A file of one such statement is run bare by Prisma, so it is here.
      if (stateOf(error) === SqlState.activeTransaction && step.statements.length === 1) {
        return this.applyStatements(step);
      }
      if (committing && !isSqlState(stateOf(error))) throw unknownOutcome(step, error);
      throw migrationFailure(step, current, error, { appliedBefore: this.applied.length });
    }
  }

  /** Each statement commits by itself; a row without `finished_at` blocks other runs until all are done, or it is resolved. */
  private async applyStatements(step: MigrationStep): Promise<void> {
    const { client, schema, options } = this;
    await assumeRole(client, schema, options, false);
    const id = await recordStarted(client, schema, step.name, step.checksum);
    const outcome: Outcome = { appliedBefore: this.applied.length, statementsDone: 0 };
    for (const [done, statement] of step.statements.entries()) {
      try {
        await this.run(step, statement);
      } catch (error) {
        const failure = migrationFailure(step, statement, error, { ...outcome, statementsDone: done });
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

  /** The extended protocol takes one statement at a time, so nothing can hide behind a semicolon. */
  private async run(step: MigrationStep, statement: PlannedStatement): Promise<void> {
    const number = step.statements.indexOf(statement) + 1;
    this.report('statement', step.name, { statement: number, statements: step.statements.length });
    const query: QueryConfig & { queryMode: 'extended' } = { text: statement.sql, queryMode: 'extended' };
    await this.client.query(query);
  }

  private report(phase: MigrationProgress['phase'], name: string, more: Partial<MigrationProgress> = {}): void {
    const index = this.applied.length + (name === '' || phase === 'applied' ? 0 : 1);
    this.options.onProgress?.({ phase, name, index, total: this.total, ...more });
  }
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
  const reason = cause instanceof Error ? cause.message : String(cause);
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
  if (stateOf(cause) === SqlState.undefinedSchema)
    return new PlatformError(
      'schema-missing',
      `Schema ${schema}, where migrations are recorded, does not exist.`,
      'Create it as the owner role; the application’s tables live in it.',
      { object: schema, cause },
    );
  if (stateOf(cause) === SqlState.insufficientPrivilege)
    return new PlatformError(
      'schema-denied',
      `Role ${role} may not create tables in schema ${schema}.`,
      'Make it the owner of the database, or GRANT CREATE on the schema to it; `npm run up` sets the declared owner.',
      { object: schema, cause },
    );
  return cause;
}
