import type { Client } from 'pg';

import { codeOf, PlatformError } from '../../system/errors';
import { qualified, quoteIdentifier } from '../connection/quote';
import { SqlState } from '../connection/sqlstate';
import { databaseFailure } from './failure';
import type { Issues } from './load/issues';
import { type Loaded, loadTable } from './load/load';
import { reportOrphans, settleOrphans } from './load/orphans';
import { type NextNumber, setSequences } from './load/sequences';
import type { TablePlan, TransferPlan } from './plan';
import { createSchema } from './schema/create';
import type { SchemaPlan } from './schema/plan';
import type { Source } from './source/open';
import { planRebuild } from './target/rebuild';
import { TRANSFER_LOCK, transferRunning } from './target/running';
import { readTarget, type TargetTable } from './target/tables';
import type { Policies } from './values/kinds';
import { serverSum, sourceSum, type TableSum } from './verify/checksum';
import { type Difference, locateDifferences } from './verify/locate';

/** What a load needs to know of the database. */
export interface TransferTarget {
  /** The application's schema, and who owns its tables: the role that logged in is a member. */
  schema: string;
  owner: string;
  /** The trail's schema and the tables it records, where there is a trail. */
  trail: { schema: string; tables: readonly { schema: string; table: string }[] };
}

export interface TransferSettings {
  policies: Policies;
  /** Rows that are there may go. */
  truncate: boolean;
  /** Compared before the commit; false for measuring alone. */
  verify: boolean;
  issues: Issues;
  /** Somebody who reads or writes the tables is waited for this long; default 10 000. */
  lockWaitMs?: number;
  /** Tables that are made first, in the same transaction; the plan was made with them in the target. */
  schema?: SchemaPlan;
  signal?: AbortSignal;
  onPhase?: (phase: Phase) => void;
  /** Of one table so far. */
  onRows?: (rows: number) => void;
}

export const PHASES = ['rows', 'indexes', 'references', 'checksums', 'commit'] as const;
export type Phase = (typeof PHASES)[number];

export interface TableResult extends Loaded {
  table: string;
  target: string;
  /** Sum of the rows' hashes, as both sides have it: its lowest 64 bits, hexadecimal. */
  checksum: string | null;
}

export interface TransferResult {
  tables: TableResult[];
  sequences: NextNumber[];
  /** Seconds of each phase. */
  seconds: Record<Phase, number>;
}

/** Somebody who reads or writes the tables is waited for this long. */
const LOCK_WAIT_MS = 10_000;

/** Of the server, while it builds indexes; the usual 64 MB make it sort a million keys in parts, which takes half as long again. */
const SORT_MEMORY = '256MB';

/** A source that differs from what arrived, with where. */
export class DifferenceError extends PlatformError {
  constructor(
    readonly differences: readonly Difference[],
    tables: readonly string[],
  ) {
    super(
      'transfer-differs',
      `What arrived in ${tables.join(', ')} is not what the source has; nothing was kept. ${shown(differences)}`,
      'The differences name keys and columns. A trigger or rule of the table that changes values is a usual cause.',
      { object: tables.join(', ') },
    );
  }
}

const shown = ([first]: readonly Difference[]): string =>
  first === undefined
    ? ''
    : `First: ${first.table} ${first.key}${first.column === undefined ? '' : `, ${first.column}`}: ${first.source ?? '(no row)'} became ${first.target ?? '(no row)'}.`;

/** Values were refused: nothing was loaded. */
export class RefusedValues extends PlatformError {
  constructor(readonly issues: Issues) {
    const kinds = [...issues.counts].map(([kind, count]) => `${count} ${kind}`).join(', ');
    super(
      'values-refused',
      `${issues.refused} values do not fit the target (${kinds}); nothing was loaded.`,
      'Mend them in the source, or choose with --on KIND=reject or --on KIND=replace what becomes of them; --dry-run writes all of them to a file.',
    );
  }
}

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
    const analyzed = client.query(`ANALYZE ${tables.map((table) => table.target.qualified).join(', ')}`);
    analyzed.catch(() => undefined);
    source.assertUndamaged();
    await sums.meanwhile(analyzed);

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

