import { codeOf, PlatformError } from '../../system/errors';
import { SqlState } from '../connection/sqlstate';
import { type Denied, deniedAfter } from './denied';
import { locationAt, offsetOfPosition } from './location';
import { deniedRemedy, deployCommand, orRecordIt, resolveRemedy } from './remedies';
import type { MigrationStep, PlannedStatement } from './types';

/** What became of the migration, for the message. */
export interface Outcome {
  /** Migrations of this run that are applied and stay so. */
  appliedBefore: number;
  /** Statements of a file outside a transaction that are done and stay so; undefined inside one. */
  statementsDone?: number;
}

/** What the server got when it refused. */
export interface Sent {
  /** Offset in the file from which the text was sent: the server counts its positions from there. */
  textStart: number;
  failed: PlannedStatement;
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
 * left of it. `sent` is undefined when the server refused at the end (deferred constraints).
 */
export function migrationFailure(
  step: MigrationStep,
  sent: Sent | undefined,
  error: unknown,
  outcome: Outcome,
): PlatformError {
  const server = serverError(error);
  const state = codeOf(error);
  const denied =
    state === SqlState.insufficientPrivilege && sent !== undefined
      ? deniedAfter(sent.failed.sql, server.where)
      : undefined;
  const lines = [
    `Migration ${step.name} failed${where(step, sent, server)}: ${server.message}${state === undefined ? '' : ` (SQLSTATE ${state})`}`,
  ];
  if (sent !== undefined) lines.push(locationOf(step, sent, server).excerpt);
  if (server.detail !== undefined) lines.push(`Detail: ${server.detail}`);
  if (server.hint !== undefined) lines.push(`Hint: ${server.hint}`);
  if (server.where !== undefined) lines.push(`Where: ${server.where}`);
  if (denied !== undefined) lines.push(`${denied.what}: ${denied.why}.`);
  lines.push(whatIsLeft(step, outcome));
  return new PlatformError(
    'migration-failed',
    lines.join('\n'),
    remedyFor(step, sent?.failed.sql ?? '', state, outcome, denied),
    {
      object: step.path,
      cause: error,
    },
  );
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

function locationOf(
  step: MigrationStep,
  { textStart, failed }: Sent,
  server: ServerError,
): ReturnType<typeof locationAt> {
  const { position } = server;
  const offset = position === undefined ? failed.start : offsetOfPosition(step.sql, textStart, Number(position));
  return locationAt(step.sql, offset);
}

function where(step: MigrationStep, sent: Sent | undefined, server: ServerError): string {
  if (sent === undefined) return ` at its end (${step.path})`;
  const { line, column } = locationOf(step, sent, server);
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
  return `It is not all or nothing: ${statementsDone} of its ${total} statements are done and stay.${others}`;
}

function remedyFor(
  step: MigrationStep,
  statement: string,
  state: string | undefined,
  outcome: Outcome,
  denied: Denied | undefined,
): string {
  if (denied !== undefined && outcome.statementsDone === undefined) return deniedRemedy(step.name, denied);
  if (outcome.statementsDone !== undefined) {
    const index = /^create\s+(?:unique\s+)?index\s+concurrently\b/i.test(statement)
      ? 'It may have left its index behind as INVALID, which IF NOT EXISTS then takes for done: drop that first. '
      : '';
    return `${denied === undefined ? '' : `${denied.remedy}. `}${index}${resolveRemedy(step.name)}`;
  }
  const again = 'then run `npm run coachdb -- deploy` (or `npm run up`) again.';
  switch (state) {
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
      return orRecordIt(
        step.name,
        `Migrations run as the owner role (\`coach:roles.owner\`), which may not: take it out of ${step.path}`,
      );
    case SqlState.duplicateTable:
    case SqlState.duplicateObject:
      return (
        `The object exists already. If the migration’s work is all done, say so with ${deployCommand('--applied', step.name)}; ` +
        `else drop the object, ${again}`
      );
    default:
      return orRecordIt(step.name, `Correct ${step.path} and run \`npm run coachdb -- deploy\` again`);
  }
}
