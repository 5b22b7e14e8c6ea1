import type { Client } from 'pg';

import { quoteIdentifier } from '../../connection/quote';
import type { DescribedRole } from '../description';

/** Who restores. */
export interface Administrator {
  name: string;
  /** Amazon RDS gives nobody a superuser; its master has CREATEDB, CREATEROLE and pg_signal_backend. */
  superuser: boolean;
  major: number;
}

export async function administratorOf(client: Client): Promise<Administrator> {
  const { rows } = await client.query<Administrator>(
    `SELECT current_user::text AS name, r.rolsuper AS superuser, current_setting('server_version_num')::int / 10000 AS major
       FROM pg_roles AS r WHERE r.rolname = current_user`,
  );
  const found = rows[0];
  if (found === undefined) throw new Error('The current role is not in pg_roles.');
  return found;
}

/**
 * Sessions that a database takes while it is restored. A limit of 0 keeps everybody out but superusers; without one the connections of the restore need
 * room, and what keeps others out is that nobody was granted CONNECT.
 */
export const closedLimit = ({ superuser }: Administrator): number => (superuser ? 0 : ROOM);
const ROOM = 32;
/** By which databases of killed restores are told from others, beside their names. */
export const CLOSED_LIMITS = [0, ROOM];

/**
 * Runs `work` as a member of the roles that own things: without a superuser only members can give something to a role. Roles that log in are left
 * out: a lasting member of rds_iam could no longer log in by password.
 */
export async function asMember<T>(
  client: Client,
  administrator: Administrator,
  roles: readonly DescribedRole[],
  work: () => Promise<T>,
): Promise<T> {
  if (administrator.superuser) return work();
  const owners = roles.filter(({ name, login, superuser }) => !login && !superuser && !/^(pg_|rds)/.test(name));
  const { rows } = await client.query<{ name: string }>(
    `SELECT rolname::text AS name FROM pg_roles WHERE rolname = ANY ($1) AND NOT pg_has_role(oid, 'USAGE')`,
    [owners.map(({ name }) => name)],
  );
  if (rows.length === 0) return work();
  const list = rows.map(({ name }) => quoteIdentifier(name)).join(', ');
  const self = quoteIdentifier(administrator.name);
  await client.query(`GRANT ${list} TO ${self}${administrator.major >= 16 ? ' WITH INHERIT TRUE, SET TRUE' : ''}`);
  try {
    return await work();
  } finally {
    await client.query(`REVOKE ${list} FROM ${self}`).catch(() => undefined);
  }
}
