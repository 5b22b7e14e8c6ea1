import type { Problem } from '../../system/errors';
import { qualified } from '../connection/quote';
import { compareDefinition, compareIndex } from './compare';
import type { IndexDescription, IndexDifference, IndexState, QualifiedName, WantedIndex } from './description';
import { retiredName, temporaryName } from './names';
import { protection } from './protection';
import { alterStorageSql } from './statement';
import { analyzeStep, buildStep, dropStep, type IndexStep, renameStep, swapStep } from './step';
import { changesInPlace } from './storage';

/**
 * `none`: the index is as wanted; `tidy`: it is, and something a killed run left goes; `rebuild`: an invalid leftover is dropped
 * and built again; `replace`: a new one is built beside it, then the names are swapped; `refused`: see `problems`.
 */
export type IndexAction = 'none' | 'tidy' | 'create' | 'rename' | 'alter' | 'rebuild' | 'replace' | 'refused';

export interface IndexPlan extends QualifiedName {
  table: string;
  action: IndexAction;
  /** Why: how the index of that name differs from the wanted one. */
  differences: IndexDifference[];
  steps: IndexStep[];
  problems: Problem[];
  /** Other valid indexes of the table with the same definition: each costs writes and serves nothing. */
  duplicates: string[];
  /** What is left alone, and why. */
  notes: string[];
}

/** Where the index was, when its name, table or schema was changed in the settings. */
export interface PreviousIndex extends QualifiedName {
  table: string;
}

/** What has to be done so that the wanted index exists, is valid and bears its name. Pure; the steps are what a dry run prints. */
export function planIndex(wanted: WantedIndex, state: IndexState, previous?: PreviousIndex): IndexPlan {
  const { schema, name, table } = wanted.description;
  const plan: IndexPlan = {
    schema,
    name,
    table,
    action: 'none',
    differences: [],
    steps: [],
    problems: [],
    duplicates: [],
    notes: [],
  };
  const find = (one: QualifiedName): IndexDescription | undefined =>
    state.indexes.find((index) => index.schema === one.schema && index.name === one.name);
  const current = find({ schema, name });
  const moved = previous !== undefined && (previous.schema !== schema || previous.name !== name);
  const before = moved ? find(previous) : undefined;
  const ours = new Set([name, temporaryName(plan), retiredName(plan)]);
  plan.duplicates = state.indexes
    .filter(
      (index) => !ours.has(index.name) && index !== before && compareIndex(wanted.description, index).length === 0,
    )
    .map((index) => index.name);
  if (current !== undefined) plan.differences = compareIndex(wanted.description, current);

  const problem = refusal(wanted, state, current, plan.differences, previous);
  if (problem !== undefined) return { ...plan, action: 'refused', problems: [problem] };
  return decide(plan, wanted, state, current, before);
}

function refusal(
  wanted: WantedIndex,
  state: IndexState,
  current: IndexDescription | undefined,
  differences: readonly IndexDifference[],
  previous: PreviousIndex | undefined,
): Problem | undefined {
  const { schema, name, table } = wanted.description;
  const object = `${schema}.${name}`;
  if (state.occupiedBy !== null) {
    return {
      code: 'index-name-taken',
      message: `Index ${object} cannot be created: that name belongs to a ${state.occupiedBy}.`,
      remedy: 'Give the index another name in the settings.',
      object,
    };
  }
  if (current === undefined || differences.length === 0) return undefined;
  if (current.table !== table && previous?.table !== current.table) {
    return {
      code: 'index-name-taken',
      message: `Index ${object} is declared on table ${table}, but the index of that name is on table ${current.table}.`,
      remedy: 'Give the declared index another name, or drop or rename the other one in a migration.',
      object,
    };
  }
  if (current.status.builtBy !== null) {
    return {
      code: 'index-being-built',
      message: `Index ${object} is being built at this moment by process ${current.status.builtBy}.`,
      remedy: 'Wait for it (pg_stat_progress_create_index shows how far it is) and run again.',
      object,
    };
  }
  if (onlyStorageInPlace(current, differences)) return undefined;
  return protection(current, 'replaced');
}

