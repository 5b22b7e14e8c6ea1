import type { Client } from 'pg';

import { PlatformError } from '../../system/errors';
import { withTransaction } from '../connection/client';
import { createHistory, readHistory, recordResolved, recordRolledBack } from './history';
import { assumeRole, type SessionOptions, withMigrationLock } from './session';
import type { MigrationFolder, MigrationRow } from './types';

export interface ResolveOptions extends SessionOptions {
  schema?: string;
  /** Holds the migration that is declared applied: its checksum is recorded. */
  folder: MigrationFolder;
}

/**
 * Prisma's `migrate resolve`. `rolled-back`: the failed record stops counting, and the migration is pending again. `applied`: a failed
 * record stops counting and an applied one is written; also the way to take over a database that already has the tables (baseline).
 */
export async function resolveFailed(
  client: Client,
  name: string,
  as: 'applied' | 'rolled-back',
  options: ResolveOptions,
): Promise<void> {
  const schema = options.schema ?? 'public';
  await withMigrationLock(client, options.waitMs, () =>
    withTransaction(client, async () => {
      await assumeRole(client, schema, options, true);
      const history = await readHistory(client, schema);
      const rows = history.rows.filter((row) => row.name === name);
      if (as === 'rolled-back') return rollBack(client, schema, name, rows);
      const migration = options.folder.migrations.find((candidate) => candidate.name === name);
      if (migration === undefined) throw unknownMigration(name, options.folder);
      if (rows.some((row) => row.finishedAt !== null && row.rolledBackAt === null)) throw alreadyApplied(name);
      if (!history.exists) await createHistory(client, schema);
      for (const row of rows.filter(isFailed)) await recordRolledBack(client, schema, row.id);
      await recordResolved(client, schema, name, migration.checksum);
    }),
  );
}

async function rollBack(client: Client, schema: string, name: string, rows: MigrationRow[]): Promise<void> {
  const failed = rows.filter(isFailed);
  if (failed.length === 0) {
    const state = rows.some((row) => row.finishedAt !== null) ? 'is applied' : 'has no record in the database';
    throw new PlatformError(
      'migration-not-failed',
      `Migration ${name} ${state}; only a failed one can be marked as rolled back.`,
      'Undo an applied migration by a new one. `npm run coachdb -- deploy --dry-run` lists what is applied and pending.',
      { kind: 'refused', object: name },
    );
  }
  for (const row of failed) await recordRolledBack(client, schema, row.id);
}

function isFailed(row: MigrationRow): boolean {
  return row.finishedAt === null && row.rolledBackAt === null;
}

function unknownMigration(name: string, folder: MigrationFolder): PlatformError {
  const known = folder.migrations.map((migration) => migration.name).join(', ') || 'none';
  return new PlatformError(
    'migration-unknown',
    `${folder.directory} holds no migration ${name}.`,
    `Name one of its folders: ${known}.`,
    { kind: 'usage', object: name },
  );
}

function alreadyApplied(name: string): PlatformError {
  return new PlatformError(
    'migration-already-applied',
    `Migration ${name} is recorded as applied already.`,
    'Nothing is to do.',
    { kind: 'refused', object: name },
  );
}
