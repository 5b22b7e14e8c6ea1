import './navigator';

import type { Client, ClientConfig } from 'pg';
// Not the package's entry, which loads another driver where NODE_PG_FORCE_NATIVE says so.
import PgClient from 'pg/lib/client';

import { codeOf, PlatformError } from '../../system/errors';
import type { ConnectionTarget } from '../spec';
import { pinSession, type SessionKind, startupSettings } from './session';
import { SqlState } from './sqlstate';
import { tlsError, tlsOptions } from './tls';

export interface ConnectOptions {
  /** Shown in pg_stat_activity. */
  applicationName?: string;
  /** TCP and authentication time-out of one attempt, in ms. Default 10 000. */
  connectTimeoutMs?: number;
  /** Default `platform`. */
  session?: SessionKind;
}

/**
 * A connection whose session depends on its target alone: no `PG*` variable, no .pgpass, no setting of server, database or role. A refused or
 * failed one is a PlatformError naming host, port, database and user. The caller ends it.
 */
export async function openClient(target: ConnectionTarget, options: ConnectOptions = {}): Promise<Client> {
  const kind = options.session ?? 'platform';
  const client: Client = new PgClient(clientConfig(target, options));
  // The start-up message is written here, not taken from what `pg` makes of the environment (PGOPTIONS, PGREPLICATION, ...).
  const { user, database } = target;
  const message = { user, database, application_name: options.applicationName ?? 'coachdb', ...startupSettings(kind) };
  Object.assign(client, { getStartupConf: () => message });
  // A server that goes away between two queries emits here; the next query reports it.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await pinSession(client, kind);
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    throw connectError(target, error);
  }
}

/** Every value is given, since `pg` takes from the environment whatever is missing or empty. */
function clientConfig(target: ConnectionTarget, options: ConnectOptions): ClientConfig {
  for (const key of ['host', 'port', 'database', 'user'] as const) {
    if (target[key] !== '' && target[key] !== 0) continue;
    throw new PlatformError('target-incomplete', `A connection names no ${key}.`, `Set the stack’s database ${key}.`, {
      kind: 'usage',
      object: key,
    });
  }
  const { host, port, database, user } = target;
  return {
    host,
    port,
    database,
    user,
    // A function is asked when the server wants a password; an absent one would be looked for in PGPASSWORD and .pgpass.
    password: () => passwordOf(target),
    ssl: tlsOptions(target),
    sslnegotiation: 'postgres',
    client_encoding: 'UTF8',
    connectionTimeoutMillis: options.connectTimeoutMs ?? 10_000,
  };
}

function passwordOf(target: ConnectionTarget): string | Promise<string> {
  if (target.token !== undefined) return target.token();
  if (target.password !== undefined && target.password !== '') return target.password;
  throw new PlatformError(
    'password-missing',
    `PostgreSQL at ${target.host}:${target.port} wants a password of role ${target.user}, and none is known here.`,
    'Passwords come from the stack’s state and settings alone, never from PGPASSWORD or .pgpass: `npm run up` makes those of the declared roles.',
    { object: target.user },
  );
}

/** Connects, runs, always closes. */
export async function withClient<T>(
  target: ConnectionTarget,
  work: (client: Client) => Promise<T>,
  options: ConnectOptions = {},
): Promise<T> {
  const client = await openClient(target, options);
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** What a session does as each of its transactions begins; what that returns is done before the commit. */
type Around = () => Promise<() => Promise<unknown>>;
const around = new WeakMap<Client, Around>();

/** From now on in every `withTransaction` of this client. */
export function aroundTransactions(client: Client, enter: Around): void {
  around.set(client, enter);
}

/** BEGIN, work, COMMIT; ROLLBACK on any error, which is thrown on unchanged. */
export async function withTransaction<T>(client: Client, work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN');
  let result: T;
  try {
    const leave = await around.get(client)?.();
    result = await work();
    await leave?.();
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
  await client.query('COMMIT');
  return result;
}

/** A server whose folder went away from under it. */
export function leftBehind(where: string, reason: string): PlatformError {
  return new PlatformError(
    'server-left-behind',
    `The PostgreSQL at ${where} does not find its own files any more, so its folder was moved or removed while it ran: ${reason}`,
    'Run `npm start`: it restarts the server where the folder is now.',
    { object: where },
  );
}

const LOGIN_REFUSED = new Set<string | undefined>([SqlState.invalidPassword, SqlState.invalidAuthorization]);

function connectError(target: ConnectionTarget, error: unknown): PlatformError {
  if (error instanceof PlatformError) return error;
  const ofTls = tlsError(target, error);
  if (ofTls !== undefined) return ofTls;
  const where = `${target.host}:${target.port}`;
  const object = `${target.user}@${where}/${target.database}`;
  const reason = error instanceof Error ? error.message || codeOf(error) || error.name : String(error);
  const options = { object, cause: error };
  if (target.token !== undefined && LOGIN_REFUSED.has(codeOf(error))) {
    return new PlatformError(
      'login-refused',
      `PostgreSQL at ${where} does not take the IAM token of role ${target.user} (database ${target.database}): ${reason}`,
      'The role has to be a member of rds_iam, which `npm run up` grants, and whoever connects needs rds-db:connect on this role of this instance; ' +
        'with temporary credentials that have expired the token is refused as well.',
      options,
    );
  }
  switch (codeOf(error)) {
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
        'LOGIN was taken from the role, which `npm run up` gives back, or pg_hba.conf has no line for it' +
          (target.sslMode === 'verify-full'
            ? '.'
            : '; where it takes TLS alone, set coach:database.sslMode to verify-full.'),
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
    // What is pinned at the start of a session is right; without the files that the values are looked up in it is not taken.
    case SqlState.undefinedFile:
    case SqlState.invalidParameterValue:
      return leftBehind(where, reason);
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
