import type { Client } from 'pg';

import { type ErrorKind, PlatformError, type Problem } from '../../system/errors';
import { withLock } from '../connection/locks';
import type { IndexSpec } from '../spec';
import { applyIndexSteps, type DeclaredIndex, type IndexWorkOptions } from './apply';
import { readIndex, readIndexes } from './catalog';
import type { IndexDescription, QualifiedName } from './description';
import { retiredName, temporaryName } from './names';
import { type IndexAction, type IndexPlan, planIndex, type PreviousIndex } from './plan';
import { protection } from './protection';
import { resolveIndexes } from './resolve';
import { withRole } from './session';
import { dropStep, type IndexStep } from './step';
import { readOccupants } from './tables';

export interface PlanOptions {
  role?: string;
  /** By the wanted spec: where the index was before its name, table or schema changed. */
  previous?: ReadonlyMap<IndexSpec, PreviousIndex>;
}

export interface PlannedIndex {
  spec: IndexSpec;
  plan: IndexPlan;
  /** The table or a column does not exist, which a migration may still mend. */
  awaitsTable: boolean;
}

/**
 * What each declared index needs, without changing anything: a dry run, a preview and drift print this. Five catalog queries
 * whatever the number of specs, and one index on an empty temporary table each. The client must not be in a transaction.
 */
export async function planIndexes(
  client: Client,
  specs: readonly IndexSpec[],
  options: PlanOptions = {},
): Promise<PlannedIndex[]> {
  return withRole(client, options.role, async () => {
    const resolutions = await resolveIndexes(client, specs);
    const tables = specs.map((spec) => ({ schema: spec.schema, name: spec.table }));
    const previous = [...(options.previous?.values() ?? [])];
    const indexes = await readIndexes(client, { tables, names: [...specs, ...previous] });
    const occupants = await readOccupants(client, specs);
    return resolutions.map(({ spec, wanted, problems, awaitsTable }) => {
      if (wanted === undefined) return { spec, plan: refused(spec, problems), awaitsTable };
      const isTable = (one: QualifiedName): boolean => one.schema === spec.schema && one.name === spec.table;
      const before = options.previous?.get(spec);
      const state = {
        indexes: indexes.filter(
          (index) =>
            isTable({ schema: index.schema, name: index.table }) ||
            (index.schema === spec.schema && index.name === spec.name) ||
            (index.schema === before?.schema && index.name === before.name),
        ),
        occupiedBy: occupants.find((one) => one.schema === spec.schema && one.name === spec.name)?.kind ?? null,
      };
      return { spec, plan: planIndex(wanted, state, before), awaitsTable };
    });
  });
}

export async function planOneIndex(client: Client, spec: IndexSpec, options: PlanOptions = {}): Promise<PlannedIndex> {
  const [planned] = await planIndexes(client, [spec], options);
  if (planned === undefined) throw new RangeError(`No plan for index ${spec.name}.`);
  return planned;
}

function refused({ schema, name, table }: IndexSpec, problems: Problem[]): IndexPlan {
  return { schema, name, table, action: 'refused', differences: [], steps: [], problems, duplicates: [], notes: [] };
}

export interface IndexOutcome {
  /** What the first plan had to do. */
  action: IndexAction;
  steps: IndexStep[];
  index: IndexDescription;
  /** The plan that found nothing left to do. */
  settled: IndexPlan;
}

export interface EnsureOptions extends IndexWorkOptions {
  previous?: PreviousIndex;
}

const ATTEMPTS = 5;

/**
 * Makes the declared index exist, valid and under its name, and reads back that it does. One run a table at a time; the
 * plan is made under the lock. Errors: `refused` where it would break something,
 * `locked` where somebody is in the way, each a PlatformError.
 */
export async function ensureIndex(client: Client, spec: IndexSpec, options: EnsureOptions = {}): Promise<IndexOutcome> {
  const table = { schema: spec.schema, name: spec.table };
  const { previous, role } = options;
  const planOptions: PlanOptions = {
    ...(role === undefined ? {} : { role }),
    ...(previous === undefined ? {} : { previous: new Map([[spec, previous]]) }),
  };
  return underLock(client, table, `index ${spec.name}`, options, async () => {
    let first: IndexPlan | undefined;
    const done: IndexStep[] = [];
    for (let attempt = 0; attempt <= ATTEMPTS; attempt += 1) {
      const { plan } = await planOneIndex(client, spec, planOptions);
      if (plan.problems.length > 0) throw problemsError(plan.problems);
      first ??= plan;
      if (plan.steps.length === 0) {
        const index = await readIndex(client, spec.schema, spec.name);
        if (index !== undefined) return { action: first.action, steps: done, index, settled: plan };
      }
      await withRole(client, role, () => applyIndexSteps(client, spec, plan.steps, options));
      done.push(...plan.steps);
    }
    throw new PlatformError(
      'index-not-settled',
      `Index ${spec.schema}.${spec.name} on ${spec.table} was changed by somebody else each time it was brought to its declared form.`,
      'Find what else changes this table’s indexes at the same time, and run again.',
      { kind: 'locked', object: `${spec.schema}.${spec.name}` },
    );
  });
}

/** Drops the index and what an interrupted run may have left of it; nothing when there is none. True when something was dropped. */
export async function dropIndex(
  client: Client,
  index: DeclaredIndex,
  options: IndexWorkOptions = {},
): Promise<boolean> {
  const table = { schema: index.schema, name: index.table };
  return underLock(client, table, `index ${index.name}`, options, async () => {
    const { schema } = index;
    const places = [index.name, temporaryName(index), retiredName(index)].map((name) => ({ schema, name }));
    const found = await readIndexes(client, { names: places });
    const problems = found.flatMap((one) => protection(one, 'dropped') ?? []);
    if (problems.length > 0) throw problemsError(problems);
    const steps = found.map((one) => dropStep(one, 'no longer declared'));
    await withRole(client, options.role, () => applyIndexSteps(client, index, steps, options));
    return steps.length > 0;
  });
}

/** Two runs on one table take turns; the second then finds what the first has done. */
function underLock<T>(
  client: Client,
  table: QualifiedName,
  what: string,
  options: IndexWorkOptions,
  work: () => Promise<T>,
): Promise<T> {
  return withLock(client, `indexes of ${table.schema}.${table.name}`, what, work, options.waitMs ?? 600_000);
}

const REFUSALS = new Set([
  'index-backs-constraint',
  'index-of-partition',
  'index-table-partitioned',
  'index-needed-by-foreign-key',
  'index-name-taken',
]);

/** All problems in one error, the first one’s code and kind. */
export function problemsError(problems: readonly Problem[]): PlatformError {
  const [first] = problems;
  const code = first?.code ?? 'index-failed';
  const kind: ErrorKind = code === 'index-being-built' ? 'locked' : REFUSALS.has(code) ? 'refused' : 'failed';
  return new PlatformError(
    code,
    problems.map((problem) => problem.message).join('\n'),
    [...new Set(problems.map((problem) => problem.remedy))].join(' '),
    { kind, ...(first?.object === undefined ? {} : { object: first.object }) },
  );
}
