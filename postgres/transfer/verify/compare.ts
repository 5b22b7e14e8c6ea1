import type { Client } from 'pg';

import type { Loaded } from '../load/load';
import type { TablePlan, TransferPlan } from '../plan';
import { DifferenceError } from '../refusals';
import type { Source } from '../source/open';
import { lookAsOwner } from '../target/begin';
import type { TransferTarget } from '../types';
import type { Policies } from '../values/kinds';
import { serverSum, sourceSum, type TableSum } from './checksum';
import { type Difference, locateDifferences } from './locate';

/** The same comparison of what is there, in one view of it; changes nothing. */
export async function verifyTransfer(
  client: Client,
  source: Source,
  plan: TransferPlan,
  target: Pick<TransferTarget, 'owner'>,
  policies: Policies,
): Promise<Map<TablePlan, TableSum>> {
  const look = async (): Promise<Map<TablePlan, TableSum>> => {
    const sums = new SourceSums(source, plan.tables, policies);
    const arrived = await serverSums(client, plan.tables, sums);
    await compare(client, source, plan.tables, { expected: sums.finish(new Map()), arrived }, policies);
    source.assertUnchanged();
    return arrived;
  };
  return lookAsOwner(client, target.owner, look, 'ISOLATION LEVEL REPEATABLE READ READ ONLY');
}

/** Of every table, as the server has it. */
export async function serverSums(
  client: Client,
  tables: readonly TablePlan[],
  sums: SourceSums,
): Promise<Map<TablePlan, TableSum>> {
  const arrived = new Map<TablePlan, TableSum>();
  for (const table of tables) arrived.set(table, await sums.meanwhile(serverSum(client, table)));
  return arrived;
}

/** Throws a DifferenceError that says where. */
export async function compare(
  client: Client,
  source: Source,
  tables: readonly TablePlan[],
  { expected, arrived }: { expected: Map<TablePlan, TableSum>; arrived: Map<TablePlan, TableSum> },
  policies: Policies,
): Promise<void> {
  const differing = tables.filter((table) => {
    const [one, other] = [expected.get(table), arrived.get(table)];
    return other !== undefined && (one?.rows !== other.rows || one.sum !== other.sum);
  });
  if (differing.length === 0) return;
  const differences: Difference[] = [];
  for (const table of differing) differences.push(...(await locateDifferences(client, source, table, policies)));
  throw new DifferenceError(
    differences,
    differing.map(({ target }) => target.name),
  );
}

/** The source's checksums, computed while the server is at work. */
export class SourceSums {
  private readonly sums = new Map<TablePlan, TableSum>();
  private readonly steps: Generator<undefined, void>;

  constructor(source: Source, tables: readonly TablePlan[], policies: Policies, loaded = new Map<TablePlan, Loaded>()) {
    this.steps = this.all(source, tables, policies, loaded);
  }

  private *all(
    source: Source,
    tables: readonly TablePlan[],
    policies: Policies,
    loaded: Map<TablePlan, Loaded>,
  ): Generator<undefined, void> {
    // Like the sums, it costs nothing while the server sorts.
    source.assertUndamaged();
    yield;
    for (const table of tables) {
      const isFitting = loaded.get(table)?.converted === 0;
      this.sums.set(table, yield* sourceSum(source, table, policies, isFitting));
    }
  }

  async meanwhile<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    const end = (): void => {
      isDone = true;
    };
    work.then(end, end);
    while (!isDone && this.steps.next().done !== true) await new Promise(setImmediate);
    return work;
  }

  finish(changes: Map<TablePlan, TableSum>): Map<TablePlan, TableSum> {
    while (this.steps.next().done !== true);
    for (const [table, change] of changes) {
      const sum = this.sums.get(table);
      if (sum !== undefined) this.sums.set(table, { rows: sum.rows + change.rows, sum: sum.sum + change.sum });
    }
    return this.sums;
  }
}
