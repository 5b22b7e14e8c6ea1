import { copyFileSync, existsSync, readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { gunzipSync } from 'node:zlib';

import { PlatformError } from '../../postgres/errors';
import { activeCheckpoint, pathsOfCheckpoint, stateBackups } from './backend';
import { type CheckpointFile, DEPLOYMENT_VERSION, magicOf, messageOf } from './checkpointFile';
import { isObject, validateResources } from './validate';

/**
 * The stack's checkpoint, or undefined when it has none; also a gzip-compressed one. A damaged one is copied aside
 * (`local.json.corrupt-<time of its last change>`) and refused; it is never overwritten. One that uses features only Pulumi
 * knows is refused too.
 */
export function readCheckpoint(path: string): CheckpointFile | undefined {
  const file = readForPulumi(path);
  if (file !== undefined) refuseNewer(path, file);
  return file;
}

/** The same for a run of Pulumi, which may use every feature. */
export function readForPulumi(path: string): CheckpointFile | undefined {
  const active = activeCheckpoint(path);
  if (active === undefined) return undefined;
  if (active.compression === 'zstd') {
    throw new PlatformError(
      'checkpoint-compressed',
      `The state ${active.path} is compressed with zstd, which only Pulumi reads.`,
      'Unset PULUMI_DIY_BACKEND_ZSTD and run `pulumi refresh` once: Pulumi then writes it plain. Or use `--engine pulumi`.',
      { kind: 'refused', object: active.path },
    );
  }
  try {
    const bytes = readFileSync(active.path);
    return parseCheckpoint((active.compression === 'gzip' ? gunzipSync(bytes) : bytes).toString('utf8'));
  } catch (error) {
    throw damaged(path, active.path, error);
  }
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

/** Version 4 says that the state uses what the embedded engine does not know; only Pulumi may work on it then. */
function refuseNewer(path: string, file: CheckpointFile): void {
  const features = file.features ?? [];
  if (file.version === DEPLOYMENT_VERSION || features.length === 0) return;
  throw new PlatformError(
    'checkpoint-features',
    `The state ${path} uses features only Pulumi knows: ${features.join(', ')}.`,
    'Use `--engine pulumi` for this stack.',
    { kind: 'refused', object: path },
  );
}

function damaged(checkpoint: string, path: string, cause: unknown): PlatformError {
  const aside = `${path}.corrupt-${stamp(statSync(path).mtime)}`;
  if (!existsSync(aside)) copyFileSync(path, aside);
  return new PlatformError(
    'checkpoint-corrupted',
    `The state ${path} is damaged: ${messageOf(cause)}`,
    `It was left as it is and copied to ${basename(aside)}. ${goodCopies(checkpoint)}`,
    { object: path, cause },
  );
}

function goodCopies(checkpoint: string): string {
  const paths = pathsOfCheckpoint(checkpoint);
  const good = [paths.backup, ...stateBackups(paths)].find((copy) => isGood(copy));
  return good === undefined
    ? 'No good copy of it is left beside it or below .pulumi/backups: bring one back from a backup of .coachdb.'
    : `The newest good copy is ${good}: copy it over the damaged file and run \`npm run up\`, which brings it up to date.`;
}

function isGood(copy: string): boolean {
  try {
    parseCheckpoint(readFileSync(copy, 'utf8'));
    return true;
  } catch {
    return false;
  }
}

/** 20260131T235959Z. */
function stamp(time: Date): string {
  return time.toISOString().replace(/[-:]|\.\d+/g, '');
}
