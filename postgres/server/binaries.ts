import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { delimiter, dirname, isAbsolute, join } from 'node:path';

import { PlatformError } from '../../system/errors';
import { NEWEST_MAJOR, OLDEST_MAJOR } from '../tuning/parameter';
import { ask } from './ask';
import { npmBinaries, npmPackageName } from './npmBinaries';

export interface Binaries {
  source: 'settings' | 'path' | 'pg_config' | 'debian' | 'homebrew' | 'npm';
  /** Folder with initdb and postgres. */
  directory: string;
  major: number;
  /** As `postgres --version` says: `15.18`. */
  version: string;
  hasDump: boolean;
  hasPsql: boolean;
}

/** Where packages put PostgreSQL. */
export interface InstallPlaces {
  /** Holds `<major>/bin`. */
  debian: readonly string[];
  /** Hold `postgresql@<major>/bin`. */
  homebrew: readonly string[];
}

const INSTALL_PLACES: InstallPlaces = {
  debian: ['/usr/lib/postgresql'],
  homebrew: ['/opt/homebrew/opt', '/usr/local/opt', '/home/linuxbrew/.linuxbrew/opt'],
};

export interface BinariesQuery {
  /** `auto`, `installed`, `embedded`, or an absolute folder. */
  choice: string;
  /** The PATH to look through. */
  pathVariable: string;
  /** Folder whose node_modules may hold the npm binaries. */
  packageRoot: string;
  /** The major of an existing data directory: binaries of it go before all others, since only they can run it. */
  major?: number | undefined;
  places?: InstallPlaces;
}

/**
 * PostgreSQL's programs: the folder the settings name, else installed ones (PATH, pg_config, Debian's and Homebrew's places),
 * those with pg_dump beside them first, else the npm package's. Throws `binaries-missing` with every place looked at.
 */
export function findBinaries(query: BinariesQuery): Binaries {
  const { choice, major } = query;
  const looked: string[] = [];
  if (isAbsolute(choice)) {
    const found = inspect(choice, 'settings', looked);
    if (found !== undefined) return found;
    throw missing(query, looked);
  }
  // A major newer than those this project knows is for where there is no other.
  const fits = (found: Binaries): boolean =>
    major === undefined ? found.major <= NEWEST_MAJOR : found.major === major;
  let best: Binaries | undefined;
  for (const [directory, source] of places(query, looked)) {
    const found = inspect(directory, source, looked);
    if (found === undefined) continue;
    if (fits(found) && found.hasDump) return found;
    // Where none fits the first one is as good as any: the data directory's check explains.
    if (best === undefined || (fits(found) && !fits(best))) best = found;
    // The npm package is only for where nothing is installed that will do.
    if (source === 'npm') break;
  }
  if (best !== undefined) return best;
  throw missing(query, looked);
}

/** Folders worth looking into, best first; a later one costs nothing when an earlier one will do. */
function* places(query: BinariesQuery, looked: string[]): Generator<[string, Binaries['source']]> {
  const { choice, packageRoot } = query;
  if (choice !== 'embedded') yield* installed(query, looked);
  if (choice === 'installed') return;
  const directory = npmBinaries(packageRoot);
  if (directory === undefined) looked.push(`npm package ${npmPackageName()}: not installed below ${packageRoot}`);
  else yield [directory, 'npm'];
}

function* installed(query: BinariesQuery, looked: string[]): Generator<[string, Binaries['source']]> {
  const path = query.pathVariable.split(delimiter).filter((folder) => folder !== '');
  const { debian, homebrew } = query.places ?? INSTALL_PLACES;
  const seen = new Set<string>();
  const fresh = (folder: string): boolean => !seen.has(folder) && seen.add(folder) !== undefined;
  for (const folder of path.filter((entry) => isExecutable(join(entry, 'postgres')))) {
    // /usr/local/bin/postgres may be a link into a folder that holds the rest.
    const real = dirname(realpathSync(join(folder, 'postgres')));
    if (fresh(real)) yield [real, 'path'];
  }
  if (seen.size === 0) looked.push('PATH: no postgres');
  const config = path.map((folder) => join(folder, 'pg_config')).find(isExecutable);
  const configured = config === undefined ? undefined : bindirOf(config);
  if (config === undefined || configured === undefined) looked.push('pg_config: none on PATH');
  else if (fresh(configured)) yield [configured, 'pg_config'];
  for (const folder of debian) {
    if (!existsSync(folder)) looked.push(`${folder}: does not exist`);
    for (const major of majorsBelow(folder, /^(\d+)$/)) {
      const bin = join(folder, major, 'bin');
      if (fresh(bin)) yield [bin, 'debian'];
    }
  }
  for (const folder of homebrew) {
    for (const keg of majorsBelow(folder, /^postgresql(?:@(\d+))?$/)) {
      const bin = join(folder, keg, 'bin');
      if (fresh(bin)) yield [bin, 'homebrew'];
    }
  }
}

