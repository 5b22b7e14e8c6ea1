import type { Client } from 'pg';

import { codeOf, PlatformError } from '../../../system/errors';
import { withClient } from '../../connection/client';
import { quoteIdentifier } from '../../connection/quote';
import { SqlState } from '../../connection/sqlstate';
import type { ConnectionTarget } from '../../spec';
import type { DescribedDatabase } from '../description';

export interface Swap {
  /** The name that the application connects to. */
  live: string;
  /** The restored database, closed. */
  restored: string;
  /** What the live one is called afterwards. */
  kept: string;
}

/** Sessions of a database that is renamed are ended again and again, since poolers come back at once. */
const EVERY_MS = 50;

/**
 * Puts the restored database in the live one's place: both names change in one transaction, so that a crash leaves the one or the other, and no moment
 * shows neither. While the first name changes PostgreSQL holds new connections back; they go to the restored database afterwards.
 * `admin`: the administrator's connection to another database. False: there was no live one.
 */
export async function swap(
  admin: Client,
  target: ConnectionTarget,
  names: Swap,
  from: DescribedDatabase,
): Promise<boolean> {
  const [live, restored, kept] = [names.live, names.restored, names.kept].map(quoteIdentifier);
  const { rowCount } = await admin.query('SELECT FROM pg_database WHERE datname = $1', [names.live]);
  await withClient(target, async (ender) => {
    let isOver = false;
    const ending = endSessions(ender, [names.live, names.restored], () => isOver);
    try {
      await admin.query('BEGIN');
      if (rowCount === 1) await admin.query(`ALTER DATABASE ${live} RENAME TO ${kept}`);
      await admin.query(`ALTER DATABASE ${restored} RENAME TO ${live}`);
      await admin.query(`ALTER DATABASE ${live} CONNECTION LIMIT ${from.connectionLimit}`);
      // The old one is for looking at, by an administrator: whoever kept its name in a connection string shall not write to it.
      if (rowCount === 1) await admin.query(`ALTER DATABASE ${kept} CONNECTION LIMIT 0`);
      await admin.query('COMMIT');
    } catch (error) {
      await admin.query('ROLLBACK').catch(() => undefined);
      throw (await inUse(admin, names, error)) ?? error;
    } finally {
      isOver = true;
      await ending;
    }
  });
  return rowCount === 1;
}

async function endSessions(client: Client, databases: readonly string[], isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await client
      .query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ANY ($1) AND pid <> pg_backend_pid() AND backend_type = 'client backend'`,
        [databases],
      )
      .catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
}

/** What still used it when PostgreSQL had waited for 5 s: a prepared transaction cannot be ended from here. */
async function inUse(admin: Client, { live }: Swap, error: unknown): Promise<PlatformError | undefined> {
  if (codeOf(error) !== SqlState.objectInUse) return undefined;
  const { rows } = await admin
    .query<{ gid: string }>('SELECT gid FROM pg_prepared_xacts WHERE database = $1 ORDER BY prepared', [live])
    .catch(() => ({ rows: [] as { gid: string }[] }));
  const prepared = rows.map(({ gid }) => gid);
  return new PlatformError(
    'database-in-use',
    prepared.length > 0
      ? `Database ${live} has prepared transactions (${prepared.join(', ')}), so it cannot be renamed; it is as it was.`
      : `Database ${live} could not be renamed: its sessions came back faster than they could be ended. It is as it was.`,
    prepared.length > 0
      ? `Finish each one (COMMIT PREPARED or ROLLBACK PREPARED), and run the command again.`
      : 'Stop what connects to it for a moment, and run the command again.',
    { object: live, cause: error },
  );
}
