import { execFile } from 'node:child_process';
import { accessSync, constants, mkdirSync, readFileSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { writeAtomically } from '../../system/atomicFile';

const run = promisify(execFile);
const VERSION_TIMEOUT_MS = 20_000;

export interface PulumiPlaces {
  /** The value of PATH. */
  pathVariable: string | undefined;
  /** The user's home; `.pulumi/bin` below it is where Pulumi's own installer puts the program. */
  home: string;
}

/** Pulumi's program, on PATH or below ~/.pulumi/bin; no process is started to find it. */
export function locatePulumi(places: PulumiPlaces): string | undefined {
  const folders = (places.pathVariable ?? '').split(delimiter).filter((folder) => folder !== '');
  const name = process.platform === 'win32' ? 'pulumi.exe' : 'pulumi';
  return [...folders, pulumiFolder(places.home)].map((folder) => join(folder, name)).find(isProgram);
}

export function pulumiFolder(home: string): string {
  return join(home, '.pulumi', 'bin');
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

interface KnownVersion {
  path: string;
  changedAtMs: number;
  size: number;
  version: string;
}

/**
 * The program's version without its `v`, or undefined when it does not say one. Asking takes a few tenths of a second, so the
 * answer is kept in `cacheFile` for as long as the program's file stays the same.
 */
export async function pulumiVersion(program: string, cacheFile: string): Promise<string | undefined> {
  const { mtimeMs: changedAtMs, size } = statSync(program);
  const known = readKnown(cacheFile);
  if (known?.path === program && known.changedAtMs === changedAtMs && known.size === size) return known.version;
  let answer: string;
  try {
    const environment = { ...process.env, PULUMI_SKIP_UPDATE_CHECK: 'true' };
    answer = (await run(program, ['version'], { env: environment, timeout: VERSION_TIMEOUT_MS })).stdout;
  } catch {
    return undefined;
  }
  const version = /^v?(\d+\.\d+\.\d+\S*)/.exec(answer.trim())?.[1];
  if (version === undefined) return undefined;
  mkdirSync(dirname(cacheFile), { recursive: true });
  writeAtomically(cacheFile, JSON.stringify({ path: program, changedAtMs, size, version } satisfies KnownVersion));
  return version;
}

function readKnown(cacheFile: string): KnownVersion | undefined {
  try {
    return JSON.parse(readFileSync(cacheFile, 'utf8')) as KnownVersion;
  } catch {
    return undefined;
  }
}
