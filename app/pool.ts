import { setMaxListeners } from 'node:events';
import { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { checkServerIdentity, type ConnectionOptions } from 'node:tls';

import { Client, type ClientConfig, Pool, type PoolClient } from 'pg';

import { type IamLogin, rdsTls, signedToken } from './iam';

/** One place for each of the seed's pool values; all times in milliseconds. */
export interface PoolSettings {
  /** As the application's own role, which owns nothing. May lead through a pooler. */
  url: string;
  /** DATABASE_POOL_MIN: idle connections kept. */
  min: number;
  /** DATABASE_POOL_MAX: connections at most. The role's own limit is 20, so two pools of 10 fit. */
  max: number;
  /** DATABASE_POOL_TIMEOUT: how long a caller waits for a connection. */
  acquireTimeoutMs: number;
  /** DATABASE_POOL_CREATE_TIMEOUT: TCP and authentication of one connection. */
  createTimeoutMs: number;
  /** DATABASE_POOL_CREATE_RETRY_INTERVAL: pause before the next attempt, within the acquire time-out. */
  createRetryIntervalMs: number;
  /** DATABASE_POOL_DESTROY_TIMEOUT: how long closing waits for work in progress. */
  destroyTimeoutMs: number;
  /** DATABASE_POOL_IDLE_TIMEOUT: an idle connection above the minimum is closed after it. */
  idleTimeoutMs: number;
  /** DATABASE_AUTH=iam: a token of IAM for each connection, and the server's certificate always checked. Absent: the address's password. */
  iam?: IamLogin;
}

const DEFAULTS = {
  DATABASE_POOL_MIN: 2,
  DATABASE_POOL_MAX: 10,
  DATABASE_POOL_TIMEOUT: 30_000,
  DATABASE_POOL_CREATE_TIMEOUT: 30_000,
  DATABASE_POOL_CREATE_RETRY_INTERVAL: 200,
  DATABASE_POOL_DESTROY_TIMEOUT: 5_000,
  DATABASE_POOL_IDLE_TIMEOUT: 30_000,
} as const;

/**
 * The pool's settings from the environment (`npm run coachdb -- env` prints them). DATABASE_POOL_REAP_INTERVAL has no counterpart: pg.Pool
 * closes each idle connection by a timer of its own. Throws with all that is wrong at once.
 */
export function poolSettings(environment: Record<string, string | undefined>): PoolSettings {
  const wrong: string[] = [];
  const number = (name: keyof typeof DEFAULTS, least: number): number => {
    const text = environment[name]?.trim() ?? '';
    const value = text === '' ? DEFAULTS[name] : Number(text);
    if (!Number.isInteger(value) || value < least)
      wrong.push(`${name} is "${text}", expected a whole number of at least ${least}.`);
    return value;
  };
  const url = environment.DATABASE_URL?.trim() ?? '';
  if (!/^postgres(?:ql)?:\/\//.test(url))
    wrong.push(
      `DATABASE_URL is ${url === '' ? 'not set' : 'no PostgreSQL address'}, expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE.`,
    );
  else if (!namesUser(url))
    wrong.push('DATABASE_URL names no user; expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE.');
  const auth = environment.DATABASE_AUTH?.trim() ?? '';
  if (!['', 'password', 'iam'].includes(auth)) wrong.push(`DATABASE_AUTH is "${auth}", expected password or iam.`);
  const iam = auth === 'iam' && wrong.length === 0 ? iamLogin(url, environment, wrong) : undefined;
  const settings: PoolSettings = {
    ...(iam === undefined ? { url } : iam),
    min: number('DATABASE_POOL_MIN', 0),
    max: number('DATABASE_POOL_MAX', 1),
    acquireTimeoutMs: number('DATABASE_POOL_TIMEOUT', 1),
    createTimeoutMs: number('DATABASE_POOL_CREATE_TIMEOUT', 1),
    createRetryIntervalMs: number('DATABASE_POOL_CREATE_RETRY_INTERVAL', 1),
    destroyTimeoutMs: number('DATABASE_POOL_DESTROY_TIMEOUT', 0),
    idleTimeoutMs: number('DATABASE_POOL_IDLE_TIMEOUT', 0),
  };
  if (settings.min > settings.max)
    wrong.push(`DATABASE_POOL_MIN (${settings.min}) is above DATABASE_POOL_MAX (${settings.max}).`);
  if (wrong.length > 0)
    throw new Error(
      `${wrong.join('\n')}\n\`npm run coachdb -- env --stack STACK --write .env\` writes working values.`,
    );
  return settings;
}

/** What an address says of TLS is not for IAM to weaken: of its parameters the authority's file alone is kept. */
function iamLogin(
  address: string,
  environment: Record<string, string | undefined>,
  wrong: string[],
): { url: string; iam: IamLogin } | undefined {
  const region = environment.AWS_REGION ?? environment.AWS_DEFAULT_REGION ?? '';
  if (region === '') wrong.push('AWS_REGION is not set; DATABASE_AUTH=iam expects that of the database.');
  if (!URL.canParse(address)) {
    wrong.push('DATABASE_URL is no address; DATABASE_AUTH=iam expects postgresql://USER@HOST:PORT/DATABASE.');
    return undefined;
  }
  const url = new URL(address);
  if (url.password !== '') wrong.push('DATABASE_URL holds a password, and DATABASE_AUTH=iam logs in without one.');
  const mode = url.searchParams.get('sslmode') ?? 'verify-full';
  if (mode !== 'verify-full')
    wrong.push(`DATABASE_URL has sslmode=${mode}, expected verify-full with DATABASE_AUTH=iam.`);
  const caFile = url.searchParams.get('sslrootcert') ?? undefined;
  for (const name of [...url.searchParams.keys()]) if (/^(ssl|use_?libpq)/i.test(name)) url.searchParams.delete(name);
  return { url: url.href, iam: { region, ...(caFile === undefined ? {} : { caFile }) } };
}

/** Without one, the account that runs this process would become the user. */
function namesUser(url: string): boolean {
  if (!URL.canParse(url)) return true;
  const { username, searchParams } = new URL(url);
  // As pg reads it: the last one counts, and an empty one is none.
  return username !== '' || (searchParams.getAll('user').at(-1) ?? '') !== '';
}

/** What passes by itself: the server is starting, stopping or full, or not yet there. Wrong passwords do not. */
const PASSING = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EPIPE',
  '57P01',
  '57P02',
  '57P03',
  '53300',
]);

