import { isDeepStrictEqual } from 'node:util';

import type { Client } from 'pg';

import { withClient } from '../../../postgres/connection/client';
import { withSharedClient } from '../../../postgres/connection/shared';
import { withoutWaiting } from '../../../postgres/connection/waiting';
import { applyMigrations } from '../../../postgres/migrations/apply';
import { mayApply, planDeclared } from '../../../postgres/migrations/declared';
import { readMigrationFolder } from '../../../postgres/migrations/folder';
import { requireApplicable } from '../../../postgres/migrations/plan';
import type { MigrationHistory } from '../../../postgres/migrations/types';
import { speak } from '../../../postgres/spoken';
import { PlatformError } from '../../../system/errors';
import type { Handler } from '../handler';
import type { Dependents, MigrationEntry, MigrationInputs, MigrationOutputs } from '../migrations';
import { targetOf } from './connection';
import { judgeDependents, together } from './dependents';
import { without, withRemedy } from './failure';
import { judge } from './migrationChecks';
import { absolute, historyOf, pendingOf, readAs } from './migrationPlan';
import { rememberPending } from './pending';
import { Recent } from './recent';

/**
 * Applies a folder of migrations. What is applied is read from the database; what is pending, with its number of statements and whether it is all
 * or nothing, stands in the computed `plan`. Deleting the resource changes no data.
 */
const handler: Handler<MigrationInputs, MigrationOutputs> = {
  async check(olds, news) {
    const { failures, plan } = await judge(olds, news, ofRead.take(sourceOf(news)));
    return { inputs: plan.length === 0 ? news : { ...news, plan }, failures };
  },

  diff(_id, olds, news) {
    const { applied, pending, ...before } = olds;
    requireApplicableAfter(olds, news);
    const unapplied = pendingOf(news.migrations, applied);
    const changes =
      !isDeepStrictEqual(without(before, '__dependents'), without(news, '__dependents')) ||
      !isDeepStrictEqual(pending, unapplied) ||
      (unapplied.length > 0 && mayApply(news, applied));
    return Promise.resolve({ changes });
  },

  async create(inputs) {
    const { database } = inputs.connection;
    return { id: `${database}/${inputs.schema}`, outs: await bringUpToDate(inputs) };
  },

  async read(id, props) {
    const applied = await readApplied(props);
    const inputs = without(props, ...OUTPUTS);
    return { id, inputs, props: { ...inputs, applied, pending: pendingOf(props.migrations, applied) } };
  },

  async update(_id, olds, news) {
    return { outs: await bringUpToDate(news, olds.__dependents) };
  },

  delete() {
    return Promise.resolve();
  },
};

/** What only the handler knows. */
const OUTPUTS = ['applied', 'pending'] as const;

export const migrations = withRemedy(handler, ...OUTPUTS);

/** `check` follows `read`. */
const ofRead = new Recent<unknown, MigrationHistory>();
const sourceOf = ({ connection, role, schema }: MigrationInputs): unknown => [connection, role, schema];

/** Says in the preview already what `update` would refuse: an edited or missing applied migration, a pending one that cannot run. */
function requireApplicableAfter(olds: MigrationOutputs, news: MigrationInputs): void {
  const applied = olds.connection.database === news.connection.database ? olds.applied : [];
  const folder = readMigrationFolder(absolute(news.directory));
  requireApplicable(planDeclared(news, folder, historyOf(news.schema, applied)));
}

async function bringUpToDate(inputs: MigrationInputs, before?: Dependents): Promise<MigrationOutputs> {
  const folder = readMigrationFolder(absolute(inputs.directory));
  const bringUp = async (client: Client): Promise<MigrationEntry[]> => {
    const plan = planDeclared(inputs, folder, await readAs(client, inputs));
    requireApplicable(plan);
    if (!mayApply(inputs, plan.applied)) return plan.applied;
    const { history, warnings } = await applyMigrations(client, plan, inputs);
    for (const warning of warnings) speak('warning', warning);
    return history;
  };
  const applied = await withClient(targetOf(inputs.connection), bringUp, { session: 'script' });
  await requireDependents(inputs, before);
  return { ...inputs, applied, pending: pendingOf(inputs.migrations, applied) };
}

/** Now that the tables are what they will be, everything that needs them is judged before the first of it is made. */
async function requireDependents(
  { connection, __dependents: dependents }: MigrationInputs,
  before: Dependents | undefined,
): Promise<void> {
  rememberPending(connection, []);
  if (dependents === undefined) return;
  const refusals = await withSharedClient(targetOf(dependents.connection), (client) =>
    judgeDependents(client, dependents, before),
  );
  const refusal = together(refusals);
  if (refusal !== undefined) throw refusal;
}

/** Roles, passwords and grants changed by hand: the same `up` repairs them, so a refresh must not fail for them. */
const REPAIRED_BY_UP = new Set([
  'password-refused',
  'login-refused',
  'connect-denied',
  'role-missing',
  'role-denied',
  'history-denied',
]);

/**
 * A database that is gone has nothing applied. Where the role may not look, the last known state stands; where the server cannot be reached
 * it is an error, since nothing is known of it.
 */
async function readApplied(props: MigrationOutputs): Promise<MigrationEntry[]> {
  try {
    const history = await withClient(targetOf(props.connection), (client) =>
      withoutWaiting(client, () => readAs(client, props)),
    );
    ofRead.remember(sourceOf(props), history);
    return history.rows
      .filter((row) => row.finishedAt !== null && row.rolledBackAt === null)
      .map(({ name, checksum }) => ({ name, checksum }));
  } catch (error) {
    if (error instanceof PlatformError && error.code === 'database-missing') return [];
    if (error instanceof PlatformError && REPAIRED_BY_UP.has(error.code)) return props.applied;
    throw error;
  }
}
