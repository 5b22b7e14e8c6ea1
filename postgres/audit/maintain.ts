import type { Client } from 'pg';

import { trailNames, type TrailRef } from './names';

/** What `up` and pg_cron run, too. */
export const maintainSql = (spec: TrailRef): string => `SELECT ${trailNames(spec).fn('maintain')}()`;

/**
 * Partitions ahead, retention, indexes of closed months, the chain; safe at any time and any number of times. Returns what it did or waits for,
 * a line each. Needs the trail's owner or a superuser.
 */
export async function maintainTrail(client: Client, spec: TrailRef): Promise<string[]> {
  const { rows } = await client.query<string[]>({ text: maintainSql(spec), rowMode: 'array' });
  return rows.map(([line = '']) => line);
}