type Callback = (error: Error | undefined, client: PoolClient | undefined, done: PoolClient['release']) => void;

/** pg.Pool with the two values it lacks (create retry, destroy), and an error that says what a waiting caller waited for. */
export class ApplicationPool extends Pool {
  private readonly connections: Connections;
  private readonly closing = new AbortController();

  constructor(private readonly settings: PoolSettings) {
    const connections: Connections = { sockets: new Set(), beingMade: new Set() };
    super({
      connectionString: settings.url,
      min: settings.min,
      max: settings.max,
      idleTimeoutMillis: settings.idleTimeoutMs,
      connectionTimeoutMillis: settings.acquireTimeoutMs,
      // A script that has done its work ends, whatever stands idle.
      allowExitOnIdle: true,
      Client: trackedClient(connections, settings),
    });
    this.connections = connections;
    // Each waiting caller listens.
    setMaxListeners(0, this.closing.signal);
    // An idle connection that breaks is gone from the pool already; without a listener it would end the process.
    this.on('error', () => undefined);
  }

  override connect(): Promise<PoolClient>;
  override connect(callback: Callback): void;
  override connect(callback?: Callback): Promise<PoolClient> | void {
    const acquired = this.acquire();
    if (callback === undefined) return acquired;
    acquired.then(
      (client) => callback(undefined, client, (error) => client.release(error)),
      (error: unknown) =>
        callback(error instanceof Error ? error : new Error(String(error)), undefined, () => undefined),
    );
  }

  private async acquire(): Promise<PoolClient> {
    const deadline = Date.now() + this.settings.acquireTimeoutMs;
    let reason: Error | undefined;
    for (;;) {
      try {
        const client = await this.within(deadline, () => super.connect(), reason);
        // A BEGIN that nobody waited for before the release.
        if (inTransaction(client)) client.release(true);
        else return withoutTransaction(client);
        continue;
      } catch (error) {
        if (this.closing.signal.aborted) throw closedError();
        // pg.Pool's own timer, which runs for as long, may have been the first.
        if (Date.now() >= deadline - 5) throw this.timedOut(isPassing(error) ? error : reason);
        if (!isPassing(error)) throw error;
        reason = error;
      }
      const pause = this.settings.createRetryIntervalMs;
      if (Date.now() + pause >= deadline) throw this.timedOut(reason);
      await delay(pause, undefined, { signal: this.closing.signal }).catch(() => undefined);
    }
  }

  /** Ends with the attempt, at the deadline or when the pool closes. A connection that arrives too late goes back to the pool. */
  private within(deadline: number, attempt: () => Promise<PoolClient>, reason: Error | undefined): Promise<PoolClient> {
    const { signal } = this.closing;
    if (signal.aborted) return Promise.reject(closedError());
    return new Promise((resolve, reject) => {
      let waits = true;
      const settle = (end: () => void): void => {
        waits = false;
        clearTimeout(timer);
        signal.removeEventListener('abort', closed);
        end();
      };
      const closed = (): void => settle(() => reject(closedError()));
      const timer = setTimeout(() => settle(() => reject(this.timedOut(reason))), Math.max(0, deadline - Date.now()));
      signal.addEventListener('abort', closed);
      attempt().then(
        (client) => (waits ? settle(() => resolve(client)) : client.release()),
        (error: Error) => {
          if (waits) settle(() => reject(error));
        },
      );
    });
  }

