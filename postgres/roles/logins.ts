import { codeOf, PlatformError } from '../../system/errors';
import { openClient } from '../connection/client';
import { SqlState } from '../connection/sqlstate';
import type { ConnectionTarget } from '../spec';

/** ok: the password is right; refused: it is wrong, or there is no such role; unreachable: the server did not say. */
export type LoginResult = 'ok' | 'refused' | 'unreachable';

/** PostgreSQL looks at these only after it has accepted the password. Others (53300, 57P03, 28000) can come before. */
const AFTER_PASSWORD: readonly (string | undefined)[] = [SqlState.invalidCatalogName, SqlState.insufficientPrivilege];

/**
 * Whether a role's password is the one in the target, found by logging in. A login that fails after the password was accepted
 * (no such database, no CONNECT) is ok. Never throws.
 */
export async function checkLogin(target: ConnectionTarget): Promise<LoginResult> {
  try {
    const client = await openClient(target, { connectTimeoutMs: 5000 });
    await client.end();
    return 'ok';
  } catch (error) {
    const state = codeOf(error instanceof PlatformError ? error.cause : error);
    if (state === SqlState.invalidPassword) return 'refused';
    return AFTER_PASSWORD.includes(state) ? 'ok' : 'unreachable';
  }
}
