import { join } from 'node:path';

import { codeOf, PlatformError } from '../../system/errors';
import { withClient } from '../connection/client';
import { quoteIdentifier, quoteLiteral } from '../connection/quote';
import { SqlState } from '../connection/sqlstate';
import { scramVerifier } from '../roles/scram';
import type { ConnectionTarget } from '../spec';
import type { ServerProcess } from './process';
import { runAs } from './run';

/** ok; refused: wrong password, or the role must not log in; unreachable: anything else. */
export type Login = 'ok' | 'refused' | 'unreachable';

/** Whether PostgreSQL answered and would not let the role in. */
export function isRefusal(error: PlatformError): boolean {
  const state = codeOf(error.cause);
  return state === SqlState.invalidPassword || state === SqlState.invalidAuthorization;
}

export async function tryLogin(target: ConnectionTarget): Promise<Login> {
  try {
    await withClient(target, () => Promise.resolve(), { connectTimeoutMs: 5000 });
    return 'ok';
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    return isRefusal(error) ? 'refused' : 'unreachable';
  }
}

async function alterRole(adminUser: string, password: string): Promise<string> {
  const verifier = await scramVerifier(password);
  return `ALTER ROLE ${quoteIdentifier(adminUser)} SUPERUSER LOGIN PASSWORD ${quoteLiteral(verifier)}`;
}

/** Sets the administrator's password on the running server; `target` holds the one it has now. The server gets a SCRAM verifier only. */
export async function changeAdminPassword(target: ConnectionTarget, password: string): Promise<void> {
  const statement = await alterRole(target.user, password);
  await withClient(target, (client) => client.query(statement));
}

/**
 * Sets the administrator's password where nobody knows the present one (changed by hand, a lost state): in single-user mode, which asks for
 * none, on a stopped server. That the role exists shows at the next login.
 */
export async function resetAdminPassword(server: ServerProcess, adminUser: string, password: string): Promise<void> {
  const { code, output } = await runAs(
    join(server.binaries.directory, 'postgres'),
    ['--single', '-D', server.dataDirectory, 'postgres'],
    { ...server, input: `${await alterRole(adminUser, password)}\n` },
  );
  if (code === 0) return;
  throw new PlatformError(
    'password-not-reset',
    `The password of ${adminUser} is not the declared one, and single-user mode could not set it: ${output.slice(-1000)}`,
    `Mend what the message names, or \`ALTER ROLE ${adminUser} PASSWORD …\` as another superuser.`,
    { object: adminUser },
  );
}
