import { codeOf, messageOf, PlatformError } from '../../system/errors';
import { connectionLost, isConnectionLost } from '../connection/lost';
import { SqlState } from '../connection/sqlstate';

const UNCHANGED = 'Nothing of the load was kept.';

/** An error of the server, or of the connection to it, during a load as one that names what to do. */
export function databaseFailure(error: unknown): unknown {
  if (error instanceof PlatformError) return error;
  const state = codeOf(error);
  const [detail, where, table] = ['detail', 'where', 'table'].map((field) => fieldOf(error, field));
  const reason = [messageOf(error), detail].filter((text) => text !== undefined).join(' ');
  const options = { ...(table === undefined ? {} : { object: table }), cause: error };
  switch (state) {
    case SqlState.lockNotAvailable:
      return new PlatformError(
        'target-locked',
        `Somebody else holds a lock on a table of the target: ${reason}. ${UNCHANGED}`,
        'Stop the application and end open transactions (SELECT * FROM pg_stat_activity), and run the command again.',
        { ...options, kind: 'locked' },
      );
    case SqlState.uniqueViolation:
      return new PlatformError(
        'duplicate-rows',
        `Two rows of the source have the same key on PostgreSQL: ${reason} ${UNCHANGED}`,
        'SQLite allowed what the target’s key forbids (NULL in a key, another collation): mend the source, or the key with a migration.',
        options,
      );
    case SqlState.insufficientPrivilege:
      return new PlatformError(
        'transfer-denied',
        `The role that loads may not: ${reason}. ${UNCHANGED}`,
        'Run `npm run up`: it gives the declared roles their rights again.',
        options,
      );
    case SqlState.undefinedFunction:
    case SqlState.undefinedSchema:
      return new PlatformError(
        'trail-missing',
        `The audit trail is declared, but not there: ${reason}. ${UNCHANGED}`,
        'Run `npm run up`, which makes it, and then this command again.',
        options,
      );
    case SqlState.diskFull:
      return new PlatformError(
        'server-disk-full',
        `The server’s disk is full: ${reason}. ${UNCHANGED}`,
        'Free or add space on the server, for the tables, their indexes and the WAL of both, and run the command again.',
        options,
      );
    default:
  }
  // Class 22: data; class 23: constraints.
  if (state !== undefined && /^2[23]/.test(state)) {
    return new PlatformError(
      'row-refused',
      `PostgreSQL refused a row: ${[reason, where].filter((text) => text !== undefined).join(' ')}. ${UNCHANGED}`,
      'Mend the row in the source, or the constraint with a migration.',
      options,
    );
  }
  // Class 57: ended by an operator; class 08 and errors without a state: the connection.
  if (isConnectionLost(error)) return connectionLost('the load', UNCHANGED, error);
  if (state === undefined) return error;
  return new PlatformError(
    'load-failed',
    `PostgreSQL ended the load: ${reason} (SQLSTATE ${state}). ${UNCHANGED}`,
    'See `npm run coachdb -- logs`.',
    options,
  );
}

function fieldOf(error: unknown, field: string): string | undefined {
  const value: unknown = error instanceof Error ? Reflect.get(error, field) : undefined;
  return typeof value === 'string' && value !== '' ? value : undefined;
}
