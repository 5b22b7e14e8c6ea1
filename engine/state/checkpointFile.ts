import { createHash } from 'node:crypto';

/** A resource as the checkpoint's JSON holds it. */
export type RawResource = Record<string, unknown>;

/** An operation a killed Pulumi run had begun and not finished. */
export interface PendingOperation {
  resource: RawResource;
  /** `creating`, `updating`, `deleting`, `reading`, `importing`. */
  type: string;
}

/** A checkpoint file's JSON, as far as it is looked into; everything else survives a round trip. */
export interface CheckpointFile {
  version: number;
  /** Version 4 only: what a reader has to understand. */
  features?: string[];
  checkpoint: {
    stack: string;
    latest?: {
      manifest: { time: string; magic: string; version: string; [key: string]: unknown };
      secrets_providers?: { type: string; state?: { salt?: string } };
      resources?: RawResource[];
      pending_operations?: PendingOperation[];
      metadata?: Record<string, unknown>;
      [key: string]: unknown;
    };
    [key: string]: unknown;
  };
  [key: string]: unknown;
}

export const DEPLOYMENT_VERSION = 3;

/** One of a stack that has no resources yet. */
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

/** Pulumi's manifest check: SHA-256 of the version, nothing for none. */
export function magicOf(version: string): string {
  return version === '' ? '' : createHash('sha256').update(version).digest('hex');
}
