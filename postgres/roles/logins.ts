import { Client } from 'pg';

import { clientConfig } from '../connection/client';
import { SqlState, stateOf } from '../connection/sqlstate';
import type { ConnectionTarget } from '../spec';

export type LoginResult = 'accepted' | 'refused' | 'unreachable';

/**
 * Whether a role's password is the one in the target. A login that fails after the password was accepted (no CONNECT, too many
 * connections) counts as accepted: only what PostgreSQL says about the password matters.
 */
export async function checkLogin(target: ConnectionTarget): Promise<LoginResult> {
  const client = new Client(clientConfig(target, { connectTimeoutMs: 5000 }));
  client.on('error', () => undefined);
  try {
    await client.connect();
    return 'accepted';
  } catch (error) {
    const state = stateOf(error);
    if (state === SqlState.invalidPassword) return 'refused';
    // A five-character SQLSTATE other than that came from the server, after authentication.
    return state !== undefined && /^[0-9A-Z]{5}$/.test(state) ? 'accepted' : 'unreachable';
  } finally {
    await client.end().catch(() => undefined);
  }
}
