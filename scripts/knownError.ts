// The type alone: the package's entry loads another driver where NODE_PG_FORCE_NATIVE says so.
import type { DatabaseError } from 'pg';

import { codeOf, PlatformError } from '../system/errors';
import { storageError } from '../system/storageError';

/** Errors of the file system and of PostgreSQL that reached the top as they were, as what they mean for whoever ran the command. */
export function knownError(error: unknown): unknown {
  if (error instanceof PlatformError || !(error instanceof Error)) return error;
  if (isDatabaseError(error)) return databaseError(error);
  const { code, path, syscall } = error as NodeJS.ErrnoException;
  if (path === undefined || syscall === undefined) return error;
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return new PlatformError(
      'file-missing',
      `${path} does not exist.`,
      'Make it, or correct the setting or the option that names it.',
      { object: path, cause: error },
    );
  return storageError(path, error);
}

function isDatabaseError(error: Error): error is DatabaseError {
  return 'severity' in error && codeOf(error)?.length === 5;
}

function databaseError(error: DatabaseError): PlatformError {
  const { code = '', message, detail, hint } = error;
  return new PlatformError(
    'database-error',
    [`PostgreSQL refused a statement: ${message} (SQLSTATE ${code}).`, detail].filter(Boolean).join('\n'),
    hint ?? 'The server’s log has the statement: `npm run coachdb -- logs`.',
    { object: code, cause: error },
  );
}
