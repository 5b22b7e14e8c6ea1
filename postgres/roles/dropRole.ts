import type { Client } from 'pg';

import { codeOf, PlatformError } from '../../system/errors';
import { quoteIdentifier } from '../connection/quote';
import { SqlState } from '../connection/sqlstate';
import { statementFailure } from '../steps/failure';
import { whileContended } from '../steps/retry';

/** How many objects of one database an error names. */
const NAMED = 10;

export interface Dependent {
  /** Undefined: shared by all databases. */
  database: string | undefined;
  /** PostgreSQL's own description: `table public."Student"`. */
  object: string;
  how: 'owner' | 'privileges';
}

/**
 * Drops the role; one that is gone already is fine. One that owns something or holds privileges stays, and the error names
 * them all: nothing of anybody is handed over or dropped on the way. `connect` opens (or finds) a connection to a database.
 */
export async function dropRole(
  client: Client,
  name: string,
  connect: (database: string) => Promise<Client>,
): Promise<void> {
  try {
    await whileContended(() => client.query(`DROP ROLE IF EXISTS ${quoteIdentifier(name)}`));
  } catch (error) {
    if (codeOf(error) !== SqlState.dependentObjects) throw statementFailure(error, `Dropping role ${name}`, name);
    throw inUse(name, await dependentsOf(client, name, connect), error);
  }
}

/** What keeps a role from being dropped, in all databases that can be connected to. */
export async function dependentsOf(
  client: Client,
  name: string,
  connect: (database: string) => Promise<Client>,
): Promise<Dependent[]> {
  const { rows } = await client.query<{ database: string | null }>(
    `SELECT DISTINCT datname AS database FROM pg_catalog.pg_shdepend d LEFT JOIN pg_catalog.pg_database b ON b.oid = d.dbid
     WHERE refclassid = 'pg_catalog.pg_authid'::regclass
       AND refobjid = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = $1) AND coalesce(datallowconn, true) ORDER BY 1`,
    [name],
  );
  const found: Dependent[] = [];
  for (const { database } of rows) {
    const there = database === null ? client : await connect(database);
    const { rows: objects } = await there.query<Omit<Dependent, 'database'>>(
      `SELECT DISTINCT pg_catalog.pg_describe_object(classid, objid, objsubid) AS object,
              CASE deptype WHEN 'o' THEN 'owner' ELSE 'privileges' END AS how
       FROM pg_catalog.pg_shdepend d LEFT JOIN pg_catalog.pg_database b ON b.oid = d.dbid
       WHERE refclassid = 'pg_catalog.pg_authid'::regclass AND datname IS NOT DISTINCT FROM $2
         AND refobjid = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = $1) ORDER BY 2, 1`,
      [name, database],
    );
    found.push(...objects.map((object) => ({ database: database ?? undefined, ...object })));
  }
  return found;
}

function inUse(name: string, dependents: readonly Dependent[], cause: unknown): PlatformError {
  const databases = [...new Set(dependents.map(({ database }) => database))];
  const told = databases.map((name) => {
    const here = dependents.filter(({ database }) => database === name);
    const named = here.slice(0, NAMED).map(({ object, how }) => `${object} (${how})`);
    const more = here.length > NAMED ? `, and ${here.length - NAMED} more` : '';
    return `${name === undefined ? 'on the server' : `in database ${name}`}: ${named.join(', ')}${more}`;
  });
  const role = quoteIdentifier(name);
  const named = databases.filter((name) => name !== undefined);
  const where = named.length === 0 ? 'any database' : named.join(' and ');
  return new PlatformError(
    'role-in-use',
    `Role ${name} cannot be dropped, it owns objects or holds privileges ${told.join('; ')}.`,
    `In ${where} run \`REASSIGN OWNED BY ${role} TO …\` (the role that shall own them), then \`DROP OWNED BY ${role}\`, and run again.`,
    { object: name, cause },
  );
}
