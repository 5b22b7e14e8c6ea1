import { type Dirent, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { hasWords, isWord, type SqliteStatement, sqliteStatements } from '../source/sqlTokens';

export const LOCK_FILE = 'migration_lock.toml';
export const SCRIPT = 'migration.sql';

/** What makes such a folder the application's PostgreSQL history. */
export const PREPARE_COMMAND = '`npm run db:migrate-to-postgresql -- --prepare`';

/** A migrations folder that was written for SQLite. */
export interface SqliteMigrations {
  /** Absolute. */
  directory: string;
  /** What shows it, with file and line: `…/migration_lock.toml says provider = "sqlite"`. */
  evidence: string;
  /** Scripts that were written for PostgreSQL nevertheless. */
  postgres: string[];
}

export type Dialect = 'sqlite' | 'postgresql';

/** What a script shows of the database it was written for. `certain`: PostgreSQL refuses it whatever it holds. */
export interface Sign {
  dialect: Dialect;
  certain: boolean;
  what: string;
  /** From 1. */
  line: number;
}

/**
 * Recognises a folder of Prisma migrations that is SQLite's: by its lock file, by SQL that PostgreSQL refuses, or by SQL as Prisma writes it for
 * SQLite where nothing looks like PostgreSQL's. Undefined for any other folder, also one that does not exist.
 */
export function sqliteMigrations(directory: string): SqliteMigrations | undefined {
  const absolute = resolve(directory);
  const lock = join(absolute, LOCK_FILE);
  const signs = scriptsIn(absolute).flatMap((path) => signsOf(textOf(path) ?? '').map((sign) => ({ ...sign, path })));
  const postgres = [...new Set(signs.filter(({ dialect }) => dialect === 'postgresql').map(({ path }) => path))];
  if (lockProvider(textOf(lock)) === 'sqlite')
    return { directory: absolute, evidence: `${lock} says provider = "sqlite"`, postgres };
  const theirs = signs.filter(({ dialect }) => dialect === 'sqlite');
  const sign = theirs.find(({ certain }) => certain) ?? (postgres.length === 0 ? theirs[0] : undefined);
  if (sign === undefined) return undefined;
  const evidence = `${sign.path}, line ${sign.line}, has ${sign.what}, as SQLite does`;
  return { directory: absolute, evidence, postgres };
}

/** The provider that a lock file names. */
export function lockProvider(text: string | undefined): string | undefined {
  return /^\s*provider\s*=\s*"([^"]*)"/m.exec(text ?? '')?.[1];
}

/** The first statement that SQLite alone takes; cheap for the scripts that have none. */
export function sqliteOnly(sql: string): Sign | undefined {
  if (!/pragma|autoincrement|without\s+rowid/i.test(sql)) return undefined;
  return signsOf(sql).find(({ certain }) => certain);
}

export function signsOf(sql: string): Sign[] {
  return sqliteStatements(sql).flatMap((statement) => signOf(statement) ?? []);
}

const POSTGRES_TYPES = new Set(['serial', 'bigserial', 'smallserial', 'bytea', 'timestamptz']);

function signOf({ tokens, line }: SqliteStatement): Sign | undefined {
  const sign = (dialect: Dialect, what: string, certain = false): Sign => ({ dialect, certain, what, line });
  const has = (...words: string[]): boolean => tokens.some((_, at) => hasWords(tokens, at, ...words));
  if (isWord(tokens[0], 'pragma')) return sign('sqlite', 'PRAGMA', true);
  const creates = hasWords(tokens, 0, 'create', 'table');
  if (creates && ['key', 'asc', 'desc'].some((word) => has(word, 'autoincrement')))
    return sign('sqlite', 'AUTOINCREMENT', true);
  if (creates && has('without', 'rowid')) return sign('sqlite', 'WITHOUT ROWID', true);
  const kind = isWord(tokens[0], 'create') ? tokens[1]?.text : undefined;
  if (['type', 'domain', 'extension', 'schema', 'sequence', 'function'].includes(kind ?? ''))
    return sign('postgresql', `CREATE ${kind?.toUpperCase()}`);
  const alters = hasWords(tokens, 0, 'alter', 'table');
  if (!creates && !alters) return undefined;
  if (has('datetime')) return sign('sqlite', 'a column of type DATETIME');
  if (alters && has('add', 'constraint')) return sign('postgresql', 'ADD CONSTRAINT');
  // Prisma names a primary key for PostgreSQL, and writes it into the column for SQLite.
  if (creates && has('not', 'null', 'primary', 'key')) return sign('sqlite', 'a primary key inside its column');
  if (creates && tokens.some((token, at) => isWord(token, 'constraint') && hasWords(tokens, at + 2, 'primary', 'key')))
    return sign('postgresql', 'a named primary key');
  const type = tokens.find(({ kind: of, text }) => of === 'word' && POSTGRES_TYPES.has(text));
  return type === undefined ? undefined : sign('postgresql', `the type ${type.text.toUpperCase()}`);
}

/** Paths of the scripts, in no order. */
function scriptsIn(directory: string): string[] {
  let entries: Dirent[];
  try {
    entries = readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(directory, name, SCRIPT));
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