/** Names in a folder that carry a major version, newest first. */
function majorsBelow(folder: string, pattern: RegExp): string[] {
  if (!existsSync(folder)) return [];
  const major = (name: string): number => Number(pattern.exec(name)?.[1] ?? 0);
  return readdirSync(folder)
    .filter((name) => pattern.test(name))
    .sort((a, b) => major(b) - major(a));
}

function bindirOf(program: string): string | undefined {
  const printed = ask(program, ['--bindir']);
  return printed === '' ? undefined : printed;
}

function inspect(directory: string, source: Binaries['source'], looked: string[]): Binaries | undefined {
  const has = (program: string): boolean => isExecutable(join(directory, program));
  const absent = ['initdb', 'postgres'].filter((program) => !has(program));
  if (absent.length > 0) {
    looked.push(`${directory}: no ${absent.join(' and no ')}`);
    return undefined;
  }
  const said = versionOf(join(directory, 'postgres'));
  if (said.version === undefined) {
    looked.push(`${directory}: ${said.problem}`);
    return undefined;
  }
  const { version } = said;
  const major = Number.parseInt(version, 10);
  if (major < OLDEST_MAJOR) {
    looked.push(`${directory}: PostgreSQL ${version}, expected ${OLDEST_MAJOR} or later`);
    return undefined;
  }
  return { source, directory, major, version, hasDump: has('pg_dump'), hasPsql: has('psql') };
}

type Version = { version: string; problem?: never } | { version?: never; problem: string };

/** Starting a program costs 15 ms, and one process asks several times. */
const versions = new Map<string, Version>();

function versionOf(program: string): Version {
  const { mtimeMs, size } = statSync(program);
  const key = `${program} ${mtimeMs} ${size}`;
  const known = versions.get(key);
  if (known !== undefined) return known;
  const version = askVersion(program);
  versions.set(key, version);
  return version;
}

function askVersion(program: string): Version {
  let printed: string;
  try {
    printed = execFileSync(program, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    return { problem: `postgres cannot be run: ${(error as Error).message.trim().split('\n').at(-1) ?? ''}` };
  }
  // postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1), also 18beta2, 19devel
  const version = /\(PostgreSQL\) (\d+[.\w]*)/.exec(printed)?.[1];
  return version === undefined ? { problem: `postgres --version said ${printed.trim()}` } : { version };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function missing({ choice }: BinariesQuery, looked: readonly string[]): PlatformError {
  const what = isAbsolute(choice) ? `No usable PostgreSQL is in ${choice}` : 'No PostgreSQL was found';
  return new PlatformError(
    'binaries-missing',
    `${what} (coach:server.binaries is ${choice}). Looked at:\n  ${looked.join('\n  ')}`,
    `Install PostgreSQL ${OLDEST_MAJOR} to ${NEWEST_MAJOR}: Debian and Ubuntu \`apt-get install postgresql\`, macOS ` +
      `\`brew install postgresql@${NEWEST_MAJOR}\`, or any other way and name its folder in coach:server.binaries. Or bring ` +
      'the npm binaries with `npm ci` (without --omit=optional) and set coach:server.binaries to auto.',
    { kind: 'usage', object: choice },
  );
}

/** Client programs, none of which the npm binaries bring. */
export type Tool = 'pg_dump' | 'pg_dumpall' | 'pg_restore' | 'psql' | 'pgbench' | 'pg_basebackup' | 'pg_upgrade';

/** The path of one of PostgreSQL's client programs, or an error that says which package brings it. */
export function requireTool(binaries: Binaries, tool: Tool): string {
  const path = join(binaries.directory, tool);
  if (isExecutable(path)) return path;
  const { major, directory, source } = binaries;
  const server = tool === 'pgbench' || tool === 'pg_upgrade';
  const reason = source === 'npm' ? ': the npm binaries bring the server only' : '';
  throw new PlatformError(
    'tool-missing',
    `${tool} is not beside the PostgreSQL ${major} that runs here (${directory})${reason}.`,
    `Install PostgreSQL ${major}’s ${server ? 'server' : 'client'} programs: Debian and Ubuntu \`apt-get install ` +
      `postgresql-${server ? '' : 'client-'}${major}\`, macOS \`brew install postgresql@${major}\`.`,
    { object: tool },
  );
}
