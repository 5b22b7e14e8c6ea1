import type { Client } from 'pg';

import { withTransaction } from '../connection/client';
import { quoteIdentifier } from '../connection/quote';
import { SqlState, stateOf } from '../connection/sqlstate';
import { PlatformError } from '../errors';
import { whileContended } from './contention';
import { statementFailure } from './failure';
import type { Step } from './planRole';

/**
 * Brings about what `plan` finds to do, in one transaction, and looks again. `doing` and `object` are for the error: `Declaring schemas`. What
 * another role has to run (`as`) comes first, one by one with a look after each: one of them often takes others along.
 */
export async function converge(
  client: Client,
  plan: () => Promise<Step[]>,
  doing: string,
  object: string,
): Promise<void> {
  try {
    await whileContended(() =>
      withTransaction(client, async () => {
        const own = await runForeign(client, plan);
        for (const { sql, alone } of own) if (alone === undefined) await client.query(sql);
      }),
    );
    for (const { sql, alone } of await plan()) if (alone === true) await client.query(sql);
    const left = await plan();
    if (left.length > 0) throw notBroughtAbout(doing, object, left);
  } catch (error) {
    throw statementFailure(error, doing, object);
  }
}

/** Runs what others have to run, each at most in its two ways. Returns the steps that are left for the account that deploys. */
async function runForeign(client: Client, plan: () => Promise<Step[]>): Promise<Step[]> {
  const tried = new Map<string, number>();
  for (;;) {
    const steps = await plan();
    const next = steps.find(({ as, sql }) => as !== undefined && (tried.get(as + sql) ?? 0) < 2);
    if (next === undefined) return steps.filter(({ as }) => as === undefined);
    const { as = '', sql, otherwise = [] } = next;
    const times = tried.get(as + sql) ?? 0;
    tried.set(as + sql, times + 1);
    if (times > 0) for (const statement of otherwise) await client.query(statement);
    else await runAs(client, as, sql);
  }
}

/** Inside a transaction. A role that may not run it changes nothing: the look afterwards finds that. */
export async function runAs(client: Client, role: string, sql: string): Promise<void> {
  await client.query('SAVEPOINT foreign_step');
  try {
    await client.query(`SET LOCAL ROLE ${quoteIdentifier(role)}`);
    await client.query(sql);
    await client.query('RESET ROLE');
    await client.query('RELEASE SAVEPOINT foreign_step');
  } catch (error) {
    if (stateOf(error) !== SqlState.insufficientPrivilege) throw error;
    await client.query('ROLLBACK TO SAVEPOINT foreign_step');
  }
}

function notBroughtAbout(doing: string, object: string, left: readonly Step[]): PlatformError {
  const named = left.slice(0, 5).map(({ action }) => action);
  const more = left.length > 5 ? ` and ${left.length - 5} more` : '';
  const { as, sql = '' } = left[0] ?? {};
  // PostgreSQL takes a superuser's REVOKE for the owner's.
  const remedy =
    as === undefined
      ? `PostgreSQL took the statements without effect. Look at what they name, and run by hand what fits: ${sql}`
      : `What a superuser granted before it was one, nobody can revoke: run \`ALTER ROLE ${quoteIdentifier(as)} NOSUPERUSER\`, run this again, and make it a superuser again.`;
  return new PlatformError('not-brought-about', `${doing} left undone: ${named.join('; ')}${more}.`, remedy, {
    object,
  });
}
