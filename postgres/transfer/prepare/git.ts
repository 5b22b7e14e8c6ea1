import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** Whether git could bring these paths back as they are. */
export type Versioned =
  | { state: 'clean' }
  /** Changed, or never committed. */
  | { state: 'changed'; paths: string[] }
  | { state: 'unknown'; reason: string };

/** What a hook tells git of its own repository. */
const REPOSITORY = /^GIT_(DIR|WORK_TREE|INDEX_FILE|PREFIX|COMMON_DIR|OBJECT_DIRECTORY|NAMESPACE)$/;

/**
 * Asks git about files and folders below an application's folder. A path that git ignores is as good as outside of any repository.
 */
export function versioned(directory: string, paths: readonly string[], environment: NodeJS.ProcessEnv): Versioned {
  if (!isInRepository(directory)) return { state: 'unknown', reason: `${directory} is in no git repository` };
  const names = paths.filter((path) => existsSync(path)).map((path) => relative(directory, path) || '.');
  const settings = { cwd: directory, env: surroundings(environment), encoding: 'utf8', maxBuffer: 2 ** 26 } as const;
  const ask = (args: string[]): SpawnSyncReturns<string> => spawnSync('git', args, settings);
  const result = ask(['status', '--porcelain=v1', '-z', '--no-renames', '--untracked-files=all', '--', ...names]);
  if (result.error !== undefined)
    return { state: 'unknown', reason: `git could not be asked: ${result.error.message}` };
  if (result.status !== 0) return { state: 'unknown', reason: `git could not say: ${firstLine(result.stderr)}` };
  const entries = result.stdout.split('\0').filter((entry) => entry !== '');
  if (entries.length > 0) return { state: 'changed', paths: entries.map((entry) => entry.slice(3)) };
  const ignored = names.find((name) => ask(['ls-files', '--', name]).stdout === '');
  return ignored === undefined
    ? { state: 'clean' }
    : { state: 'unknown', reason: `git has nothing of ${ignored}, which it ignores` };
}

function isInRepository(directory: string): boolean {
  for (let folder = directory; ; folder = dirname(folder)) {
    if (existsSync(join(folder, '.git'))) return true;
    if (dirname(folder) === folder) return false;
  }
}

function surroundings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const own = Object.entries(environment).filter(([name]) => !REPOSITORY.test(name));
  return { ...Object.fromEntries(own), GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C' };
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? '';
}
