import { resolve } from 'node:path';

import type { Client } from 'pg';

import { withTransaction } from '../../../postgres/connection/client';
import { readHistory, readPowers } from '../../../postgres/migrations/history';
import { assumeRole } from '../../../postgres/migrations/session';
import type { MigrationHistory, Powers } from '../../../postgres/migrations/types';
import { projectRoot } from '../../../system/projectRoot';
import type { Dependents, MigrationEntry, MigrationInputs } from '../migrations';

export const absolute = (directory: string): string => resolve(projectRoot(process.cwd()), directory);

export function pendingOf(declared: MigrationEntry[], applied: MigrationEntry[]): string[] {
  const names = new Set(applied.map((entry) => entry.name));
  return declared.filter((entry) => !names.has(entry.name)).map((entry) => entry.name);
}

/** What the database has recorded, read as the owner role, and where something is pending what that role may do. */
export function readAs(client: Client, inputs: MigrationInputs): Promise<MigrationHistory> {
  return withTransaction(client, async () => {
    await assumeRole(client, inputs.schema, inputs, true);
    const history = await readHistory(client, inputs.schema);
    if (!hasPending(inputs, history)) return history;
    return { ...history, powers: withDeclared(await readPowers(client), inputs.__dependents?.extensions ?? []) };
  });
}

export function hasPending({ migrations }: MigrationInputs, { rows }: MigrationHistory): boolean {
  const names = new Set(rows.filter(({ rolledBackAt }) => rolledBackAt === null).map(({ name }) => name));
  return migrations.some(({ name }) => !names.has(name));
}

/** Where nothing can be asked yet: a new database, and an owner role as it is declared. Which extensions are trusted only the server knows. */
export function beforeAll({ schema, __dependents: dependents }: MigrationInputs): MigrationHistory {
  const nothing: Powers = {
    superuser: false,
    createRole: false,
    createDatabase: false,
    ownsDatabase: false,
    memberOf: [],
    untrusted: [],
    ownExtensions: [],
    foreignExtensions: [],
  };
  return { ...historyOf(schema, []), powers: withDeclared(nothing, dependents?.extensions ?? []) };
}

/** Extensions that the same run installs first are the administrator's by the time the migrations run. */
function withDeclared(powers: Powers, extensions: Dependents['extensions']): Powers {
  const declared = extensions.map(({ name }) => name).filter((name) => !powers.ownExtensions.includes(name));
  return {
    ...powers,
    untrusted: powers.untrusted.filter((name) => !declared.includes(name)),
    foreignExtensions: [...powers.foreignExtensions, ...declared],
  };
}

/** A history that holds just these, all of them finished. */
export function historyOf(schema: string, applied: MigrationEntry[]): MigrationHistory {
  const moment = new Date(0);
  const rows = applied.map((entry) => ({
    ...entry,
    id: entry.name,
    startedAt: moment,
    finishedAt: moment,
    rolledBackAt: null,
    logs: null,
    appliedStepsCount: 1,
  }));
  return { schema, exists: true, rows, otherTables: [] };
}