function decide(
  plan: IndexPlan,
  wanted: WantedIndex,
  state: IndexState,
  current: IndexDescription | undefined,
  before: IndexDescription | undefined,
): IndexPlan {
  const temporary = { schema: plan.schema, name: temporaryName(plan) };
  const retired = { schema: plan.schema, name: retiredName(plan) };
  const find = (one: QualifiedName): IndexDescription | undefined =>
    state.indexes.find((index) => index.schema === one.schema && index.name === one.name);
  const successor = find(temporary);
  const ready = successor !== undefined && compareIndex(wanted.description, successor).length === 0;
  const steps: IndexStep[] = [];
  const drop = (index: IndexDescription | undefined, reason: string): void => {
    if (index !== undefined) steps.push(dropStep(index, reason));
  };
  const build = (as: string, reason: string): void => {
    steps.push(buildStep(wanted, as, reason));
    if (wanted.description.keys.some((key) => key.expression !== null)) steps.push(analyzeStep(wanted));
  };
  // An index that the settings renamed or moved goes last, once its successor stands.
  const dropBefore = (): void => {
    if (before === undefined) return;
    const refusal = protection(before, 'dropped');
    if (refusal === undefined) drop(before, 'its successor stands under the new name');
    else plan.notes.push(refusal.message);
  };

  drop(find(retired), 'an earlier run swapped it out and did not come to drop it');
  let action: IndexPlan['action'];
  if (current !== undefined && plan.differences.length === 0) {
    drop(successor, 'left over from an interrupted run');
    dropBefore();
    action = steps.length === 0 ? 'none' : 'tidy';
  } else if (current === undefined) {
    const renamable = before !== undefined && before.schema === plan.schema && before.status.constraint === null;
    const changes = renamable ? compareIndex(wanted.description, before) : [];
    if (ready && successor !== undefined) {
      action = 'rename';
      steps.push(renameStep(successor, plan.name, 'built by a run that was interrupted'));
      dropBefore();
    } else if (renamable && (changes.length === 0 || onlyStorageInPlace(before, changes))) {
      action = 'rename';
      drop(successor, 'left over from an interrupted run');
      steps.push(renameStep(before, plan.name, 'only its name changed'));
      alter(steps, plan, wanted, before);
    } else {
      action = 'create';
      drop(successor, 'left over from an interrupted run');
      build(plan.name, 'it does not exist');
      dropBefore();
    }
  } else if (!current.status.valid) {
    action = 'rebuild';
    drop(current, 'invalid: a build of it failed or was interrupted');
    if (ready && successor !== undefined)
      steps.push(renameStep(successor, plan.name, 'built by a run that was interrupted'));
    else {
      drop(successor, 'left over from an interrupted run');
      build(plan.name, 'built again');
    }
    dropBefore();
  } else if (onlyStorageInPlace(current, plan.differences)) {
    action = 'alter';
    drop(successor, 'left over from an interrupted run');
    alter(steps, plan, wanted, current);
    dropBefore();
  } else {
    action = 'replace';
    if (!ready) {
      drop(successor, 'left over from an interrupted run');
      build(temporary.name, 'built beside the old one, which serves meanwhile');
    }
    steps.push(swapStep(wanted, current, temporary.name, retired.name));
    steps.push(dropStep({ ...current, ...retired }, 'its successor bears its name now'));
    dropBefore();
  }
  return { ...plan, action, steps };
}

function onlyStorageInPlace(actual: IndexDescription, differences: readonly IndexDifference[]): boolean {
  return (
    differences.length > 0 &&
    differences.every(({ property }) => {
      const [part, parameter] = property.split('.', 2);
      return part === 'storage' && parameter !== undefined && changesInPlace(parameter);
    })
  );
}

function alter(steps: IndexStep[], plan: IndexPlan, wanted: WantedIndex, actual: IndexDescription): void {
  if (compareDefinition(wanted.description, actual).length === 0) return;
  const statements = alterStorageSql(plan, wanted.description.storage, actual.storage);
  steps.push({
    phase: 'transaction',
    action: 'storage',
    index: { schema: plan.schema, name: plan.name },
    sql: statements,
    reason: `${qualified(plan.schema, plan.name)} keeps its pages; new ones follow the changed parameters`,
  });
}
