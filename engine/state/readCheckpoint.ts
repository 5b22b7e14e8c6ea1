import { copyFileSync, existsSync, readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { gunzipSync } from 'node:zlib';

import { messageOf, PlatformError } from '../../system/errors';
import { isObject } from '../../system/isObject';
import { activeCheckpoint, pathsOfCheckpoint, stateBackups } from './backend';
import { type CheckpointFile, DEPLOYMENT_VERSION, magicOf } from './checkpointFile';
import { validateResources } from './validate';

/**
 * The stack's checkpoint, or undefined when it has none; also a gzip-compressed one. A damaged one is copied aside
 * (`local.json.corrupt-<time of its last change>`) and refused; it is never overwritten. One that only Pulumi can work on is
 * refused too: see `readForPulumi`.
 */
export function readCheckpoint(path: string): CheckpointFile | undefined {
  const found = load(path);
  if (found instanceof PlatformError) throw found;
  return found;
}

/** The same for a run of Pulumi, which needs nobody to read its own: undefined also for one that only Pulumi can work on. */
export function readForPulumi(path: string): CheckpointFile | undefined {
  const found = load(path);
  return found instanceof PlatformError ? undefined : found;
}

/** A PlatformError: the state is whole as far as can be told, but zstd, a later version or its features are Pulumi's alone. */
function load(path: string): CheckpointFile | PlatformError | undefined {
  const active = activeCheckpoint(path);
  if (active === undefined) return undefined;
  if (active.compression === 'zstd')
    return pulumisAlone(active.path, 'checkpoint-compressed', 'is compressed with zstd');
  try {
    const text = textOf(active.path);
    const version = versionOf(text);
    if (version !== undefined && version !== 4 && version !== DEPLOYMENT_VERSION) {
      const what = `has the version ${version}, written by ${version > 4 ? 'a later' : 'an earlier'} Pulumi than this program knows (3 and 4)`;
      return pulumisAlone(active.path, 'checkpoint-version', what);
    }
    const file = parseCheckpoint(text);
    const features = file.version === DEPLOYMENT_VERSION ? [] : (file.features ?? []);
    if (features.length === 0) return file;
    return pulumisAlone(active.path, 'checkpoint-features', `uses features only Pulumi knows: ${features.join(', ')}`);
  } catch (error) {
    throw damaged(path, active.path, error);
  }
}

function pulumisAlone(path: string, code: string, what: string): PlatformError {
  return new PlatformError(
    code,
    `The state ${path} ${what}. It was left as it is.`,
    'Run this command with `--engine pulumi`, by a Pulumi not older than the one that wrote it.',
    { kind: 'refused', object: path },
  );
}

function versionOf(text: string): number | undefined {
  try {
    const version: unknown = (JSON.parse(text) as { version?: unknown } | null)?.version;
    return Number.isInteger(version) ? (version as number) : undefined;
  } catch {
    return undefined;
  }
}

function textOf(path: string): string {
  const bytes = readFileSync(path);
  return (/\.gz(\.bak)?$/.test(path) ? gunzipSync(bytes) : bytes).toString('utf8');
}

/** A checkpoint's text, checked as Pulumi checks it. Throws an Error that says what is wrong with it. */
export function parseCheckpoint(text: string): CheckpointFile {
  if (text.trim() === '') throw new Error('it is empty.');
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch (error) {
    throw new Error(`it is not JSON, or cut off: ${messageOf(error)}.`, { cause: error });
  }
  if (!isObject(file)) throw new Error('it is not a JSON object.');
  const { version, checkpoint } = file;
  if (version !== 4 && version !== DEPLOYMENT_VERSION) {
    throw new Error(`its version is ${JSON.stringify(version) ?? 'missing'}, expected ${DEPLOYMENT_VERSION}.`);
  }
  if (!isObject(checkpoint)) throw new Error('it has no checkpoint.');
  if (typeof checkpoint['stack'] !== 'string') throw new Error('it does not name its stack.');
  const { latest } = checkpoint;
  if (latest !== undefined && latest !== null) checkLatest(latest);
  else delete checkpoint['latest'];
  return file as CheckpointFile;
}

function checkLatest(latest: unknown): void {
  if (!isObject(latest)) throw new Error('its deployment is not an object.');
  const { manifest, resources, pending_operations: pending } = latest;
  if (!isObject(manifest)) throw new Error('its manifest is missing.');
  const version = typeof manifest['version'] === 'string' ? manifest['version'] : '';
  if ((manifest['magic'] ?? '') !== magicOf(version)) throw new Error('its manifest does not match its version.');
  if (resources !== undefined && resources !== null && !Array.isArray(resources))
    throw new Error('its resources are no list.');
  validateResources(Array.isArray(resources) ? resources : []);
  for (const [at, operation] of (Array.isArray(pending) ? pending : []).entries()) {
    const entry: unknown = operation;
    if (!isObject(entry) || !isObject(entry['resource']) || typeof entry['resource']['urn'] !== 'string') {
      throw new Error(`its pending operation ${at + 1} names no resource.`);
    }
  }
}

function damaged(checkpoint: string, path: string, cause: unknown): PlatformError {
  const aside = `${path}.corrupt-${stamp(statSync(path).mtime)}`;
  if (!existsSync(aside)) copyFileSync(path, aside);
  return new PlatformError(
    'checkpoint-corrupted',
    `The state ${path} is damaged: ${messageOf(cause)}`,
    `It was left as it is and copied to ${basename(aside)}. ${goodCopies(checkpoint, path)}`,
    { object: path, cause },
  );
}

function goodCopies(checkpoint: string, path: string): string {
  const paths = pathsOfCheckpoint(checkpoint);
  const good = [`${path}.bak`, ...stateBackups(paths)].find((copy) => isGood(copy));
  return good === undefined
    ? 'No good copy of it is left beside it or below .pulumi/backups: bring one back from a backup of .coachdb.'
    : `The newest good copy is ${good}: copy it over the damaged file and run \`npm run up\`, which brings it up to date.`;
}

function isGood(copy: string): boolean {
  try {
    parseCheckpoint(textOf(copy));
    return true;
  } catch {
    return false;
  }
}

/** 20260131T235959Z. */
function stamp(time: Date): string {
  return time.toISOString().replace(/[-:]|\.\d+/g, '');
}
