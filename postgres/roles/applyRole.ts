import type { Client } from 'pg';

import { PlatformError } from '../../system/errors';
import { withTransaction } from '../connection/client';
import { quoteIdentifier, quoteLiteral } from '../connection/quote';
import { run } from '../steps/converge';
import { statementFailure } from '../steps/failure';
import { whileContended } from '../steps/retry';
import { type Step, step } from '../steps/step';
import { planRole } from './planRole';
import { readRole, type RoleAttributes, type RoleState } from './role';
import { passwordMatches, scramVerifier } from './scram';

export interface RolePassword {
  /** Undefined: left as it is. */
  password: string | undefined;
  /** A superuser can compare the stored one, so that an unchanged password is not written again. */
  isComparable: boolean;
}

/**
 * Makes the role, or brings an existing one of that name to these attributes and exactly these memberships, in one
 * transaction: a run that was killed after it finds its own role and adopts it. Returns what was to do.
 */
export async function ensureRole(
  client: Client,
  wanted: RoleAttributes,
  secret: RolePassword,
): Promise<readonly Step[]> {
  try {
    return await whileContended(() =>
      withTransaction(client, async () => {
        const actual = await readRole(client, wanted.name, secret.isComparable);
        refuseOwnAccount(wanted, actual);
        const steps = await run(client, planRole(wanted, actual));
        if (!(await differs(secret, actual))) return steps;
        await setPassword(client, wanted.name, secret.password ?? '');
        return [...steps, step(`role ${wanted.name}: set the password`)];
      }),
    );
  } catch (error) {
    throw statementFailure(error, `Declaring role ${wanted.name}`, wanted.name);
  }
}

async function differs({ password }: RolePassword, actual: RoleState | undefined): Promise<boolean> {
  if (password === undefined) return false;
  return actual?.password === undefined || !(await passwordMatches(actual.password, password));
}

async function setPassword(client: Client, name: string, password: string): Promise<void> {
  const verifier = await scramVerifier(password);
  await client.query(`ALTER ROLE ${quoteIdentifier(name)} PASSWORD ${quoteLiteral(verifier)}`);
}

/** Taking the deploying account its rights would lock everybody out. */
function refuseOwnAccount(wanted: RoleAttributes, actual: RoleState | undefined): void {
  if (actual?.isCurrent !== true) return;
  throw new PlatformError(
    'role-is-administrator',
    `Role ${wanted.name} is the account this deployment works as; declaring it would take its rights from it.`,
    `Give the role another name below coach:roles, or set coach:database.adminUser to another account.`,
    { kind: 'refused', object: wanted.name },
  );
}

/** Renames the role where it still has the old name and the new one is free; otherwise nothing is done. */
export async function renameRole(client: Client, from: string, to: string): Promise<void> {
  if ((await readRole(client, from)) === undefined || (await readRole(client, to)) !== undefined) return;
  try {
    await whileContended(() => client.query(`ALTER ROLE ${quoteIdentifier(from)} RENAME TO ${quoteIdentifier(to)}`));
  } catch (error) {
    throw statementFailure(error, `Renaming role ${from} to ${to}`, from);
  }
}
