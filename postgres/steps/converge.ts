import type { Client } from 'pg';

import { codeOf, PlatformError } from '../../system/errors';
import { withTransaction } from '../connection/client';
import { quoteIdentifier } from '../connection/quote';
import { SqlState } from '../connection/sqlstate';
import { statementFailure } from './failure';
import { whileContended } from './retry';
import type { Step } from './step';

/** Returns what it ran. */
export async function run(client: Client, steps: readonly Step[]): Promise<readonly Step[]> {
  for (const statement of steps.flatMap(({ sql }) => sql)) await client.query(statement);
  return steps;
}

/** One object brought to its declaration in one transaction, planned anew whenever somebody else changed it at the same moment. */
export async function applyPlan(
  client: Client,
  plan: () => Promise<Step[]>,
  doing: string,
  object: string,
): Promise<readonly Step[]> {
  try {
    return await whileContended(() => withTransaction(client, async () => run(client, await plan())));
  } catch (error) {
    throw statementFailure(error, doing, object);
  }
}

/**
 * Brings about what `plan` finds to do, in one transaction, and looks again. `doing` and `object` are for the error: `Declaring schemas`. What
 * another role has to run (`as`) comes first, one by one with a look after each: one of them often takes others along. Returns what was to do.
 */
export async function converge(
  client: Client,
  plan: () => Promise<Step[]>,
  doing: string,
  object: string,
): Promise<readonly Step[]> {
  try {
    const together = await whileContended(() =>
      withTransaction(client, async () => {
        const { own, foreign } = await runForeign(client, plan);
        const ours = own.filter(({ phase }) => phase !== 'alone');
        return [...foreign, ...(await run(client, ours))];
      }),
    );
    const alone = (await plan()).filter(({ phase }) => phase === 'alone');
    await run(client, alone);
    const left = await plan();
    if (left.length > 0) throw notBroughtAbout(doing, object, left);
    return [...together, ...alone];
  } catch (error) {
    throw statementFailure(error, doing, object);
  }
}

/** Runs what others have to run, each at most in its two ways. Returns them, and the steps that are left for the account that deploys. */
async function runForeign(client: Client, plan: () => Promise<Step[]>): Promise<{ own: Step[]; foreign: Step[] }> {
  const tried = new Map<string, number>();
  const foreign: Step[] = [];
  const timesOf = ({ action }: Step): number => tried.get(action) ?? 0;
  for (;;) {
    const steps = await plan();
    const next = steps.find((step) => step.as !== undefined && timesOf(step) < 2);
    if (next?.as === undefined) return { own: steps.filter(({ as }) => as === undefined), foreign };
    const times = timesOf(next);
    if (times === 0) foreign.push(next);
    tried.set(next.action, times + 1);
    if (times === 0) await runAs(client, next.as, next.sql);
    else await run(client, [{ action: next.action, sql: next.otherwise ?? [] }]);
  }
}

/** Inside a transaction. A role that may not run it changes nothing: the look afterwards finds that. */
export async function runAs(client: Client, role: string, sql: readonly string[]): Promise<void> {
  await client.query('SAVEPOINT foreign_step');
  try {
    await client.query(`SET LOCAL ROLE ${quoteIdentifier(role)}`);
    for (const statement of sql) await client.query(statement);
    await client.query('RESET ROLE');
    await client.query('RELEASE SAVEPOINT foreign_step');
  } catch (error) {
    if (codeOf(error) !== SqlState.insufficientPrivilege) throw error;
    await client.query('ROLLBACK TO SAVEPOINT foreign_step');
  }
}

function notBroughtAbout(doing: string, object: string, left: readonly Step[]): PlatformError {
  const named = left.slice(0, 5).map(({ action }) => action);
  const more = left.length > 5 ? ` and ${left.length - 5} more` : '';
  const { as, sql = [] } = left[0] ?? {};
  // PostgreSQL takes a superuser's REVOKE for the owner's.
  const remedy =
    as === undefined
      ? `PostgreSQL took the statements without effect. Look at what they name, and run by hand what fits: ${sql.join('; ')}`
      : grantorRemedy(as);
  return new PlatformError('not-brought-about', `${doing} left undone: ${named.join('; ')}${more}.`, remedy, {
    object,
  });
}

export function grantorRemedy(grantor: string): string {
  return `What a superuser granted before it was one, nobody can revoke: run \`ALTER ROLE ${quoteIdentifier(grantor)} NOSUPERUSER\`, run this again, and make it a superuser again.`;
}
