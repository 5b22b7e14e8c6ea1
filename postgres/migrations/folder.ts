import { isUtf8 } from 'node:buffer';
import { type Dirent, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { codeOf, PlatformError, type Problem, systemReason } from '../../system/errors';
import { LOCK_FILE, lockProvider, PREPARE_COMMAND, SCRIPT, sqliteOnly } from '../transfer/prepare/evidence';
import { stagePaths } from '../transfer/prepare/stagePath';
import { checksumOf } from './checksum';
import { orRecordIt } from './remedies';
import type { MigrationFile, MigrationFolder } from './types';

/**
 * Reads a folder in Prisma's format, as Prisma reads it. A migration that could not be applied says so itself (`unfit`), since one that is
 * applied already may be as odd as it likes; what lies in the folder without being a migration is a warning.
 */
export function readMigrationFolder(directory: string): MigrationFolder {
  const absolute = resolve(directory);
  const entries = list(absolute);
  const warnings: string[] = [];
  if (entries.some(({ name }) => name === LOCK_FILE)) checkLock(join(absolute, LOCK_FILE));
  else if (entries.some((entry) => entry.isDirectory()))
    warnings.push(`${join(absolute, LOCK_FILE)} is missing, so nothing says which database these migrations are for.`);

  const migrations: MigrationFile[] = [];
  for (const entry of entries) {
    const path = join(absolute, entry.name);
    if (entry.name === LOCK_FILE) continue;
    if (entry.isDirectory()) migrations.push(readMigration(entry.name, path));
    else if (entry.isSymbolicLink()) warnings.push(`${path} is a symbolic link and is left out, as Prisma does.`);
    else warnings.push(`${path} is no migration (those are folders with a ${SCRIPT}) and is left out.`);
  }
  // Prisma's order: by language rules, not by code units.
  migrations.sort((a, b) => a.name.localeCompare(b.name, 'en') || (a.name < b.name ? -1 : 1));
  return { directory: absolute, migrations, warnings };
}

function list(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (cause) {
    const [stage] = codeOf(cause) === 'ENOENT' ? stagePaths(directory) : [];
    if (stage !== undefined)
      throw new PlatformError(
        'migrations-folder',
        `The migrations folder ${directory} is between old and new: a run that prepared it was interrupted, or is at work (${stage.path}).`,
        `Run ${PREPARE_COMMAND}, which finishes it.`,
        { object: directory, cause },
      );
    throw new PlatformError(
      'migrations-folder',
      `The migrations folder ${directory} cannot be read: ${systemReason(cause)}.`,
      'Set `coach:app.directory` to the application’s checkout; its migrations lie in prisma/migrations.',
      { object: directory, cause },
    );
  }
}

/** `provider = "postgresql"`; Prisma's P3019 otherwise. */
function checkLock(path: string): void {
  const provider = lockProvider(readFileSync(path, 'utf8'));
  if (provider === 'postgresql' || provider === 'postgres') return;
  const found = provider === undefined ? 'names no provider' : `says provider = "${provider}"`;
  throw new PlatformError(
    'migration-provider',
    `${path} ${found}, expected "postgresql" (Prisma reports this as P3019): its migrations are written for another database.`,
    provider === 'sqlite'
      ? `Run ${PREPARE_COMMAND}: it archives the folder, sets the provider in the schema and writes a first migration for PostgreSQL.`
      : 'Move the old folder aside, set `provider = "postgresql"` in schema.prisma and write a first migration for PostgreSQL: ' +
          '`npx prisma migrate diff --from-empty --to-schema prisma/schema.prisma --script`.',
    { object: path },
  );
}

function readMigration(name: string, folder: string): MigrationFile {
  const path = join(folder, SCRIPT);
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    const reason = codeOf(cause) === 'ENOENT' ? `${path} does not exist` : (cause as Error).message;
    const unfit = {
      code: 'migration-missing-script',
      message: `Migration ${name} has no readable ${SCRIPT}: ${reason}.`,
      remedy:
        'Bring the file back from version control, or remove the folder if the migration was never applied anywhere.',
      object: path,
    };
    return { name, path, checksum: '', sql: '', unfit, warnings: [] };
  }
  const sql = bytes.toString('utf8');
  const unfit = unfitText(name, path, sql, bytes);
  return { name, path, checksum: checksumOf(sql), sql, warnings: oddities(path, sql, bytes), ...(unfit && { unfit }) };
}

/** What PostgreSQL refuses whatever the statements say. */
function unfitText(name: string, path: string, sql: string, bytes: Buffer): Problem | undefined {
  const problem = (code: string, message: string, correction: string): Problem => ({
    code,
    message,
    remedy: orRecordIt(name, correction),
    object: path,
  });
  if (['fffe', 'feff'].includes(bytes.subarray(0, 2).toString('hex')))
    return problem(
      'migration-encoding',
      `${path} is not UTF-8 but UTF-16, as Windows PowerShell writes the output of a command.`,
      'Save it as UTF-8 without a byte order mark (`iconv -f UTF-16 -t UTF-8`)',
    );
  if (sql.startsWith('\ufeff'))
    return problem(
      'migration-encoding',
      `${path} starts with a byte order mark, which PostgreSQL takes for a syntax error.`,
      'Save it as UTF-8 without a byte order mark',
    );
  if (sql.includes('\0'))
    return problem(
      'migration-nul',
      `${path} contains a NUL character (offset ${sql.indexOf('\0')}), where PostgreSQL would stop reading.`,
      "Remove it (a binary value is written as '\\x00'::bytea)",
    );
  const sqlite = sqliteOnly(sql);
  if (sqlite !== undefined)
    return {
      code: 'migration-sqlite',
      message: `${path}, line ${sqlite.line}, has ${sqlite.what}: it was written for SQLite.`,
      remedy: `Run ${PREPARE_COMMAND}: it archives SQLite’s migrations and writes a first one for PostgreSQL.`,
      object: path,
    };
  return undefined;
}

function oddities(path: string, sql: string, bytes: Buffer): string[] {
  if (sql.trim() === '') return [`${path} is empty; it is recorded as applied, as through Prisma.`];
  if (isUtf8(bytes)) return [];
  return [`${path} is not UTF-8; PostgreSQL gets U+FFFD for what is none, as through Prisma.`];
}
