import { qualified, quoteIdentifier, quoteLiteral } from '../connection/quote';
import type { Step } from '../steps/step';
import type { IndexDescription, QualifiedName, WantedIndex } from './description';
import { createIndexSql, dropIndexSql, renameIndexSql } from './statement';

/**
 * `alone`: statements that block neither reads nor writes and may take as long as the table is big. `transaction`: all statements or
 * none, under a short lock_timeout, tried again.
 */
export interface IndexStep extends Step {
  phase: 'transaction' | 'alone';
  action: 'build' | 'analyze' | 'drop' | 'rename' | 'storage' | 'swap';
  index: QualifiedName;
  reason: string;
}

export function buildStep(wanted: WantedIndex, name: string, reason: string): IndexStep {
  const { schema, table } = wanted.description;
  return {
    phase: 'alone',
    action: 'build',
    index: { schema, name },
    sql: [
      createIndexSql(wanted.spec, wanted.columnsSql, { name, table: qualified(schema, table), concurrently: true }),
    ],
    reason,
  };
}

/** An expression has no statistics until the table is analysed; without them the planner guesses. */
export function analyzeStep(wanted: WantedIndex): IndexStep {
  const { schema, name, table } = wanted.description;
  return {
    phase: 'alone',
    action: 'analyze',
    index: { schema, name },
    sql: [`ANALYZE ${qualified(schema, table)}`],
    reason: 'statistics of the indexed expression',
  };
}

/** The index of a partitioned table, declared by an older version, cannot be dropped concurrently: it goes in a short transaction. */
export function dropStep(index: IndexDescription, reason: string): IndexStep {
  const { schema, name, status } = index;
  return {
    phase: status.partitioned ? 'transaction' : 'alone',
    action: 'drop',
    index: { schema, name },
    sql: [dropIndexSql({ schema, name }, !status.partitioned)],
    reason,
  };
}

export function renameStep(index: QualifiedName, name: string, reason: string): IndexStep {
  const { schema } = index;
  return {
    phase: 'transaction',
    action: 'rename',
    index: { schema, name },
    sql: [renameIndexSql({ schema, name: index.name }, name)],
    reason,
  };
}

/**
 * The new index takes the name and the old one steps aside, in one transaction: at no instant is there no index. Renaming takes a lock
 * that neither reads nor writes wait for. What else hung on the old index moves along.
 */
export function swapStep(
  wanted: WantedIndex,
  current: IndexDescription,
  temporary: string,
  retired: string,
): IndexStep {
  const { schema, name, table } = wanted.description;
  const statements = [renameIndexSql({ schema, name }, retired), renameIndexSql({ schema, name: temporary }, name)];
  const { comment, clustered, replicaIdentity } = current.status;
  const here = current.table === table;
  if (comment !== null)
    statements.push(`COMMENT ON INDEX ${qualified(schema, name)} IS ${quoteLiteral(comment).trim()}`);
  if (here && clustered) statements.push(`ALTER TABLE ${qualified(schema, table)} CLUSTER ON ${quoteIdentifier(name)}`);
  if (here && replicaIdentity) {
    statements.push(`ALTER TABLE ${qualified(schema, table)} REPLICA IDENTITY USING INDEX ${quoteIdentifier(name)}`);
  }
  return {
    phase: 'transaction',
    action: 'swap',
    index: { schema, name },
    sql: statements,
    reason: 'the new index takes the name',
  };
}
