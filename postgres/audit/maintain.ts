import type { Client } from 'pg';

import type { AuditSpec } from '../spec';
import { trailNames } from './names';

type Place = Pick<AuditSpec, 'schema' | 'table'>;

/** What `up` and pg_cron run, too. */
export const maintainSql = (spec: Place): string => `SELECT ${trailNames(spec).fn('maintain')}()`;

/**
 * Partitions ahead, retention, indexes of closed months, the chain; safe at any time and any number of times. Returns what it did or waits for,
 * a line each. Needs the trail's owner or a superuser, as `sealChain` does.
 */
export function maintainTrail(client: Client, spec: Place): Promise<string[]> {
  return linesOf(client, maintainSql(spec));
}

/** Links everything that is final; returns what it did or waits for, a line each. */
export function sealChain(client: Client, spec: Place): Promise<string[]> {
  return linesOf(client, `SELECT ${trailNames(spec).fn('seal')}()`);
}

async function linesOf(client: Client, sql: string): Promise<string[]> {
  const { rows } = await client.query<string[]>({ text: sql, rowMode: 'array' });
  return rows.map(([line = '']) => line);
}
