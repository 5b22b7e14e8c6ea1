import { Client, type ClientConfig, Pool, type PoolClient } from 'pg';

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
  const settings: PoolSettings = {
    url,
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
    throw new Error(`${wrong.join('\n')}\n\`npm run coachdb -- env --write .env\` writes working values.`);
  return settings;
}

/** What passes by itself: the server is starting, stopping or full, or not yet there. Wrong passwords do not. */
const PASSING = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EAI_AGAIN', 'ETIMEDOUT', '57P01', '57P03', '53300']);

type Callback = (error: Error | undefined, client: PoolClient | undefined, done: PoolClient['release']) => void;

/** pg.Pool with the two values it lacks (create retry, destroy), and an error that says what a waiting caller waited for. */
export class ApplicationPool extends Pool {
  private readonly open: Set<Client>;

  constructor(private readonly settings: PoolSettings) {
    const open = new Set<Client>();
    super({
      connectionString: settings.url,
      min: settings.min,
      max: settings.max,
      idleTimeoutMillis: settings.idleTimeoutMs,
      connectionTimeoutMillis: settings.acquireTimeoutMs,
      Client: trackedClient(open, settings.createTimeoutMs),
    });
    this.open = open;
    // An idle connection that breaks is gone from the pool already; without a listener it would end the process.
    this.on('error', () => undefined);
  }

  override connect(): Promise<PoolClient>;
  override connect(callback: Callback): void;
  override connect(callback?: Callback): Promise<PoolClient> | void {
    const acquired = this.acquire();
    if (callback === undefined) return acquired;
    acquired.then(
      (client) => callback(undefined, client, client.release.bind(client)),
      (error: unknown) =>
        callback(error instanceof Error ? error : new Error(String(error)), undefined, () => undefined),
    );
  }

  private async acquire(): Promise<PoolClient> {
    const deadline = Date.now() + this.settings.acquireTimeoutMs;
    let reason: Error | undefined;
    for (;;) {
      try {
        return await this.within(deadline, super.connect(), reason);
      } catch (error) {
        // pg.Pool's own timer, which runs for as long, may have been the first.
        if (Date.now() >= deadline - 5) throw this.timedOut(isPassing(error) ? error : reason);
        if (!isPassing(error)) throw error;
        reason = error;
      }
      const pause = this.settings.createRetryIntervalMs;
      if (Date.now() + pause >= deadline) throw this.timedOut(reason);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  /** A connection that arrives too late goes back to the pool. */
  private async within(deadline: number, attempt: Promise<PoolClient>, reason: Error | undefined): Promise<PoolClient> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), Math.max(0, deadline - Date.now()));
    });
    try {
      const client = await Promise.race([attempt, late]);
      if (client !== undefined) return client;
    } finally {
      clearTimeout(timer);
    }
    attempt.then(
      (client) => client.release(),
      () => undefined,
    );
    throw this.timedOut(reason);
  }

  private timedOut(cause: Error | undefined): Error {
    const { acquireTimeoutMs, max } = this.settings;
    let why = 'the server did not answer in time';
    if (cause !== undefined) why = `the server takes none (${cause.message})`;
    else if (this.totalCount >= max)
      why = `all ${max} are in use and ${this.waitingCount} more callers wait. Look for long transactions, or raise DATABASE_POOL_MAX below the role's limit`;
    return new Error(`No database connection within ${acquireTimeoutMs} ms (DATABASE_POOL_TIMEOUT): ${why}.`, {
      cause,
    });
  }

  /** Lets work in progress finish for `destroyTimeoutMs`, then cuts it off. */
  async close(): Promise<void> {
    if (this.ended || this.ending) return;
    let timer: NodeJS.Timeout | undefined;
    const bound = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.settings.destroyTimeoutMs);
    });
    await Promise.race([this.end(), bound]);
    clearTimeout(timer);
    // With a query under way this closes the socket, and whoever waits for it gets an error.
    for (const client of this.open) void client.end();
  }
}

function isPassing(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && PASSING.has(error.code);
}

/** pg.Pool hands its own time-out to its clients, and theirs is another one; and it does not tell which of them are in use. */
function trackedClient(open: Set<Client>, connectionTimeoutMillis: number): new (config?: ClientConfig) => Client {
  return class extends Client {
    constructor(config?: ClientConfig) {
      super({ ...config, connectionTimeoutMillis });
      open.add(this);
      this.once('end', () => open.delete(this));
      // Whoever uses it learns of a broken connection from the query.
      this.on('error', () => undefined);
    }
  };
}
