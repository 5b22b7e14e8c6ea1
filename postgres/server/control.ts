import { closeSync, openSync, readSync } from 'node:fs';
import { endianness } from 'node:os';
import { join } from 'node:path';

import { codeOf } from '../../system/errors';

/** What PostgreSQL's control file says of a data directory. */
export interface ControlFile {
  /** PostgreSQL's system identifier, made by initdb and the same in every copy: the identity of the server. */
  identity: string;
  /** Shut down as it should be: no change is left in WAL alone. */
  isClean: boolean;
}

/** DBState of src/include/catalog/pg_control.h: shut down, and shut down while it was a standby. */
const CLEAN_STATES: readonly number[] = [1, 2];
const LENGTH = 20;

/**
 * Reads global/pg_control itself, since npm's binaries come without pg_controldata. It begins, in the machine's byte order, with the system
 * identifier (8 bytes), its own version and the catalog's (4 each) and the state (4), in every major since 8.3. Undefined where there is
 * none, or where it is of another machine.
 */
export function readControlFile(dataDirectory: string): ControlFile | undefined {
  const bytes = Buffer.alloc(LENGTH);
  let descriptor: number;
  try {
    descriptor = openSync(join(dataDirectory, 'global', 'pg_control'), 'r');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(codeOf(error) ?? '')) return undefined;
    throw error;
  }
  try {
    if (readSync(descriptor, bytes, 0, LENGTH, 0) < LENGTH) return undefined;
  } finally {
    closeSync(descriptor);
  }
  const little = endianness() === 'LE';
  const int = (at: number): number => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  const version = int(8);
  if (version < 800 || version > 10_000) return undefined;
  const identity = little ? bytes.readBigUInt64LE(0) : bytes.readBigUInt64BE(0);
  return { identity: String(identity), isClean: CLEAN_STATES.includes(int(16)) };
}
