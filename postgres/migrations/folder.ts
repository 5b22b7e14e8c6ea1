import { type Dirent, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { PlatformError } from '../errors';
import { checksumOf } from './checksum';
import type { MigrationFile, MigrationFolder } from './types';

const LOCK_FILE = 'migration_lock.toml';
const SCRIPT = 'migration.sql';

/**
 * Reads a folder in Prisma's format. What Prisma would skip or misread without a word (symbolic links, a byte order mark, text
 * that is not UTF-8, a folder without its migration.sql) is an error here; stray files are warnings.
 */
export function readMigrationFolder(directory: string): MigrationFolder {
  const absolute = resolve(directory);
  const entries = list(absolute);
  const names = new Set(entries.map((entry) => entry.name));
  const warnings: string[] = [];
  if (names.has(LOCK_FILE)) checkLock(join(absolute, LOCK_FILE));
  else if (entries.some((entry) => entry.isDirectory()))
    warnings.push(`${join(absolute, LOCK_FILE)} is missing, so nothing says which database these migrations are for.`);

  const migrations: MigrationFile[] = [];
  for (const entry of entries) {
    const path = join(absolute, entry.name);
    if (entry.name === LOCK_FILE) continue;
    if (entry.isSymbolicLink()) throw symbolicLink(path);
    if (entry.isDirectory()) migrations.push(readMigration(entry.name, path));
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
    throw new PlatformError(
      'migrations-folder',
      `The migrations folder ${directory} cannot be read: ${(cause as Error).message}.`,
      'Set `coach:app.directory` to the application’s checkout; its migrations lie in prisma/migrations.',
      { object: directory, cause },
    );
  }
}

/** `provider = "postgresql"`; Prisma's P3019 otherwise. */
function checkLock(path: string): void {
  if (lstatSync(path).isSymbolicLink()) throw symbolicLink(path);
  const provider = /^\s*provider\s*=\s*"([^"]*)"/m.exec(decode(readFileSync(path), path))?.[1];
  if (provider === 'postgresql' || provider === 'postgres') return;
  const found = provider === undefined ? 'names no provider' : `says provider = "${provider}"`;
  throw new PlatformError(
    'migration-provider',
    `${path} ${found}, expected "postgresql" (Prisma reports this as P3019): its migrations are written for another database.`,
    'Move the old folder aside, set `provider = "postgresql"` in schema.prisma and write a first migration for PostgreSQL: ' +
      '`npx prisma migrate diff --from-empty --to-schema prisma/schema.prisma --script`. ' +
      '`npm run db:migrate-to-postgresql` then carries the data over.',
    { object: path },
  );
}

function readMigration(name: string, folder: string): MigrationFile {
  const path = join(folder, SCRIPT);
  let bytes: Buffer;
  try {
    if (lstatSync(path).isSymbolicLink()) throw symbolicLink(path);
    bytes = readFileSync(path);
  } catch (cause) {
    if (cause instanceof PlatformError) throw cause;
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new PlatformError(
      'migration-missing-script',
      `Migration ${name} has no readable ${SCRIPT}: ${missing ? `${path} does not exist` : (cause as Error).message}.`,
      'Bring the file back from version control, or remove the folder if the migration was never applied anywhere.',
      { object: path, cause },
    );
  }
  const sql = decode(bytes, path);
  if (sql.trim() === '')
    throw new PlatformError(
      'migration-empty',
      `${path} is empty.`,
      'Write the migration’s SQL, or a comment that says why there is none; or remove the folder if it was never applied anywhere.',
      { object: path },
    );
  if (sql.includes('\0'))
    throw new PlatformError(
      'migration-nul',
      `${path} contains a NUL character (offset ${sql.indexOf('\0')}), where PostgreSQL would stop reading.`,
      "Remove it; a binary value is written as '\\x00'::bytea.",
      { object: path },
    );
  return { name, path, checksum: checksumOf(bytes), sql };
}

function decode(bytes: Buffer, path: string): string {
  const utf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  let text: string | undefined;
  try {
    text = utf16 ? undefined : new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    text = undefined;
  }
  if (text === undefined)
    throw new PlatformError(
      'migration-encoding',
      `${path} is not UTF-8${utf16 ? ' but UTF-16, as Windows PowerShell writes the output of a command' : ''}.`,
      `Save it as UTF-8 without a byte order mark (\`iconv -f ${utf16 ? 'UTF-16' : 'WINDOWS-1252'} -t UTF-8\`).`,
      { object: path },
    );
  if (text.startsWith('\ufeff'))
    throw new PlatformError(
      'migration-encoding',
      `${path} starts with a byte order mark, which PostgreSQL takes for a syntax error.`,
      'Save it as UTF-8 without a byte order mark.',
      { object: path },
    );
  return text;
}

function symbolicLink(path: string): PlatformError {
  return new PlatformError(
    'migration-symlink',
    `${path} is a symbolic link. Prisma leaves linked migrations out without a word, so the two would apply different ones.`,
    'Put the real folder or file in its place.',
    { object: path },
  );
}
