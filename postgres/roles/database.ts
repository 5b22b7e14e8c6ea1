import type { Client } from 'pg';

import { quoteIdentifier, quoteLiteral } from '../connection/quote';
import { SqlState, stateOf } from '../connection/sqlstate';
import { PlatformError } from '../errors';

export interface DatabaseAttributes {
  name: string;
  owner: string;
  encoding: string;
  lcCollate: string;
  lcCtype: string;
  tablespaceName: string;
  connectionLimit: number;
  allowConnections: boolean;
  isTemplate: boolean;
}

const READ = `
  SELECT datname AS name, pg_catalog.pg_get_userbyid(datdba) AS owner, pg_catalog.pg_encoding_to_char(encoding) AS encoding,
         datcollate AS "lcCollate", datctype AS "lcCtype", spcname AS "tablespaceName", datconnlimit AS "connectionLimit",
         datallowconn AS "allowConnections", datistemplate AS "isTemplate"
  FROM pg_catalog.pg_database d JOIN pg_catalog.pg_tablespace t ON t.oid = d.dattablespace WHERE datname = $1`;

export async function readDatabase(client: Client, name: string): Promise<DatabaseAttributes | undefined> {
  const { rows } = await client.query<DatabaseAttributes>(READ, [name]);
  return rows[0];
}

/** Makes the database unless there is one of that name, then brings owner, limit and flags to what is wanted. */
export async function ensureDatabase(client: Client, wanted: DatabaseAttributes, template: string): Promise<void> {
  const name = quoteIdentifier(wanted.name);
  if ((await readDatabase(client, wanted.name)) === undefined) {
    try {
      await client.query(
        `CREATE DATABASE ${name} OWNER ${quoteIdentifier(wanted.owner)} TEMPLATE ${quoteIdentifier(template)} ` +
          `ENCODING ${quoteLiteral(wanted.encoding)} LC_COLLATE ${quoteLiteral(wanted.lcCollate)} LC_CTYPE ${quoteLiteral(wanted.lcCtype)}`,
      );
    } catch (error) {
      if (stateOf(error) !== SqlState.duplicateDatabase) throw error;
    }
  }
  const actual = await readDatabase(client, wanted.name);
  if (actual?.owner !== wanted.owner) {
    await client.query(`ALTER DATABASE ${name} OWNER TO ${quoteIdentifier(wanted.owner)}`);
  }
  await client.query(
    `ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS ${String(wanted.allowConnections)} ` +
      `CONNECTION LIMIT ${wanted.connectionLimit} IS_TEMPLATE ${String(wanted.isTemplate)}`,
  );
}

export async function dropDatabase(client: Client, name: string): Promise<void> {
  try {
    await client.query(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)}`);
  } catch (error) {
    if (stateOf(error) !== SqlState.objectInUse) throw error;
    throw new PlatformError(
      'database-in-use',
      `Database ${name} cannot be dropped: ${(error as { detail?: string }).detail ?? 'other sessions use it'}.`,
      'Stop the application and whatever else is connected to it, then run again.',
      { object: name, cause: error },
    );
  }
}
