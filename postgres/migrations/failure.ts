import { SqlState, stateOf } from '../connection/sqlstate';
import { PlatformError } from '../errors';
import { offsetOfPosition, placeAt } from './location';
import { resolveRemedy } from './plan';
import { NO_TRANSACTION } from './script';
import type { MigrationStep, PlannedStatement } from './types';

/** What became of the migration, for the message. */
export interface Outcome {
  /** Migrations of this run that are applied and stay so. */
  appliedBefore: number;
  /** Statements of a file outside a transaction that are done and stay so; undefined inside one. */
  statementsDone?: number;
}

/** The fields of a server error; `pg` gives position as text. */
interface ServerError {
  message: string;
  position?: string;
  detail?: string;
  hint?: string;
  where?: string;
}

/**
 * A failed migration as its author wants to see it: file, line and column, the line with a caret, code, detail and hint, and what is
 * left of it. `statement` is the one that failed; undefined when the server refused at the end (deferred constraints).
 */
export function migrationFailure(
  step: MigrationStep,
  statement: PlannedStatement | undefined,
  error: unknown,
  outcome: Outcome,
): PlatformError {
  const server = serverError(error);
  const state = stateOf(error);
  const lines = [
    `Migration ${step.name} failed${where(step, statement, server)}: ${server.message}${state === undefined ? '' : ` (SQLSTATE ${state})`}`,
  ];
  if (statement !== undefined) lines.push(placeOf(step, statement, server).excerpt);
  if (server.detail !== undefined) lines.push(`Detail: ${server.detail}`);
  if (server.hint !== undefined) lines.push(`Hint: ${server.hint}`);
  if (server.where !== undefined) lines.push(`Where: ${server.where}`);
  lines.push(whatIsLeft(step, outcome));
  return new PlatformError('migration-failed', lines.join('\n'), remedyFor(step, state, outcome), {
    object: step.path,
    cause: error,
  });
}

function serverError(error: unknown): ServerError {
  if (!(error instanceof Error)) return { message: String(error) };
  const fields: ServerError = { message: error.message };
  for (const key of ['position', 'detail', 'hint', 'where'] as const) {
    const value: unknown = Reflect.get(error, key);
    if (typeof value === 'string' && value !== '') fields[key] = value;
  }
  return fields;
}

function placeOf(step: MigrationStep, statement: PlannedStatement, server: ServerError): ReturnType<typeof placeAt> {
  const position = Number(server.position ?? '1');
  return placeAt(step.sql, offsetOfPosition(step.sql, statement.start, position));
}

function where(step: MigrationStep, statement: PlannedStatement | undefined, server: ServerError): string {
  if (statement === undefined) return ` at its end (${step.path})`;
  const { line, column } = placeOf(step, statement, server);
  return ` at ${step.path}:${line}:${column} (line ${line}, column ${column})`;
}

function whatIsLeft(step: MigrationStep, outcome: Outcome): string {
  const { appliedBefore, statementsDone } = outcome;
  const others =
    appliedBefore === 0
      ? ''
      : ` ${appliedBefore === 1 ? 'The migration' : `The ${appliedBefore} migrations`} before it in this run ${appliedBefore === 1 ? 'is' : 'are'} applied.`;
  if (statementsDone === undefined) return `Nothing of this migration was applied.${others}`;
  const total = step.statements.length;
  return `It runs outside a transaction: ${statementsDone} of its ${total} statements are done and stay.${others}`;
}

function remedyFor(step: MigrationStep, state: string | undefined, outcome: Outcome): string {
  if (outcome.statementsDone !== undefined) return resolveRemedy(step.name);
  const again = 'then run `npm run coachdb -- deploy` (or `npm run up`) again.';
  switch (state) {
    case SqlState.activeTransaction:
      return (
        'This statement cannot run inside a transaction. Put it into a migration of its own, or start the file with the comment ' +
        `\`${NO_TRANSACTION}\`: its statements then commit one by one; ${again}`
      );
    case SqlState.unsafeNewEnumValue:
      return `A new enum value can be used only after it is committed: move what uses it into the next migration, ${again}`;
    case SqlState.diskFull:
      return `Free space on the server’s disk (or move the tablespace), ${again}`;
    case SqlState.lockNotAvailable:
      return (
        'Another session holds the table: find it in pg_stat_activity, or run at a quieter time, or raise `coach:migrations.lockTimeoutMs`; ' +
        again
      );
    case SqlState.queryCanceled:
      return `Raise \`coach:migrations.statementTimeoutMs\` if it may take longer, ${again}`;
    case SqlState.insufficientPrivilege:
      return `Migrations run as the owner role: give it the privilege, or remove the statement; ${again}`;
    case SqlState.duplicateTable:
    case SqlState.duplicateObject:
      return (
        `The object exists already. Drop it, or write IF NOT EXISTS; if the migration’s work is all done, say so with ` +
        `\`npm run coachdb -- deploy --applied ${step.name}\`; ${again}`
      );
    default:
      return `Correct ${step.path} (it is not recorded as applied, so it may be edited), ${again}`;
  }
}
