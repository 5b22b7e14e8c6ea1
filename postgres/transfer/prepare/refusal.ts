import { PlatformError } from '../../../system/errors';
import { PREPARE_COMMAND, sqliteMigrations } from './evidence';

/** Rows of SQLite go into tables that PostgreSQL's migrations make: an application that still has SQLite's comes first. */
export function refuseSqliteMigrations(directory: string): void {
  const found = sqliteMigrations(directory);
  if (found === undefined) return;
  throw new PlatformError(
    'migration-provider',
    `The application’s migrations are SQLite’s still: ${found.evidence}.`,
    `Run ${PREPARE_COMMAND}, then \`npm run db:deploy\`, then this again.`,
    { kind: 'refused', object: directory },
  );
}
