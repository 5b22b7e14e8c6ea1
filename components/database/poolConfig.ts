/** Sizes of the application's pools, which wait in front of the Proxy's own. */
export interface PoolSettings {
  min: number;
  max: number;
  acquireTimeoutMs: number;
}

export interface PoolConfigArgs {
  pool: PoolSettings;
  /** Connections that the application's role may hold; -1: no limit. */
  roleLimit: number;
  /** `max_connections` of the server. */
  maxConnections: number;
}

/** The rest is for migrations, backups, whoever looks after the server, and what PostgreSQL reserves. */
const MOST_PERCENT = 80;
/** RDS Proxy takes 1 to 300 seconds. */
const LONGEST_BORROW_SECONDS = 300;

/**
 * What the Proxy opens, in percent of `max_connections`. The Proxy knows no limit of a role: it would open one connection more, and PostgreSQL
 * refuse it, so the limit is said here. A client waits for a connection as long as its own pool would. Filters of session pinning are MySQL's alone.
 */
export function connectionPoolConfig({ pool, roleLimit, maxConnections }: PoolConfigArgs): {
  maxConnectionsPercent: number;
  maxIdleConnectionsPercent: number;
  connectionBorrowTimeout: number;
} {
  const share = roleLimit < 0 ? MOST_PERCENT : Math.floor((100 * roleLimit) / maxConnections);
  const maxConnectionsPercent = Math.min(MOST_PERCENT, Math.max(1, share));
  return {
    maxConnectionsPercent,
    maxIdleConnectionsPercent: Math.max(1, Math.round((maxConnectionsPercent * pool.min) / pool.max)),
    connectionBorrowTimeout: Math.min(LONGEST_BORROW_SECONDS, Math.max(1, Math.floor(pool.acquireTimeoutMs / 1000))),
  };
}
