import { createHmac, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { writeAtomically } from '../../system/atomicFile';

/**
 * Deriving a state's key from the passphrase takes half a second of a processor, by design. Where the passphrase is a random one that lies in a
 * file of this machine, its key may lie beside it, in a file of the same mode: it opens less than the passphrase does. It is never
 * cached for a passphrase that somebody chose or gave in a variable.
 */
export class KeyCache {
  constructor(private readonly path: string) {}

  /** The key cached for that passphrase and salt; undefined: none, or for others, or damaged. */
  read(passphrase: string, salt: Buffer): Buffer | undefined {
    const found = this.derived(passphrase);
    return found?.salt.equals(salt) === true ? found.key : undefined;
  }

  /** The key cached for that passphrase with its salt, for a state that has no salt yet. */
  derived(passphrase: string): { salt: Buffer; key: Buffer } | undefined {
    let found: { salt?: unknown; key?: unknown; proof?: unknown } | null;
    try {
      found = JSON.parse(readFileSync(this.path, 'utf8')) as typeof found;
    } catch {
      return undefined;
    }
    const [salt, key, proof] = [found?.salt, found?.key, found?.proof].map((text) =>
      Buffer.from(typeof text === 'string' ? text : '', 'base64'),
    ) as [Buffer, Buffer, Buffer];
    const expected = proofOf(key, passphrase, salt);
    return proof.length === expected.length && timingSafeEqual(proof, expected) ? { salt, key } : undefined;
  }

  /** A folder that cannot be written costs time at the next command, nothing else. */
  write(passphrase: string, salt: Buffer, key: Buffer): void {
    const proof = proofOf(key, passphrase, salt).toString('base64');
    const record = { salt: salt.toString('base64'), key: key.toString('base64'), proof };
    try {
      writeAtomically(this.path, `${JSON.stringify(record)}\n`);
    } catch {
      return;
    }
  }
}

/** Ties the key to the passphrase it was derived from, so that a changed passphrase does not go unnoticed. */
function proofOf(key: Buffer, passphrase: string, salt: Buffer): Buffer {
  return createHmac('sha256', key).update(salt).update(passphrase, 'utf8').digest();
}
