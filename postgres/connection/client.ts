import './navigator';

import { readFileSync } from 'node:fs';

import { Client, type ClientConfig } from 'pg';

import { PlatformError } from '../errors';
import type { ConnectionTarget } from '../spec';
import { SqlState, stateOf } from './sqlstate';

export interface ConnectOptions {
  /** Shown in pg_stat_activity. */
  applicationName?: string;
  /** TCP and authentication time-out of one attempt, in ms. Default 10 000. */
  connectTimeoutMs?: number;
}

/** pg's configuration for a target; the one place where a target becomes connection options. */
export function clientConfig(target: ConnectionTarget, options: ConnectOptions = {}): ClientConfig {
  const { host, port, database, user, password } = target;
  const config: ClientConfig = {
    host,
    port,
    database,
    user,
    application_name: options.applicationName ?? 'coachdb',
    connectionTimeoutMillis: options.connectTimeoutMs ?? 10_000,
  };
  if (password !== undefined) config.password = password;
  if (target.sslMode === 'require') config.ssl = { rejectUnauthorized: false };
  if (target.sslMode === 'verify-full') {
    config.ssl = target.caFile === undefined ? true : { ca: readFileSync(target.caFile, 'utf8') };
  }
  return config;
}

/** Connects, runs, always closes. A refused or failed connection is a PlatformError naming host, port, database and user. */
export async function withClient<T>(
  target: ConnectionTarget,
  work: (client: Client) => Promise<T>,
  options: ConnectOptions = {},
): Promise<T> {
  const client = new Client(clientConfig(target, options));
  // A server that goes away between two queries emits here; the next query reports it.
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    await client.end().catch(() => undefined);
    throw connectError(target, error);
  }
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** BEGIN, work, COMMIT; ROLLBACK on any error, which is thrown on unchanged. */
export async function withTransaction<T>(client: Client, work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN');
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
  await client.query('COMMIT');
  return result;
}

export function connectError(target: ConnectionTarget, error: unknown): PlatformError {
  const where = `${target.host}:${target.port}`;
  const object = `${target.user}@${where}/${target.database}`;
  const reason = error instanceof Error ? error.message || stateOf(error) || error.name : String(error);
  const options = { object, cause: error };
  switch (stateOf(error)) {
    case SqlState.invalidPassword:
      return new PlatformError(
        'password-refused',
        `PostgreSQL at ${where} refused the password of role ${target.user} (database ${target.database}).`,
        `The password was changed outside this project: \`npm run up\` sets the declared one again.`,
        options,
      );
    case SqlState.invalidAuthorization:
      return new PlatformError(
        'login-refused',
        `PostgreSQL at ${where} does not let role ${target.user} log in to database ${target.database}: ${reason}`,
        'LOGIN was taken from the role, which `npm run up` gives back, or pg_hba.conf has no line for it.',
        options,
      );
    case SqlState.insufficientPrivilege:
      return new PlatformError(
        'connect-denied',
        `Role ${target.user} may not connect to database ${target.database} at ${where}: ${reason}`,
        '`npm run up` grants it to the declared roles.',
        options,
      );
    case SqlState.invalidCatalogName:
      return new PlatformError(
        'database-missing',
        `Database ${target.database} does not exist at ${where}.`,
        'Run `npm start` to create it.',
        options,
      );
    case SqlState.tooManyConnections:
      return new PlatformError(
        'too-many-connections',
        `PostgreSQL at ${where} accepts no further connection of role ${target.user}: ${reason}`,
        'Close idle clients, or raise the role’s connectionLimit or max_connections in the stack’s settings.',
        options,
      );
    case 'ECONNREFUSED':
    case 'ENOENT':
      return new PlatformError(
        'server-unreachable',
        `No PostgreSQL answers at ${where}.`,
        'Start it with `npm start`; `npm run coachdb -- status` says where it should be.',
        options,
      );
    default:
      return new PlatformError(
        'connect-failed',
        `Could not connect to PostgreSQL at ${where} as ${target.user}, database ${target.database}: ${reason}`,
        'Check host, port and credentials with `npm run coachdb -- status`, and the server’s log with `npm run coachdb -- logs`.',
        options,
      );
  }
}
