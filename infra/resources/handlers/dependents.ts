import type { Client } from 'pg';

import { tableLabel } from '../../../postgres/audit/names';
import { auditProblems } from '../../../postgres/audit/plan/problems';
import { readAudit } from '../../../postgres/audit/plan/readCatalog';
import { quoteIdentifier } from '../../../postgres/connection/quote';
import { notOffered, unavailable } from '../../../postgres/extensions/available';
import { extensionsOnDisk } from '../../../postgres/extensions/onDisk';
import { planIndexes, problemsError } from '../../../postgres/indexes/ensure';
import type { PreviousIndex } from '../../../postgres/indexes/plan';
import type { IndexSpec } from '../../../postgres/spec';
import { PlatformError, type Problem } from '../../../system/errors';
import type { Connection } from '../connection';
import type { Dependents } from '../migrations';
import { programsOf, tableIsFinal } from './pending';

/**
 * Everything that the run would be refused for later, found at once: extensions the server has not, indexes PostgreSQL does not take, tables
 * that cannot be audited. What a pending migration may still bring is left out. `before`: the same of the run before.
 */
export async function judgeDependents(
  client: Client,
  wanted: Dependents,
  before: Dependents | undefined,
): Promise<PlatformError[]> {
  const { connection, indexes, audit, extensions } = wanted;
  const refusals: PlatformError[] = [];
  for (const extension of extensions) {
    const refusal = await unavailable(client, extension, undefined);
    if (refusal !== undefined) refusals.push(refusal);
  }
  const previous = new Map<IndexSpec, PreviousIndex>(
    indexes.flatMap((spec) => {
      const known = before?.indexes.find(({ name }) => name === spec.name);
      return known === undefined ? [] : [[spec, known] as const];
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

/** What can be said before there is a server: the extensions that its programs do not bring along. */
export function judgeUnstarted({ connection, extensions }: Dependents): PlatformError[] {
  const binaries = programsOf(connection);
  const offered = binaries === undefined ? undefined : extensionsOnDisk(binaries.directory);
  if (binaries === undefined || offered === undefined) return [];
  return extensions.flatMap((wanted) => notOffered(wanted, offered) ?? []);
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

/**
 * Another owner of the tables would own none of them: tables, the record of migrations and what the old one had granted stay behind. A role
 * that was renamed by its administrator keeps all of it, and is no other owner.
 */
export async function ownerRefusal(
  client: Client,
  owner: string,
  { connection, role: wanted }: Dependents,
): Promise<PlatformError | undefined> {
  const { rowCount } = await client.query('SELECT FROM pg_catalog.pg_roles WHERE rolname = $1', [owner]);
  if (rowCount === 0) return undefined;
  return new PlatformError(
    'owner-changed',
    `The owner of the tables would change from ${owner} to ${wanted}, who owns none of them.`,
    `Set coach:roles.owner.name back, or rename the role with all it owns and run up again: \`npm run coachdb -- psql --role ${connection.user} ` +
      `-- -c 'ALTER ROLE ${quoteIdentifier(owner)} RENAME TO ${quoteIdentifier(wanted)}'\`.`,
    { kind: 'refused', object: 'coach:roles.owner.name' },
  );
}
