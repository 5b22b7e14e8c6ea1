import { isAbsolute, join, relative, resolve } from 'node:path';

import { isInside } from './layout';

export interface DeclaredPaths {
  dataDirectory: string;
  logDirectory: string;
  /** In older states, whose paths are absolute: the folder of Pulumi.yaml at that time. */
  packageRoot?: string | undefined;
}

/**
 * Paths as the state holds them, for the folder of Pulumi.yaml that is there now. They are relative to it, so that a folder can be moved and
 * copied; what a setting puts elsewhere is absolute.
 */
export function pathsHere(
  root: string,
  { dataDirectory, logDirectory, packageRoot }: DeclaredPaths,
): { dataDirectory: string; logDirectory: string; packageRoot: string } {
  const here = (path: string): string =>
    packageRoot !== undefined && isInside(packageRoot, path)
      ? join(root, relative(packageRoot, path))
      : resolve(root, path);
  return { dataDirectory: here(dataDirectory), logDirectory: here(logDirectory), packageRoot: root };
}

/** A path as the state is to hold it. */
export function pathForState(root: string, path: string): string {
  return isAbsolute(path) && isInside(root, path) ? relative(root, path) : path;
}

/** The stack's folder of an older state, under the path it had then; undefined for a state that holds no absolute paths. */
export function formerHome({ logDirectory, packageRoot }: Partial<DeclaredPaths>): string | undefined {
  return packageRoot === undefined || logDirectory === undefined ? undefined : join(logDirectory, '..');
}
