import { type Dirent, existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

import { codeOf, PlatformError, systemReason } from '../../../system/errors';
import { findConfig, type PrismaConfig, readConfig } from './configFile';
import { LOCK_FILE, lockProvider, SCRIPT, type SqliteMigrations, sqliteMigrations } from './evidence';
import { type Datasource, datasourceOf, type SchemaFile } from './schemaText';
import { stagePaths } from './stagePath';

/** An application's Prisma files as they lie there; everything that is planned comes from it. */
export interface Application {
  /** Absolute. */
  directory: string;
  config: PrismaConfig | undefined;
  /** Packages of package.json that connect Prisma to SQLite. */
  sqliteAdapters: string[];
  files: SchemaFile[];
  datasource: Datasource;
  migrations: MigrationFiles;
}

export interface MigrationFiles {
  /** Absolute; it need not exist. */
  directory: string;
  /** What lies in it, and what lies beside it, by name. */
  entries: string[];
  beside: string[];
  /** What its lock file names. */
  provider: string | undefined;
  sqlite: SqliteMigrations | undefined;
  scripts: { name: string; path: string; sql: string }[];
}

export async function readApplication(directory: string): Promise<Application> {
  const configPath = findConfig(directory);
  const config = configPath === undefined ? undefined : await readConfig(configPath);
  if (config !== undefined && config.unread.length > 0) {
    throw new PlatformError(
      'prisma-config',
      `Of ${config.path} cannot be read without running it: ${config.unread.join(', ')}.`,
      "Write these values as plain texts (`schema: 'prisma/schema.prisma'`), commit that, and run again.",
      { kind: 'refused', object: config.path },
    );
  }
  const manifest = readManifest(directory);
  const source = schemaSource(directory, config, manifest);
  const files = readSchema(source);
  const datasource = datasourceOf(files);
  if (datasource === undefined) {
    throw new PlatformError(
      'prisma-schema',
      `${source} has no datasource block, which says what database the schema is for.`,
      'Correct the schema; `npx prisma validate` says what else it lacks.',
      { kind: 'refused', object: source },
    );
  }
  const migrations = migrationsFolder(directory, config, source, datasource);
  const sqliteAdapters = Object.keys(manifest.dependencies ?? {}).filter((name) => SQLITE_ADAPTER.test(name));
  return { directory, config, sqliteAdapters, files, datasource, migrations: readMigrations(migrations) };
}

/** A file, or a folder of files. Prisma's order: the config file, package.json (up to Prisma 6), then the usual places. */
function schemaSource(directory: string, config: PrismaConfig | undefined, { prisma }: Manifest): string {
  const inManifest = typeof prisma?.schema === 'string' ? join(directory, prisma.schema) : undefined;
  const named = config?.schema ?? inManifest;
  const usual = [['schema.prisma'], ['prisma', 'schema.prisma'], ['prisma', 'schema']];
  const candidates = named === undefined ? usual.map((parts) => join(directory, ...parts)) : [named];
  const found = candidates.find((path) => existsSync(path));
  if (found !== undefined) return realpathSync(found);
  throw new PlatformError(
    'prisma-schema-missing',
    named === undefined
      ? `${directory} has no prisma/schema.prisma.`
      : `${named}, which ${config?.path ?? join(directory, 'package.json')} names as the schema, does not exist.`,
    'Set `coach:app.directory` to the application’s checkout, or correct what names the schema.',
    { kind: 'refused', object: directory },
  );
}

const SQLITE_ADAPTER = /^@prisma\/adapter-(better-sqlite3|libsql|d1|bun-sqlite)$/;

/** What is used of package.json. */
interface Manifest {
  prisma?: { schema?: unknown };
  dependencies?: Record<string, unknown>;
}

/** Empty where there is none, or none that npm could read. */
function readManifest(directory: string): Manifest {
  try {
    return (JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) ?? {}) as Manifest;
  } catch {
    return {};
  }
}

function readSchema(source: string): SchemaFile[] {
  const paths = statSync(source).isDirectory()
    ? readdirSync(source, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.prisma'))
        .sort()
        .map((name) => join(source, name))
    : [source];
  return paths.map((path) => ({ path, text: readFileSync(path, 'utf8') }));
}

/** Prisma's place where it is told one; else the one of these that exists, for Prisma's versions differ about a schema of several files. */
function migrationsFolder(
  directory: string,
  config: PrismaConfig | undefined,
  source: string,
  { file }: Datasource,
): string {
  if (config?.migrations !== undefined) return config.migrations;
  const folder = statSync(source).isDirectory() ? source : dirname(source);
  const own = join(folder, 'migrations');
  const others = [dirname(file.path), join(directory, 'prisma')].map((parent) => join(parent, 'migrations'));
  const found = [own, ...others].find((path) => existsSync(path) || stagePaths(path).length > 0);
  return found ?? own;
}

function readMigrations(directory: string): MigrationFiles {
  const entries = list(directory);
  const lock = join(directory, LOCK_FILE);
  const scripts = entries
    .filter((entry) => entry.isDirectory() && existsSync(join(directory, entry.name, SCRIPT)))
    .map(({ name }) => {
      const path = join(directory, name, SCRIPT);
      return { name, path, sql: decode(readFileSync(path)) };
    });
  return {
    directory,
    entries: entries.map(({ name }) => name),
    beside: list(dirname(directory)).map(({ name }) => name),
    provider: existsSync(lock) ? lockProvider(readFileSync(lock, 'utf8')) : undefined,
    sqlite: sqliteMigrations(directory),
    scripts,
  };
}

function list(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return [];
    throw new PlatformError(
      'migrations-folder',
      `The migrations folder ${directory} cannot be read: ${systemReason(cause)}.`,
      `Prisma’s migrations are folders below it; correct what is at ${relative(dirname(dirname(directory)), directory)}.`,
      { object: directory, cause },
    );
  }
}

/** Windows PowerShell writes UTF-16. */
function decode(bytes: Buffer): string {
  const text = bytes[0] === 0xff && bytes[1] === 0xfe ? bytes.toString('utf16le') : bytes.toString('utf8');
  return text.replace(/^\ufeff/, '');
}

/** As it is said to people: `prisma/migrations`. */
export function shown(application: Pick<Application, 'directory'>, path: string): string {
  const short = relative(application.directory, path);
  return short.startsWith('..') || short === '' ? path : short;
}
