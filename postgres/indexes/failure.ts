import type { Client } from 'pg';

import { codeOf, messageOf, PlatformError, type Problem } from '../../system/errors';
import { SqlState } from '../connection/sqlstate';
import type { IndexSpec } from '../spec';
import type { QualifiedName } from './description';

/** SQLSTATEs a definition can be refused with, and what mends each. */
const DEFINITION_REMEDIES: Record<string, string> = {
  [SqlState.undefinedColumn]: 'Quote names with capitals inside expressions and predicates: "studentId".',
  '42883':
    'Write the function with its schema, or cast the arguments; the extension that brings it has to be declared.',
  [SqlState.syntaxError]: 'Correct the SQL of the expression or predicate; it stands in parentheses by itself.',
  '42P17': 'Use only immutable functions in expressions and predicates, and no subqueries.',
  '42804': 'A predicate has to be boolean, and an operator class has to take the column’s type.',
  [SqlState.undefinedObject]:
    'Name an operator class for this type and method, or declare the extension that brings one (btree_gin, pg_trgm, ...).',
  [SqlState.featureNotSupported]: 'Leave out what this method cannot do.',
  [SqlState.invalidParameterValue]:
    'Correct the storage parameter: the manual’s CREATE INDEX lists those of each method.',
  '54011': 'An index has at most 32 columns, included ones counted.',
  [SqlState.insufficientPrivilege]:
    'Let the index belong to a role that may use these types, functions and tablespace.',
};

/** PostgreSQL, or we (`error` a text), refused the definition before anything was done. */
export function definitionProblem(spec: IndexSpec, error: unknown): Problem {
  const state = codeOf(error);
  const reason = typeof error === 'string' ? error : messageOf(error);
  return {
    code: 'index-definition-refused',
    message: `Index ${spec.name} on ${spec.schema}.${spec.table}: PostgreSQL does not accept this definition: ${reason}`,
    remedy:
      (state === undefined ? undefined : DEFINITION_REMEDIES[state]) ??
      'Correct the index’s columns, method or predicate in the settings.',
    object: `${spec.schema}.${spec.name}`,
  };
}

export interface IndexWork {
  /** The declared one, under whatever name it is being built. */
  index: QualifiedName;
  table: QualifiedName;
  statement: string;
}

/** A failed statement of an index's plan as an error that says what to do. `blockers`: who held the table, where that was it. */
export function workError(work: IndexWork, error: unknown, blockers: readonly string[] = []): PlatformError {
  if (error instanceof PlatformError) return error;
  const { index, table } = work;
  const object = `${index.schema}.${index.name}`;
  const what = `Index ${index.name} on ${table.schema}.${table.name}`;
  const options = { object, cause: error };
  const again = 'Run the same command again: what was left behind is recognised and finished or removed.';
  switch (codeOf(error)) {
    case SqlState.uniqueViolation:
      return new PlatformError(
        'index-duplicate-key',
        `${what} cannot be unique: ${detailOf(error) ?? messageOf(error)}`,
        'Find the rows with SELECT <columns>, count(*) ... GROUP BY <columns> HAVING count(*) > 1, mend them, and run again. Nothing was replaced.',
        options,
      );
    case SqlState.lockNotAvailable:
      return new PlatformError(
        'index-lock-timeout',
        `${what}: a lock was not to be had in time${blockers.length === 0 ? '' : `; ${blockers.join('; ')}`}.`,
        'End the transactions named (or let them finish), or choose a quieter hour. ' + again,
        { ...options, kind: 'locked' },
      );
    case SqlState.deadlockDetected:
      return new PlatformError('index-deadlock', `${what}: deadlocked with other work, repeatedly.`, again, {
        ...options,
        kind: 'locked',
      });
    case SqlState.queryCanceled:
      return new PlatformError(
        'index-build-cancelled',
        `${what}: the build was cancelled, by a person or by its time limit: ${messageOf(error)}`,
        `Allow more time or choose a quieter hour. ${again}`,
        options,
      );
    case SqlState.diskFull:
      return new PlatformError(
        'index-disk-full',
        `${what}: the server’s disk is full: ${messageOf(error)}`,
        `Free space on the server (a build needs about the index’s size once more while it sorts). ${again}`,
        options,
      );
    case SqlState.insufficientPrivilege:
      return new PlatformError(
        'index-not-owner',
        `${what}: ${messageOf(error)}`,
        'Only the table’s owner can change its indexes: set `role` to the owner, and connect as a member of it.',
        options,
      );
    case SqlState.dependentObjects:
      return new PlatformError(
        'index-in-use',
        `${what}: other objects depend on it: ${detailOf(error) ?? messageOf(error)}`,
        'Drop or change what depends on it first, in a migration.',
        { ...options, kind: 'refused' },
      );
    default:
      return isConnectionLoss(error)
        ? new PlatformError(
            'index-build-interrupted',
            `${what}: the connection was lost: ${messageOf(error)}`,
            again,
            options,
          )
        : new PlatformError('index-failed', `${what}: ${messageOf(error)} (${work.statement})`, again, options);
  }
}

function isConnectionLoss(error: unknown): boolean {
  const state = codeOf(error);
  return (
    state === undefined ||
    state === SqlState.adminShutdown ||
    state === SqlState.crashShutdown ||
    state.startsWith('08') ||
    /^E[A-Z]+$/.test(state)
  );
}

function detailOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('detail' in error)) return undefined;
  return typeof error.detail === 'string' ? error.detail : undefined;
}

/** Who holds or awaits locks on the table right now, in words: `process 4711 (psql, idle in transaction for 812 s)`. */
export async function lockHolders(client: Client, table: QualifiedName): Promise<string[]> {
  const { rows } = await client.query<{
    pid: number;
    app: string | null;
    state: string | null;
    seconds: number | null;
  }>(
    `SELECT DISTINCT a.pid, a.application_name AS app, a.state,
            round(extract(epoch FROM clock_timestamp() - a.xact_start))::int AS seconds
       FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_stat_activity a ON a.pid = l.pid
      WHERE l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND n.nspname = $1 AND c.relname = $2 AND l.granted AND l.pid <> pg_backend_pid()
      ORDER BY seconds DESC NULLS LAST LIMIT 5`,
    [table.schema, table.name],
  );
  // State and age of other roles' sessions are hidden from a role without pg_read_all_stats.
  return rows.map(({ pid, app, state, seconds }) => {
    const facts = [app, state, seconds === null ? null : `transaction open for ${seconds} s`];
    return `process ${pid} (${facts.filter((fact) => fact !== null && fact !== '').join(', ')}) holds the table`;
  });
}
