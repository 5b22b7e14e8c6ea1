import { withClient } from '../postgres/connection/client';
import { quoteIdentifier, quoteLiteral } from '../postgres/connection/quote';
import { checkLogin } from '../postgres/roles/logins';
import { scramVerifier } from '../postgres/roles/scram';
import { databaseAccess } from './databaseAccess';
import type { Stack } from './stack';
import type { StackState } from './stackState';

/**
 * A password changed by hand cannot be read back, so Pulumi's provider never sees it: every login role is tried with the
 * password of the state, and one that is refused gets it again. Returns those roles.
 */
export async function repairPasswords(stack: Stack, state: StackState | undefined): Promise<string[]> {
  const access = databaseAccess(stack, state);
  const { migrator, application, readOnly, monitor, auditor } = stack.settings.roles;
  const repaired: string[] = [];
  for (const { name } of [migrator, application, readOnly, monitor, auditor]) {
    const target = access.as(name);
    if ((await checkLogin(target)) !== 'refused') continue;
    const verifier = await scramVerifier(target.password ?? '');
    await withClient(access.as(access.adminUser), (client) =>
      client.query(`ALTER ROLE ${quoteIdentifier(name)} PASSWORD ${quoteLiteral(verifier)}`),
    );
    repaired.push(name);
  }
  return repaired;
}
