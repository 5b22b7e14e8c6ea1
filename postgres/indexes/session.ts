import type { Client } from 'pg';

import { messageOf, PlatformError } from '../../system/errors';
import { quoteIdentifier } from '../connection/quote';

/** Session settings by name; times in ms. */
export type SessionSettings = Record<string, string | number>;

/**
 * Sets the given server parameters for the session while `work` runs and puts the previous values back, also after an error. A session
 * level SET, since CREATE INDEX CONCURRENTLY runs outside any transaction; so this needs a connection of its own, no pooler.
 */
export async function withSettings<T>(client: Client, settings: SessionSettings, work: () => Promise<T>): Promise<T> {
  const names = Object.keys(settings);
  const previous = await client.query<{ name: string; value: string }>(
    'SELECT name, current_setting(name) AS value FROM unnest($1::text[]) AS name',
    [names],
  );
  try {
    await set(
      client,
      names,
      names.map((name) => String(settings[name])),
    );
    return await work();
  } finally {
    const { rows } = previous;
    // A broken connection has nothing to put back, and its own error is the one to report.
    await set(
      client,
      rows.map((row) => row.name),
      rows.map((row) => row.value),
    ).catch(() => undefined);
  }
}

async function set(client: Client, names: string[], values: string[]): Promise<void> {
  await client.query(
    'SELECT set_config(name, value, false) FROM unnest($1::text[], $2::text[]) AS setting (name, value)',
    [names, values],
  );
}

/** Runs `work` as `role` (SET ROLE), or as the login role where none is given. */
export async function withRole<T>(client: Client, role: string | undefined, work: () => Promise<T>): Promise<T> {
  if (role === undefined) return work();
  try {
    await client.query(`SET ROLE ${quoteIdentifier(role)}`);
  } catch (error) {
    throw new PlatformError(
      'role-refused',
      `Cannot become role ${role}, which the index belongs to: ${messageOf(error)}`,
      `Connect as a member of ${role}, or create it: \`npm run up\` makes the declared roles and memberships.`,
      { object: role, cause: error },
    );
  }
  try {
    return await work();
  } finally {
    await client.query('RESET ROLE').catch(() => undefined);
  }
}

/**
 * Where names inside expressions, predicates, operator classes and collations are looked up: the table's own schema, then public.
 * The temporary schema comes last, so that nothing in it can stand in for a real object.
 */
export function searchPathOf(schema: string): string {
  return `${quoteIdentifier(schema)}, public, pg_temp`;
}

/** Nothing but pg_catalog: everything else is printed with its schema, whoever asks. */
export const CATALOG_ONLY = 'pg_catalog';

/**
 * For reading the catalog. The queries' joins stand in a good order already, and the search for a better one, or compiling them, takes
 * longer than running them (measured: 6 ms instead of 11 for one index).
 */
export const CATALOG_SETTINGS = {
  search_path: CATALOG_ONLY,
  jit: 'off',
  join_collapse_limit: 1,
  from_collapse_limit: 1,
} as const;