/** The same comparison of what is there, in one view of it; changes nothing. */
export async function verifyTransfer(
  client: Client,
  source: Source,
  plan: TransferPlan,
  target: Pick<TransferTarget, 'owner'>,
  policies: Policies,
): Promise<Map<TablePlan, TableSum>> {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    await client.query(`SET LOCAL ROLE ${quoteIdentifier(target.owner)}`);
    const sums = new SourceSums(source, plan.tables, policies);
    const arrived = await serverSums(client, plan.tables, sums);
    await compare(client, source, plan.tables, { expected: sums.finish(new Map()), arrived }, policies);
    source.assertUnchanged();
    return arrived;
  } catch (error) {
    throw databaseFailure(error);
  } finally {
    await client.query('ROLLBACK').catch(() => undefined);
  }
}

/** Locks, the trail's marker, the owner's rights, and that nothing has changed since the plan. */
async function begin(
  client: Client,
  source: Source,
  { tables }: TransferPlan,
  { schema, owner, trail }: TransferTarget,
  { truncate, lockWaitMs = LOCK_WAIT_MS, schema: made }: TransferSettings,
): Promise<void> {
  const { rows } = await client.query<{ locked: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS locked', [
    TRANSFER_LOCK,
  ]);
  if (rows[0]?.locked !== true) {
    throw transferRunning();
  }
  const recorded = tables
    // One that is only made now has no trail yet.
    .filter(({ target }) => made?.tables.includes(target.name) !== true)
    .filter(({ target }) => trail.tables.some((each) => each.schema === schema && each.table === target.name))
    .map(({ target }) => `${schema}.${target.name}`);
  if (recorded.length > 0) {
    const reason = `transfer of ${source.file}`.slice(0, 300);
    await client.query(`SELECT ${qualified(trail.schema, 'suspend')}($1, $2)`, [reason, recorded]);
  }
  await client.query(`SET LOCAL ROLE ${quoteIdentifier(owner)}`);
  await waitForLocks(client, lockWaitMs);
  await client.query(
    `SELECT set_config('maintenance_work_mem', $1, true) WHERE pg_size_bytes(current_setting('maintenance_work_mem')) < pg_size_bytes($1)`,
    [SORT_MEMORY],
  );
  await createSchema(client, made?.statements ?? []);
  await client.query(`LOCK TABLE ${tables.map(({ target }) => target.qualified).join(', ')} IN ACCESS EXCLUSIVE MODE`);
  const now = new Map((await readTarget(client, schema, trail.schema)).map((table) => [table.name, table]));
  const changed = tables.filter(({ target }) => !isSame(now.get(target.name), target));
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
  await client.query('BEGIN');
  try {
    await client.query(`SET LOCAL ROLE ${quoteIdentifier(owner)}`);
    await waitForLocks(client, LOCK_WAIT_MS);
    await createSchema(client, statements);
    return await readTarget(client, schema, trail.schema);
  } catch (error) {
    throw databaseFailure(error);
  } finally {
    await client.query('ROLLBACK').catch(() => undefined);
  }
}

const isSame = (one: TargetTable | undefined, other: TargetTable): boolean =>
  JSON.stringify(one) === JSON.stringify(other);

/** Tables that have rows, with how many; asked as their owner. */
export async function filledTables(
  client: Client,
  tables: readonly Pick<TablePlan, 'target'>[],
  owner: string,
): Promise<{ table: string; rows: number }[]> {
  await client.query('BEGIN READ ONLY');
  try {
    await client.query(`SET LOCAL ROLE ${quoteIdentifier(owner)}`);
    return await countRows(client, tables);
  } catch (error) {
    throw databaseFailure(error);
  } finally {
    await client.query('ROLLBACK').catch(() => undefined);
  }
}

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

export function notEmpty(filled: readonly { table: string; rows: number }[]): PlatformError {
  const named = filled.map(({ table, rows }) => `${table} (${rows} rows)`).join(', ');
  return new PlatformError(
    'target-not-empty',
    `The target has rows already: ${named}.`,
    'To replace all rows of these tables with the source’s, add --truncate. To compare only, --verify-only.',
    { kind: 'refused', object: filled.map(({ table }) => table).join(', ') },
  );
}

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

async function serverSums(
  client: Client,
  tables: readonly TablePlan[],
  sums: SourceSums,
): Promise<Map<TablePlan, TableSum>> {
  const arrived = new Map<TablePlan, TableSum>();
  for (const table of tables) arrived.set(table, await sums.meanwhile(serverSum(client, table)));
  return arrived;
}

async function compare(
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
class SourceSums {
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
