import { gzipSync } from 'node:zlib';

import { writeAtomically } from '../../system/atomicFile';
import { messageOf, PlatformError } from '../../system/errors';
import { activeCheckpoint } from './backend';
import { type CheckpointFile, magicOf } from './checkpointFile';
import type { Crypter } from './passphrase';
import { pruneReferences } from './references';
import type { ResourceState } from './resource';
import { encodeResource } from './resourceJson';
import { validateResources } from './validate';

export { type CheckpointFile, newCheckpoint, type PendingOperation } from './checkpointFile';
export { readCheckpoint, readForPulumi } from './readCheckpoint';
export { decodeResources } from './resourceJson';

/**
 * The same file with other resources, as Pulumi would write it; `creating` is what is about to be made, for whoever goes on after a kill. References
 * to resources that are gone are left out.
 */
export function withResources(
  file: CheckpointFile,
  resources: readonly ResourceState[],
  crypter: Crypter,
  now: Date,
  engineVersion: string,
  creating?: ResourceState,
): CheckpointFile {
  const latest = file.checkpoint.latest ?? newLatest();
  const { manifest, secrets_providers: secrets, pending_operations: open = [], metadata } = latest;
  const begun = creating === undefined ? [] : [{ resource: encodeResource(creating, crypter), type: 'creating' }];
  const pending = [...open, ...begun];
  const encoded = pruneReferences(resources).map((resource) => encodeResource(resource, crypter));
  return {
    ...file,
    checkpoint: {
      ...file.checkpoint,
      latest: {
        manifest: { ...manifest, time: now.toISOString(), magic: magicOf(engineVersion), version: engineVersion },
        secrets_providers: secrets ?? { type: 'passphrase', state: { salt: crypter.state } },
        ...(encoded.length > 0 ? { resources: encoded } : {}),
        ...(pending.length > 0 ? { pending_operations: pending } : {}),
        metadata: metadata ?? {},
        ...unknownFields(latest),
      },
    },
  };
}

const WRITTEN_FIELDS = new Set(['manifest', 'secrets_providers', 'resources', 'pending_operations', 'metadata']);

function unknownFields(latest: Latest): Record<string, unknown> {
  return Object.fromEntries(Object.entries(latest).filter(([field]) => !WRITTEN_FIELDS.has(field)));
}

type Latest = NonNullable<CheckpointFile['checkpoint']['latest']>;

function newLatest(): Latest {
  return { manifest: { time: '', magic: '', version: '' } };
}

/**
 * Replaces the stack's checkpoint, so that a crash at any point leaves the old or the new one whole; the one before stays as
 * `.bak`, as Pulumi leaves it. A state Pulumi would refuse is not written.
 */
export function writeCheckpoint(path: string, file: CheckpointFile): void {
  try {
    validateResources(file.checkpoint.latest?.resources ?? []);
  } catch (error) {
    throw new PlatformError(
      'state-inconsistent',
      `The new state of ${file.checkpoint.stack} was not written, for Pulumi would refuse it: ${messageOf(error)}`,
      `The state before this step is kept in ${path}. Run the command again; if it fails again, use \`--engine pulumi\`.`,
      { object: path, cause: error },
    );
  }
  const text = JSON.stringify(file);
  const active = activeCheckpoint(path);
  // Compressed where Pulumi was told to compress it, so that there is one state and not two.
  const [target, content] = active?.compression === 'gzip' ? [active.path, gzipSync(text)] : [path, text];
  writeAtomically(target, content, { backup: `${target}.bak` });
}
