import type { Client } from 'pg';

import { quoteIdentifier, quoteLiteral } from '../../connection/quote';
import type { TablePlan } from '../plan';
import type { TargetConstraint } from '../target/tables';
import { serverHash, type TableSum } from '../verify/checksum';
import type { Issue, Issues } from './issues';

interface Orphan {
  key: string;
  value: string;
  hash: string;
  /** After its reference was made NULL. */
  later: string | null;
}

/**
 * Rows that refer to none: found by PostgreSQL, where the keys are indexed and rows that were rejected are gone already. By policy they are
 * left out, which can make more of them, or lose the reference. Returns what that takes from and adds to each table's sum.
 */
export async function settleOrphans(
  client: Client,
  plans: readonly TablePlan[],
  issues: Issues,
): Promise<Map<TablePlan, TableSum>> {
  const changes = new Map<TablePlan, TableSum>(plans.map((plan) => [plan, { rows: 0, sum: 0n }]));
  const policy = issues.policyOf('orphan');
  if (policy === 'fail') return changes;
  const references = plans.flatMap((plan) => foreignKeys(plan).map((constraint) => ({ plan, constraint })));
  for (let isSettled = false; !isSettled;) {
    isSettled = true;
    for (const { plan, constraint } of references) {
      const isReplaced = policy === 'replace' && isNullable(plan, constraint);
      const orphans = await (isReplaced ? replace(client, plan, constraint) : remove(client, plan, constraint));
      const change = changes.get(plan);
      for (const { key, value, hash, later } of orphans) {
        issues.record(issueOf(plan, constraint, { key, value }, isReplaced ? 'replaced' : 'rejected'));
        if (change === undefined) continue;
        change.sum += (isReplaced ? BigInt(later ?? 0) : 0n) - BigInt(hash);
        change.rows -= isReplaced ? 0 : 1;
      }
      isSettled &&= orphans.length === 0;
    }
  }
  return changes;
}

/** What is wrong where a foreign key was refused: all counted, the first ones named. */
export async function reportOrphans(client: Client, plans: readonly TablePlan[], issues: Issues): Promise<void> {
  for (const plan of plans) {
    for (const constraint of foreignKeys(plan)) {
      const { rows } = await client.query<Orphan>(
        `SELECT ${keyOf(plan)} AS key, ${valueOf(constraint)} AS value FROM ${plan.target.qualified} AS t WHERE ${isOrphan(constraint)} ORDER BY 1`,
      );
      for (const orphan of rows) issues.record(issueOf(plan, constraint, orphan, 'refused'));
    }
  }
}

const foreignKeys = ({ target }: TablePlan): TargetConstraint[] =>
  target.constraints.filter(({ type, refersTo }) => type === 'f' && refersTo !== null);

const isNullable = ({ target }: TablePlan, { columns }: TargetConstraint): boolean =>
  columns.every((name) => target.columns.find((column) => column.name === name)?.nullable === true);

/** MATCH SIMPLE: with a NULL in it a reference refers to nothing. */
function isOrphan({ columns, referredColumns, refersTo }: TargetConstraint): string {
  const own = columns.map((name) => `t.${quoteIdentifier(name)}`);
  const same = referredColumns.map((name, index) => `p.${quoteIdentifier(name)} = ${own[index]}`);
  return `${own.map((name) => `${name} IS NOT NULL`).join(' AND ')} AND NOT EXISTS (SELECT FROM ${refersTo} AS p WHERE ${same.join(' AND ')})`;
}

async function remove(client: Client, plan: TablePlan, constraint: TargetConstraint): Promise<Orphan[]> {
  const { rows } = await client.query<Orphan>(
    `DELETE FROM ${plan.target.qualified} AS t WHERE ${isOrphan(constraint)}
     RETURNING ${keyOf(plan)} AS key, ${valueOf(constraint)} AS value, (${serverHash(plan, 't')})::text AS hash, NULL AS later`,
  );
  return rows;
}

async function replace(client: Client, plan: TablePlan, constraint: TargetConstraint): Promise<Orphan[]> {
  const nothing = constraint.columns.map((name) => `${quoteIdentifier(name)} = NULL`).join(', ');
  const { rows } = await client.query<Orphan>(
    `WITH gone AS MATERIALIZED (
       SELECT t.ctid AS at, t.tableoid AS part, ${keyOf(plan)} AS key, ${valueOf(constraint)} AS value, (${serverHash(plan, 't')})::text AS hash
         FROM ${plan.target.qualified} AS t WHERE ${isOrphan(constraint)})
     UPDATE ${plan.target.qualified} AS t SET ${nothing} FROM gone WHERE t.ctid = gone.at AND t.tableoid = gone.part
     RETURNING gone.key, gone.value, gone.hash, (${serverHash(plan, 't')})::text AS later`,
  );
  return rows;
}

function keyOf({ key }: TablePlan): string {
  const parts = key.map(
    ({ source, target }) => `${quoteLiteral(`${source}=`)} || t.${quoteIdentifier(target.name)}::text`,
  );
  return parts.length === 0 ? `'row ' || t.ctid::text` : parts.join(` || ', ' || `);
}

const valueOf = ({ columns }: TargetConstraint): string =>
  columns.map((name) => `t.${quoteIdentifier(name)}::text`).join(` || ', ' || `);

function issueOf(
  { source }: TablePlan,
  { name, columns, refersTo }: TargetConstraint,
  { key, value }: Pick<Orphan, 'key' | 'value'>,
  action: Issue['action'],
): Issue {
  return {
    kind: 'orphan',
    table: source.name,
    key,
    column: columns.join(', '),
    value,
    reason: `no such row in ${refersTo} (${name})`,
    action,
  };
}