  private timedOut(cause: Error | undefined): Error {
    const { acquireTimeoutMs, max } = this.settings;
    const beingMade = this.connections.beingMade.size;
    const inUse = this.totalCount - this.idleCount - beingMade;
    let why = 'the server did not answer in time';
    if (cause !== undefined) why = `the server takes none (${reasonOf(cause, this.settings)})`;
    else if (inUse >= max)
      why = `all ${max} are in use and ${this.waitingCount} more callers wait. Look for long transactions, or raise DATABASE_POOL_MAX below the role's limit`;
    else if (beingMade > 0) why = `the server has not finished making ${beingMade}; ${inUse} of ${max} are in use`;
    return new Error(`No database connection within ${acquireTimeoutMs} ms (DATABASE_POOL_TIMEOUT): ${why}.`, {
      cause,
    });
  }

  /**
   * Tells waiting callers at once, lets work in progress finish for `destroyTimeoutMs`, then cuts it off: whoever waits for a query gets an
   * error. Never takes longer, whatever the server does.
   */
  async close(): Promise<void> {
    if (this.closing.signal.aborted) return;
    this.closing.abort();
    const bound = new AbortController();
    await Promise.race([
      this.ending ? undefined : this.end(),
      delay(this.settings.destroyTimeoutMs, undefined, { signal: bound.signal }).catch(() => undefined),
    ]);
    bound.abort();
    for (const socket of this.connections.sockets) socket.destroy();
  }
}

function closedError(): Error {
  return new Error(
    'The database pool was closed while this caller waited for a connection, or before it asked for one.',
  );
}

/** pg has no code for these two; both are what a server that starts, stops or is slow looks like. */
const LOST = 'Connection terminated unexpectedly';
const SLOW = 'timeout expired';

function isPassing(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  if ('code' in error && typeof error.code === 'string') return PASSING.has(error.code);
  return error.message === LOST || error.message === SLOW;
}

function reasonOf(error: Error, { createTimeoutMs }: PoolSettings): string {
  if (error.message === LOST) return 'it closed the connection while it was being made';
  if (error.message === SLOW)
    return `making a connection took longer than ${createTimeoutMs} ms, DATABASE_POOL_CREATE_TIMEOUT`;
  // Several addresses of one host: Node puts their errors together, without a message.
  return error.message === '' && 'code' in error ? String(error.code) : error.message;
}

function inTransaction(client: PoolClient): boolean {
  return client.getTransactionStatus() !== 'I';
}

/** Released inside a transaction, a connection is closed, which rolls back: the next caller would work in it. */
function withoutTransaction(client: PoolClient): PoolClient {
  const release = client.release.bind(client);
  client.release = (error) => release(error ?? inTransaction(client));
  return client;
}

interface Connections {
  /** Open ones, so that they can be cut off; a server that does not answer does not answer a goodbye either. */
  sockets: Set<Socket>;
  beingMade: Set<Client>;
}

/** pg.Pool hands its own time-out to its clients, and theirs is another one; and it does not tell which of them are being made. */
function trackedClient(
  { sockets, beingMade }: Connections,
  { createTimeoutMs: connectionTimeoutMillis, iam }: PoolSettings,
): new (config?: ClientConfig) => Client {
  return class extends Client {
    constructor(config?: ClientConfig) {
      super({ ...config, connectionTimeoutMillis, stream: openSocket, ...(iam === undefined ? {} : { ssl: {} }) });
      const { ssl } = this.connection as { ssl?: boolean | ConnectionOptions };
      // pg asks it for each connection, and would take the address's empty one otherwise.
      if (iam !== undefined)
        Object.assign(this, {
          password: () => signedToken(iam, { host: this.host, port: this.port, user: this.user ?? '' }),
        });
      // pg names no host where that is an address, and Node would then look for `localhost` in the certificate.
      if (typeof ssl === 'object' && ssl.rejectUnauthorized !== false)
        ssl.checkServerIdentity = (_, certificate) => checkServerIdentity(this.host, certificate);
      beingMade.add(this);
      this.once('connect', () => beingMade.delete(this));
      this.once('end', () => beingMade.delete(this));
      // Whoever uses it learns of a broken connection from the query.
      this.on('error', () => undefined);
    }

    override connect(): Promise<Client>;
    override connect(callback: (error: Error) => void): void;
    override connect(callback?: (error: Error) => void): Promise<Client> | void {
      if (iam === undefined) return callback === undefined ? super.connect() : super.connect(callback);
      const connected = this.connectByIam(iam);
      if (callback === undefined) return connected;
      connected.then(() => callback(undefined as never), callback);
    }

    private async connectByIam(login: IamLogin): Promise<Client> {
      const connection = this.connection as unknown as { ssl: ConnectionOptions };
      try {
        Object.assign(connection.ssl, await rdsTls(login));
      } catch (error) {
        beingMade.delete(this);
        throw error;
      }
      return super.connect();
    }
  };

  function openSocket(): Socket {
    const socket = new Socket();
    sockets.add(socket);
    return socket.once('close', () => sockets.delete(socket));
  }
}
