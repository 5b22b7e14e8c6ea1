import { setTimeout as pause } from 'node:timers/promises';

import type { Client } from 'pg';

import { PlatformError } from '../../system/errors';
import { quoteIdentifier, quoteLiteral } from '../connection/quote';
import { run } from '../steps/converge';
import { statementFailure } from '../steps/failure';
import { whileContended } from '../steps/retry';
import { type Step, step } from '../steps/step';
import { type DatabaseAttributes, type DatabaseState, readDatabase, sameSpelling } from './database';

/**
 * What turns the database as it is (undefined: there is none) into the wanted one. Throws for what cannot be changed: encoding and
 * locale of an existing one, or one that a killed DROP DATABASE left behind.
 */
export function planDatabase(wanted: DatabaseAttributes, actual: DatabaseState | undefined): Step[] {
  if (actual === undefined) return [step(`create database ${wanted.name}`, createStatement(wanted))];
  refuseUnusable(wanted, actual);
  const name = quoteIdentifier(wanted.name);
  const { owner, isTemplate = actual.isTemplate, connectionLimit, allowConnections } = wanted;
  const alter = (differs: boolean, what: string): Step[] =>
    differs ? [step(`database ${wanted.name}: ${what}`, `ALTER DATABASE ${name} ${what}`)] : [];
  return [
    ...(owner === undefined ? [] : alter(owner !== actual.owner, `OWNER TO ${quoteIdentifier(owner)}`)),
    ...alter(connectionLimit !== actual.connectionLimit, `CONNECTION LIMIT ${connectionLimit}`),
    ...alter(allowConnections !== actual.allowConnections, `ALLOW_CONNECTIONS ${allowConnections}`),
    ...alter(isTemplate !== actual.isTemplate, `IS_TEMPLATE ${isTemplate}`),
  ];
}

function createStatement(wanted: DatabaseAttributes): string {
  const { owner, lcCollate, lcCtype } = wanted;
  return [
    `CREATE DATABASE ${quoteIdentifier(wanted.name)}`,
    ...(owner === undefined ? [] : [`OWNER ${quoteIdentifier(owner)}`]),
    `TEMPLATE ${quoteIdentifier(wanted.template ?? 'template0')}`,
    `ENCODING ${quoteLiteral(wanted.encoding ?? 'UTF8')}`,
    ...(lcCollate === undefined ? [] : [`LC_COLLATE ${quoteLiteral(lcCollate)}`]),
    ...(lcCtype === undefined ? [] : [`LC_CTYPE ${quoteLiteral(lcCtype)}`]),
    `ALLOW_CONNECTIONS ${wanted.allowConnections}`,
    `CONNECTION LIMIT ${wanted.connectionLimit}`,
    `IS_TEMPLATE ${wanted.isTemplate ?? false}`,
  ].join(' ');
}

/** pg_database.datconnlimit of a database whose DROP was interrupted (PostgreSQL 16, and minor releases of those before). */
const INVALID = -2;

function refuseUnusable(wanted: DatabaseAttributes, actual: DatabaseState): void {
  if (actual.connectionLimit === INVALID) {
    throw new PlatformError(
      'database-invalid',
      `Database ${wanted.name} was being dropped when that was interrupted, and nobody can connect to it any more.`,
      `Finish it by hand, \`DROP DATABASE ${quoteIdentifier(wanted.name)}\`, and run again.`,
      { object: wanted.name },
    );
  }
  for (const key of ['encoding', 'lcCollate', 'lcCtype'] as const) {
    const value = wanted[key];
    if (value === undefined || sameSpelling(value, actual[key])) continue;
    throw new PlatformError(
      'database-incompatible',
      `Database ${wanted.name} exists with ${key} ${actual[key]}, but ${value} is declared, and that cannot be changed in place.`,
      'Declare what it has, or declare a database of another name and carry the data over with `pg_dump` and `pg_restore`.',
      { kind: 'refused', object: wanted.name },
    );
  }
}

/** Makes the database, or brings an existing one of that name to what is wanted: a run that was killed adopts its own. Returns what was to do. */
export async function ensureDatabase(client: Client, wanted: DatabaseAttributes): Promise<readonly Step[]> {
  try {
    return await whileContended(async () => run(client, planDatabase(wanted, await readDatabase(client, wanted.name))));
  } catch (error) {
    throw statementFailure(error, `Declaring database ${wanted.name}`, wanted.name);
  }
}

/** Renames the database where it still has the old name and the new one is free; otherwise nothing is done. */
export async function renameDatabase(client: Client, from: string, to: string): Promise<void> {
  if ((await readDatabase(client, from)) === undefined || (await readDatabase(client, to)) !== undefined) return;
  const doing = `Renaming database ${from} to ${to}`;
  await refuseInUse(client, from, doing);
  try {
    await client.query(`ALTER DATABASE ${quoteIdentifier(from)} RENAME TO ${quoteIdentifier(to)}`);
  } catch (error) {
    throw statementFailure(error, doing, from);
  }
}

/** Drops the database; one that is gone already is fine. Sessions of others are named, never ended. */
export async function dropDatabase(client: Client, name: string): Promise<void> {
  const actual = await readDatabase(client, name);
  if (actual === undefined) return;
  const doing = `Dropping database ${name}`;
  await refuseInUse(client, name, doing);
  try {
    if (actual.isTemplate) await client.query(`ALTER DATABASE ${quoteIdentifier(name)} IS_TEMPLATE false`);
    await client.query(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)}`);
  } catch (error) {
    throw statementFailure(error, doing, name);
  }
}

/** A session that has just ended is still listed for some milliseconds. */
const PATIENCE_MS = 1000;
const POLL_MS = 50;

async function refuseInUse(client: Client, name: string, doing: string): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  let sessions = await sessionsOf(client, name);
  while (sessions.length > 0 && Date.now() < deadline) {
    await pause(POLL_MS);
    sessions = await sessionsOf(client, name);
  }
  if (sessions.length === 0) return;
  throw new PlatformError(
    'database-in-use',
    `${doing} is not possible while others use it: ${sessions.join(', ')}.`,
    'Stop the application and whatever else is connected to it, then run again.',
    { object: name },
  );
}

async function sessionsOf(client: Client, database: string): Promise<string[]> {
  const { rows } = await client.query<{ session: string }>(
    `SELECT format('%s (process %s%s)', usename, pid, CASE application_name WHEN '' THEN '' ELSE ', ' || application_name END) AS session
     FROM pg_catalog.pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend' AND pid <> pg_catalog.pg_backend_pid()
     ORDER BY pid LIMIT 10`,
    [database],
  );
  return rows.map(({ session }) => session);
}
