import { createHash } from 'node:crypto';

import type { QualifiedName } from './description';

/** NAMEDATALEN - 1. */
export const LONGEST_NAME = 63;

export function nameBytes(name: string): number {
  return Buffer.byteLength(name, 'utf8');
}

function digest(...parts: string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 8);
}

/** `base` cut at a character's end so that with `suffix` it fits PostgreSQL's 63 bytes. */
function fit(base: string, suffix: string): string {
  let room = LONGEST_NAME - nameBytes(suffix);
  let text = '';
  for (const character of base) {
    room -= nameBytes(character);
    if (room < 0) break;
    text += character;
  }
  return text + suffix;
}

/** Where the successor of an index is built. Derived from the name alone, so that the next run finds what a killed one left. */
export function temporaryName(index: QualifiedName): string {
  return fit(index.name, `_new_${digest(index.schema, index.name)}`);
}

/** What the old index is called from the swap until it is dropped. */
export function retiredName(index: QualifiedName): string {
  return fit(index.name, `_old_${digest(index.schema, index.name)}`);
}
