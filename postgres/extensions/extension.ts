import type { Client } from 'pg';

import { codeOf, PlatformError } from '../../system/errors';
import { quoteIdentifier, quoteLiteral } from '../connection/quote';
import { SqlState } from '../connection/sqlstate';
import type { ExtensionSpec } from '../spec';
import { statementFailure } from '../steps/failure';
import { whileContended } from '../steps/retry';
import { type Step, step } from '../steps/step';
import { unavailable } from './available';

/** An extension as it is installed. */
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

/** Version and schema only where they are declared; otherwise the server's default stands. `cascade` installs what it needs as well. */
export function planExtension(wanted: ExtensionSpec, actual: ExtensionState | undefined, cascade = false): Step[] {
  const { version, schema } = wanted;
  const name = quoteIdentifier(wanted.name);
  if (actual === undefined) {
    const where = schema === undefined ? '' : ` SCHEMA ${quoteIdentifier(schema)}`;
    const which = version === undefined ? '' : ` VERSION ${quoteLiteral(version)}`;
    return [
      step(
        `create extension ${wanted.name}`,
        `CREATE EXTENSION IF NOT EXISTS ${name}${where}${which}${cascade ? ' CASCADE' : ''}`,
      ),
    ];
  }
  const steps: Step[] = [];
  if (version !== undefined && version !== actual.version) {
    const action = `update extension ${wanted.name} from ${actual.version} to ${version}`;
    steps.push(step(action, `ALTER EXTENSION ${name} UPDATE TO ${quoteLiteral(version)}`));
  }
  if (schema !== undefined && schema !== actual.schema) {
    const action = `move extension ${wanted.name} from ${actual.schema} to ${schema}`;
    steps.push(step(action, `ALTER EXTENSION ${name} SET SCHEMA ${quoteIdentifier(schema)}`));
  }
  return steps;
}

/** Installs the extension, or moves an installed one to the declared version and schema. An unknown one is named with the nearest. Returns what was to do. */
export async function ensureExtension(client: Client, wanted: ExtensionSpec, cascade = false): Promise<Step[]> {
  try {
    return await whileContended(async () => {
      const steps = planExtension(wanted, await readExtension(client, wanted.name), cascade);
      // Where no schema is declared it goes into public, as on any connection with the server's own search path.
      for (const sql of steps.flatMap((one) => one.sql)) await client.query(`SET LOCAL search_path = public; ${sql}`);
      return steps;
    });
  } catch (error) {
    throw (
      (await unavailable(client, wanted, error)) ??
      statementFailure(error, `Declaring extension ${wanted.name}`, wanted.name)
    );
  }
}

/** Drops the extension; one that is gone already is fine. What depends on it keeps it there unless `cascade`. */
export async function dropExtension(client: Client, name: string, cascade: boolean): Promise<void> {
  try {
    await client.query(`DROP EXTENSION IF EXISTS ${quoteIdentifier(name)}${cascade ? ' CASCADE' : ''}`);
  } catch (error) {
    if (codeOf(error) !== SqlState.dependentObjects) throw statementFailure(error, `Dropping extension ${name}`, name);
    const { detail = '' } = error as { detail?: string };
    throw new PlatformError(
      'extension-in-use',
      `Extension ${name} cannot be dropped, something uses it: ${detail.replaceAll('\n', '; ')}`,
      'Take out what uses it by a migration first, or declare the extension again.',
      { object: name, cause: error },
    );
  }
}
