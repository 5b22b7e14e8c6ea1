import type { Client } from 'pg';

import { PlatformError } from '../../../system/errors';

/** One transfer at a time in a database. */
export const TRANSFER_LOCK = 8_204_771_533;

export const transferRunning = (): PlatformError =>
  new PlatformError(
    'transfer-running',
    'Another transfer into this database is under way.',
    'Wait for it to end, and run the command again.',
    { kind: 'locked' },
  );

/** Before the catalog is read: definitions that another transfer has taken off cannot be, and are waited for in vain. */
export async function assertNotRunning(client: Client): Promise<void> {
  const { rows } = await client.query(
    `SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (classid::bigint << 32) | objid::bigint = $1 AND objsubid = 1`,
    [TRANSFER_LOCK],
  );
  if (rows.length > 0) throw transferRunning();
}
