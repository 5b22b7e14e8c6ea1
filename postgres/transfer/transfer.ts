import type { Client } from 'pg';

import { codeOf, PlatformError } from '../../system/errors';
import { SqlState } from '../connection/sqlstate';
import { databaseFailure } from './failure';
import type { Issues } from './load/issues';
import { type Loaded, loadTable } from './load/load';
import { reportOrphans, settleOrphans } from './load/orphans';
import { setSequences } from './load/sequences';
import type { TablePlan, TransferPlan } from './plan';
import { RefusedValues } from './refusals';
import type { Source } from './source/open';
import { begin } from './target/begin';
import { planRebuild } from './target/rebuild';
import type { Phase, TransferResult, TransferSettings, TransferTarget } from './types';
import type { TableSum } from './verify/checksum';
import { compare, serverSums, SourceSums } from './verify/compare';

/**
 * Loads all of a plan in one transaction of one connection: a kill at any moment, of anybody, leaves what was there before. So there is
 * nothing to resume. Tables are locked meanwhile; whoever reads them waits.
 */
export async function transfer(
  client: Client,
  source: Source,
  plan: TransferPlan,
  target: TransferTarget,
  settings: TransferSettings,
): Promise<TransferResult> {
  const { tables } = plan;
  const clock = new PhaseClock(settings);
  await client.query('BEGIN');
  try {
    await begin(client, source, plan, target, settings);
    const rebuild = planRebuild(tables.map((table) => table.target));
    for (const statement of rebuild.takeOff) await client.query(statement);
    await client.query(`TRUNCATE ${tables.map((table) => table.target.qualified).join(', ')}`);

    clock.enter('rows');
    const loaded = new Map<TablePlan, Loaded>();
    for (const table of tables) loaded.set(table, await load(client, source, table, settings));
    if (settings.issues.refused > 0) throw new RefusedValues(settings.issues);
    const sequences = await setSequences(client, tables);

    // While the server sorts, the source is read a second time.
    const sums = new SourceSums(source, settings.verify ? tables : [], settings.policies, loaded);
    clock.enter('indexes');
    for (const { statements } of rebuild.indexes)
      for (const statement of statements) await sums.meanwhile(client.query(statement));
    clock.enter('references');
    const changes = await settleOrphans(client, tables, settings.issues);
    await sums.meanwhile(addForeignKeys(client, tables, rebuild.foreignKeys, settings.issues));
    for (const statement of rebuild.triggers) await client.query(statement);
    await sums.meanwhile(client.query(`ANALYZE ${tables.map((table) => table.target.qualified).join(', ')}`));

    clock.enter('checksums');
    const arrived = await serverSums(client, settings.verify ? tables : [], sums);
    await compare(client, source, tables, { expected: sums.finish(changes), arrived }, settings.policies);
    source.assertUnchanged();
    settings.signal?.throwIfAborted();
    clock.enter('commit');
    await commit(client);
    const results = [...loaded].map(([table, result]) => {
      // Orphans that were left out.
      const left = -(changes.get(table)?.rows ?? 0);
      return {
        table: table.source.name,
        target: table.target.name,
        ...result,
        loaded: result.loaded - left,
        rejected: result.rejected + left,
        checksum: checksumText(arrived.get(table)),
      };
    });
    return { tables: results, sequences, seconds: clock.end() };
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw databaseFailure(error);
  }
}

/** Whether a commit took place whose answer was lost, nobody can tell from here. */
async function commit(client: Client): Promise<void> {
  try {
    await client.query('COMMIT');
  } catch (error) {
    const failure = databaseFailure(error);
    if (!(failure instanceof PlatformError) || failure.code !== 'connection-lost') throw error;
    throw new PlatformError(
      'commit-unknown',
      'The connection to PostgreSQL ended while the load was committed: it is there as a whole, or not at all.',
      'Run the same command with --verify-only, which says which of the two.',
      { cause: error },
    );
  }
}

const checksumText = (sum: TableSum | undefined): string | null =>
  sum === undefined ? null : BigInt.asUintN(64, sum.sum).toString(16).padStart(16, '0');

function load(client: Client, source: Source, table: TablePlan, settings: TransferSettings): Promise<Loaded> {
  const { issues, signal, onRows } = settings;
  return loadTable(client, source, table, {
    issues,
    // PostgreSQL has no frozen COPY through a partitioned table.
    frozen: table.target.kind === 'table',
    onRows: (rows) => onRows?.(rows),
    ...(signal === undefined ? {} : { signal }),
  });
}

async function addForeignKeys(
  client: Client,
  tables: readonly TablePlan[],
  foreignKeys: readonly { statements: string[] }[],
  issues: Issues,
): Promise<void> {
  await client.query('SAVEPOINT references_begin');
  try {
    for (const { statements } of foreignKeys) for (const statement of statements) await client.query(statement);
  } catch (error) {
    if (codeOf(error) !== SqlState.foreignKeyViolation) throw error;
    await client.query('ROLLBACK TO SAVEPOINT references_begin');
    await reportOrphans(client, tables, issues);
    if (issues.refused > 0) throw new RefusedValues(issues);
    throw error;
  }
  await client.query('RELEASE SAVEPOINT references_begin');
}

class PhaseClock {
  private readonly seconds: Record<Phase, number> = { rows: 0, indexes: 0, references: 0, checksums: 0, commit: 0 };
  private phase: Phase | undefined;
  private since = 0;

  constructor(private readonly settings: Pick<TransferSettings, 'onPhase'>) {}

  enter(phase: Phase): void {
    this.end();
    this.phase = phase;
    this.since = performance.now();
    this.settings.onPhase?.(phase);
  }

  end(): Record<Phase, number> {
    if (this.phase !== undefined) this.seconds[this.phase] += (performance.now() - this.since) / 1000;
    this.phase = undefined;
    return this.seconds;
  }
}
