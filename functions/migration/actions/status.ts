import type { Client } from 'pg';

import type { MigrationRequest } from '../../../postgres/apply/request';
import { withClient } from '../../../postgres/connection/client';
import { readHistory } from '../../../postgres/migrations/history';
import { assumeRole } from '../../../postgres/migrations/session';
import { PlatformError, toProblem } from '../../../system/errors';
import type { Answer } from '../answer';
import { endpoints, requireReached } from '../reach';
import type { Work } from '../work';

/** What the function could reach, which server answers, and with a spec what is applied there. Changes nothing. */
export async function status(work: Work, { spec }: MigrationRequest & { action: 'status' }): Promise<Answer> {
  const reached = await work.reach();
  const fields: Record<string, unknown> = { reached };
  try {
    requireReached(endpoints(work.place), reached);
    const target = spec === undefined ? await work.master() : work.migrator(spec);
    await withClient(target, async (client) => {
      fields['server'] = await serverOf(client);
      if (spec === undefined) return;
      await assumeRole(client, spec.migrations.schema, spec.migrations, false);
      fields['migrations'] = await historyOf(client, spec.migrations.schema);
    });
    return { status: 'ok', fields };
  } catch (error) {
    if (error instanceof PlatformError) return { status: 'failed', problems: [toProblem(error)], fields };
    throw error;
  }
}

async function serverOf(client: Client): Promise<Record<string, unknown>> {
  const { rows } = await client.query<Record<string, unknown>>(
    `SELECT pg_catalog.current_setting('server_version') AS version, pg_catalog.current_database()::text AS database,
            session_user::text AS "role", pg_catalog.pg_is_in_recovery() AS "inRecovery",
            pg_catalog.pg_postmaster_start_time() AS "startedAt"`,
  );
  return rows[0] ?? {};
}

async function historyOf(client: Client, schema: string): Promise<Record<string, unknown>> {
  const { rows } = await readHistory(client, schema);
  const counting = rows.filter(({ rolledBackAt }) => rolledBackAt === null);
  return {
    applied: counting
      .filter(({ finishedAt }) => finishedAt !== null)
      .map(({ name, finishedAt }) => ({ name, finishedAt })),
    failed: counting.filter(({ finishedAt }) => finishedAt === null).map(({ name }) => name),
  };
}
