import { PrismaPg } from '@prisma/adapter-pg';

import { type Prisma, PrismaClient } from './generated/client';
import { ApplicationPool, poolSettings } from './pool';

interface Database {
  prisma: PrismaClient;
  pool: ApplicationPool;
}

/** Next.js reloads modules in development, and each reload would open a pool of its own. */
const shared = globalThis as typeof globalThis & { coachDatabase?: Database | undefined };

/**
 * The one Prisma client of this process. It and its pool are made at the first use, from the environment: importing this file opens and reads
 * nothing, so a build without a database works.
 */
export const prisma: PrismaClient = new Proxy(Object.create(null) as PrismaClient, {
  get(_target, property) {
    // Prisma would leave the pool open; and asked to close what was never opened, there is nothing to open.
    if (property === '$disconnect') return closeDatabase;
    const client = connected().prisma;
    const value: unknown = Reflect.get(client, property, client);
    return typeof value === 'function' ? (value.bind(client) as unknown) : value;
  },
});

/** What `prisma.$disconnect()` does: closes the pool within DATABASE_POOL_DESTROY_TIMEOUT. The next use of `prisma` opens a new one. */
export async function closeDatabase(): Promise<void> {
  const open = shared.coachDatabase;
  shared.coachDatabase = undefined;
  if (open === undefined) return;
  await open.pool.close();
  await open.prisma.$disconnect();
}

/**
 * Runs work in one transaction in which `app.current_user_id` is `userId`, which the audit trail records. Only in the transaction: set for the session
 * it would reach whoever gets the connection next, through PgBouncer at once, and it would pin RDS Proxy.
 */
export async function asApplicationUser<T>(
  userId: string,
  work: (transaction: Prisma.TransactionClient) => Promise<T>,
  options: { timeoutMs?: number } = {},
): Promise<T> {
  // Checked at run time too: an id out of a session or a token is `undefined` sooner than the types say.
  if (typeof userId !== 'string' || userId.trim() === '')
    throw new TypeError(
      `asApplicationUser: userId is ${typeof userId === 'string' ? 'empty' : String(userId)}, expected the id of the signed-in user.`,
    );
  const limits = options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs };
  return prisma.$transaction(async (transaction) => {
    await transaction.$executeRaw`SELECT set_config('app.current_user_id', ${userId}, true)`;
    return work(transaction);
  }, limits);
}

function connected(): Database {
  shared.coachDatabase ??= open();
  return shared.coachDatabase;
}

function open(): Database {
  const settings = poolSettings(process.env);
  const pool = new ApplicationPool(settings);
  const prisma = new PrismaClient({
    adapter: new PrismaPg(pool),
    log: process.env.NODE_ENV === 'development' ? ['query', 'error', 'warn'] : ['error'],
    // Prisma would give up after 2 s of its own while the pool still waits; the pool's error is the one that says why.
    transactionOptions: { maxWait: settings.acquireTimeoutMs + 1_000 },
  });
  return { prisma, pool };
}
