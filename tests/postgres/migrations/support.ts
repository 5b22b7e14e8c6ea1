import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Client } from 'pg';

import { applyMigrations, type ApplyOptions, type ApplyResult } from '../../../postgres/migrations/apply';
import { readMigrationFolder } from '../../../postgres/migrations/folder';
import { readHistory } from '../../../postgres/migrations/history';
import { planMigrations } from '../../../postgres/migrations/plan';
import { PlatformError } from '../../../system/errors';
import { freshDatabase, type TestDatabase } from '../../support/database';

const folders: string[] = [];

/** A migrations folder with these scripts by name; `lock: null` leaves the lock file out. Removed by `removeFolders`. */
export function migrationFolder(
  scripts: Record<string, string | Uint8Array>,
  lock: string | null = 'provider = "postgresql"\n',
): string {
  const directory = mkdtempSync(join(tmpdir(), 'coach-migrations-'));
  folders.push(directory);
  if (lock !== null) writeFileSync(join(directory, 'migration_lock.toml'), lock);
  for (const [name, sql] of Object.entries(scripts)) addMigration(directory, name, sql);
  return directory;
}

export function addMigration(directory: string, name: string, sql: string | Uint8Array): void {
  mkdirSync(join(directory, name), { recursive: true });
  writeFileSync(join(directory, name, 'migration.sql'), sql);
}

export function removeFolders(): void {
  for (const directory of folders.splice(0)) rmSync(directory, { recursive: true, force: true });
}

/** The PlatformError that `work` ends with. */
export async function problemOf(work: () => unknown): Promise<PlatformError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof PlatformError) return error;
    throw error;
  }
  throw new Error('Expected a PlatformError, but nothing was thrown.');
}

export function options(role: string, more: Partial<ApplyOptions> = {}): ApplyOptions {
  return { role, lockTimeoutMs: 2000, statementTimeoutMs: 20_000, waitMs: 0, ...more };
}

export interface Stage {
  database: TestDatabase;
  /** Owns the database and whatever migrations make; cannot log in. */
  owner: string;
  /** The migrator: a member of the owner. */
  client: Client;
  target: TestDatabase['target'];
  close(): Promise<void>;
}

/** A database as `up` leaves it for the first migration: owner role, migrator connected. */
export async function stage(prefix: string): Promise<Stage> {
  const database = await freshDatabase(prefix);
  const owner = `${database.target.database}_owner`;
  const migrator = `${database.target.database}_migrator`;
  await database.client.query(
    `CREATE ROLE ${owner} NOLOGIN; CREATE ROLE ${migrator} LOGIN PASSWORD 'm' NOINHERIT IN ROLE ${owner};
     ALTER DATABASE ${database.target.database} OWNER TO ${owner}`,
  );
  const opened = await opening(database, owner, migrator);
  return {
    ...opened,
    close: async () => {
      await opened.client.end().catch(() => undefined);
      await database.client.query(`REASSIGN OWNED BY ${owner}, ${migrator} TO CURRENT_USER`);
      await database.client.query(`DROP OWNED BY ${owner}, ${migrator}`);
      await database.client.query(`DROP ROLE ${migrator}; DROP ROLE ${owner}`);
      await database.drop();
    },
  };
}

/** What `make` leaves in a stage, to be copied as often as wanted: the roles are those of the one, the database is each copy's own. */
export async function stageTemplate(
  prefix: string,
  make: (stage: Stage) => Promise<unknown>,
): Promise<{ copy(): Promise<Stage>; close(): Promise<void> }> {
  const first = await stage(prefix);
  await make(first);
  const { owner, target } = first;
  await Promise.all([first.client.end(), first.database.client.end()]);
  return {
    copy: async () => {
      const database = await freshDatabase(prefix, undefined, target.database);
      await database.client.query(`ALTER DATABASE ${database.target.database} OWNER TO ${owner}`);
      const opened = await opening(database, owner, target.user);
      return {
        ...opened,
        close: async () => {
          await opened.client.end().catch(() => undefined);
          await database.drop();
        },
      };
    },
    close: async () => {
      await first.database.drop(`DROP ROLE ${target.user}; DROP ROLE ${owner}`);
    },
  };
}

/** The migrator connected. */
async function opening(database: TestDatabase, owner: string, migrator: string): Promise<Omit<Stage, 'close'>> {
  const target = { ...database.target, user: migrator, password: 'm' };
  const client = new Client(target);
  client.on('error', () => undefined);
  await client.connect();
  return { database, owner, client, target };
}

/** Reads, plans and applies a folder, as `deploy` does. */
export async function deploy(place: Stage, directory: string, more: Partial<ApplyOptions> = {}): Promise<ApplyResult> {
  const plan = planMigrations(readMigrationFolder(directory), await readHistory(place.database.client));
  return applyMigrations(place.client, plan, options(place.owner, more));
}
