import type { Client } from 'pg';

import { quoteIdentifier, quoteLiteral } from '../connection/quote';
import { SqlState, stateOf } from '../connection/sqlstate';
import { PlatformError } from '../errors';
import type { ExtensionSpec } from '../spec';
import { nearest } from '../tuning/nearest';

export interface ExtensionState {
  name: string;
  schema: string;
  version: string;
}

export async function readExtension(client: Client, name: string): Promise<ExtensionState | undefined> {
  const { rows } = await client.query<ExtensionState>(
    `SELECT extname AS name, nspname AS schema, extversion AS version FROM pg_catalog.pg_extension e
     JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE extname = $1`,
    [name],
  );
  return rows[0];
}

/** Installs the extension, or moves an installed one to the wanted version and schema. An unknown one is named with the nearest. */
export async function ensureExtension(client: Client, wanted: ExtensionSpec, cascade = false): Promise<void> {
  const name = quoteIdentifier(wanted.name);
  const actual = await readExtension(client, wanted.name);
  if (actual === undefined) {
    const schema = wanted.schema === undefined ? '' : ` SCHEMA ${quoteIdentifier(wanted.schema)}`;
    const version = wanted.version === undefined ? '' : ` VERSION ${quoteLiteral(wanted.version)}`;
    try {
      await client.query(`CREATE EXTENSION IF NOT EXISTS ${name}${schema}${version}${cascade ? ' CASCADE' : ''}`);
    } catch (error) {
      throw await explain(client, wanted, error);
    }
    return;
  }
  if (wanted.version !== undefined && wanted.version !== actual.version) {
    await client.query(`ALTER EXTENSION ${name} UPDATE TO ${quoteLiteral(wanted.version)}`);
  }
  if (wanted.schema !== undefined && wanted.schema !== actual.schema) {
    await client.query(`ALTER EXTENSION ${name} SET SCHEMA ${quoteIdentifier(wanted.schema)}`);
  }
}

export async function dropExtension(client: Client, name: string, cascade: boolean): Promise<void> {
  await client.query(`DROP EXTENSION IF EXISTS ${quoteIdentifier(name)}${cascade ? ' CASCADE' : ''}`);
}

const UNAVAILABLE: readonly (string | undefined)[] = [SqlState.featureNotSupported, SqlState.undefinedFile];

async function explain(client: Client, wanted: ExtensionSpec, error: unknown): Promise<unknown> {
  if (!UNAVAILABLE.includes(stateOf(error))) return error;
  const { rows } = await client.query<{ name: string; installed: boolean }>(
    'SELECT name, true AS installed FROM pg_catalog.pg_available_extensions ORDER BY name',
  );
  const names = rows.map(({ name }) => name);
  if (names.includes(wanted.name)) return error;
  const guess = nearest(wanted.name, names);
  return new PlatformError(
    'extension-unavailable',
    `Extension ${wanted.name} is not available on this server${guess === undefined ? '' : `; did you mean ${guess}?`}`,
    `Install the package that brings it (Debian and Ubuntu: \`apt-get install postgresql-contrib\` or postgresql-MAJOR-${wanted.name}), ` +
      `or take it out of coach:extensions. Available: ${names.join(', ')}.`,
    { object: wanted.name, cause: error },
  );
}
