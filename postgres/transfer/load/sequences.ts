import type { Client } from 'pg';

import { quoteIdentifier } from '../../connection/quote';
import type { TablePlan } from '../plan';

/** A sequence and the number it gives next. */
export interface NextNumber {
  table: string;
  sequence: string;
  next: bigint;
}

/**
 * Sets each sequence behind the highest number loaded and the highest that SQLite ever gave out, so that no id is used again; of an empty table to
 * its beginning. By ALTER SEQUENCE, which a rollback takes back, as it does not with setval().
 */
export async function setSequences(client: Client, plans: readonly TablePlan[]): Promise<NextNumber[]> {
  const set: NextNumber[] = [];
  for (const { source, target, columns } of plans) {
    for (const { name, sequence } of target.columns) {
      if (sequence === null) continue;
      const { rows } = await client.query<{ highest: string | null; start: string; step: string; most: string }>(
        `SELECT (SELECT max(t.${quoteIdentifier(name)})::text FROM ${target.qualified} AS t) AS highest, s.seqstart::text AS start, s.seqincrement::text AS step, s.seqmax::text AS most
           FROM pg_sequence AS s WHERE s.seqrelid = $1::regclass`,
        [sequence],
      );
      const [found] = rows;
      if (found === undefined || BigInt(found.step) < 0n) continue;
      // SQLite's own count is of the column that is the row's number.
      const isCounted = columns.some(
        (column) => column.target.name === name && source.primaryKey.join() === column.source,
      );
      const last = [found.highest === null ? undefined : BigInt(found.highest), isCounted ? source.sequence : undefined]
        .filter((value) => value !== undefined)
        .reduce<bigint | undefined>(
          (highest, value) => (highest === undefined || value > highest ? value : highest),
          undefined,
        );
      const start = BigInt(found.start);
      const most = BigInt(found.most);
      const after = last === undefined || last < start ? start : last + 1n;
      // The highest id of all is taken: the next insert says so.
      const next = after > most ? most : after;
      await client.query(`ALTER SEQUENCE ${sequence} RESTART WITH ${next}`);
      set.push({ table: target.name, sequence, next });
    }
  }
  return set;
}
