import { createHash } from 'node:crypto';
import {
  closeSync,
  copyFileSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { PlatformError } from '../../postgres/errors';
import type { Crypter } from './passphrase';
import { decodeProperties, encodeProperties } from './properties';
import type { ResourceState } from './resource';
import { validateResources } from './validate';

/** A checkpoint file's JSON, as far as it is looked into; everything else survives a round trip. */
export interface CheckpointFile {
  version: number;
  checkpoint: {
    stack: string;
    latest?: {
      manifest: { time: string; magic: string; version: string; [key: string]: unknown };
      secrets_providers?: { type: string; state?: { salt?: string } };
      resources?: Record<string, unknown>[];
      pending_operations?: { resource: Record<string, unknown>; type: string }[];
      metadata?: Record<string, unknown>;
      [key: string]: unknown;
    };
    [key: string]: unknown;
  };
  [key: string]: unknown;
}

const DEPLOYMENT_VERSION = 3;

/** The stack's checkpoint, or undefined when it has none. A damaged one is copied aside and refused; it is never overwritten. */
export function readCheckpoint(path: string): CheckpointFile | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return parse(text);
  } catch (error) {
    const aside = `${path}.corrupt-${createHash('sha256').update(text).digest('hex').slice(0, 8)}`;
    copyFileSync(path, aside);
    throw new PlatformError(
      'checkpoint-corrupted',
      `The state ${path} is damaged: ${error instanceof Error ? error.message : String(error)}`,
      `It was left as it is and copied to ${basename(aside)}. If ${basename(path)}.bak beside it is good (it is the state before ` +
        'the last write), copy it over the damaged file and run `npm run up`, which brings it up to date.',
      { object: path, cause: error },
    );
  }
}

function parse(text: string): CheckpointFile {
  const file = JSON.parse(text) as CheckpointFile | null;
  if (typeof file !== 'object' || file === null) throw new Error('it is not a JSON object.');
  if (file.version !== DEPLOYMENT_VERSION)
    throw new Error(`its version is ${String(file.version)}, expected ${DEPLOYMENT_VERSION}.`);
  const checkpoint = file.checkpoint as CheckpointFile['checkpoint'] | undefined;
  if (typeof checkpoint !== 'object') throw new Error('it has no checkpoint.');
  const latest = checkpoint.latest;
  if (latest === undefined) return file;
  if (typeof latest.manifest !== 'object') throw new Error('its manifest is missing.');
  validateResources(latest.resources ?? []);
  return file;
}

/** An empty one for a new stack. */
export function newCheckpoint(stack: string, project: string, salt: string): CheckpointFile {
  return {
    version: DEPLOYMENT_VERSION,
    checkpoint: {
      stack: `organization/${project}/${stack}`,
      latest: {
        manifest: { time: '0001-01-01T00:00:00Z', magic: '', version: '' },
        secrets_providers: { type: 'passphrase', state: { salt } },
        metadata: {},
      },
    },
  };
}

/** Fields of a resource that this engine works with; all others are carried along. */
const KNOWN = [
  'urn', 'custom', 'delete', 'id', 'type', 'inputs', 'outputs', 'parent', 'protect', 'external', 'dependencies',
  'propertyDependencies', 'provider', 'additionalSecretOutputs', 'deletedWith', 'initErrors', 'pendingReplacement',
  'created', 'modified',
] as const; // prettier-ignore

export function decodeResources(file: CheckpointFile, crypter: Crypter): ResourceState[] {
  return (file.checkpoint.latest?.resources ?? []).map((raw) => {
    const rest = Object.fromEntries(Object.entries(raw).filter(([key]) => !(KNOWN as readonly string[]).includes(key)));
    const known = Object.fromEntries(Object.entries(raw).filter(([key]) => (KNOWN as readonly string[]).includes(key)));
    return {
      ...(known as unknown as ResourceState),
      dependencies: (raw['dependencies'] as string[] | undefined) ?? [],
      inputs: decodeProperties(raw['inputs'] as Record<string, unknown> | undefined, crypter),
      outputs: decodeProperties(raw['outputs'] as Record<string, unknown> | undefined, crypter),
      ...(Object.keys(rest).length > 0 ? { rest } : {}),
    };
  });
}

/** The same file with other resources, as Pulumi would write it. */
export function withResources(
  file: CheckpointFile,
  resources: readonly ResourceState[],
  crypter: Crypter,
  now: Date,
  engineVersion: string,
): CheckpointFile {
  const latest = file.checkpoint.latest;
  const encoded = resources.map((resource) => encodeResource(resource, crypter));
  return {
    ...file,
    checkpoint: {
      ...file.checkpoint,
      latest: {
        ...latest,
        manifest: {
          ...latest?.manifest,
          time: now.toISOString(),
          magic: magicOf(engineVersion),
          version: engineVersion,
        },
        secrets_providers: latest?.secrets_providers ?? { type: 'passphrase', state: { salt: crypter.state } },
        resources: encoded,
        metadata: latest?.metadata ?? {},
      },
    },
  };
}

function encodeResource(resource: ResourceState, crypter: Crypter): Record<string, unknown> {
  const { rest, inputs, outputs, dependencies, ...known } = resource;
  return {
    ...known,
    inputs: encodeProperties(inputs, crypter),
    outputs: encodeProperties(outputs, crypter),
    ...(dependencies.length > 0 ? { dependencies } : {}),
    ...rest,
  };
}

/** Pulumi's manifest check: SHA-256 of the version. */
function magicOf(version: string): string {
  return createHash('sha256').update(version).digest('hex');
}

/**
 * Writes the file so that a crash at any point leaves either the old or the new one, whole: a temporary file, flushed, then
 * renamed. The one before stays as `.bak`, as Pulumi leaves it.
 */
export function writeCheckpoint(path: string, file: CheckpointFile): void {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.new`);
  const descriptor = openSync(temporary, 'w', 0o600);
  try {
    writeSync(descriptor, `${JSON.stringify(file, null, 4)}\n`);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  keepBackup(path);
  renameSync(temporary, path);
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function keepBackup(path: string): void {
  const backup = `${path}.bak`;
  try {
    rmSync(backup, { force: true });
    linkSync(path, backup);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
