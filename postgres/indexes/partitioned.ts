import { qualified } from '../connection/quote';
import { compareDefinition, definitionKey } from './compare';
import type { IndexDescription, IndexState, Partition, QualifiedName, WantedIndex } from './description';
import { partitionIndexName, partitionMark } from './names';
import { createIndexSql } from './statement';
import { buildStep, dropStep, type IndexStep } from './step';

/**
 * PostgreSQL refuses CREATE INDEX CONCURRENTLY on a partitioned table. So every partition's index is built concurrently, and one
 * short transaction then makes the parent's (ON ONLY: no rows to read) and attaches them all. Foreign tables have no indexes.
 */
export function buildPartitioned(wanted: WantedIndex, name: string, state: IndexState, reason: string): IndexStep[] {
  const { schema, table } = wanted.description;
  const steps: IndexStep[] = [];
  const usable = new Map<Partition, string>();
  for (const partition of state.partitions) {
    if (partition.kind !== 'table') continue;
    const childName = childNameOf(wanted, partition);
    const equal = partition.indexes.find((index) => usableFor(wanted, partition, index, childName));
    if (equal !== undefined) {
      usable.set(partition, equal.name);
      continue;
    }
    const leftover = partition.indexes.find((index) => index.name === childName);
    if (leftover !== undefined) steps.push(dropStep(leftover, 'invalid: a build of it failed or was interrupted'));
    steps.push(buildStep(onPartition(wanted, partition), childName, `${reason}: partition ${partition.name}`));
    usable.set(partition, childName);
  }
  for (const stale of staleChildren(wanted.description, state.partitions, new Set(usable.values()))) {
    steps.push(dropStep(stale, 'left over from an interrupted run with another definition'));
  }

  const root = { schema, name: table };
  if (state.partitions.some((partition) => partition.kind === 'foreign table')) {
    // With ON ONLY the parent would wait for ever for an index on the foreign table. Without it PostgreSQL attaches what was built.
    const statement = createIndexSql(wanted.spec, wanted.columnsSql, { name, table: qualified(schema, table) });
    return [...steps, attachStep({ schema, name }, [statement])];
  }
  const names = new Map([[key(root), name]]);
  const statements = [onlySql(wanted, root, name)];
  for (const partition of state.partitions) {
    const parent = names.get(key(partition.parent));
    if (parent === undefined || (partition.kind !== 'table' && partition.kind !== 'partitioned table')) continue;
    const childName = usable.get(partition) ?? partitionIndexName({ schema, name }, partition, definitionOf(wanted));
    names.set(key(partition), childName);
    if (partition.kind === 'partitioned table') statements.push(onlySql(wanted, partition, childName));
    statements.push(
      `ALTER INDEX ${qualified(partition.parent.schema, parent)} ATTACH PARTITION ${qualified(partition.schema, childName)}`,
    );
  }
  return [...steps, attachStep({ schema, name }, statements)];
}

function attachStep(index: QualifiedName, statements: string[]): IndexStep {
  const reason = 'the partitions’ indexes become one';
  return { phase: 'transaction', action: 'attach', index, sql: statements, reason, mustBeValid: true };
}

/** Partition indexes of ours that nothing is attached to although the index stands: a run was killed and another took over. */
export function partitionLeftovers(index: QualifiedName, partitions: readonly Partition[]): IndexStep[] {
  return staleChildren(index, partitions, new Set()).map((one) => dropStep(one, 'left over from an interrupted run'));
}

function staleChildren(
  index: QualifiedName,
  partitions: readonly Partition[],
  keep: ReadonlySet<string>,
): IndexDescription[] {
  const mark = partitionMark(index);
  return partitions
    .flatMap((partition) => partition.indexes)
    .filter((one) => one.name.includes(mark) && one.status.attachedTo === null && !keep.has(one.name))
    .filter((one) => one.status.constraint === null);
}

/** Ours from an earlier run, or anybody's that is the same index: PostgreSQL itself would attach it rather than build another. */
function usableFor(wanted: WantedIndex, partition: Partition, index: IndexDescription, childName: string): boolean {
  const { valid, attachedTo, constraint } = index.status;
  if (!valid || attachedTo !== null || constraint !== null) return false;
  if (index.name !== childName && index.name.includes(partitionMark(wanted.description))) return false;
  return compareDefinition(onPartition(wanted, partition).description, index).length === 0;
}

function childNameOf(wanted: WantedIndex, partition: Partition): string {
  return partitionIndexName(wanted.description, partition, definitionOf(wanted));
}

function definitionOf(wanted: WantedIndex): string {
  return definitionKey(wanted.description);
}

function onPartition(wanted: WantedIndex, partition: Partition): WantedIndex {
  return {
    ...wanted,
    description: { ...wanted.description, schema: partition.schema, table: partition.name },
  };
}

function onlySql(wanted: WantedIndex, table: QualifiedName, name: string): string {
  const place = qualified(table.schema, table.name);
  return createIndexSql(wanted.spec, wanted.columnsSql, { name, table: place, only: true });
}

function key(table: QualifiedName): string {
  return JSON.stringify([table.schema, table.name]);
}
