import type { Client } from 'pg';

import { tableLabel } from '../../../postgres/audit/names';
import { auditProblems } from '../../../postgres/audit/problems';
import { readAudit } from '../../../postgres/audit/read';
import { PlatformError, type Problem } from '../../../postgres/errors';
import { unavailable } from '../../../postgres/extensions/available';
import { planIndexes, problemsError } from '../../../postgres/indexes/ensure';
import type { PreviousIndex } from '../../../postgres/indexes/plan';
import type { IndexSpec } from '../../../postgres/spec';
import type { Connection } from '../connection';
import type { Dependents } from '../migrationTypes';
import { tableIsFinal } from './pending';

/**
 * Everything that the run would be refused for later, found at once: extensions the server has not, indexes PostgreSQL does not take, tables
 * that cannot be audited. What a pending migration may still bring is left out. `former`: the same of the run before.
 */
export async function judgeDependents(
  client: Client,
  wanted: Dependents,
  former: Dependents | undefined,
): Promise<PlatformError[]> {
  const { connection, indexes, audit, extensions } = wanted;
  const refusals: PlatformError[] = [];
  for (const extension of extensions) {
    const refusal = await unavailable(client, extension, undefined);
    if (refusal !== undefined) refusals.push(refusal);
  }
  const previous = new Map<IndexSpec, PreviousIndex>(
    indexes.flatMap((spec) => {
      const before = former?.indexes.find(({ name }) => name === spec.name);
      return before === undefined ? [] : [[spec, before] as const];
    }),
  );
  const planned = await planIndexes(client, indexes, { role: wanted.role, previous });
  const unfit = planned.filter(({ spec, plan }) => plan.problems.length > 0 && isFinal(connection, spec.table));
  refusals.push(...unfit.map(({ plan }) => problemsError(plan.problems)));
  const problems = auditProblems(audit, await readAudit(client, audit));
  const ofTables = new Map(audit.tables.map((table) => [tableLabel(table), table.table]));
  refusals.push(
    ...problems
      .filter(({ code, object = '' }) => code !== 'audit-role-missing' || !wanted.roles.includes(object))
      .filter(({ object = '' }) => isFinal(connection, ofTables.get(object)))
      .map(auditRefusal),
  );
  return refusals;
}

function isFinal(connection: Connection, table: string | undefined): boolean {
  return table === undefined || tableIsFinal(connection, table)?.awaits === undefined;
}

export function auditRefusal({ code, message, remedy, object }: Problem): PlatformError {
  return new PlatformError(code, message, remedy, { kind: 'refused', ...(object === undefined ? {} : { object }) });
}

/** Several refusals as the one error that a step can throw: what happened of each, then every remedy. */
export function together(refusals: readonly PlatformError[]): PlatformError | undefined {
  const [first] = refusals;
  if (first === undefined || refusals.length === 1) return first;
  return new PlatformError(
    first.code,
    refusals.map(({ message }) => message).join('\n'),
    [...new Set(refusals.map(({ remedy }) => remedy))].join(' '),
    { kind: first.kind },
  );
}
