import type { Client } from 'pg';

import { PlatformError } from '../../../system/errors';
import { qualified, quoteIdentifier } from '../../connection/quote';
import { databaseFailure } from '../failure';
import type { TablePlan, TransferPlan } from '../plan';
import { notEmpty } from '../refusals';
import { createSchema } from '../schema/create';
import type { SchemaPlan } from '../schema/plan';
import type { Source } from '../source/open';
import type { TransferSettings, TransferTarget } from '../types';
import { TRANSFER_LOCK, transferRunning } from './running';
import { readTarget, type TargetTable } from './tables';

/** Somebody who reads or writes the tables is waited for this long. */
const LOCK_WAIT_MS = 10_000;

/** Of the server, while it builds indexes; in the usual 64 MB it sorts a million keys in parts. */
const SORT_MEMORY = '256MB';

/** Suspends the trail of those tables that it records, then takes the owner's rights; both until the transaction ends. */
export async function actAsOwner(
  client: Client,
  { schema, owner, trail }: TransferTarget,
  tables: readonly Pick<TablePlan, 'target'>[],
  reason: string,
): Promise<void> {
  const recorded = tables
    .filter(({ target }) => trail.tables.some((each) => each.schema === schema && each.table === target.name))
    .map(({ target }) => `${schema}.${target.name}`);
  if (recorded.length > 0)
    await client.query(`SELECT ${qualified(trail.schema, 'suspend')}($1, $2)`, [reason, recorded]);
  await client.query(`SET LOCAL ROLE ${quoteIdentifier(owner)}`);
}

/** Runs `work` with the owner's rights in a transaction that is always rolled back. */
export async function lookAsOwner<T>(
  client: Client,
  owner: string,
  work: () => Promise<T>,
  mode: '' | 'READ ONLY' | 'ISOLATION LEVEL REPEATABLE READ READ ONLY' = 'READ ONLY',
): Promise<T> {
  await client.query(`BEGIN ${mode}`);
  try {
    await client.query(`SET LOCAL ROLE ${quoteIdentifier(owner)}`);
    return await work();
  } catch (error) {
    throw databaseFailure(error);
  } finally {
    await client.query('ROLLBACK').catch(() => undefined);
  }
}

/** Locks, the trail's marker, the owner's rights, and that nothing has changed since the plan. */
export async function begin(
  client: Client,
  source: Source,
  { tables }: TransferPlan,
  target: TransferTarget,
  { truncate, lockWaitMs = LOCK_WAIT_MS, schema: made }: TransferSettings,
): Promise<void> {
  const { schema, trail } = target;
  const { rows } = await client.query<{ locked: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS locked', [
    TRANSFER_LOCK,
  ]);
  if (rows[0]?.locked !== true) {
    throw transferRunning();
  }
  // A table that is only made now has no trail yet.
  const there = tables.filter(({ target }) => made?.tables.includes(target.name) !== true);
  await actAsOwner(client, target, there, `transfer of ${source.file}`.slice(0, 300));
  await waitForLocks(client, lockWaitMs);
  await client.query(
    `SELECT set_config('maintenance_work_mem', $1, true) WHERE pg_size_bytes(current_setting('maintenance_work_mem')) < pg_size_bytes($1)`,
    [SORT_MEMORY],
  );
  await createSchema(client, made?.statements ?? []);
  await client.query(`LOCK TABLE ${tables.map(({ target }) => target.qualified).join(', ')} IN ACCESS EXCLUSIVE MODE`);
  const now = new Map((await readTarget(client, schema, trail.schema)).map((table) => [table.name, table]));
  const changed = tables.filter((table) => !isSame(now.get(table.target.name), table.target));
  if (changed.length > 0) {
    throw new PlatformError(
      'target-changed',
      `Table ${changed.map(({ target }) => target.name).join(', ')} was changed between plan and load.`,
      'Run the command again.',
      { kind: 'locked', object: changed.map(({ target }) => target.name).join(', ') },
    );
  }
  if (!truncate) await requireEmpty(client, tables);
}

const waitForLocks = async (client: Client, milliseconds: number): Promise<unknown> =>
  client.query(`SELECT set_config('lock_timeout', $1, true)`, [`${milliseconds}ms`]);

/** The target as it is with the tables that a schema makes; nothing of them stays. */
export async function targetWith(
  client: Client,
  { schema, owner, trail }: TransferTarget,
  { statements }: SchemaPlan,
): Promise<TargetTable[]> {
  const rehearse = async (): Promise<TargetTable[]> => {
    await waitForLocks(client, LOCK_WAIT_MS);
    await createSchema(client, statements);
    return readTarget(client, schema, trail.schema);
  };
  return lookAsOwner(client, owner, rehearse, '');
}

const isSame = (one: TargetTable | undefined, other: TargetTable): boolean =>
  JSON.stringify(one) === JSON.stringify(other);

/** Tables that have rows, with how many; asked as their owner. */
export const filledTables = (
  client: Client,
  tables: readonly Pick<TablePlan, 'target'>[],
  owner: string,
): Promise<{ table: string; rows: number }[]> => lookAsOwner(client, owner, () => countRows(client, tables));

async function countRows(
  client: Client,
  tables: readonly Pick<TablePlan, 'target'>[],
): Promise<{ table: string; rows: number }[]> {
  const filled: { table: string; rows: number }[] = [];
  for (const { target } of tables) {
    const { rows } = await client.query<{ rows: string }>(`SELECT count(*) AS rows FROM ${target.qualified}`);
    if (Number(rows[0]?.rows) > 0) filled.push({ table: target.name, rows: Number(rows[0]?.rows) });
  }
  return filled;
}

async function requireEmpty(client: Client, tables: readonly TablePlan[]): Promise<void> {
  const filled = await countRows(client, tables);
  if (filled.length > 0) throw notEmpty(filled);
}
