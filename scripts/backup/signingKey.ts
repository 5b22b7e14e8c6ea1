import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';

import { PlatformError, systemReason } from '../../system/errors';
import type { Stack } from '../stack';

/** What signs and proves a stack's manifests; undefined where the settings name none. Throws `signing-key`. */
export function signingKey({ settings, workspace }: Stack): Buffer | undefined {
  const { signingKeyFile } = settings.backup;
  return signingKeyFile === undefined ? undefined : readKey(resolve(workspace.root, signingKeyFile));
}

/** Shorter keys can be guessed. */
const KEY_BYTES = 32;

function readKey(path: string): Buffer {
  const refuse = (reason: string): PlatformError =>
    new PlatformError(
      'signing-key',
      `The key that signs backups, ${path}, cannot be used: ${reason}.`,
      `Make one: \`head -c 32 /dev/urandom | base64 > ${path} && chmod 600 ${path}\`, and keep a copy where the backups are not.`,
      { kind: 'usage', object: path },
    );
  let key: Buffer;
  try {
    key = readFileSync(path);
    if ((statSync(path).mode & 0o077) !== 0) throw refuse('others than its owner may read it (chmod 600)');
  } catch (error) {
    throw error instanceof PlatformError ? error : refuse(systemReason(error));
  }
  if (key.length < KEY_BYTES) throw refuse(`it has ${key.length} bytes, expected ${KEY_BYTES} or more`);
  return key;
}
