import { Client } from 'pg';

import { databaseSpec } from '../../../infra/config/databaseSpec';
import { parseSettings } from '../../../infra/config/parse';
import type { ApplyOptions, ApplyReport, Login } from '../../../postgres/apply/applySpec';
import { applySpec } from '../../../postgres/apply/applySpec';
import type { ConnectionTarget, DatabaseSpec } from '../../../postgres/spec';
import type { RdsServer } from '../../support/rdsMaster';

/** The declaration of settings, with this checkout's migrations. */
export function specOf(raw: Record<string, unknown> = {}): DatabaseSpec {
  const { settings, problems } = parseSettings(raw, 'local');
  if (settings === undefined) throw new Error(JSON.stringify(problems));
  return databaseSpec(settings, { projectRoot: process.cwd() });
}

/** Logins at a server as RDS makes it. */
export function loginsOf(server: RdsServer, spec: DatabaseSpec): (login: Login) => ConnectionTarget {
  const { host, port, master, masterPassword } = server;
  const at = { host, port, database: spec.name };
  return (login) =>
    login === 'master'
      ? { ...at, user: master, password: masterPassword }
      : { ...at, user: spec.migrations.login, password: 'a token' };
}

export function applyTo(server: RdsServer, spec: DatabaseSpec, options: ApplyOptions = {}): Promise<ApplyReport> {
  return applySpec(loginsOf(server, spec), spec, options);
}

/** What was changed, as `phase object`. */
export const changed = ({ steps }: ApplyReport): string[] =>
  steps.filter(({ actions }) => actions.length > 0).map(({ phase, object }) => `${phase} ${object}`.trim());

/** As the superuser, whom RDS keeps to itself. */
export async function query<T extends object>(
  { admin }: RdsServer,
  database: string,
  sql: string,
  values: unknown[] = [],
): Promise<T[]> {
  const client = new Client({ ...admin, database });
  await client.connect();
  try {
    return (await client.query<T>(sql, values)).rows;
  } finally {
    await client.end();
  }
}
