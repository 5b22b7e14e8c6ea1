import type { Properties } from '../provider';
import { text } from './attributes';

/** NAMEDATALEN - 1: PostgreSQL cuts longer names off without an error. */
const MAX_BYTES = 63;

/** What is wrong with the names in these properties, as PostgreSQL would store them. Missing ones are fine. */
export function nameProblems(inputs: Properties, keys: readonly string[]): { property: string; reason: string }[] {
  return keys.flatMap((property) => {
    const name = text(inputs, property, 'x');
    const reason = nameProblem(name);
    return reason === undefined ? [] : [{ property, reason }];
  });
}

export function nameProblem(name: string): string | undefined {
  if (name === '') return 'is empty, expected a name';
  if (name.includes('\0')) return `is ${JSON.stringify(name)}: a name cannot hold NUL`;
  const bytes = Buffer.byteLength(name);
  if (bytes <= MAX_BYTES) return undefined;
  return `is ${bytes} bytes long (${name}): PostgreSQL keeps ${MAX_BYTES} bytes of a name and would cut it off`;
}
