import type { Client } from 'pg';

import { quoteIdentifier } from '../connection/quote';
import type { SchemaSpec } from '../spec';
import { converge } from '../steps/converge';
import { type Step, step } from '../steps/step';

/** Owners of the schemas among `names` that exist. */
export async function readSchemas(client: Client, names: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await client.query<{ name: string; owner: string }>(
    `SELECT nspname AS name, pg_catalog.pg_get_userbyid(nspowner)::text AS owner FROM pg_catalog.pg_namespace WHERE nspname = ANY ($1)`,
    [names],
  );
  return new Map(rows.map(({ name, owner }) => [name, owner]));
}

/** Missing schemas are made, others handed to their owner. None is ever dropped. `actual` has owners by name. */
export function planSchemas(wanted: readonly SchemaSpec[], actual: ReadonlyMap<string, string>): Step[] {
  return wanted.flatMap(({ name, owner }): Step[] => {
    const now = actual.get(name);
    if (now === owner) return [];
    const [schema, role] = [quoteIdentifier(name), quoteIdentifier(owner)];
    return now === undefined
      ? [step(`create schema ${name}, owner ${owner}`, `CREATE SCHEMA ${schema} AUTHORIZATION ${role}`)]
      : [step(`schema ${name}: owner ${now} -> ${owner}`, `ALTER SCHEMA ${schema} OWNER TO ${role}`)];
  });
}

export async function schemaSteps(client: Client, wanted: readonly SchemaSpec[]): Promise<Step[]> {
  const names = wanted.map(({ name }) => name);
  return planSchemas(wanted, await readSchemas(client, names));
}

export function applySchemas(client: Client, wanted: readonly SchemaSpec[]): Promise<readonly Step[]> {
  return converge(client, () => schemaSteps(client, wanted), 'Declaring schemas', wanted[0]?.name ?? '');
}
