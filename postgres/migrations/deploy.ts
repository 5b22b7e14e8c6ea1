import type { Client } from 'pg';

import type { MigrationsSpec } from '../spec';
import { readMigrationFolder } from './folder';
import { readHistory, readPowers } from './history';
import { planMigrations } from './plan';
import { assumeRole, cleanSession } from './session';
import type { MigrationPlan } from './types';

/** What is pending, as whoever migrates would find it. */
export async function planDeploy(client: Client, migrations: MigrationsSpec): Promise<MigrationPlan> {
  await assumeRole(client, migrations.schema, migrations, false);
  try {
    const history = await readHistory(client, migrations.schema);
    return planMigrations(readMigrationFolder(migrations.directory), { ...history, powers: await readPowers(client) });
  } finally {
    await cleanSession(client);
  }
}

export interface PendingMigration {
  name: string;
  statements: number;
  allOrNothing: boolean;
  reason?: string;
}

/** What `deploy --dry-run` says of a plan, as JSON. */
export const pendingFields = ({ steps }: MigrationPlan): { pending: string[]; migrations: PendingMigration[] } => ({
  pending: steps.map(({ name }) => name),
  migrations: steps.map(({ name, statements, transactional, reason }) => ({
    name,
    statements: statements.length,
    allOrNothing: transactional && reason === undefined,
    ...(reason === undefined ? {} : { reason }),
  })),
});
